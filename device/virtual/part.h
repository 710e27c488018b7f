#pragma once
/*
 * One virtual ATECC608: memory, what is lost when the power goes, and the command set. Bytes in, bytes out: no sockets, no
 * files, no waiting (bus_server.c, shelf.c and wire.c have those). One thread at a time a part.
 *
 *	packet   count | opcode | param1 | param2 LE | data | CRC LE      count has all of it, 7 at the least
 *	answer   count | data, or one status byte | CRC LE
 *
 * Memory is exactly the chip's: configuration 128, data 1208, OTP 64 bytes. Private keys live in their slots
 * (4 zero bytes, then the number), so that what a command could leak is what the chip could.
 */
#include "base/span.h"
#include "base/status.h"
#include "element/part_profile.h"

#define PART_DATA_LEN 1208
#define PART_PACKET_MAX \
	155 /* the chip's longest: count is one byte, KDF and Verify stay below it */
#define PART_ANSWER_MAX 102
#define PART_ANSWER_DATA_MAX 99 /* SHA's context: 4 + 32 + 63; KDF has 64 + 32 */

/* The chip's own words, as they stand in an answer. */
enum part_status {
	PART_OK = 0x00,
	PART_MISCOMPARE = 0x01,
	PART_PARSE = 0x03,
	PART_ECC_FAULT = 0x05,
	PART_SELF_TEST = 0x07,
	PART_HEALTH_TEST = 0x08,
	PART_EXECUTION = 0x0F,
	PART_AFTER_WAKE = 0x11,
	PART_WATCHDOG = 0xEE,
	PART_CRC = 0xFF
};

enum part_power { PART_ASLEEP, PART_IDLE, PART_AWAKE };

/* What survives. Kept as it is by state_file. */
struct part_memory {
	uint8_t config[PART_CONFIG_LEN];
	uint8_t data[PART_DATA_LEN];
	uint8_t otp[PART_OTP_LEN];
};

/* Where TempKey came from; the flags of Sign's and Info's byte. */
struct part_temp_key {
	uint8_t value[64]; /* 32 in use, 64 by Nonce pass-through */
	bool is_valid, is_64;
	uint8_t key_id;	      /* of GenKey or GenDig */
	bool source_is_input; /* SourceFlag: 1 pass-through, 0 random */
	bool is_gen_dig, is_gen_key, no_mac;
	bool is_of_slot; /* by GenDig over the data slot key_id: what encrypted reads and writes need */
	bool is_private; /* GenKey FFFF: it holds an ephemeral private key */
};

struct part_sha {
	uint8_t context
		[128]; /* the implementation's own, plain bytes: Read Context gives them out in the chip's layout */
	bool is_running, is_hmac;
	uint32_t length;
	uint8_t pending[64];
	uint8_t pending_len;
};

/* What does not. */
struct part_volatile {
	enum part_power power;
	int64_t awake_until_ms; /* the watchdog */
	struct part_temp_key temp;
	uint8_t digest_buffer[64];
	bool digest_buffer_is_valid;
	uint8_t alternate_key[32];
	bool alternate_key_is_valid;
	bool latch_is_set;  /* PersistentDisable's: survives sleep, not the loss of power */
	bool is_authorized; /* a key with ReqAuth may be used: its AuthKey is authorized_by */
	uint8_t authorized_by;
	struct part_sha sha;
	uint8_t self_test; /* failures found, 00: none; while there are any, only SelfTest works */
};

struct part {
	struct part_memory memory;
	struct part_volatile live;
	bool is_changed; /* memory was written since the owner cleared it: to be kept before the answer goes out */
	uint8_t faults; /* of SelfTest's tests: these always fail, as on a chip that broke. The owner's; nothing keeps it. */
};

struct part_call {
	uint8_t opcode, param1;
	uint16_t param2;
	const uint8_t *data;
	size_t data_len;
};
struct part_answer {
	uint8_t data[PART_ANSWER_DATA_MAX];
	size_t len; /* 0: the status byte is the answer */
};

/* One command. Anything but PART_OK and PART_MISCOMPARE leaves the part as it was, whatever the handler did to it:
 * part_execute sees to that. */
typedef enum part_status part_handler(
	struct part *p, const struct part_call *c, struct part_answer *out);

struct part_command {
	uint8_t opcode;
	const char *name; /* "GenKey" */
	uint16_t wait_ms; /* the chip maker's wait time, for realistic delays */
	part_handler *handler;
};
/* NULL: no such command (the answer is a parse error). */
const struct part_command *part_command_find(uint8_t opcode);
const struct part_command *part_command_at(size_t i); /* NULL after the last */

