/*
 * Long random walks over all commands, valid and not, on each profile, held against a small model of the rules that knows nothing of
 * how the commands work: which answers may ever be given, what of memory may ever change, and by which command.
 *
 *	- a counter only grows, by one, or stays; a lock only closes; serial number and revision stay
 *	- a slot changes only by a command that its policy lets write it
 *	- a refused command changes nothing, in memory or out of it
 *	- no 8 bytes of a private number, and of no other secret, stand in an answer
 *	- after sleep, TempKey and all its kin are gone
 *
 * TENURE_WALK_SEED and TENURE_WALK_STEPS repeat a walk or make it longer.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "device/virtual/p256.h"
#include "host.h"

#define STEPS 2000 /* then a new part: a walk locks what it can, and little is left to do */
#define LEGS 40
#define SECRET_RUN 8 /* bytes that are no coincidence */

enum {
	READ = 0x02,
	MAC = 0x08,
	WRITE = 0x12,
	GEN_DIG = 0x15,
	NONCE = 0x16,
	LOCK = 0x17,
	RANDOM = 0x1B,
	DERIVE_KEY = 0x1C,
	UPDATE_EXTRA = 0x20,
	COUNTER = 0x24,
	CHECK_MAC = 0x28,
	INFO = 0x30,
	GEN_KEY = 0x40,
	SIGN = 0x41,
	ECDH = 0x43,
	VERIFY = 0x45,
	PRIV_WRITE = 0x46,
	SHA = 0x47,
	AES = 0x51,
	KDF = 0x56,
	SELF_TEST = 0x77,
	SECURE_BOOT = 0x80
};

/* --- numbers --- */

static uint64_t seed;

static unsigned
draw(unsigned below)
{
	seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned)(seed >> 33) % below;
}

static unsigned
pick(const unsigned *from, size_t count)
{
	return from[draw((unsigned)count)];
}
#define PICK(array) pick((array), sizeof(array) / sizeof((array)[0]))

static unsigned
u16_at(const struct part *p, size_t at)
{
	return (unsigned)p->memory.config[at] | (unsigned)p->memory.config[at + 1] << 8;
}

static unsigned
slot_policy(const struct part *p, unsigned slot)
{
	return u16_at(p, 20 + 2 * (size_t)slot);
}

static unsigned
key_policy(const struct part *p, unsigned slot)
{
	return u16_at(p, 96 + 2 * (size_t)slot);
}

static bool
is_private(const struct part *p, unsigned slot)
{
	return (key_policy(p, slot) & 1) != 0;
}

static size_t
slot_begin(unsigned slot)
{
	static const size_t begins[17] = { 0, 36, 72, 108, 144, 180, 216, 252, 288, 704, 776, 848,
		920, 992, 1064, 1136, 1208 };

	return begins[slot];
}

/* --- calls: mostly such as a driver makes, each with a chance to be wrong somewhere --- */

struct shape {
	unsigned opcode;
	unsigned modes[12];
	unsigned mode_count;
	unsigned lengths[5];
	unsigned length_count;
};

