#pragma once
/*
 * The host side of an ATECC608: its commands over any bus. Portable C for microcontrollers: no allocation, no files, no
 * clock (times are counted by the bus's pauses), nothing of the C library but memcpy, memset and memcmp.
 *
 *	atecc608_init -> atecc608_begin -> commands -> atecc608_end
 *
 * Every command wakes the part and leaves it idle, so that its watchdog (1.3 s from waking) never runs out
 * between two of them and TempKey stays; atecc608_end puts it to sleep. What the wire spoils is repeated a few times, every
 * wait is bounded. What needs TempKey over several commands (attest, sign, encrypted access) begins
 * again from its first command when TempKey may be gone.
 *
 * One user at a time a struct. A struct holds no secret; answers pass through its `frame`.
 */
#include <stdbool.h>

#include "device/element/bus.h"
#include "device/element/packet.h"

#define ATECC608_SERIAL_LEN 9
#define ATECC608_BLOCK_LEN 32
#define ATECC608_CONFIG_LEN 128
#define ATECC608_SLOTS 16
#define ATECC608_COUNTER_MAX 2097151

enum atecc608_status {
	ATECC608_OK = 0,
	/* The part's own word; nothing was done. */
	ATECC608_MISCOMPARE,  /* 01: a signature or a MAC does not match */
	ATECC608_PARSE,	      /* 03: no such command, mode, key or length */
	ATECC608_ECC_FAULT,   /* 05: it cannot compute with these numbers */
	ATECC608_SELF_TEST,   /* 07: it found itself faulty; only self_test works */
	ATECC608_HEALTH_TEST, /* 08: its random numbers are not good enough */
	ATECC608_REFUSED,     /* 0F: its policy, a lock, or the order of the commands forbids it */
	ATECC608_WATCHDOG,    /* EE, again and again */
	ATECC608_OTHER_WORD,  /* one that is not known; `word` has it */
	/* The wire's. Where a command is not repeated by itself, the first three leave open whether it was done. */
	ATECC608_GARBLED, /* counts or CRCs are wrong, again and again: noise, or two parts speak at once */
	ATECC608_LATE,	     /* it is there but did not answer in time */
	ATECC608_VANISHED,   /* it answered, and then nobody was there any more */
	ATECC608_NO_PART,    /* nobody answered at all */
	ATECC608_OTHER_PART, /* another serial number than before answers there */
	ATECC608_ASLEEP,     /* it fell asleep before it could be asked, again and again */
	ATECC608_BUS,	     /* the bus itself is broken */
	ATECC608_BAD_CALL    /* arguments that no part could take; a command without begin */
};

/* In plain words, static. */
const char *atecc608_status_text(enum atecc608_status s);

/* SHA-256 of `len` bytes, the platform's. */
typedef void atecc608_sha256(const uint8_t *bytes, size_t len, uint8_t out[32]);

struct atecc608 {
	const struct bus *bus;
	atecc608_sha256 *sha256; /* NULL: no encrypted reads and writes */
	uint8_t address;	 /* 8-bit form */
	/* The driver's; to be read only. */
	uint8_t word; /* the last status byte */
	bool is_begun, was_seen, serial_is_known;
	uint8_t serial[ATECC608_SERIAL_LEN];
	uint8_t revision[4];
	uint8_t frame[ATECC608_PACKET_MAX];
};

/* Borrows the bus. Nothing is sent yet. */
void atecc608_init(struct atecc608 *a, const struct bus *bus, uint8_t address);
/*
 * Takes the bus, wakes the part, reads serial number and revision. OTHER_PART when the struct knew another serial
 * number. After anything but OK the bus is free again.
 */
enum atecc608_status atecc608_begin(struct atecc608 *a);
/* To sleep (TempKey is gone), and the bus is free. Fine without begin. */
void atecc608_end(struct atecc608 *a);

/* --- any command ---------------------------------------------------------- */

