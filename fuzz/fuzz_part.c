/*
 * A life of one virtual part, packet by packet:
 *
 *	kind of part, then steps:   F0 sleep   F1 idle   F2 wake   F3 wake 400 ms later   F4 power off and on
 *	                            F5 length bytes      a packet as it stands
 *	                            F6 opcode ...        as below, its data encrypted and authorized with the TempKey that is there
 *	                            opcode param1 param2(2) length data       a packet with its CRC
 *
 * Whatever comes: the answer is well formed; no private key or secret, nor eight bytes of one, is ever in it; memory changes only as
 * locks and policies allow, is noted as changed, and is one that a part can be restored from; a refusal changes nothing.
 */
#include <openssl/crypto.h>

#include "device/virtual/layouts.h"
#include "device/virtual/memory.h"
#include "device/virtual/p256.h"
#include "fuzz.h"
#include "pki/key.h"

#define STEPS_MAX 64
#define WINDOW 8
#define SECRETS 4

struct life {
	struct part part, before;
	int64_t now_ms;
	uint8_t secrets[SECRETS][32]; /* planted where no command may read */
};

static const unsigned secret_slots[SECRETS] = { 5, 6, 7, 9 };

/* --- making --- */

static void
begin(struct life *l, unsigned kind)
{
	static const uint8_t serial[9] = { 0x01, 0x23, 0xF0, 0x22, 0x33, 0x44, 0x55, 0x66, 0x01 };
	size_t count = part_profile_count();
	const struct part_profile *profile = part_profile_at(kind < count ? kind : count - 1);

	*l = (struct life){ 0 };
	HOLDS(part_make(profile, serial, &l->part, NULL) == OK);
	if (kind == count) { /* the blank one with its configuration locked */
		l->part.memory.config[87] = 0;
	}
	for (size_t i = 0; i < SECRETS; i++) {
		uint8_t seed = (uint8_t)(0xA0 + i);

		sha256(span_of(&seed, 1), l->secrets[i]);
		if (profile->data_is_locked) {
			part_slot_put(&l->part, secret_slots[i], 0, l->secrets[i], 32);
		}
	}
	part_wake(&l->part, 0);
}

/* --- what must hold --- */

static bool
has_piece(span answer, const uint8_t secret[32])
{
	for (size_t at = 0; at + WINDOW <= 32; at += WINDOW) {
		if (span_find(answer, span_of(secret + at, WINDOW)) != SIZE_MAX) {
			return true;
		}
	}
	return false;
}

static void
check_no_secret(const struct life *l, const struct part *p, span answer)
{
	for (unsigned slot = 0; slot < PART_SLOTS; slot++) {
		const uint8_t *number = part_private_key(p, slot);

		HOLDS(number == NULL || !has_piece(answer, number));
	}
	for (size_t i = 0; i < SECRETS; i++) {
		HOLDS(!has_piece(answer, l->secrets[i]));
	}
	HOLDS(!p->live.temp.is_private || !has_piece(answer, p->live.temp.value));
}

static void
check_answer(const struct life *l, const uint8_t *answer, size_t len)
{
	uint16_t crc;

	if (len == 0) {
		return;
	}
	HOLDS(len >= 4 && len <= PART_ANSWER_MAX && answer[0] == len);
	crc = part_crc(answer, len - 2);
	HOLDS(answer[len - 2] == (crc & 0xFF) && answer[len - 1] == crc >> 8);
	check_no_secret(l, &l->before, span_of(answer + 1, len - 3));
	check_no_secret(l, &l->part, span_of(answer + 1, len - 3));
}

static void
check_config(const uint8_t *old, const uint8_t *now)
{
	HOLDS(memcmp(old, now, 16) == 0);
	HOLDS(old[86] == now[86] || (old[86] == 0x55 && now[86] == 0));
	HOLDS(old[87] == now[87] || (old[87] == 0x55 && now[87] == 0));
	if (old[87] != 0) {
		return;
	}
	HOLDS(memcmp(old + 16, now + 16, 52 - 16) == 0);
	HOLDS(memcmp(old + 68, now + 68, 84 - 68) == 0);
	HOLDS(old[84] == 0 || old[84] == now[84]);
	HOLDS(old[85] == 0 || old[85] == now[85]);
	HOLDS((now[88] & ~old[88]) == 0 && (now[89] & ~old[89]) == 0);
	HOLDS(memcmp(old + 90, now + 90, 128 - 90) == 0);
}