static const struct shape shapes[] = {
	{ READ, { 0x00, 0x80, 0x01, 0x81, 0x02, 0x82 }, 6, { 0 }, 1 },
	{ MAC, { 0, 1, 2, 3, 4, 5, 6, 7, 0x40, 0x11, 0x21 }, 11, { 0, 32 }, 2 },
	{ WRITE, { 0x00, 0x80, 0x01, 0x81, 0x02, 0x82, 0xC2, 0x42 }, 8, { 4, 32, 64, 36 }, 4 },
	{ GEN_DIG, { 0, 1, 2, 2, 3, 4, 5 }, 7, { 0, 0, 4, 32 }, 4 },
	{ NONCE, { 0, 0, 1, 3, 0x23, 0x43, 0x63, 0x83 }, 8, { 20, 32, 64 }, 3 },
	{ LOCK, { 0x80, 0x81, 0x82, 0x8A, 0x92, 0x9A, 0xA2, 0xB6, 0x00, 0x01, 0xBE }, 11, { 0 },
		1 },
	{ RANDOM, { 0, 1 }, 2, { 0 }, 1 },
	{ DERIVE_KEY, { 0, 4 }, 2, { 0, 32 }, 2 },
	{ UPDATE_EXTRA, { 0, 1 }, 2, { 0 }, 1 },
	{ COUNTER, { 0, 1, 1 }, 3, { 0 }, 1 },
	{ CHECK_MAC, { 0, 1, 2, 3, 4, 5, 6, 0x20 }, 8, { 77 }, 1 },
	{ INFO, { 0, 1, 2, 3, 4 }, 5, { 0 }, 1 },
	{ GEN_KEY, { 0, 4, 8, 0x0C, 0x10 }, 5, { 0, 0, 3 }, 3 },
	{ SIGN, { 0x80, 0xA0, 0x00, 0x40 }, 4, { 0 }, 1 },
	{ ECDH, { 0x0C, 0x08, 0x04, 0x0E, 0x0D, 0x09, 0x00 }, 7, { 64 }, 1 },
	{ VERIFY, { 0, 2, 3, 7, 0x20, 0x22, 0x80, 0xA2 }, 8, { 64, 128, 83 }, 3 },
	{ PRIV_WRITE, { 0, 0x40 }, 2, { 36, 68 }, 2 },
	{ SHA, { 0, 1, 2, 0x42, 0xC2, 3, 4, 5, 6, 7 }, 10, { 0, 64, 0, 36, 5 }, 5 },
	{ AES, { 0, 1, 3, 0x40, 0x80, 0xC1 }, 6, { 16, 32 }, 2 },
	{ KDF, { 0x50, 0x10, 0x30, 0x40, 0x48, 0x52, 0x54, 0x14, 0x4A, 0x53, 0x4C, 0x44 }, 12,
		{ 4, 20, 36, 12 }, 4 },
	{ SELF_TEST, { 0x01, 0x20, 0x30 }, 3, { 0 }, 1 },
	{ SECURE_BOOT, { 5, 6, 7, 0x85, 0x86, 0x87 }, 6, { 32, 96 }, 2 },
};

struct drawn {
	struct part_call call;
	uint8_t data[255];
};

static void
draw_data(struct drawn *d)
{
	d->call.data = d->data;
	host_fill(d->data, sizeof(d->data), draw(1u << 31));
	if (d->call.opcode == KDF && d->call.data_len >= 4) { /* details that may be some */
		d->data[0] = (uint8_t)draw(8);
		d->data[1] = (uint8_t)(draw(2) != 0 ? draw(16) : 0);
		d->data[2] = 0;
		d->data[3] = (uint8_t)(d->call.data_len - 4);
	} else if (d->call.opcode == PRIV_WRITE) {
		memset(d->data, 0, 4);
	} else if (d->call.opcode == WRITE && draw(4) == 0) {
		memset(d->data, 0, sizeof(d->data));
	}
}

/* --- and what is right, where chance would never find it: the test sees what the host would know --- */

static uint8_t host_number[32], host_point[64];

static void
make_right_write(const struct part *p, struct drawn *d)
{
	bool is_key = d->call.opcode == PRIV_WRITE;
	size_t len = is_key ? 36 : 32;
	struct message m = { .len = 0 };
	uint8_t plain[36] = { 0 }, pad[64];

	memcpy(pad, p->live.temp.value, 32);
	message_put(&m, pad, 32);
	message_digest(&m, pad + 32);
	memcpy(plain + (is_key ? 4 : 0), host_number, 32);
	message_put(&m, p->live.temp.value, 32);
	message_head(&m, d->call.opcode, d->call.param1, d->call.param2);
	message_serial(&m);
	message_zeros(&m, is_key ? 21 : 25);
	message_put(&m, plain, len);
	message_digest(&m, d->data + len);
	for (size_t i = 0; i < len; i++) {
		d->data[i] = plain[i] ^ pad[i];
	}
	d->call.data_len = len + 32;
}

static void
make_right_mac(const struct part *p, struct drawn *d)
{
	struct message m = { .len = 0 };

	d->call.param1 = 0;
	d->call.param2 &= 15;
	message_put(&m, p->memory.data + slot_begin(d->call.param2), 32);
	message_put(&m, d->data, 32);
	message_put(&m, d->data + 64, 4);
	message_zeros(&m, 8);
	message_put(&m, d->data + 68, 3);
	message_byte(&m, talk_serial[8]);
	message_put(&m, d->data + 71, 4);
	message_put(&m, talk_serial, 2);
	message_put(&m, d->data + 75, 2);
	message_digest(&m, d->data + 32);
	d->call.data_len = 77;
}

static void
make_right_boot(struct drawn *d)
{
	d->call.param1 = draw(2) != 0 ? 5 : 7;
	d->call.param2 = 0;
	d->call.data_len = 96;
	assert_true(p256_sign(host_number, d->data, d->data + 32));
}

