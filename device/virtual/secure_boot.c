/*
 * SecureBoot: whether the host may run this image. SecureBoot of the configuration (u16 LE at 70):
 *
 *	b0-1 0 off, 1 full only, 2 a stored signature, 3 a stored digest   b3 the latch is set by success
 *	b4 a random nonce is wanted for the MAC   b8-11 the slot of digest or signature   b12-15 of the public key
 *
 *	mode  5 full: digest32 | signature64, checked by the public key
 *	      6 store: digest32, compared with the stored digest, or checked with the stored signature
 *	      7 full-copy: as 5, and what was right is stored
 *	      b7 the digest is encrypted, and the answer is a MAC: by pad = SHA-256(iokey | TempKey)
 *
 * Inferred: 5 is there in every setting but off, 6 and 7 where something is stored; the MAC has the stored signature where that was
 * checked; a public key that needs to be validated must have been.
 */
#include <openssl/crypto.h>

#include "device/virtual/commands.h"
#include "device/virtual/layouts.h"
#include "device/virtual/p256.h"
#include "device/virtual/policy.h"
#include "pki/key.h"

#define BOOT_OFF 0
#define BOOT_FULL_ONLY 1
#define BOOT_SIGNATURE 2
#define BOOT_SETS_LATCH 0x0008
#define BOOT_RANDOM_NONCE 0x0010
#define MODE_FULL 5
#define MODE_STORE 6
#define MODE_COPY 7
#define MODE_MAC 0x80
#define DIGEST_LEN 32
#define SIGNATURE_LEN 64

struct boot {
	unsigned setting, stored_slot, key_slot, mode;
	uint8_t pad[32], digest[DIGEST_LEN];
	const uint8_t *signature; /* NULL: a digest is compared */
};

/* The slots are fit: a public key that is valid, and room for what is stored. */
static bool
slots_are_fit(const struct part *p, const struct boot *b)
{
	size_t stored_len = b->setting == BOOT_SIGNATURE ? SIGNATURE_LEN : DIGEST_LEN;

	return part_public_key_is_usable(p, b->key_slot) &&
	       (b->setting == BOOT_FULL_ONLY ||
		       (!key_policy_has(p, b->stored_slot, PART_KEY_IS_PRIVATE) &&
			       part_slot_size(b->stored_slot) >= stored_len));
}

static bool
take_digest(const struct part *p, const struct part_call *c, struct boot *b)
{
	const struct part_temp_key *t = &p->live.temp;
	uint16_t policy = config_u16(p, CONFIG_SECURE_BOOT_AT);
	const uint8_t *key = part_io_key(p);

	memcpy(b->digest, c->data, DIGEST_LEN);
	if ((c->param1 & MODE_MAC) == 0) {
		return true;
	}
	if (key == NULL || !t->is_valid || t->is_private ||
		((policy & BOOT_RANDOM_NONCE) != 0 && t->source_is_input)) {
		return false;
	}
	sha256_two(span_of(key, 32), span_of(t->value, 32), b->pad);
	for (size_t i = 0; i < DIGEST_LEN; i++) {
		b->digest[i] ^= b->pad[i];
	}
	return true;
}

static bool
digest_is_right(const struct part *p, const struct boot *b)
{
	uint8_t point[64];

	if (b->signature == NULL) {
		return span_equal_secret(
			SPAN_ARRAY(b->digest), span_of(part_slot(p, b->stored_slot), DIGEST_LEN));
	}
	part_public_key(p, b->key_slot, point);
	return p256_verify(point, b->digest, b->signature);
}

static bool
key_is_point(const struct part *p, const struct boot *b)
{
	uint8_t point[64];

	part_public_key(p, b->key_slot, point);
	return b->signature == NULL || p256_point_is_valid(point);
}

static void
store(struct part *p, const struct boot *b)
{
	if (b->setting == BOOT_SIGNATURE) {
		part_slot_put(p, b->stored_slot, 0, b->signature, SIGNATURE_LEN);
	} else {
		part_slot_put(p, b->stored_slot, 0, b->digest, DIGEST_LEN);
	}
}

static void
answer(const struct part_call *c, const struct boot *b, struct part_answer *out)
{
	uint8_t message[LAYOUT_BOOT_MAC_MAX];
	size_t len = layout_boot_mac(c, b->pad, b->digest, b->signature, message);

	layout_digest(message, len, out->data);
	out->len = 32;
}

static enum part_status
boot(struct part *p, const struct part_call *c, struct boot *b, struct part_answer *out)
{
	bool is_right;

	if (!slots_are_fit(p, b) || !take_digest(p, c, b)) {
		return PART_EXECUTION;
	}
	b->signature = b->mode != MODE_STORE	      ? c->data + DIGEST_LEN
		       : b->setting == BOOT_SIGNATURE ? part_slot(p, b->stored_slot)
						      : NULL;
	if (!key_is_point(p, b)) {
		return PART_EXECUTION;
	}
	is_right = digest_is_right(p, b);
	if ((c->param1 & MODE_MAC) != 0) {
		part_temp_forget(p);
	}
	if (!is_right) {
		return PART_MISCOMPARE;
	}
	if (b->mode == MODE_COPY) {
		store(p, b);
	}
	if ((config_u16(p, CONFIG_SECURE_BOOT_AT) & BOOT_SETS_LATCH) != 0) {
		p->live.latch_is_set = true;
	}
	if ((c->param1 & MODE_MAC) != 0) {
		answer(c, b, out);
	}
	return PART_OK;
}

enum part_status
part_secure_boot(struct part *p, const struct part_call *c, struct part_answer *out)
{
	uint16_t policy = config_u16(p, CONFIG_SECURE_BOOT_AT);
	struct boot b = { .setting = policy & 3,
		.stored_slot = policy >> 8 & 15,
		.key_slot = policy >> 12,
		.mode = c->param1 & 0x7F };
	enum part_status s;

	if (b.mode < MODE_FULL || b.mode > MODE_COPY || c->param2 != 0 ||
		c->data_len != (b.mode == MODE_STORE ? DIGEST_LEN : DIGEST_LEN + SIGNATURE_LEN)) {
		return PART_PARSE;
	}
	if (!part_data_is_locked(p) || b.setting == BOOT_OFF ||
		(b.setting == BOOT_FULL_ONLY && b.mode != MODE_FULL)) {
		return PART_EXECUTION;
	}
	s = boot(p, c, &b, out);
	OPENSSL_cleanse(&b, sizeof(b));
	return s;
}
