/*
 * GenDig: TempKey becomes a digest of itself and of something the chip holds. That is how a key of a slot encrypts reads
 * and writes, and how Sign attests a configuration block, a counter or a slot's policy.
 *
 *	zone 0 configuration block   1 OTP block   2 data slot   3 32 bytes of the caller   4 counter   5 a slot's policy
 *
 * What came of a NoMac key stays so, whatever is mixed in afterwards.
 * Inferred: zones 4 and 5 hash 32 zero bytes as the value; a nonce is wanted in every zone; zones 1 and 2 want the data zone
 * locked, all the configuration; a NoMac key wants its 4 bytes, nothing else may bring any but zone 3.
 */
#include <openssl/crypto.h>

#include "base/check.h"
#include "device/virtual/commands.h"
#include "device/virtual/layouts.h"
#include "device/virtual/policy.h"

#define TEMP_KEY_FIRST 0x8000 /* zone 3: TempKey, then the caller's bytes */

enum dig { DIG_CONFIG, DIG_OTP, DIG_DATA, DIG_SHARED, DIG_COUNTER, DIG_POLICY };

/* By zone: how many objects it has, and the bytes that the call brings. */
static const struct {
	uint16_t count;
	uint8_t data_len;
} zones[] = { { PART_CONFIG_LEN / 32, 0 }, { PART_OTP_LEN / 32, 0 }, { PART_SLOTS, 0 }, { 0, 32 },
	{ 2, 0 }, { PART_SLOTS, 0 } };

static bool
is_well_formed(const struct part *p, const struct part_call *c)
{
	size_t len;

	if (c->param1 >= COUNT_OF(zones)) {
		return false;
	}
	len = zones[c->param1].data_len;
	if (c->param1 == DIG_SHARED) {
		return c->data_len == len;
	}
	if (c->param2 >= zones[c->param1].count) {
		return false;
	}
	if (c->param1 == DIG_DATA && slot_policy_has(p, c->param2, SLOT_NO_MAC)) {
		len = 4;
	}
	return c->data_len == len;
}

static void
replace(struct part *p, uint8_t message[LAYOUT_MIX_LEN])
{
	struct part_temp_key *t = &p->live.temp;
	bool no_mac = t->no_mac, was_input = t->source_is_input;
	uint8_t value[32];

	layout_digest(message, LAYOUT_MIX_LEN, value);
	part_temp_set(p, value, was_input ? PART_TEMP_INPUT : PART_TEMP_RANDOM);
	t->is_gen_dig = true;
	t->no_mac = no_mac;
	OPENSSL_cleanse(value, sizeof(value));
}

static enum part_status
of_slot(struct part *p, const struct part_call *c)
{
	uint8_t message[LAYOUT_MIX_LEN];
	enum part_status s;
	const uint8_t *secret = part_secret_use(p, c->param2, &s);

	if (secret == NULL) {
		return s;
	}
	layout_mix(p, c, secret, p->live.temp.value, message);
	if (c->data_len > 0) {
		memcpy(message + LAYOUT_MIX_HEAD_AT, c->data, 4);
		p->live.temp.no_mac = true;
	}
	replace(p, message);
	p->live.temp.is_of_slot = true;
	p->live.temp.key_id = (uint8_t)c->param2;
	return PART_OK;
}

static void
mix_shared(const struct part *p, const struct part_call *c, uint8_t message[LAYOUT_MIX_LEN])
{
	struct part_call low = *c;

	low.param2 &= 0xFF;
	if ((c->param2 & TEMP_KEY_FIRST) != 0) {
		layout_mix(p, &low, p->live.temp.value, c->data, message);
	} else {
		layout_mix(p, &low, c->data, p->live.temp.value, message);
	}
}

/* The 25 bytes: 00 | the counter LE, or 00 | SlotConfig | KeyConfig | SlotLocked bit. */
static void
mix_state(const struct part *p, const struct part_call *c, uint8_t message[LAYOUT_MIX_LEN])
{
	static const uint8_t none[32];
	uint8_t *fill = message + LAYOUT_MIX_FILL_AT + 1;
	uint32_t value;

	layout_mix(p, c, none, p->live.temp.value, message);
	if (c->param1 == DIG_COUNTER) {
		value = part_counter_get(p, c->param2);
	} else {
		value = part_slot_config(p->memory.config, c->param2) |
			(uint32_t)part_key_config(p->memory.config, c->param2) << 16;
		fill[4] = !part_slot_is_locked(p->memory.config, c->param2);
	}
	for (size_t i = 0; i < 4; i++) {
		fill[i] = (uint8_t)(value >> (8 * i));
	}
}

enum part_status
part_gen_dig(struct part *p, const struct part_call *c, struct part_answer *out)
{
	bool wants_data = c->param1 == DIG_OTP || c->param1 == DIG_DATA;
	uint8_t message[LAYOUT_MIX_LEN];
	const uint8_t *zone;

	(void)out;
	if (!is_well_formed(p, c)) {
		return PART_PARSE;
	}
	if (!part_config_is_locked(p) || (wants_data && !part_data_is_locked(p)) ||
		!p->live.temp.is_valid || p->live.temp.is_private) {
		return PART_EXECUTION;
	}
	switch (c->param1) {
	case DIG_DATA:
		return of_slot(p, c);
	case DIG_SHARED:
		mix_shared(p, c, message);
		break;
	case DIG_COUNTER:
	case DIG_POLICY:
		mix_state(p, c, message);
		break;
	default:
		zone = c->param1 == DIG_CONFIG ? p->memory.config : p->memory.otp;
		layout_mix(p, c, zone + (size_t)32 * c->param2, p->live.temp.value, message);
	}
	replace(p, message);
	return PART_OK;
}