/* A slot that is written under this key, from a random one on; any, if there is none. */
static unsigned
slot_under(const struct part *p, unsigned key, bool wants_private)
{
	unsigned from = draw(16);

	for (unsigned i = 0; i < 16; i++) {
		unsigned slot = (from + i) % 16, policy = slot_policy(p, slot);

		if ((policy >> 8 & 15) == key && (policy & 0x4000) != 0 &&
			is_private(p, slot) == wants_private) {
			return slot;
		}
	}
	return from;
}

static void
make_right(const struct part *p, struct drawn *d)
{
	unsigned slot;

	switch (d->call.opcode) {
	case ECDH:
		memcpy(d->data, host_point, 64);
		d->call.data_len = 64;
		break;
	case VERIFY:
		d->call.param1 = draw(2) != 0 ? 0 : 2;
		d->call.param2 = d->call.param1 == 0 ? 15 : 4;
		d->call.data_len = d->call.param1 == 0 ? 64 : 128;
		assert_true(p256_sign(host_number, p->live.temp.value, d->data));
		memcpy(d->data + 64, host_point, 64);
		break;
	case WRITE:
	case PRIV_WRITE:
		slot = slot_under(p, p->live.temp.key_id, d->call.opcode == PRIV_WRITE);
		d->call.param1 = d->call.opcode == WRITE ? 0xC2 : 0x40;
		d->call.param2 = (uint16_t)(d->call.opcode == WRITE ? slot << 3 : slot);
		make_right_write(p, d);
		break;
	case CHECK_MAC:
		make_right_mac(p, d);
		break;
	case SECURE_BOOT:
		make_right_boot(d);
		break;
	default:
		break;
	}
}

static void
draw_call(const struct part *p, struct drawn *d)
{
	const struct shape *s = &shapes[draw(sizeof(shapes) / sizeof(shapes[0]))];
	struct part_call *c = &d->call;
	bool is_right = draw(2) == 0;

	if (p->live.temp.is_of_slot && draw(3) == 0) { /* what GenDig is for */
		is_right = true;
		s = &shapes[draw(2) == 0 ? 2 : 16];
	} else if (s->opcode == LOCK && draw(8) != 0) { /* or soon nothing is open */
		s = &shapes[0];
	}

	*c = (struct part_call){ .opcode = (uint8_t)s->opcode,
		.param1 = (uint8_t)pick(s->modes, s->mode_count),
		.param2 = (uint16_t)draw(16),
		.data_len = pick(s->lengths, s->length_count) };
	if (s->opcode == READ || s->opcode == WRITE) {
		c->param2 = (uint16_t)((c->param1 & 3) == 2 ? draw(3) << 8 | draw(16) << 3 | draw(8)
							    : draw(4) << 3 | draw(8));
	} else if (s->opcode == SHA && c->data_len > 0) {
		c->param2 = (uint16_t)c->data_len;
	} else if (s->opcode == KDF) {
		c->param2 = (uint16_t)(draw(16) << 8 | draw(16));
	} else if (draw(8) == 0) {
		c->param2 = 0xFFFF;
	} else if (draw(3) == 0) {
		c->param2 = 0;
	}
	switch (draw(16)) { /* and now something wrong, at times */
	case 0:
		c->param1 = (uint8_t)draw(256);
		break;
	case 1:
		c->param2 = (uint16_t)draw(65536);
		break;
	case 2:
		c->data_len = draw(149);
		break;
	default:
		break;
	}
	draw_data(d);
	if (is_right) {
		make_right(p, d);
	}
	if (!p->live.temp.is_valid && draw(3) == 0) { /* most want a TempKey */
		*c = (struct part_call){ NONCE, (uint8_t)(draw(2) * 3), 0, d->data, 20 };
		c->data_len = c->param1 == 0 ? 20 : 32;
	} else if (p->live.temp.is_valid && !p->live.temp.is_gen_dig && draw(6) == 0) {
		*c = (struct part_call){ GEN_DIG, 2, (uint16_t)draw(16), d->data, 0 };
	}
}

/* --- the model --- */

static bool
data_is_locked(const struct part *p)
{
	return p->memory.config[86] == 0;
}

