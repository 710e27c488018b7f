/*
 * ECDH: X of the product, into TempKey, into the slot beside, or out; out of the chip in clear, or masked with
 * SHA-256(IO key | the first half of a fresh nonce), the nonce behind it.
 */
#include <openssl/crypto.h>

#include "device/virtual/commands.h"
#include "device/virtual/layouts.h"
#include "device/virtual/memory.h"
#include "device/virtual/p256.h"

#define MODE_FROM_TEMP_KEY 0x01
#define MODE_MASKED 0x02
#define MODE_TARGET 0x0C
#define TARGET_BY_POLICY 0x00
#define TARGET_SLOT 0x04
#define TARGET_TEMP_KEY 0x08
#define TARGET_OUT 0x0C
#define SLOT_ECDH 0x04
#define SLOT_ECDH_BESIDE 0x08

/* Into slot n | 1: a slot of its own kind that is not private and can still be written. */
static enum part_status
put_beside(struct part *p, unsigned slot, const uint8_t secret[32])
{
	unsigned beside = slot | 1;

	if (beside == slot || part_slot_is_locked(p->memory.config, beside) ||
		(part_key_config(p->memory.config, beside) & PART_KEY_IS_PRIVATE) != 0) {
		return PART_EXECUTION;
	}
	part_slot_put(p, beside, 0, secret, 32);
	return PART_OK;
}

static enum part_status
deliver(struct part *p, const struct part_call *c, unsigned target, const uint8_t secret[32],
	struct part_answer *out)
{
	switch (target) {
	case TARGET_SLOT:
		return put_beside(p, c->param2, secret);
	case TARGET_TEMP_KEY:
		part_temp_set(p, secret, PART_TEMP_INPUT);
		return PART_OK;
	default:
		if ((c->param1 & MODE_MASKED) != 0) {
			return part_io_put(p, secret, 32, out);
		}
		memcpy(out->data, secret, 32);
		out->len = 32;
		return PART_OK;
	}
}

/* By a slot's key: where the result goes, SlotConfig decides with the mode. */
static enum part_status
by_slot(struct part *p, const struct part_call *c, struct part_answer *out)
{
	uint16_t policy = part_slot_config(p->memory.config, c->param2);
	bool is_beside = (policy & SLOT_ECDH_BESIDE) != 0;
	unsigned target = c->param1 & MODE_TARGET;
	const uint8_t *number = part_private_key(p, c->param2);
	uint8_t secret[32];
	enum part_status s;

	if (target == TARGET_BY_POLICY) {
		target = is_beside ? TARGET_SLOT : TARGET_OUT;
	}
	if (!part_config_is_locked(p) || number == NULL || (policy & SLOT_ECDH) == 0 ||
		!part_slot_is_enabled(p, c->param2) || (target == TARGET_OUT && is_beside) ||
		(target == TARGET_SLOT && !is_beside) ||
		part_use_limited(p, c->param2) != PART_OK) {
		return PART_EXECUTION;
	}
	if (!p256_ecdh(number, c->data, secret)) {
		return PART_EXECUTION;
	}
	s = deliver(p, c, target, secret, out);
	OPENSSL_cleanse(secret, sizeof(secret));
	return s;
}

/* By the ephemeral key that GenKey left in TempKey; it serves once. */
static enum part_status
by_temp_key(struct part *p, const struct part_call *c, struct part_answer *out)
{
	unsigned target = c->param1 & MODE_TARGET;
	uint8_t secret[32];
	enum part_status s;

	if (!p->live.temp.is_valid || !p->live.temp.is_private || target == TARGET_SLOT ||
		!p256_ecdh(p->live.temp.value, c->data, secret)) {
		return PART_EXECUTION;
	}
	part_temp_forget(p);
	s = deliver(p, c, target, secret, out);
	OPENSSL_cleanse(secret, sizeof(secret));
	return s;
}

enum part_status
part_ecdh(struct part *p, const struct part_call *c, struct part_answer *out)
{
	bool is_masked = (c->param1 & MODE_MASKED) != 0;
	bool from_temp_key = (c->param1 & MODE_FROM_TEMP_KEY) != 0;

	if (c->data_len != 64 ||
		(c->param1 & ~(MODE_FROM_TEMP_KEY | MODE_MASKED | MODE_TARGET)) != 0 ||
		(is_masked && (c->param1 & MODE_TARGET) != TARGET_OUT) ||
		(!from_temp_key && c->param2 >= PART_SLOTS)) {
		return PART_PARSE;
	}
	return from_temp_key ? by_temp_key(p, c, out) : by_slot(p, c, out);
}
