#include "device/virtual/commands.h"
#include "device/virtual/layouts.h"
#include "device/virtual/memory.h"

#define ZONE_READ_BITS (ZONE_32 | 3)

bool
part_place_find(uint8_t zone, uint16_t address, struct part_place *out)
{
	unsigned word = address & 7, block = address >> 3;

	*out = (struct part_place){ .zone = (enum part_zone)(zone & 3),
		.len = (zone & ZONE_32) != 0 ? 32 : 4,
		.is_encrypted = (zone & ZONE_ENCRYPTED) != 0 };
	switch (out->zone) {
	case ZONE_CONFIG:
		out->size = PART_CONFIG_LEN;
		break;
	case ZONE_OTP:
		out->size = PART_OTP_LEN;
		break;
	case ZONE_DATA:
		if ((address & 0xF080) != 0) {
			return false;
		}
		out->slot = address >> 3 & 15;
		out->size = part_slot_size(out->slot);
		block = address >> 8;
		break;
	default:
		return false;
	}
	out->at = 32 * (size_t)block + (out->len == 4 ? 4 * word : 0);
	return out->at < out->size;
}

bool
part_slot_is_public_key(const struct part *p, unsigned slot)
{
	uint16_t key = part_key_config(p->memory.config, slot);

	return PART_KEY_TYPE(key) == PART_KEY_TYPE_P256 && (key & PART_KEY_IS_PRIVATE) == 0 &&
	       part_slot_size(slot) >= 72;
}

bool
part_slot_is_validated_kind(const struct part *p, unsigned slot)
{
	return part_slot_is_public_key(p, slot) &&
	       (part_key_config(p->memory.config, slot) & KEY_PUB_INFO) != 0;
}

bool
part_slot_is_valid(const struct part *p, unsigned slot)
{
	return (part_slot(p, slot)[0] & 0xF0) == VALID;
}

bool
part_public_key_is_usable(const struct part *p, unsigned slot)
{
	return part_slot_is_public_key(p, slot) && part_slot_is_enabled(p, slot) &&
	       (!part_slot_is_validated_kind(p, slot) || part_slot_is_valid(p, slot));
}

void
part_slot_set_valid(struct part *p, unsigned slot, bool is_valid)
{
	uint8_t first = (uint8_t)((part_slot(p, slot)[0] & 0x0F) | (is_valid ? VALID : INVALID));

	part_slot_put(p, slot, 0, &first, 1);
}

void
part_temp_mask(const struct part *p, uint8_t bytes[32])
{
	for (size_t i = 0; i < 32; i++) {
		bytes[i] ^= p->live.temp.value[i];
	}
}

/* What is behind the end of a slot reads as 0. */
static void
copy(const uint8_t *from, const struct part_place *place, struct part_answer *out)
{
	size_t there = place->size - place->at;

	memset(out->data, 0, place->len);
	memcpy(out->data, from + place->at, there < place->len ? there : place->len);
	out->len = place->len;
}

static enum part_status
read_slot(struct part *p, const struct part_place *place, struct part_answer *out)
{
	uint16_t policy = part_slot_config(p->memory.config, place->slot);
	uint16_t key = part_key_config(p->memory.config, place->slot);
	bool is_secret = (policy & PART_SLOT_IS_SECRET) != 0;
	bool is_encrypted = (policy & PART_SLOT_READ_ENCRYPTED) != 0;

	if ((key & PART_KEY_IS_PRIVATE) != 0 || is_secret != is_encrypted) {
		return PART_EXECUTION;
	}
	if (is_encrypted && (place->len != 32 || !part_temp_is_of_key(p, SLOT_READ_KEY(policy)))) {
		return PART_EXECUTION;
	}
	copy(part_slot(p, place->slot), place, out);
	if (is_encrypted) {
		part_temp_mask(p, out->data);
		part_temp_forget(p);
	}
	return PART_OK;
}

enum part_status
part_read(struct part *p, const struct part_call *c, struct part_answer *out)
{
	struct part_place place;

	if (c->data_len != 0 || (c->param1 & ~ZONE_READ_BITS) != 0 ||
		!part_place_find(c->param1, c->param2, &place)) {
		return PART_PARSE;
	}
	if (place.zone == ZONE_CONFIG) {
		copy(p->memory.config, &place, out);
		return PART_OK;
	}
	if (!part_data_is_locked(p)) {
		return PART_EXECUTION;
	}
	if (place.zone == ZONE_OTP) {
		copy(p->memory.otp, &place, out);
		return PART_OK;
	}
	return read_slot(p, &place, out);
}
