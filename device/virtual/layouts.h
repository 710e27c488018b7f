#pragma once
/*
 * The messages that the chip hashes or has signed, byte by byte. Each function writes one whole message; `head` below is
 * opcode | param1 | param2 LE of the call. What is inside comes from the part, the call and the values given: nothing is checked.
 * Most hold a secret: who has one wipes it (layout_digest does both).
 *
 *	SN8 = serial[8]   SN01 = serial[0..1]
 */
#include "device/virtual/part.h"

#define LAYOUT_NONCE_LEN 55
#define LAYOUT_GEN_KEY_LEN 128
#define LAYOUT_SIGN_LEN 55
#define LAYOUT_OTHER_LEN 19
#define LAYOUT_MIX_LEN 96
#define LAYOUT_MIX_HEAD_AT 32 /* head: 4 bytes of the caller's instead, by a NoMac key's GenDig */
#define LAYOUT_MIX_FILL_AT 39 /* 25 bytes, 00 unless GenDig puts in a counter or a slot's policy */
#define LAYOUT_PRIV_WRITE_LEN 96
#define LAYOUT_MAC_LEN 88
#define LAYOUT_DERIVE_MAC_LEN 39
#define LAYOUT_VERIFY_MAC_LEN 164
#define LAYOUT_BOOT_MAC_MAX 132
#define LAYOUT_IO_NONCE_LEN 32
#define LAYOUT_IO_OUT_MAX 64

/* opcode | param1 | param2 LE */
void layout_head(const struct part_call *c, uint8_t out[4]);
/* random32 | NumIn20 | 16 | mode | param2's low byte. NumIn is the call's data. */
void layout_nonce(const struct part_call *c, const uint8_t first[32], uint8_t out[55]);
/* TempKey32 | 40 | mode | slot LE | SN8 | SN01 | 25 x 00 | X | Y. Mode 10 with three bytes of data has these for mode and slot. */
void layout_gen_key(
	const struct part *p, const struct part_call *c, const uint8_t point[64], uint8_t out[128]);
/*
 * What Sign signs that composes its own message: TempKey | 41 | mode | param2 LE | SlotConfig | KeyConfig | flags | 00 00 | SN8 |
 * SN[4..7] | SN01 | SN[2..3] | SlotLocked bit | is_valid | 00; of the slot that TempKey's flags name. The serial's
 * middle is 00 without mode 40.
 */
void layout_sign(const struct part *p, const struct part_call *c, bool is_valid,
	uint8_t out[LAYOUT_SIGN_LEN]);
/*
 * What another part's layout_sign gave, of which this one takes TempKey and its own serial number, and the caller gives the rest in
 * LAYOUT_OTHER_LEN bytes: TempKey32 | 41 | other 0..9 | SN8 | other 10..13 | SN01 | other 14..18.
 */
void layout_validation(const struct part *p, const uint8_t *other, uint8_t out[LAYOUT_SIGN_LEN]);
/* first32 | head | SN8 | SN01 | 25 x 00 | last32: GenDig (value, TempKey), DeriveKey (parent, TempKey), an encrypted Write's
 * MAC (TempKey, plain). */
void layout_mix(const struct part *p, const struct part_call *c, const uint8_t first[32],
	const uint8_t last[32], uint8_t out[LAYOUT_MIX_LEN]);
/* TempKey32 | head | SN8 | SN01 | 21 x 00 | plain36. */
void layout_priv_write(const struct part *p, const struct part_call *c, const uint8_t plain[36],
	uint8_t out[LAYOUT_PRIV_WRITE_LEN]);
/* parent32 | head | SN8 | SN01: the MAC that authorises a DeriveKey. */
void layout_derive_mac(const struct part *p, const struct part_call *c, const uint8_t parent[32],
	uint8_t out[LAYOUT_DERIVE_MAC_LEN]);

/* MAC's and CheckMac's: first32 | second32 | head | otp[0..7] | otp[8..10] | SN8 | middle | SN01 | end. What is left out of it is 00. */
struct layout_mac {
	const uint8_t *first, *second; /* 32 bytes each */
	uint8_t head[4];
	uint8_t otp[11];
	uint8_t middle[4], end[2]; /* SN[4..7], SN[2..3] */
};
void layout_mac(const struct part *p, const struct layout_mac *m, uint8_t out[LAYOUT_MAC_LEN]);

/* iokey32 | message32 | nonce32 | signature64 | 45 | mode | param2 LE: Verify's answer is its SHA-256. */
struct layout_verify_mac {
	const uint8_t *io_key, *message, *nonce, *signature;
};
void layout_verify_mac(const struct part_call *c, const struct layout_verify_mac *m,
	uint8_t out[LAYOUT_VERIFY_MAC_LEN]);
/* pad32 | digest32 | signature64 or nothing (NULL) | head. Returns the length. */
size_t layout_boot_mac(const struct part_call *c, const uint8_t pad[32], const uint8_t digest[32],
	const uint8_t *signature, uint8_t out[LAYOUT_BOOT_MAC_MAX]);

/* SHA-256 of a message, which is wiped. */
void layout_digest(uint8_t *message, size_t len, uint8_t out[32]);

/* --- the IO protection key --- */

/* Its 32 bytes. NULL: ChipOptions has none. */
const uint8_t *part_io_key(const struct part *p);
/*
 * Output that only the holder of the IO protection key reads (ECDH, KDF): bytes XOR SHA-256(iokey32 | nonce16) for
 * each 32, with the first and then the second half of a fresh nonce. Appends bytes (32 or 64) and nonce to the answer. PART_EXECUTION: no such key.
 */
enum part_status part_io_put(
	const struct part *p, const uint8_t *bytes, size_t len, struct part_answer *out);

/* --- encrypted reads and writes, and their kin --- */

/* TempKey is a value of GenDig over this slot, fit to encrypt with: what an encrypted Read, Write or PrivWrite begins with. */
bool part_temp_is_of_key(const struct part *p, unsigned slot);
/*
 * A secret of a slot, 32 bytes, that is used as a key (MAC, CheckMac, GenDig, DeriveKey, HMAC): the slot holds no private
 * key, is enabled, and a nonce is there if it asks for one; a limited use is counted. NULL and *s: it may not.
 */
const uint8_t *part_secret_use(struct part *p, unsigned slot, enum part_status *s);
