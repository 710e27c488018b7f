/*
 * A part's memory and power, and the frame around every command.
 *
 * Kept here: after anything but PART_OK and PART_MISCOMPARE the part is, bit for bit, as it was before the packet.
 */
#include "device/virtual/part.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdlib.h>

#include "device/virtual/memory.h"
#include "device/virtual/p256.h"

#define SERIAL_END 0x01
#define COUNT_MIN 7
#define OP_SELF_TEST 0x77
#define UNLOCKED 0x55
#define LOCKED 0x00
#define FACTORY_KEYS 5 /* slots 0 to 4 */

#define KEY_REQ_AUTH 0x0080
#define KEY_PERSISTENT_DISABLE 0x1000
#define SLOT_LIMITED_USE 0x20

/* --- memory --- */

static size_t
slot_at(unsigned slot)
{
	return slot <= 8 ? (size_t)36 * slot : 288 + 416 + (size_t)72 * (slot - 9);
}

const uint8_t *
part_slot(const struct part *p, unsigned slot)
{
	return p->memory.data + slot_at(slot);
}

void
part_slot_put(struct part *p, unsigned slot, size_t at, const uint8_t *bytes, size_t len)
{
	memcpy(p->memory.data + slot_at(slot) + at, bytes, len);
	p->is_changed = true;
}

const uint8_t *
part_private_key(const struct part *p, unsigned slot)
{
	static const uint8_t none[36];

	if ((part_key_config(p->memory.config, slot) & PART_KEY_IS_PRIVATE) == 0 ||
		memcmp(part_slot(p, slot), none, sizeof(none)) == 0) {
		return NULL;
	}
	return part_slot(p, slot) + 4;
}

void
part_public_key(const struct part *p, unsigned slot, uint8_t point[64])
{
	memcpy(point, part_slot(p, slot) + 4, 32);
	memcpy(point + 32, part_slot(p, slot) + 40, 32);
}

bool
part_config_is_locked(const struct part *p)
{
	return p->memory.config[87] != UNLOCKED;
}

bool
part_data_is_locked(const struct part *p)
{
	return p->memory.config[86] != UNLOCKED;
}

void
part_serial(const struct part *p, uint8_t out[9])
{
	memcpy(out, p->memory.config, 4);
	memcpy(out + 4, p->memory.config + 8, 5);
}

uint8_t
part_address(const struct part *p)
{
	uint8_t extra = p->memory.config[85];

	return (extra != 0 ? extra : p->memory.config[16]) & 0xFE;
}

/* --- what commands share --- */

void
part_temp_forget(struct part *p)
{
	OPENSSL_cleanse(&p->live.temp, sizeof(p->live.temp));
}

void
part_temp_set(struct part *p, const uint8_t value[32], enum part_temp_source source)
{
	part_temp_forget(p);
	memcpy(p->live.temp.value, value, 32);
	p->live.temp.is_valid = true;
	p->live.temp.source_is_input = source == PART_TEMP_INPUT;
}

uint8_t
part_temp_flags(const struct part *p)
{
	const struct part_temp_key *t = &p->live.temp;

	return (uint8_t)(t->key_id | (unsigned)t->source_is_input << 4 |
			 (unsigned)t->is_gen_dig << 5 | (unsigned)t->is_gen_key << 6 |
			 (unsigned)t->no_mac << 7);
}

void
part_random(const struct part *p, uint8_t out[32])
{
	static const uint8_t unlocked[4] = { 0xFF, 0xFF, 0x00, 0x00 };

	if (!part_config_is_locked(p)) {
		for (size_t i = 0; i < 32; i++) {
			out[i] = unlocked[i % 4];
		}
	} else if (RAND_bytes(out, 32) != 1) {
		abort(); /* no key and no challenge may come of what is not random */
	}
}

void
part_digest_buffer_set(struct part *p, const uint8_t *bytes, size_t len)
{
	memset(p->live.digest_buffer, 0, sizeof(p->live.digest_buffer));
	memcpy(p->live.digest_buffer, bytes, len);
	p->live.digest_buffer_is_valid = true;
}

