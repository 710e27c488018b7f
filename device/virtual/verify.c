/*
 * Verify: a signature over the digest in TempKey or the message digest buffer, by a key of the host's or of a slot; and
 * whether a stored public key is valid, which its parent (SlotConfig's ReadKey) signs.
 *
 * What the parent signed is Sign's internal message, of which the caller gives what this part cannot know
 * (layout_validation). The first byte of that is Sign's mode; its lowest bit tells invalidation from validation.
 */
#include "device/virtual/commands.h"
#include "device/virtual/layouts.h"
#include "device/virtual/memory.h"
#include "device/virtual/p256.h"

#define MODE_KIND 0x07
#define MODE_STORED 0
#define MODE_EXTERNAL 2
#define MODE_VALIDATE 3
#define MODE_INVALIDATE 7
#define MODE_DIGEST_BUFFER 0x20
#define MODE_MAC 0x80
#define CURVE_P256 4 /* param2 of an external key: its KeyConfig's type */
#define SIGNATURE_LEN 64

/* The 64 bytes whose first half is the message, the second the host's nonce for a MAC. NULL: not there. */
static const uint8_t *
source_of(const struct part *p, uint8_t mode)
{
	bool wants_nonce = (mode & MODE_MAC) != 0;

	if ((mode & MODE_DIGEST_BUFFER) != 0) {
		return p->live.digest_buffer_is_valid ? p->live.digest_buffer : NULL;
	}
	return p->live.temp.is_valid && !p->live.temp.is_private &&
			       (!wants_nonce || p->live.temp.is_64)
		       ? p->live.temp.value
		       : NULL;
}

/* The key of a slot that may be used now. */
static bool
take_stored(const struct part *p, unsigned slot, uint8_t point[64])
{
	if (!part_config_is_locked(p) || !part_public_key_is_usable(p, slot)) {
		return false;
	}
	part_public_key(p, slot, point);
	return p256_point_is_valid(point);
}

static void
answer_mac(const struct part *p, const struct part_call *c, const uint8_t source[64],
	struct part_answer *out)
{
	const struct layout_verify_mac parts = { part_io_key(p), source, source + 32, c->data };
	uint8_t message[LAYOUT_VERIFY_MAC_LEN];

	layout_verify_mac(c, &parts, message);
	layout_digest(message, sizeof(message), out->data);
	out->len = 32;
}

static enum part_status
check(struct part *p, const struct part_call *c, const uint8_t point[64], struct part_answer *out)
{
	const uint8_t *source = source_of(p, c->param1);
	bool is_good;

	if (source == NULL || ((c->param1 & MODE_MAC) != 0 && part_io_key(p) == NULL)) {
		return PART_EXECUTION;
	}
	is_good = p256_verify(point, source, c->data);
	if (is_good && (c->param1 & MODE_MAC) != 0) {
		answer_mac(p, c, source, out);
	}
	if ((c->param1 & MODE_DIGEST_BUFFER) == 0) {
		part_temp_forget(p);
	}
	return is_good ? PART_OK : PART_MISCOMPARE;
}

static enum part_status
by_host(struct part *p, const struct part_call *c, struct part_answer *out)
{
	if (c->data_len != SIGNATURE_LEN + 64 || c->param2 != CURVE_P256) {
		return PART_PARSE;
	}
	if (!p256_point_is_valid(c->data + SIGNATURE_LEN)) {
		return PART_EXECUTION;
	}
	return check(p, c, c->data + SIGNATURE_LEN, out);
}

static enum part_status
by_stored(struct part *p, const struct part_call *c, struct part_answer *out)
{
	uint8_t point[64];
	bool wants_random;
	enum part_status s;

	if (c->data_len != SIGNATURE_LEN || c->param2 >= PART_SLOTS) {
		return PART_PARSE;
	}
	wants_random = (part_key_config(p->memory.config, c->param2) & KEY_REQ_RANDOM) != 0;
	if (!take_stored(p, c->param2, point) ||
		(wants_random &&
			((c->param1 & MODE_DIGEST_BUFFER) != 0 || p->live.temp.source_is_input))) {
		return PART_EXECUTION;
	}
	s = check(p, c, point, out);
	if (s == PART_OK) {
		part_authorize(p, c->param2);
	}
	return s;
}

/* The digest that the parent signed. */
static void
validation_digest(const struct part *p, const uint8_t other[LAYOUT_OTHER_LEN], uint8_t out[32])
{
	uint8_t message[LAYOUT_SIGN_LEN];

	layout_validation(p, other, message);
	layout_digest(message, sizeof(message), out);
}

static enum part_status
by_parent(struct part *p, const struct part_call *c)
{
	bool invalidates = (c->param1 & MODE_KIND) == MODE_INVALIDATE;
	const struct part_temp_key *t = &p->live.temp;
	uint8_t point[64], digest[32];
	bool is_good;

	if (c->data_len != SIGNATURE_LEN + LAYOUT_OTHER_LEN || c->param2 >= PART_SLOTS ||
		(c->param1 & ~MODE_KIND) != 0) {
		return PART_PARSE;
	}
	if (!part_slot_is_validated_kind(p, c->param2) ||
		part_slot_is_locked(p->memory.config, c->param2) ||
		!take_stored(
			p, SLOT_READ_KEY(part_slot_config(p->memory.config, c->param2)), point) ||
		!t->is_valid || !t->is_gen_key || t->key_id != c->param2 ||
		(c->data[SIGNATURE_LEN] & 1) != invalidates) {
		return PART_EXECUTION;
	}
	validation_digest(p, c->data + SIGNATURE_LEN, digest);
	is_good = p256_verify(point, digest, c->data);
	part_temp_forget(p);
	if (is_good) {
		part_slot_set_valid(p, c->param2, !invalidates);
	}
	return is_good ? PART_OK : PART_MISCOMPARE;
}

enum part_status
part_verify(struct part *p, const struct part_call *c, struct part_answer *out)
{
	if ((c->param1 & ~(MODE_KIND | MODE_DIGEST_BUFFER | MODE_MAC)) != 0) {
		return PART_PARSE;
	}
	switch (c->param1 & MODE_KIND) {
	case MODE_STORED:
		return by_stored(p, c, out);
	case MODE_EXTERNAL:
		return by_host(p, c, out);
	case MODE_VALIDATE:
	case MODE_INVALIDATE:
		return by_parent(p, c);
	default:
		return PART_PARSE;
	}
}