/* Which slot's policy lets this command write `slot`. */
static bool
may_write(const struct part *p, const struct part_call *c, unsigned slot)
{
	unsigned policy = slot_policy(p, slot), write_config = policy >> 12;
	unsigned boot = u16_at(p, 70);

	if ((p->memory.config[88 + slot / 8] >> slot % 8 & 1) == 0 && c->opcode != SECURE_BOOT &&
		c->opcode != VERIFY) {
		return false; /* SlotLocked */
	}
	switch (c->opcode) {
	case WRITE:
		return !is_private(p, slot) && (c->param2 >> 3 & 15) == slot &&
		       (!data_is_locked(p) || write_config == 0 || write_config == 1 ||
			       ((c->param1 & 0x40) != 0 && write_config >= 4 && write_config < 8));
	case GEN_KEY:
		return is_private(p, slot) && c->param2 == slot && (c->param1 & 4) != 0 &&
		       (!data_is_locked(p) || (policy & 0x2000) != 0);
	case PRIV_WRITE:
		return is_private(p, slot) && c->param2 == slot &&
		       (!data_is_locked(p) || (policy & 0x4000) != 0);
	case DERIVE_KEY:
		return !is_private(p, slot) && c->param2 == slot && (policy & 0x2000) != 0;
	case KDF:
		return !is_private(p, slot) && c->param2 >> 8 == slot && (c->param1 & 0x1C) == 8 &&
		       (key_policy(p, slot) & 2) != 0;
	case ECDH:
		return !is_private(p, slot) && (c->param2 | 1u) == slot;
	case VERIFY:
		return (key_policy(p, slot) & 2) != 0 && c->param2 == slot;
	case SECURE_BOOT:
		return (boot & 3) >= 2 && (boot >> 8 & 15) == slot && (c->param1 & 0x7F) == 7;
	default:
		return false;
	}
}

static void
blame(const struct part_call *c, unsigned long step, const char *rule)
{
	fail_msg("step %lu: opcode %02x mode %02x param2 %04x with %zu bytes: %s", step, c->opcode,
		c->param1, c->param2, c->data_len, rule);
}

/* Zeros are no secret, nor are a few bytes between them. */
static bool
tells(const uint8_t run[SECRET_RUN])
{
	unsigned count = 0;

	for (size_t i = 0; i < SECRET_RUN; i++) {
		count += run[i] != 0 ? 1 : 0;
	}
	return count >= SECRET_RUN - 1;
}

static bool
secret_runs(const uint8_t *secret, size_t len, const struct reply *r)
{
	for (size_t i = 0; i + SECRET_RUN <= len; i++) {
		for (size_t j = 0; tells(secret + i) && j + SECRET_RUN <= r->len; j++) {
			if (memcmp(secret + i, r->data + j, SECRET_RUN) == 0) {
				return true;
			}
		}
	}
	return false;
}

/* Private numbers, before and after, and what may not be read in the clear. */
static void
check_secrets(const struct part *before, const struct part *p, const struct part_call *c,
	const struct reply *r, unsigned long step)
{
	bool may_read = c->opcode == READ && !data_is_locked(before);

	for (unsigned slot = 0; slot < 16; slot++) {
		size_t begin = slot_begin(slot), len = slot_begin(slot + 1) - begin;
		bool is_secret = is_private(p, slot) || (slot_policy(p, slot) & 0x80) != 0;

		if (!is_secret || may_read || p->memory.config[87] != 0) {
			continue;
		}
		/* What KDF put there, it also gives out to whoever asks for the same again. */
		if (!is_private(p, slot) && (key_policy(p, slot) & 2) != 0 && c->opcode != READ) {
			continue;
		}
		if (secret_runs(p->memory.data + begin, len, r) ||
			secret_runs(before->memory.data + begin, len, r)) {
			blame(c, step, "a secret stands in its answer");
		}
	}
}

static void
check_slots(const struct part *before, const struct part *p, const struct part_call *c,
	unsigned long step)
{
	for (unsigned slot = 0; slot < 16; slot++) {
		size_t begin = slot_begin(slot), len = slot_begin(slot + 1) - begin;

		if (memcmp(before->memory.data + begin, p->memory.data + begin, len) != 0 &&
			!may_write(before, c, slot)) {
			print_message("# slot %u\n", slot);
			blame(c, step, "it wrote a slot that it may not write");
		}
	}
	if (memcmp(before->memory.otp, p->memory.otp, 64) != 0 &&
		(c->opcode != WRITE || (c->param1 & 3) != 1 || data_is_locked(before))) {
		blame(c, step, "it wrote the OTP zone");
	}
}

/* --- what of the configuration zone may move --- */

