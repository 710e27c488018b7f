#include <openssl/crypto.h>

#include "device/virtual/commands.h"
#include "device/virtual/layouts.h"
#include "device/virtual/memory.h"

#define ZONE_WRITE_BITS (ZONE_32 | ZONE_ENCRYPTED | 3)
#define MAC_LEN 32

enum write_config {
	WRITE_ALWAYS = 0,
	WRITE_PUB_INVALID = 1,
	WRITE_ENCRYPTED_FIRST = 4,
	WRITE_ENCRYPTED_LAST = 7
};

/* Serial number and revision, what UpdateExtra and Lock write. */
static bool
is_immutable(size_t at)
{
	return at < 16 || (at >= 84 && at < 88);
}

static enum part_status
write_config(struct part *p, const struct part_place *place, const uint8_t *bytes)
{
	if (part_config_is_locked(p) || (place->len == 4 && is_immutable(place->at))) {
		return PART_EXECUTION;
	}
	for (size_t i = 0; i < place->len; i++) {
		if (!is_immutable(place->at + i)) {
			p->memory.config[place->at + i] = bytes[i];
		}
	}
	p->is_changed = true;
	return PART_OK;
}

static enum part_status
write_otp(struct part *p, const struct part_place *place, const uint8_t *bytes)
{
	if (!part_config_is_locked(p) || part_data_is_locked(p) || place->len != 32) {
		return PART_EXECUTION;
	}
	memcpy(p->memory.otp + place->at, bytes, place->len);
	p->is_changed = true;
	return PART_OK;
}

static bool
is_permitted(const struct part *p, const struct part_place *place)
{
	uint16_t policy = part_slot_config(p->memory.config, place->slot);
	unsigned how = SLOT_WRITE_CONFIG(policy);

	if ((part_key_config(p->memory.config, place->slot) & PART_KEY_IS_PRIVATE) != 0 ||
		!part_config_is_locked(p) || part_slot_is_locked(p->memory.config, place->slot)) {
		return false;
	}
	if (!part_data_is_locked(p)) {
		return place->len == 32;
	}
	if (how >= WRITE_ENCRYPTED_FIRST && how <= WRITE_ENCRYPTED_LAST) {
		return place->is_encrypted;
	}
	return !place->is_encrypted &&
	       (how == WRITE_ALWAYS ||
		       (how == WRITE_PUB_INVALID && !part_slot_is_valid(p, place->slot)));
}

/* data = plain XOR TempKey, then the digest of both; TempKey was made by GenDig from the slot's WriteKey. */
static bool
decrypt(const struct part *p, const struct part_call *c, unsigned write_key, uint8_t plain[32])
{
	uint8_t message[LAYOUT_MIX_LEN], mac[MAC_LEN];
	bool is_good;

	if (!part_temp_is_of_key(p, write_key)) {
		return false;
	}
	memcpy(plain, c->data, 32);
	part_temp_mask(p, plain);
	layout_mix(p, c, p->live.temp.value, plain, message);
	layout_digest(message, sizeof(message), mac);
	is_good = span_equal_secret(span_of(mac, MAC_LEN), span_of(c->data + 32, MAC_LEN));
	OPENSSL_cleanse(mac, sizeof(mac));
	return is_good;
}

static enum part_status
write_slot(struct part *p, const struct part_place *place, const struct part_call *c)
{
	unsigned write_key = SLOT_WRITE_KEY(part_slot_config(p->memory.config, place->slot));
	size_t there = place->size - place->at;
	uint8_t plain[32];

	if (!is_permitted(p, place)) {
		return PART_EXECUTION;
	}
	memcpy(plain, c->data, place->len);
	if (place->is_encrypted) {
		if (!decrypt(p, c, write_key, plain)) {
			OPENSSL_cleanse(plain, sizeof(plain));
			return PART_EXECUTION;
		}
		part_temp_forget(p);
	}
	/* What reaches over the slot's end is cut. */
	part_slot_put(p, place->slot, place->at, plain, there < place->len ? there : place->len);
	OPENSSL_cleanse(plain, sizeof(plain));
	if (part_slot_is_validated_kind(p, place->slot)) {
		part_slot_set_valid(p, place->slot, false);
	}
	return PART_OK;
}

enum part_status
part_write(struct part *p, const struct part_call *c, struct part_answer *out)
{
	struct part_place place;

	(void)out;
	if ((c->param1 & ~ZONE_WRITE_BITS) != 0 || !part_place_find(c->param1, c->param2, &place) ||
		c->data_len != place.len + (place.is_encrypted ? MAC_LEN : 0) ||
		(place.is_encrypted && (place.zone != ZONE_DATA || place.len != 32))) {
		return PART_PARSE;
	}
	switch (place.zone) {
	case ZONE_CONFIG:
		return write_config(p, &place, c->data);
	case ZONE_OTP:
		return write_otp(p, &place, c->data);
	case ZONE_DATA:
		return write_slot(p, &place, c);
	}
	return PART_PARSE;
}
