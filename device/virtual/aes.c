/*
 * AES-128, one block at a time, and GCM's multiplication.
 *
 *	mode  b0-2: 0 encrypt 16 bytes, 1 decrypt 16 bytes, 3 multiply H16 by block16   b6-7 which 16 bytes of the key's slot
 *	param2  the slot, FFFF: TempKey
 *
 * Inferred: a block that begins within the slot but does not end there is an execution error; multiplying wants no key (param2 and
 * the block are 0); TempKey stays.
 */
#include "device/virtual/aes_block.h"
#include "device/virtual/commands.h"
#include "device/virtual/layouts.h"
#include "device/virtual/policy.h"

#define MODE_OPERATION 0x07
#define MODE_BLOCK 0xC0
#define MODE_ENCRYPT 0
#define MODE_DECRYPT 1
#define MODE_MULTIPLY 3

/* GCM numbers its bits from the left: x^0 is the top bit of byte 0 (NIST SP 800-38D 6.3). */
static void
multiply(const uint8_t h[16], const uint8_t block[16], uint8_t out[16])
{
	uint8_t v[16];

	memcpy(v, h, 16);
	memset(out, 0, 16);
	for (unsigned bit = 0; bit < 128; bit++) {
		uint8_t takes = (uint8_t) - (block[bit / 8] >> (7 - bit % 8) & 1);
		uint8_t reduces = (uint8_t) - (v[15] & 1);

		for (unsigned i = 0; i < 16; i++) {
			out[i] ^= v[i] & takes;
		}
		for (unsigned i = 15; i > 0; i--) {
			v[i] = (uint8_t)(v[i] >> 1 | v[i - 1] << 7);
		}
		v[0] = (uint8_t)(v[0] >> 1 ^ (0xE1 & reduces));
	}
}

static const uint8_t *
temp_key(const struct part *p, size_t at)
{
	const struct part_temp_key *t = &p->live.temp;

	if (!t->is_valid || t->is_private || at + 16 > (t->is_64 ? 64 : 32)) {
		return NULL;
	}
	return t->value + at;
}

static const uint8_t *
find_key(struct part *p, const struct part_call *c, enum part_status *s)
{
	size_t at = (size_t)(c->param1 >> 6) * 16;
	const uint8_t *secret;

	*s = PART_EXECUTION;
	if (c->param2 == SLOT_IS_TEMP_KEY) {
		return temp_key(p, at);
	}
	if (!part_data_is_locked(p) || slot_key_type(p, c->param2) != PART_KEY_TYPE_AES ||
		at + 16 > part_slot_size(c->param2)) {
		return NULL;
	}
	secret = part_secret_use(p, c->param2, s);
	return secret != NULL ? secret + at : NULL;
}

enum part_status
part_aes(struct part *p, const struct part_call *c, struct part_answer *out)
{
	unsigned operation = c->param1 & MODE_OPERATION;
	enum part_status s;
	const uint8_t *key;
	bool is_known = (c->param1 & ~(MODE_OPERATION | MODE_BLOCK)) == 0 &&
			(operation == MODE_ENCRYPT || operation == MODE_DECRYPT ||
				operation == MODE_MULTIPLY);
	bool has_enabled = (p->memory.config[CONFIG_AES_ENABLE_AT] & 1) != 0;

	if (!is_known || c->data_len != (operation == MODE_MULTIPLY ? 32 : 16)) {
		return PART_PARSE;
	}
	if (operation == MODE_MULTIPLY) {
		if (c->param2 != 0 || c->param1 != MODE_MULTIPLY) {
			return PART_PARSE;
		}
		multiply(c->data, c->data + 16, out->data);
		out->len = 16;
		return has_enabled ? PART_OK : PART_EXECUTION;
	}
	if (c->param2 >= PART_SLOTS && c->param2 != SLOT_IS_TEMP_KEY) {
		return PART_PARSE;
	}
	if (!has_enabled) {
		return PART_EXECUTION;
	}
	key = find_key(p, c, &s);
	if (key == NULL) {
		return s;
	}
	out->len = 16;
	return aes_block(key, c->data, operation == MODE_ENCRYPT, out->data) ? PART_OK
									     : PART_EXECUTION;
}