/* Commands that may count the use of a key, and Counter. */
static bool
uses_keys(unsigned opcode)
{
	static const unsigned users[] = { COUNTER, SIGN, ECDH, MAC, CHECK_MAC, GEN_DIG, DERIVE_KEY,
		SHA, AES, KDF, GEN_KEY };

	for (size_t i = 0; i < sizeof(users) / sizeof(users[0]); i++) {
		if (users[i] == opcode) {
			return true;
		}
	}
	return false;
}

static bool
config_may_change(
	const struct part *before, const struct part *p, const struct part_call *c, size_t at)
{
	uint8_t was = before->memory.config[at], is = p->memory.config[at];

	if (at < 16) {
		return false;
	}
	if (at >= 52 && at < 68 && (c->opcode != WRITE || before->memory.config[87] == 0)) {
		return uses_keys(c->opcode); /* which way they go is seen below */
	}
	if (at == 84 || at == 85) {
		return c->opcode == UPDATE_EXTRA && (was == 0 || before->memory.config[87] != 0);
	}
	if (at == 86 || at == 87) {
		return c->opcode == LOCK && was == 0x55 && is == 0;
	}
	if (at == 88 || at == 89) { /* bits only fall */
		return (c->opcode == LOCK && (is & ~was) == 0) ||
		       (c->opcode == WRITE && before->memory.config[87] != 0);
	}
	return c->opcode == WRITE && before->memory.config[87] != 0;
}

static void
check_config(const struct part *before, const struct part *p, const struct part_call *c,
	unsigned long step)
{
	for (size_t at = 0; at < 128; at++) {
		if (before->memory.config[at] != p->memory.config[at] &&
			!config_may_change(before, p, c, at)) {
			print_message("# byte %zu\n", at);
			blame(c, step, "it changed the configuration");
		}
	}
	for (unsigned i = 0; i < 2 && before->memory.config[87] == 0; i++) {
		uint32_t was = part_counter_get(before, i), is = part_counter_get(p, i);

		if (is != was && is != was + 1 && !(c->opcode == KDF && is == was + 2)) {
			blame(c, step, "it moved a counter otherwise than by one");
		}
	}
}

static void
check(const struct part *before, const struct part *p, const struct part_call *c,
	const struct reply *r, unsigned long step)
{
	static const unsigned known[] = { PART_OK, PART_MISCOMPARE, PART_PARSE, PART_ECC_FAULT,
		PART_EXECUTION };
	bool is_known = false;

	for (size_t i = 0; i < 5; i++) {
		is_known = is_known || r->status == known[i];
	}
	if (!is_known) {
		blame(c, step, "a status that no command gives");
	}
	if (r->status != PART_OK && r->status != PART_MISCOMPARE &&
		memcmp(before, p, sizeof(*p)) != 0) {
		blame(c, step, "it was refused, and changed something");
	}
	if (r->status != PART_OK && r->len != 0) {
		blame(c, step, "it was refused, and answered something");
	}
	if (memcmp(&before->memory, &p->memory, sizeof(p->memory)) != 0 && !p->is_changed) {
		blame(c, step, "memory changed, and nobody would keep it");
	}
	check_slots(before, p, c, step);
	check_config(before, p, c, step);
	check_secrets(before, p, c, r, step);
}

/* --- the walk --- */

static void
check_asleep(const struct part *p)
{
	struct part_volatile none = { .power = PART_ASLEEP, .latch_is_set = p->live.latch_is_set };

	assert_int_equal(p->live.power, PART_ASLEEP);
	assert_false(p->live.temp.is_valid || p->live.digest_buffer_is_valid ||
		     p->live.alternate_key_is_valid || p->live.is_authorized ||
		     p->live.sha.is_running);
	assert_memory_equal(p->live.temp.value, none.temp.value, 64);
	assert_memory_equal(p->live.alternate_key, none.alternate_key, 32);
	assert_memory_equal(p->live.digest_buffer, none.digest_buffer, 64);
}

static void
move_power(struct part *p)
{
	switch (draw(200)) {
	case 0:
		part_sleep(p);
		check_asleep(p);
		break;
	case 1:
		part_power_cycle(p);
		check_asleep(p);
		assert_false(p->live.latch_is_set);
		break;
	case 2:
	case 3:
		part_idle(p);
		break;
	default:
		break;
	}
	part_wake(p, 0);
}

