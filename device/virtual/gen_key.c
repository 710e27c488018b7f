/*
 * GenKey: a private key made in its slot, its public half, and the digest of that which Sign (internal) attests
 * (layout_gen_key). Where the public key was stored (mode 10) three bytes of it are the caller's, which is why
 * such a digest proves nothing about who made the key.
 */
#include <openssl/crypto.h>

#include "device/virtual/commands.h"
#include "device/virtual/layouts.h"
#include "device/virtual/memory.h"
#include "device/virtual/p256.h"

#define MODE_PUBLIC 0x00
#define MODE_CREATE 0x04
#define MODE_DIGEST 0x08
#define MODE_STORED_DIGEST 0x10
#define EPHEMERAL 0xFFFF
#define SLOT_GEN_KEY 0x2000
#define OTHER_LEN 3

/* TempKey is what the digest begins with: there, 32 bytes, and random where the slot wants that. */
static bool
may_digest(const struct part *p, unsigned slot)
{
	const struct part_temp_key *t = &p->live.temp;
	bool wants_random = (part_key_config(p->memory.config, slot) & KEY_REQ_RANDOM) != 0;

	return t->is_valid && !t->is_64 && !t->is_private && !(wants_random && t->source_is_input);
}

static void
digest(struct part *p, const struct part_call *c, const uint8_t point[64])
{
	struct part_temp_key *t = &p->live.temp;
	uint8_t message[LAYOUT_GEN_KEY_LEN];

	layout_gen_key(p, c, point, message);
	layout_digest(message, sizeof(message), t->value);
	t->key_id = (uint8_t)c->param2;
	t->is_gen_key = true;
	t->is_gen_dig = t->no_mac = t->is_of_slot = false;
}

static bool
is_private_kind(const struct part *p, unsigned slot)
{
	uint16_t key = part_key_config(p->memory.config, slot);

	return (key & PART_KEY_IS_PRIVATE) != 0 && PART_KEY_TYPE(key) == PART_KEY_TYPE_P256;
}

static enum part_status
ephemeral(struct part *p, struct part_answer *out)
{
	uint8_t number[32];

	if (!p256_generate(number, out->data)) {
		return PART_ECC_FAULT;
	}
	part_temp_set(p, number, PART_TEMP_RANDOM);
	p->live.temp.is_private = true;
	OPENSSL_cleanse(number, sizeof(number));
	out->len = 64;
	return PART_OK;
}

static enum part_status
create(struct part *p, unsigned slot, uint8_t point[64])
{
	uint8_t bytes[36] = { 0 };
	bool is_allowed = !part_data_is_locked(p) ||
			  (part_slot_config(p->memory.config, slot) & SLOT_GEN_KEY) != 0;

	if (!is_allowed || part_slot_is_locked(p->memory.config, slot)) {
		return PART_EXECUTION;
	}
	if (!p256_generate(bytes + 4, point)) {
		return PART_ECC_FAULT;
	}
	part_slot_put(p, slot, 0, bytes, sizeof(bytes));
	OPENSSL_cleanse(bytes, sizeof(bytes));
	return PART_OK;
}

/* The public half of what is there. PubInfo says whether it may be known. */
static enum part_status
public_half(const struct part *p, unsigned slot, uint8_t point[64])
{
	const uint8_t *number = part_private_key(p, slot);

	if (number == NULL || (part_key_config(p->memory.config, slot) & KEY_PUB_INFO) == 0) {
		return PART_EXECUTION;
	}
	return p256_point(number, point) ? PART_OK : PART_ECC_FAULT;
}

static enum part_status
of_private(struct part *p, const struct part_call *c, struct part_answer *out)
{
	unsigned slot = c->param2;
	bool wants_digest = (c->param1 & MODE_DIGEST) != 0;
	enum part_status s;

	if (!part_config_is_locked(p) || !is_private_kind(p, slot) ||
		!part_slot_is_enabled(p, slot) || (wants_digest && !may_digest(p, slot))) {
		return PART_EXECUTION;
	}
	s = (c->param1 & MODE_CREATE) != 0 ? create(p, slot, out->data)
					   : public_half(p, slot, out->data);
	if (s == PART_OK && wants_digest) {
		digest(p, c, out->data);
	}
	out->len = 64;
	return s;
}

static enum part_status
of_stored(struct part *p, const struct part_call *c)
{
	uint8_t point[64];

	if (!part_config_is_locked(p) || !part_slot_is_public_key(p, c->param2) ||
		!may_digest(p, c->param2)) {
		return PART_EXECUTION;
	}
	part_public_key(p, c->param2, point);
	if (!p256_point_is_valid(point)) {
		return PART_EXECUTION;
	}
	digest(p, c, point);
	return PART_OK;
}

enum part_status
part_gen_key(struct part *p, const struct part_call *c, struct part_answer *out)
{
	if (c->data_len != (c->param1 == MODE_STORED_DIGEST ? OTHER_LEN : 0)) {
		return PART_PARSE;
	}
	if (c->param1 == MODE_CREATE && c->param2 == EPHEMERAL) {
		return part_config_is_locked(p) ? ephemeral(p, out) : PART_EXECUTION;
	}
	if (c->param2 >= PART_SLOTS) {
		return PART_PARSE;
	}
	switch (c->param1) {
	case MODE_PUBLIC:
	case MODE_CREATE:
	case MODE_DIGEST:
	case MODE_CREATE | MODE_DIGEST:
		return of_private(p, c, out);
	case MODE_STORED_DIGEST:
		return of_stored(p, c);
	default:
		return PART_PARSE;
	}
}
