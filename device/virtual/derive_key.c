/*
 * DeriveKey: a slot's secret becomes a digest of a parent secret and a nonce. WriteConfig of the slot says whether (bit 13), of
 * which parent (bit 12: WriteKey's slot, else the slot itself), and whether the parent's holder must have authorised it (bit 15).
 *
 *	mode  b2 TempKey's SourceFlag            data  nothing, or the 32 bytes of that authorisation
 *
 * Inferred: a MAC that nobody wants is no error as long as it is right; a wrong one is an execution error.
 */
#include <openssl/crypto.h>

#include "device/virtual/commands.h"
#include "device/virtual/layouts.h"
#include "device/virtual/policy.h"

#define MODE_SOURCE_INPUT 0x04

static bool
is_authorised(const struct part *p, const struct part_call *c, const uint8_t parent[32])
{
	uint8_t message[LAYOUT_DERIVE_MAC_LEN], expected[32];
	bool is_right;

	if (c->data_len == 0) {
		return !slot_policy_has(p, c->param2, SLOT_DERIVE_NEEDS_MAC);
	}
	layout_derive_mac(p, c, parent, message);
	layout_digest(message, sizeof(message), expected);
	is_right = span_equal_secret(SPAN_ARRAY(expected), span_of(c->data, 32));
	OPENSSL_cleanse(expected, sizeof(expected));
	return is_right;
}

/* The slot is a secret's, may be derived, and is not locked. */
static bool
may_derive(const struct part *p, unsigned slot)
{
	return part_data_is_locked(p) && slot_policy_has(p, slot, SLOT_DERIVE) &&
	       !key_policy_has(p, slot, PART_KEY_IS_PRIVATE) &&
	       !part_slot_is_locked(p->memory.config, slot);
}

enum part_status
part_derive_key(struct part *p, const struct part_call *c, struct part_answer *out)
{
	const struct part_temp_key *t = &p->live.temp;
	uint8_t message[LAYOUT_MIX_LEN], key[32];
	const uint8_t *parent;
	enum part_status s;

	(void)out;
	if ((c->param1 & ~MODE_SOURCE_INPUT) != 0 || c->param2 >= PART_SLOTS ||
		(c->data_len != 0 && c->data_len != 32)) {
		return PART_PARSE;
	}
	if (!may_derive(p, c->param2) || !t->is_valid || t->is_private ||
		t->source_is_input != ((c->param1 & MODE_SOURCE_INPUT) != 0)) {
		return PART_EXECUTION;
	}
	parent = part_secret_use(p,
		slot_policy_has(p, c->param2, SLOT_DERIVE_OF_PARENT) ? slot_write_key(p, c->param2)
								     : c->param2,
		&s);
	if (parent == NULL) {
		return s;
	}
	if (!is_authorised(p, c, parent)) {
		return PART_EXECUTION;
	}
	layout_mix(p, c, parent, t->value, message);
	layout_digest(message, sizeof(message), key);
	part_slot_put(p, c->param2, 0, key, sizeof(key));
	OPENSSL_cleanse(key, sizeof(key));
	part_temp_forget(p);
	return PART_OK;
}
