/*
 * Sign. External: a digest that the host gave. Internal: a message that only the chip can compose (layout_sign), over
 * what GenKey or GenDig left in TempKey.
 */
#include "device/virtual/commands.h"
#include "device/virtual/layouts.h"
#include "device/virtual/memory.h"
#include "device/virtual/p256.h"

#define MODE_EXTERNAL 0x80
#define MODE_WITH_SERIAL 0x40
#define MODE_DIGEST_BUFFER 0x20
#define MODE_INVALIDATE 0x01
#define SLOT_SIGNS_EXTERNAL 0x01
#define SLOT_SIGNS_INTERNAL 0x02

static bool
take_external(const struct part *p, uint8_t mode, uint8_t out[32])
{
	bool is_buffer = (mode & MODE_DIGEST_BUFFER) != 0;

	if (is_buffer ? !p->live.digest_buffer_is_valid
		      : !p->live.temp.is_valid || p->live.temp.is_private) {
		return false;
	}
	memcpy(out, is_buffer ? p->live.digest_buffer : p->live.temp.value, 32);
	return true;
}

static bool
take_internal(const struct part *p, const struct part_call *c, uint8_t out[32])
{
	const struct part_temp_key *t = &p->live.temp;
	bool is_valid,
		wants_random = (part_key_config(p->memory.config, c->param2) & KEY_REQ_RANDOM) != 0;
	uint8_t message[LAYOUT_SIGN_LEN];

	if (!t->is_valid || t->is_64 || t->is_private || !(t->is_gen_key || t->is_gen_dig) ||
		(wants_random && t->source_is_input)) {
		return false;
	}
	is_valid = part_slot_is_validated_kind(p, t->key_id) && part_slot_is_valid(p, t->key_id);
	layout_sign(p, c, is_valid, message);
	layout_digest(message, sizeof(message), out);
	return true;
}

static bool
is_mode(uint8_t mode)
{
	return (mode & MODE_EXTERNAL) != 0 ? (mode & ~(MODE_EXTERNAL | MODE_DIGEST_BUFFER)) == 0
					   : (mode & ~(MODE_WITH_SERIAL | MODE_INVALIDATE)) == 0;
}

enum part_status
part_sign(struct part *p, const struct part_call *c, struct part_answer *out)
{
	bool is_external = (c->param1 & MODE_EXTERNAL) != 0;
	unsigned wanted = is_external ? SLOT_SIGNS_EXTERNAL : SLOT_SIGNS_INTERNAL;
	const uint8_t *number;
	uint8_t digest[32];

	if (c->data_len != 0 || !is_mode(c->param1) || c->param2 >= PART_SLOTS) {
		return PART_PARSE;
	}
	number = part_private_key(p, c->param2);
	if (!part_config_is_locked(p) || number == NULL ||
		(part_slot_config(p->memory.config, c->param2) & wanted) == 0 ||
		!part_slot_is_enabled(p, c->param2)) {
		return PART_EXECUTION;
	}
	if (!(is_external ? take_external(p, c->param1, digest) : take_internal(p, c, digest)) ||
		part_use_limited(p, c->param2) != PART_OK) {
		return PART_EXECUTION;
	}
	if (!p256_sign(number, digest, out->data)) {
		return PART_ECC_FAULT;
	}
	if ((c->param1 & MODE_DIGEST_BUFFER) == 0) {
		part_temp_forget(p);
	}
	out->len = 64;
	return PART_OK;
}