void
part_authorize(struct part *p, unsigned slot)
{
	p->live.is_authorized = true;
	p->live.authorized_by = (uint8_t)slot;
}

bool
part_slot_is_enabled(const struct part *p, unsigned slot)
{
	uint16_t key = part_key_config(p->memory.config, slot);

	if ((key & KEY_PERSISTENT_DISABLE) != 0 && !p->live.latch_is_set) {
		return false;
	}
	return (key & KEY_REQ_AUTH) == 0 ||
	       (p->live.is_authorized && p->live.authorized_by == (key >> 8 & 15));
}

/* CountMatch (configuration byte 18): b0 on, b4-7 the slot that holds the bound, u32 LE, twice. */
static bool
read_bound(const struct part *p, uint32_t *out)
{
	uint8_t match = p->memory.config[18];
	const uint8_t *b = part_slot(p, match >> 4);

	*out = PART_COUNTER_MAX;
	if ((match & 1) == 0) {
		return true;
	}
	*out = (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
	return memcmp(b, b + 4, 4) == 0;
}

enum part_status
part_use_limited(struct part *p, unsigned slot)
{
	uint32_t used = part_counter_get(p, 0), bound;

	if ((part_slot_config(p->memory.config, slot) & SLOT_LIMITED_USE) == 0) {
		return PART_OK;
	}
	if (!read_bound(p, &bound) || used >= bound || used >= PART_COUNTER_MAX) {
		return PART_EXECUTION;
	}
	part_counter_put(p, 0, used + 1);
	return PART_OK;
}

/* --- power --- */

void
part_sleep(struct part *p)
{
	bool latch = p->live.latch_is_set;

	part_power_cycle(p);
	p->live.latch_is_set = latch;
}

void
part_power_cycle(struct part *p)
{
	OPENSSL_cleanse(&p->live, sizeof(p->live));
	p->live.power = PART_ASLEEP;
}

bool
part_is_awake(struct part *p, int64_t now_ms)
{
	if (p->live.power == PART_AWAKE && now_ms >= p->live.awake_until_ms) {
		part_sleep(p);
	}
	return p->live.power == PART_AWAKE;
}

void
part_wake(struct part *p, int64_t now_ms)
{
	if (!part_is_awake(p, now_ms)) {
		p->live.power = PART_AWAKE;
		p->live.awake_until_ms = now_ms + PART_WATCHDOG_MS;
	}
}

void
part_idle(struct part *p)
{
	if (p->live.power == PART_AWAKE) {
		p->live.power = PART_IDLE;
	}
}

/* --- packets --- */

uint16_t
part_crc(const uint8_t *bytes, size_t len)
{
	unsigned crc = 0;

	for (size_t i = 0; i < len; i++) {
		for (unsigned bit = 0; bit < 8; bit++) {
			unsigned in = bytes[i] >> bit & 1, top = crc >> 15 & 1;

			crc = crc << 1 & 0xFFFF;
			crc = in != top ? crc ^ 0x8005 : crc;
		}
	}
	return (uint16_t)crc;
}

static size_t
seal(uint8_t answer[PART_ANSWER_MAX], const uint8_t *data, size_t len)
{
	uint16_t crc;

	answer[0] = (uint8_t)(len + 3);
	memcpy(answer + 1, data, len);
	crc = part_crc(answer, len + 1);
	answer[len + 1] = (uint8_t)crc;
	answer[len + 2] = (uint8_t)(crc >> 8);
	return len + 3;
}

size_t
part_status_frame(enum part_status s, uint8_t answer[PART_ANSWER_MAX])
{
	const uint8_t byte = (uint8_t)s;

	return seal(answer, &byte, 1);
}

static bool
is_whole(const uint8_t *packet, size_t len)
{
	uint16_t crc;

	if (len < COUNT_MIN || len > PART_PACKET_MAX || packet[0] != len) {
		return false;
	}
	crc = part_crc(packet, len - 2);
	return packet[len - 2] == (crc & 0xFF) && packet[len - 1] == crc >> 8;
}

static enum part_status
run(struct part *p, const struct part_call *c, int64_t now_ms, struct part_answer *out)
{
	const struct part_command *command = part_command_find(c->opcode);
	struct part before;
	enum part_status s;

	if (command == NULL) {
		return PART_PARSE;
	}
	/* Inferred: until it passes, or the part has slept. */
	if (p->live.self_test != 0 && c->opcode != OP_SELF_TEST) {
		return PART_SELF_TEST;
	}
	if (p->live.awake_until_ms - now_ms < command->wait_ms) {
		return PART_WATCHDOG;
	}
	before = *p;
	s = command->handler(p, c, out);
	if (s != PART_OK && s != PART_MISCOMPARE) {
		*p = before;
	}
	OPENSSL_cleanse(&before, sizeof(before));
	return s;
}

size_t
part_execute(struct part *p, const uint8_t *packet, size_t len, int64_t now_ms,
	uint8_t answer[PART_ANSWER_MAX])
{
	struct part_answer out;
	struct part_call call;
	enum part_status s = PART_CRC;
	size_t answer_len;

	if (!part_is_awake(p, now_ms)) {
		return 0;
	}
	out.len = 0;
	if (is_whole(packet, len)) {
		call = (struct part_call){ .opcode = packet[1],
			.param1 = packet[2],
			.param2 = (uint16_t)(packet[3] | packet[4] << 8),
			.data = packet + 5,
			.data_len = len - COUNT_MIN };
		s = run(p, &call, now_ms, &out);
	}
	if (s == PART_OK && out.len > 0) {
		answer_len = seal(answer, out.data, out.len);
		OPENSSL_cleanse(out.data, out.len);
		return answer_len;
	}
	return part_status_frame(s, answer);
}

/* --- making --- */

static bool
is_scalar_or_none(const struct part *p, unsigned slot)
{
	static const uint8_t zero[4];
	const uint8_t *number = part_private_key(p, slot);
	uint8_t point[64];

	if (number == NULL) {
		return true;
	}
	return memcmp(part_slot(p, slot), zero, sizeof(zero)) == 0 && p256_point(number, point);
}

status
part_restore(const struct part_memory *m, struct part *out, struct diag *d)
{
	const uint8_t *c = m->config;

	*out = (struct part){ .memory = *m };
	if (c[0] != 0x01 || c[1] != 0x23 || c[12] != SERIAL_END) {
		return diag_set(d, BAD_INPUT, NULL, "a serial number that no part has");
	}
	if ((c[86] != LOCKED && c[86] != UNLOCKED) || (c[87] != LOCKED && c[87] != UNLOCKED) ||
		(c[86] == LOCKED && c[87] != LOCKED)) {
		return diag_set(
			d, BAD_INPUT, NULL, "lock bytes that no part has: %02x %02x", c[86], c[87]);
	}
	for (unsigned slot = 0; slot < PART_SLOTS; slot++) {
		if (part_config_is_locked(out) && !is_scalar_or_none(out, slot)) {
			return diag_set(
				d, BAD_INPUT, NULL, "slot %u holds what is no private key", slot);
		}
	}
	return OK;
}

status
part_make(const struct part_profile *profile, const uint8_t serial[9], struct part *out,
	struct diag *d)
{
	status s;

	*out = (struct part){ 0 };
	memcpy(out->memory.config, profile->config, PART_CONFIG_LEN);
	memcpy(out->memory.otp, profile->otp, PART_OTP_LEN);
	memcpy(out->memory.config, serial, 4);
	memcpy(out->memory.config + 8, serial + 4, 5);
	s = part_restore(&out->memory, out, d);
	for (unsigned slot = 0; s == OK && profile->data_is_locked && slot < FACTORY_KEYS; slot++) {
		uint8_t number[32], point[64];

		if ((part_key_config(profile->config, slot) & PART_KEY_IS_PRIVATE) == 0) {
			continue;
		}
		if (!p256_generate(number, point)) {
			s = diag_set(d, CRYPTO, NULL, "no randomness for a part's keys");
		} else {
			part_slot_put(out, slot, 4, number, sizeof(number));
		}
		OPENSSL_cleanse(number, sizeof(number));
	}
	out->is_changed = true;
	return s;
}