struct atecc608_request {
	struct atecc608_packet packet;
	uint8_t *
		out; /* for the answer's data; may be NULL for a command that answers with a status only */
	size_t out_len;	    /* how many are wanted, exactly; another length is GARBLED */
	bool is_once;	    /* doing it twice is not the same as once */
	bool uses_temp_key; /* TempKey is wanted as the last command left it */
};
enum atecc608_status atecc608_command(struct atecc608 *a, struct atecc608_request *r);

/* --- memory ------------------------------------------------------------------ */

enum atecc608_zone { ATECC608_CONFIG = 0, ATECC608_OTP = 1, ATECC608_DATA = 2 };
enum { ATECC608_COUNTER_ZONE = 4, ATECC608_POLICY_ZONE = 5 }; /* of gen_dig */

/* Whole words: offset and len are multiples of 4. `slot` of the data zone only. */
struct atecc608_place {
	enum atecc608_zone zone;
	unsigned slot, offset;
};
enum atecc608_status atecc608_read(
	struct atecc608 *a, struct atecc608_place at, uint8_t *out, size_t len);
enum atecc608_status atecc608_write(
	struct atecc608 *a, struct atecc608_place at, const uint8_t *bytes, size_t len);
enum atecc608_status atecc608_config(struct atecc608 *a, uint8_t out[ATECC608_CONFIG_LEN]);
unsigned atecc608_slot_len(unsigned slot);

/* The key of a slot with encrypted access: its ReadKey or WriteKey. */
struct atecc608_access_key {
	unsigned slot;
	const uint8_t *key; /* 32 bytes */
	const uint8_t
		*randomness; /* 20 bytes of the host's, so that the wire's listener cannot replay */
};
/* One block of 32 bytes. BAD_CALL without sha256. */
enum atecc608_status atecc608_read_encrypted(struct atecc608 *a, unsigned slot, unsigned block,
	const struct atecc608_access_key *k, uint8_t out[32]);
enum atecc608_status atecc608_write_encrypted(struct atecc608 *a, unsigned slot, unsigned block,
	const struct atecc608_access_key *k, const uint8_t plain[32]);
/* A private number into a slot whose policy allows it. */
enum atecc608_status atecc608_priv_write(struct atecc608 *a, unsigned slot,
	const struct atecc608_access_key *k, const uint8_t number[32]);

/* --- for good: each looks afterwards whether it was done when the answer was lost --- */

enum atecc608_status atecc608_lock_slot(struct atecc608 *a, unsigned slot);
/* CONFIG or DATA (with OTP); `crc` is atecc608_crc over the zone's whole content, checked by the part. */
enum atecc608_status atecc608_lock_zone(struct atecc608 *a, enum atecc608_zone zone, uint16_t crc);
/* UserExtra (0) or UserExtraAdd (1, the bus address: `address` follows it). Once, while it is 00. */
enum atecc608_status atecc608_update_extra(struct atecc608 *a, unsigned which, uint8_t value);
/* Which: 0 or 1. One more where is_step, never two; REFUSED at ATECC608_COUNTER_MAX. */
enum atecc608_status atecc608_counter(
	struct atecc608 *a, unsigned which, bool is_step, uint32_t *value);

/* --- keys ------------------------------------------------------------------- */

enum atecc608_status atecc608_gen_key(struct atecc608 *a, unsigned slot, uint8_t point[64]);
/* REFUSED: no private key there. */
enum atecc608_status atecc608_public_key(struct atecc608 *a, unsigned slot, uint8_t point[64]);
/* ECDSA over the caller's digest, R || S. */
enum atecc608_status atecc608_sign(
	struct atecc608 *a, unsigned slot, const uint8_t digest[32], uint8_t signature[64]);
/*
 * A new key in the slot with the part's word for it: Nonce with num_in, GenKey 0C, Sign internal by slot 1
 * with the whole serial number.
 */