/* Whether this command may change this slot of a part whose data zone is locked. */
static bool
may_change(const struct part *p, unsigned slot, uint8_t opcode, uint16_t param2)
{
	const uint8_t *config = p->memory.config;
	uint16_t policy = part_slot_config(config, slot);
	bool is_private = (part_key_config(config, slot) & PART_KEY_IS_PRIVATE) != 0;
	unsigned how = SLOT_WRITE_CONFIG(policy);

	if (part_slot_is_locked(config, slot)) {
		return false;
	}
	switch (opcode) {
	case 0x12: /* Write */
		return !is_private && (how <= 1 || (how >= 4 && how <= 7)) &&
		       (how != 1 || !part_slot_is_valid(p, slot));
	case 0x1C: /* DeriveKey */
		return !is_private && (how & 2) != 0;
	case 0x40: /* GenKey */
		return is_private && (policy & 0x2000) != 0 && slot == param2;
	case 0x43: /* ECDH */
		return !is_private && slot == (param2 | 1u);
	case 0x45: /* Verify */
		return part_slot_is_validated_kind(p, slot) && slot == param2;
	case 0x46: /* PrivWrite */
		return is_private && (policy & 0x4000) != 0;
	case 0x56: /* KDF */
		return !is_private;
	case 0x80: /* SecureBoot */
		return slot == (config[71] & 15u);
	default:
		return false;
	}
}

static void
check_data(const struct life *l, uint8_t opcode, uint16_t param2)
{
	const struct part *old = &l->before, *now = &l->part;

	HOLDS(part_config_is_locked(old) ||
		memcmp(old->memory.data, now->memory.data, PART_DATA_LEN) == 0);
	if (!part_data_is_locked(old)) {
		return;
	}
	HOLDS(memcmp(old->memory.otp, now->memory.otp, PART_OTP_LEN) == 0);
	for (unsigned slot = 0; slot < PART_SLOTS; slot++) {
		HOLDS(memcmp(part_slot(old, slot), part_slot(now, slot), part_slot_size(slot)) ==
				0 ||
			may_change(old, slot, opcode, param2));
	}
}

static void
check_memory(struct life *l, uint8_t opcode, uint16_t param2)
{
	const struct part_memory *old = &l->before.memory, *now = &l->part.memory;
	struct part again;

	if (memcmp(old, now, sizeof(*old)) == 0) {
		return;
	}
	HOLDS(l->part.is_changed);
	check_config(old->config, now->config);
	for (unsigned i = 0; part_config_is_locked(&l->before) && i < 2; i++) {
		HOLDS(part_counter_get(&l->part, i) >= part_counter_get(&l->before, i));
	}
	check_data(l, opcode, param2);
	HOLDS(part_restore(now, &again, NULL) == OK);
	OPENSSL_cleanse(&again, sizeof(again));
}

/* --- steps --- */

static void
run_packet(struct life *l, const uint8_t *packet, size_t len)
{
	uint8_t answer[PART_ANSWER_MAX] = { 0 };
	bool is_command = len >= 5, is_refused;
	size_t answer_len;

	(void)part_is_awake(&l->part, l->now_ms);
	l->part.is_changed = false;
	l->before = l->part;
	answer_len = part_execute(&l->part, packet, len, l->now_ms, answer);
	check_answer(l, answer, answer_len);
	is_refused = answer_len == 0 ||
		     (answer_len == 4 && answer[1] != PART_OK && answer[1] != PART_MISCOMPARE);
	HOLDS(!is_refused || memcmp(&l->before, &l->part, sizeof(l->part)) == 0);
	if (is_command) {
		check_memory(l, packet[1], (uint16_t)(packet[3] | packet[4] << 8));
	} else {
		HOLDS(is_refused);
	}
}

