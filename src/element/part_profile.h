#pragma once
/*
 * What a kind of part is: the memory that the chip maker ships it with, and what its slots are for. One text file a
 * profile under data/elements/ (the format is base/conf's); the known ones are built into the programs, the
 * virtual element also takes a file of one's own.
 *
 *   name = trustflex-tls
 *   model = ATECC608B
 *   part_number = ATECC608B-TFLXTLS
 *   revision = 00006003          RevNum, as Info answers it
 *   address = 6c                 on the bus, 8-bit form
 *   slot_config = 8500 8200 ...  sixteen times two bytes, as the zone stores them
 *   key_config = 5300 5300 ...   the same
 *   config_locked = yes          data_locked = yes
 *   otp = <up to 128 digits>     the rest is 00
 *   slot0 = primary device key   in words, for people; slot0 .. slot15
 *
 * More of the configuration zone where it is not 00, or not as usual: count_match (1 byte), chip_mode (1), counters
 * (16), volatile_key_permission (1), secure_boot (2), kdf_iv (3), slot_locked (2), chip_options (2),
 * x509_format (4). Blanks between hex digits are passed over.
 */
#include "base/span.h"
#include "base/status.h"
#include "base/limits.h"

#define PART_SLOTS 16
#define PART_CONFIG_LEN 128
#define PART_OTP_LEN 64

struct part_profile {
	char name[NAME_MAX_LEN + 1];
	char model[NAME_MAX_LEN + 1];
	char part_number[NAME_MAX_LEN + 1];
	uint8_t revision[4];
	uint8_t address; /* 8-bit form */
	/* As shipped; bytes 0-3 and 8-12, the serial number, are zero here, 4-7 the revision. */
	uint8_t config[PART_CONFIG_LEN];
	uint8_t otp[PART_OTP_LEN];
	bool config_is_locked, data_is_locked;
	char use[PART_SLOTS][NAME_MAX_LEN + 1];
};

/* The built-in ones. */
size_t part_profile_count(void);
const struct part_profile *part_profile_at(size_t i);
/* By name, or NULL. */
const struct part_profile *part_profile_find(const char *name);
/* By the chip maker's part number ("ATECC608B-TFLXTLS-B" finds "ATECC608B-TFLXTLS": the longest that it begins with; where
 * there is none, that of another revision, so that "ATECC608C-TNGTLSU" finds "ATECC608B-TNGTLS"), or NULL. */
const struct part_profile *part_profile_of_part(const char *part_number);
/* One file's text. BAD_INPUT names the line. */
MUST_USE status part_profile_read(span text, struct part_profile *out, struct diag *d);

/* Bits of SlotConfig and KeyConfig. */
#define PART_SLOT_READ_ENCRYPTED 0x0040
#define PART_SLOT_IS_SECRET 0x0080
#define PART_KEY_IS_PRIVATE 0x0001
#define PART_KEY_IS_LOCKABLE 0x0020
#define PART_KEY_TYPE(key_config) ((key_config) >> 2 & 7u)
#define PART_KEY_TYPE_P256 4u
#define PART_KEY_TYPE_AES 6u
/* SlotConfig and KeyConfig of a slot as stored (little-endian), from a configuration zone. */
uint16_t part_slot_config(const uint8_t config[PART_CONFIG_LEN], unsigned slot);
uint16_t part_key_config(const uint8_t config[PART_CONFIG_LEN], unsigned slot);
bool part_slot_is_locked(const uint8_t config[PART_CONFIG_LEN], unsigned slot);
/* Bytes that a slot holds: 36, 416 or 72. */
size_t part_slot_size(unsigned slot);
/* The slot's policy in words, NUL-ended, cut if too long: "private P-256 key; signs digests; ECDH; a new key may be made; lockable".
 * part_words.c has these five. */
void part_slot_words(const uint8_t config[PART_CONFIG_LEN], unsigned slot, char *out, size_t room);