struct atecc608_attestation {
	uint8_t random[32], point[64], signature[64];
};
enum atecc608_status atecc608_attest(struct atecc608 *a, unsigned slot, const uint8_t num_in[20],
	struct atecc608_attestation *out);
/* By a key of the caller's; MISCOMPARE: it is not this key's signature. */
enum atecc608_status atecc608_verify(struct atecc608 *a, const uint8_t point[64],
	const uint8_t digest[32], const uint8_t signature[64]);
/* By the public key in a slot. */
enum atecc608_status atecc608_verify_stored(
	struct atecc608 *a, unsigned slot, const uint8_t digest[32], const uint8_t signature[64]);
/* The shared X, in the clear: REFUSED where the slot's policy sends it into another slot. */
enum atecc608_status atecc608_ecdh(
	struct atecc608 *a, unsigned slot, const uint8_t point[64], uint8_t out[32]);

/* --- numbers and digests --------------------------------------------------------- */

enum atecc608_status atecc608_random(struct atecc608 *a, uint8_t out[32]);
/* TempKey = SHA-256(out || num_in || 16 || 00 || 00). */
enum atecc608_status atecc608_nonce(struct atecc608 *a, const uint8_t num_in[20], uint8_t out[32]);
/* Pass-through of 32 or 64 bytes into TempKey (00), the message digest buffer (40) or the alternate key (80). */
enum atecc608_status atecc608_nonce_load(
	struct atecc608 *a, uint8_t target, const uint8_t *value, size_t len);
enum atecc608_status atecc608_info(
	struct atecc608 *a, uint8_t mode, uint16_t param2, uint8_t out[4]);
enum atecc608_status atecc608_sha(
	struct atecc608 *a, const uint8_t *bytes, size_t len, uint8_t out[32]);
/* `other`: 4 bytes for a NoMac slot, else NULL. */
enum atecc608_status atecc608_gen_dig(
	struct atecc608 *a, uint8_t zone, uint16_t key, const uint8_t *other);
/* `challenge`: 32 bytes where the mode takes one, else NULL. */
enum atecc608_status atecc608_mac(
	struct atecc608 *a, uint8_t mode, unsigned slot, const uint8_t *challenge, uint8_t out[32]);
struct atecc608_check {
	uint8_t mode;
	unsigned slot;
	const uint8_t *challenge, *response, *other; /* 32, 32, 13 bytes */
};
enum atecc608_status atecc608_check_mac(struct atecc608 *a, const struct atecc608_check *c);
/* `mac`: 32 bytes where the slot requires one, else NULL. */
enum atecc608_status atecc608_derive_key(
	struct atecc608 *a, uint8_t mode, unsigned slot, const uint8_t *mac);

/* Mode bits 6-7: which 16 bytes of the slot are the key; FFFF: TempKey. */
enum atecc608_status atecc608_aes(
	struct atecc608 *a, uint8_t mode, uint16_t key, const uint8_t in[16], uint8_t out[16]);
struct atecc608_kdf {
	uint8_t mode;
	uint8_t source_slot, target_slot;
	uint8_t details[4];
	const uint8_t *message;
	size_t message_len;
};
/* `out`: 32 or 64 bytes where the mode's target is the answer; out_len 0 else. */
enum atecc608_status atecc608_kdf(
	struct atecc608 *a, const struct atecc608_kdf *k, uint8_t *out, size_t out_len);
/* `signature`: NULL where the mode has none; `mac`: 32 bytes for the modes with bit 7, else NULL. */
enum atecc608_status atecc608_secure_boot(struct atecc608 *a, uint8_t mode,
	const uint8_t digest[32], const uint8_t *signature, uint8_t *mac);
/* `*failures`: which of the tests in `mode` failed, 00: none. While there are any, other commands end with ATECC608_SELF_TEST. */
enum atecc608_status atecc608_self_test(struct atecc608 *a, uint8_t mode, uint8_t *failures);