static size_t
seal(const struct part_call *c, uint8_t packet[PART_PACKET_MAX])
{
	size_t len = c->data_len + 7;
	uint16_t crc;

	packet[0] = (uint8_t)len;
	packet[1] = c->opcode;
	packet[2] = c->param1;
	packet[3] = (uint8_t)c->param2;
	packet[4] = (uint8_t)(c->param2 >> 8);
	if (c->data_len > 0) {
		memcpy(packet + 5, c->data, c->data_len);
	}
	crc = part_crc(packet, len - 2);
	packet[len - 2] = (uint8_t)crc;
	packet[len - 1] = (uint8_t)(crc >> 8);
	return len;
}

/* As a host would that shares the key which GenDig took: the plain text, masked, and its MAC behind it. */
static void
authorize(const struct life *l, struct part_call *c, uint8_t room[96])
{
	uint8_t plain[36] = { 0 }, pad[64], message[96];
	size_t len = c->opcode == 0x46 ? 36 : 32;

	memcpy(plain, c->data, c->data_len < len ? c->data_len : len);
	memcpy(pad, l->part.live.temp.value, 32);
	sha256(span_of(pad, 32), pad + 32);
	if (c->opcode == 0x46) {
		layout_priv_write(&l->part, c, plain, message);
	} else {
		layout_mix(&l->part, c, l->part.live.temp.value, plain, message);
	}
	layout_digest(message, sizeof(message), room + len);
	for (size_t i = 0; i < len; i++) {
		room[i] = plain[i] ^ pad[i];
	}
	c->data = room;
	c->data_len = len + 32;
}

static bool
take_call(span *input, struct part_call *c)
{
	if (input->len < 5) {
		return false;
	}
	*c = (struct part_call){ .opcode = input->data[0],
		.param1 = input->data[1],
		.param2 = (uint16_t)(input->data[2] | input->data[3] << 8),
		.data_len = input->data[4] };
	*input = span_slice(*input, 5, SIZE_MAX);
	c->data_len = c->data_len < input->len ? c->data_len : input->len;
	c->data_len = c->data_len < PART_PACKET_MAX - 7 ? c->data_len : PART_PACKET_MAX - 7;
	c->data = input->data;
	*input = span_slice(*input, c->data_len, SIZE_MAX);
	return true;
}

static void
call(struct life *l, span *input, bool is_authorized)
{
	uint8_t packet[PART_PACKET_MAX], room[96];
	struct part_call c;

	if (!take_call(input, &c)) {
		*input = span_of(NULL, 0);
		return;
	}
	if (is_authorized) {
		authorize(l, &c, room);
	}
	run_packet(l, packet, seal(&c, packet));
}

static void
step(struct life *l, span *input)
{
	uint8_t what = input->data[0];
	span rest = span_slice(*input, 1, SIZE_MAX);
	size_t len;

	if (what < 0xF0) {
		call(l, input, false);
		return;
	}
	*input = rest;
	switch (what) {
	case 0xF0:
		part_sleep(&l->part);
		break;
	case 0xF1:
		part_idle(&l->part);
		break;
	case 0xF2:
		part_wake(&l->part, l->now_ms);
		break;
	case 0xF3:
		l->now_ms += 400;
		part_wake(&l->part, l->now_ms);
		break;
	case 0xF4:
		part_power_cycle(&l->part);
		part_wake(&l->part, l->now_ms);
		break;
	case 0xF5:
		len = rest.len > 0 ? rest.data[0] : 0;
		rest = span_slice(rest, 1, SIZE_MAX);
		len = len < rest.len ? len : rest.len;
		run_packet(l, rest.data, len);
		*input = span_slice(rest, len, SIZE_MAX);
		break;
	case 0xF6:
		call(l, input, true);
		break;
	default:
		break;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct life l;
	span input = span_of(data, len);

	begin(&l, fuzz_choice(&input, (unsigned)part_profile_count() + 1));
	for (unsigned i = 0; i < STEPS_MAX && input.len > 0; i++) {
		step(&l, &input);
	}
	return 0;
}