/* A slot, in every use that a profile's slots do not have, on a part that has them. */
static void
mix_policies(struct part *p)
{
	static const unsigned secrets[] = { 0x2F8F, 0x3680, 0x4680, 0xA68F, 0x0FAF, 0x0F9F,
		0x66C6 };
	static const unsigned privates[] = { 0x4685, 0x2085, 0x20A7, 0x008D, 0x4683 };
	static const unsigned keys[] = { 0x003C, 0x0038, 0x003E, 0x007C, 0x103C, 0x05BC };

	for (unsigned slot = 2; slot < 14; slot++) {
		uint8_t secret[32];

		if (draw(2) == 0) {
			continue;
		}
		if (is_private(p, slot)) {
			host_policy(p, slot, PICK(privates), draw(2) != 0 ? 0x0033 : 0x0073);
			continue;
		}
		host_policy(p, slot, PICK(secrets), PICK(keys));
		host_secret(p, slot, draw(1u << 31), secret);
	}
}

static void
start(const char *profile, bool is_mixed, struct part *p)
{
	uint8_t secret[32];

	talk_make(profile, p);
	assert_true(p256_generate(host_number, host_point));
	part_slot_put(p, 15, 4, host_point, 32);
	part_slot_put(p, 15, 40, host_point + 32, 32);
	for (unsigned slot = 5; slot < 8; slot++) {
		if (data_is_locked(p)) {
			host_secret(p, slot, draw(1u << 31), secret);
		}
	}
	if (is_mixed) {
		mix_policies(p);
	}
	if (p->memory.config[87] != 0) { /* of a blank part: open, half or all locked */
		unsigned locked = draw(3);

		p->memory.config[87] = locked > 0 ? 0 : 0x55;
		p->memory.config[86] = locked > 1 ? 0 : 0x55;
	}
}

static void
leg(struct part *p, unsigned long steps, unsigned long done[256])
{
	for (unsigned long step = 0; step < steps; step++) {
		struct part before;
		struct drawn d;
		struct reply r;

		move_power(p);
		draw_call(p, &d);
		p->is_changed = false;
		before = *p;
		r = talk(p, d.call.opcode, d.call.param1, d.call.param2, d.data, d.call.data_len);
		check(&before, p, &d.call, &r, step);
		done[d.call.opcode] += r.status == PART_OK ? 1 : 0;
	}
}

/* `never`: commands that this profile has no slot for. Every other must have been carried out now and then, or the walk proves nothing. */
static void
walk(const char *profile, bool is_mixed, const unsigned *never)
{
	const char *given = getenv("TENURE_WALK_SEED"), *longer = getenv("TENURE_WALK_STEPS");
	unsigned long steps = longer != NULL ? strtoul(longer, NULL, 10) : STEPS, done[256] = { 0 };
	struct part p;

	seed = given != NULL ? strtoull(given, NULL, 0)
			     : seed + (uint64_t)time(NULL) * UINT64_C(2654435761) + 1;
	print_message("# %s%s: TENURE_WALK_SEED=%llu\n", profile, is_mixed ? ", mixed" : "",
		(unsigned long long)seed);
	for (unsigned i = 0; i < LEGS; i++) {
		start(profile, is_mixed, &p);
		leg(&p, steps, done);
	}
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]) && longer == NULL; i++) {
		bool is_expected = true;

		for (size_t k = 0; never[k] != 0; k++) {
			is_expected = is_expected && never[k] != shapes[i].opcode;
		}
		if (is_expected && done[shapes[i].opcode] == 0) {
			fail_msg("opcode %02x was never done", shapes[i].opcode);
		}
	}
}

static void
test_trustflex(void **state)
{
	walk("trustflex-tls", false, (const unsigned[]){ DERIVE_KEY, PRIV_WRITE, 0 });
}

static void
test_trustflex_locked(void **state)
{
	walk("trustflex-tls-locked", false, (const unsigned[]){ DERIVE_KEY, PRIV_WRITE, 0 });
}

static void
test_trustngo(void **state)
{
	walk("trustngo-tls", false, (const unsigned[]){ DERIVE_KEY, PRIV_WRITE, SECURE_BOOT, 0 });
}

/* From a part that nothing is locked of, to whatever the walk locks. */
static void
test_blank(void **state)
{
	walk("blank", false, (const unsigned[]){ DERIVE_KEY, PRIV_WRITE, SECURE_BOOT, ECDH, 0 });
}

static void
test_mixed(void **state)
{
	walk("trustflex-tls", true, (const unsigned[]){ 0 });
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_trustflex),
		cmocka_unit_test(test_trustflex_locked),
		cmocka_unit_test(test_trustngo),
		cmocka_unit_test(test_blank),
		cmocka_unit_test(test_mixed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