/* A part as shipped: the profile's memory, this serial number, keys made where the profile has the chip maker make them
 * (slots 0 to 4). `serial[0..1]` is 01 23, [8] is 01. CRYPTO. */
MUST_USE status part_make(const struct part_profile *profile, const uint8_t serial[9],
	struct part *out, struct diag *d);
/* From a kept memory: asleep. BAD_INPUT if it is none that a part could have. */
MUST_USE status part_restore(const struct part_memory *m, struct part *out, struct diag *d);
void part_serial(const struct part *p, uint8_t out[9]);
uint8_t part_address(const struct part *p); /* 8-bit form: UserExtraAdd once it is set */

/* Power and time. `now_ms` is any monotonic clock. A part that is awake stays so for PART_WATCHDOG_MS, whoever wakes it
 * again meanwhile; then it falls asleep, and forgets as it does by part_sleep. */
#define PART_WATCHDOG_MS 1300
bool part_is_awake(struct part *p, int64_t now_ms); /* after the watchdog has had its say */
void part_wake(struct part *p, int64_t now_ms);
void part_idle(struct part *p);
void part_sleep(struct part *p);
void part_power_cycle(struct part *p);

/*
 * One packet, whatever its bytes; the whole answer, its length returned. A part that is not awake, or whose watchdog has
 * run out by now_ms, answers nothing: 0. Wrong count or CRC: the status frame FF; a wrong command: 03; one whose wait time
 * the watchdog does not leave: EE. After anything but PART_OK and PART_MISCOMPARE the part is as it was before.
 */
size_t part_execute(struct part *p, const uint8_t *packet, size_t len, int64_t now_ms,
	uint8_t answer[PART_ANSWER_MAX]);

uint16_t part_crc(const uint8_t *bytes, size_t len);
/* An answer that is this status alone. Returns its length. */
size_t part_status_frame(enum part_status s, uint8_t answer[PART_ANSWER_MAX]);
/* The bit of one of SelfTest's tests: "random", "ecdsa", "ecdh", "aes", "sha". 0: there is none of this name. */
uint8_t part_self_test_bit(span name);

/* --- for the commands' files --- */

bool part_config_is_locked(const struct part *p);
bool part_data_is_locked(const struct part *p);
/* The slot's bytes in memory.data; its size is part_slot_size's. To write: part_slot_put, which notes the change. */
const uint8_t *part_slot(const struct part *p, unsigned slot);
/* Within the slot; the caller has seen to policy and length. */
void part_slot_put(struct part *p, unsigned slot, size_t at, const uint8_t *bytes, size_t len);
/* The number of a private P-256 key that is there. NULL: no private key's slot, or none was made yet. */
const uint8_t *part_private_key(const struct part *p, unsigned slot);
/* X || Y out of a 72-byte slot's layout (4 zero bytes, X, 4 zero bytes, Y). */
void part_public_key(const struct part *p, unsigned slot, uint8_t point[64]);
/* An authorization by this slot's key: CheckMac and Verify. */
void part_authorize(struct part *p, unsigned slot);
/* Counter 0 or 1; PART_COUNTER_MAX is the last. */
#define PART_COUNTER_MAX 2097151u
uint32_t part_counter_get(const struct part *p, unsigned counter);
void part_counter_put(struct part *p, unsigned counter, uint32_t value);
/* TempKey holds a value of one call now: 32 bytes, from `source`. */
enum part_temp_source { PART_TEMP_RANDOM = 0, PART_TEMP_INPUT = 1 };
void part_temp_set(struct part *p, const uint8_t value[32], enum part_temp_source source);
/* KeyID | source << 4 | GenDig << 5 | GenKey << 6 | NoMac << 7: of Sign's message and Info's state. */
uint8_t part_temp_flags(const struct part *p);
void part_temp_forget(struct part *p);
/* The message digest buffer holds these bytes now, 64 at most, 00 behind them. */
void part_digest_buffer_set(struct part *p, const uint8_t *bytes, size_t len);
/* 32 random bytes; FFFF0000 repeated until the configuration is locked. */
void part_random(const struct part *p, uint8_t out[32]);
/* A limited-use key or secret is about to be used: counts, or PART_EXECUTION when it is used up. */
enum part_status part_use_limited(struct part *p, unsigned slot);
/* The slot is usable now as regards PersistentDisable and ReqAuth. */
bool part_slot_is_enabled(const struct part *p, unsigned slot);
