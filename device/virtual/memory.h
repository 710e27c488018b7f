#pragma once
/*
 * Inside device/virtual: how Read and Write name a place.
 *
 *	zone    b0-1  0 configuration, 1 OTP, 2 data;  b6 encrypted (Write);  b7 32 bytes, else 4
 *	address configuration, OTP: block << 3 | word;  data: block << 8 | slot << 3 | word
 */
#include "device/virtual/part.h"

enum part_zone { ZONE_CONFIG = 0, ZONE_OTP = 1, ZONE_DATA = 2 };
#define ZONE_ENCRYPTED 0x40
#define ZONE_32 0x80

struct part_place {
	enum part_zone zone;
	unsigned slot;	/* of the data zone */
	size_t at, len; /* from the beginning of the zone or slot; 4 or 32 */
	size_t size;	/* of the zone or slot: 32 bytes may reach over its end */
	bool is_encrypted;
};
/* False: there is no such place (a parse error). With 32 bytes the word does not count. */
bool part_place_find(uint8_t zone, uint16_t address, struct part_place *out);

/* SlotConfig and KeyConfig of slots that hold no private key, beyond part_profile.h. */
#define SLOT_READ_KEY(policy) ((policy)&15u)
#define SLOT_WRITE_KEY(policy) ((policy) >> 8 & 15u)
#define SLOT_WRITE_CONFIG(policy) ((policy) >> 12 & 15u)
#define KEY_PUB_INFO 0x0002
#define KEY_REQ_RANDOM 0x0040

/* A slot with a validated public key: the high nibble of its first byte. */
#define VALID 0x50
#define INVALID 0xA0
bool part_slot_is_validated_kind(const struct part *p, unsigned slot);
bool part_slot_is_valid(const struct part *p, unsigned slot);
void part_slot_set_valid(struct part *p, unsigned slot, bool is_valid);
/* The slot holds a public P-256 key (one of the 72-byte slots, not private). */
bool part_slot_is_public_key(const struct part *p, unsigned slot);
/* Such a key that may be used now: enabled, and valid where it must be validated. */
bool part_public_key_is_usable(const struct part *p, unsigned slot);

/* 32 bytes XOR TempKey, in place. */
void part_temp_mask(const struct part *p, uint8_t bytes[32]);
