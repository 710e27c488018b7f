/*
 * Sign. External: a digest that the host gave. Internal: a message that only the chip can compose, over what GenKey or
 * GenDig left in TempKey:
 *
 *	 0 TempKey            32 41         33 mode           34 param2 LE      36 SlotConfig   38 KeyConfig of TempKey's slot
 *	40 TempKey's flags    41 00 00      43 SN8            44 SN4..7 or 0    48 SN0..1       50 SN2..3 or 0
 *	52 1: slot unlocked   53 1: its public key is validated                 54 00
 */
#include <openssl/crypto.h>

#include "device/virtual/commands.h"
#include "device/virtual/memory.h"
#include "device/virtual/p256.h"
#include "pki/key.h"

#define SIGN_OPCODE 0x41
#define MODE_EXTERNAL 0x80
#define MODE_WITH_SERIAL 0x40
#define MODE_DIGEST_BUFFER 0x20
#define MODE_INVALIDATE 0x01
#define SLOT_SIGNS_EXTERNAL 0x01
#define SLOT_SIGNS_INTERNAL 0x02
#define MESSAGE_LEN 55

static void
compose(const struct part *p, const struct part_call *c, uint8_t message[MESSAGE_LEN])
{
	const uint8_t *config = p->memory.config;
	unsigned slot = p->live.temp.key_id;
	uint8_t serial[9];

	part_serial(p, serial);
	memset(message, 0, MESSAGE_LEN);
	memcpy(message, p->live.temp.value, 32);
	message[32] = SIGN_OPCODE;
	message[33] = c->param1;
	message[34] = (uint8_t)c->param2;
	message[35] = (uint8_t)(c->param2 >> 8);
	memcpy(message + 36, config + 20 + 2 * slot, 2);
	memcpy(message + 38, config + 96 + 2 * slot, 2);
	message[40] = part_temp_flags(p);
	message[43] = serial[8];
	memcpy(message + 48, serial, 2);
	if ((c->param1 & MODE_WITH_SERIAL) != 0) {
		memcpy(message + 44, serial + 4, 4);
		memcpy(message + 50, serial + 2, 2);
	}
	message[52] = !part_slot_is_locked(config, slot);
	message[53] = part_slot_is_validated_kind(p, slot) && part_slot_is_valid(p, slot);
}

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
	bool wants_random = (part_key_config(p->memory.config, c->param2) & KEY_REQ_RANDOM) != 0;
	uint8_t message[MESSAGE_LEN];

	if (!t->is_valid || t->is_64 || t->is_private || !(t->is_gen_key || t->is_gen_dig) ||
		(wants_random && t->source_is_input)) {
		return false;
	}
	compose(p, c, message);
	sha256(SPAN_ARRAY(message), out);
	OPENSSL_cleanse(message, sizeof(message));
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
