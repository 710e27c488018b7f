/*
 * The driver and the virtual part, written apart from the same facts, against each other: every command by its own
 * function, checked by libcrypto; random commands against a twin that is spoken to directly; and faults in between.
 */
#include <stdlib.h>
#include <string.h>

#include "support.h"

#include "base/check.h"
#include "base/text.h"
#include "device/element/atecc608.h"
#include "device/virtual/p256.h"
#include "element/attestation.h"
#include "faulty_bus.h"
#include "part_bus.h"
#include "pki/key.h"

struct bench {
	struct part_bus part;
	struct faulty_bus faulty;
	struct atecc608 driver;
};

static void
digest(const uint8_t *bytes, size_t len, uint8_t out[32])
{
	sha256(span_of(bytes, len), out);
}

static void
bench_init(struct bench *b, const char *profile)
{
	part_bus_init(&b->part, profile);
	faulty_bus_init(&b->faulty, &b->part.bus, part_bus_sleep);
	faulty_bus_plan(&b->faulty, FAULT_NONE, 0);
	atecc608_init(&b->driver, &b->faulty.bus, part_address(&b->part.wire.part));
	b->driver.sha256 = digest;
}

static void
must(enum atecc608_status got, enum atecc608_status wanted, const char *what)
{
	if (got != wanted) {
		fail_msg("%s: %s, not: %s", what, atecc608_status_text(got),
			atecc608_status_text(wanted));
	}
}
#define MUST(call) must((call), ATECC608_OK, #call)
#define MUST_BE(status, call) must((call), ATECC608_##status, #call)

/* --- the operations: each checks what comes of it --- */

typedef enum atecc608_status operation(struct bench *b);

static enum atecc608_status
try_sign(struct bench *b)
{
	uint8_t point[64], message[32], signature[64];
	enum atecc608_status s = atecc608_public_key(&b->driver, 0, point);

	memset(message, 0x5C, sizeof(message));
	if (s == ATECC608_OK) {
		s = atecc608_sign(&b->driver, 0, message, signature);
	}
	if (s == ATECC608_OK) {
		assert_true(p256_verify(point, message, signature));
		s = atecc608_verify(&b->driver, point, message, signature);
	}
	if (s == ATECC608_OK) {
		message[0] ^= 1;
		s = atecc608_verify(&b->driver, point, message, signature);
		s = s == ATECC608_MISCOMPARE ? ATECC608_OK
		    : s == ATECC608_OK	     ? ATECC608_BAD_CALL
					     : s;
	}
	return s;
}

static enum atecc608_status
try_attest(struct bench *b)
{
	static const uint8_t num_in[20] = { 1, 2, 3 };
	const struct part *p = &b->part.wire.part;
	struct atecc608_claim claim = { .slot = 3 };
	struct atecc608_attestation a;
	uint8_t point[64], expected[32];
	enum atecc608_status s = atecc608_public_key(&b->driver, 1, point);

	if (s == ATECC608_OK) {
		s = atecc608_attest(&b->driver, 3, num_in, &a);
	}
	if (s == ATECC608_OK) {
		memcpy(claim.serial, b->driver.serial, sizeof(claim.serial));
		claim.slot_config = part_slot_config(p->memory.config, 3);
		claim.key_config = part_key_config(p->memory.config, 3);
		claim.slot_is_locked = part_slot_is_locked(p->memory.config, 3);
		atecc608_attestation_digest(&claim, num_in, a.random, a.point, expected);
		assert_true(p256_verify(point, expected, a.signature));
		s = atecc608_public_key(&b->driver, 3, point);
		assert_true(s != ATECC608_OK || memcmp(point, a.point, 64) == 0);
	}
	return s;
}

static enum atecc608_status
try_ecdh(struct bench *b)
{
	uint8_t number[32], point[64], of_slot[64], ours[32], theirs[32];
	enum atecc608_status s = atecc608_gen_key(&b->driver, 2, of_slot);

	assert_true(p256_generate(number, point));
	if (s == ATECC608_OK) {
		s = atecc608_ecdh(&b->driver, 2, point, theirs);
	}
	if (s == ATECC608_OK) {
		assert_true(p256_ecdh(number, of_slot, ours));
		assert_memory_equal(ours, theirs, 32);
	}
	return s;
}

static enum atecc608_status
try_sha(struct bench *b)
{
	uint8_t message[200], ours[32], theirs[32];
	enum atecc608_status s = ATECC608_OK;

	memset(message, 0x31, sizeof(message));
	for (size_t len = 0; s == ATECC608_OK && len <= sizeof(message); len += 40) {
		digest(message, len, ours);
		s = atecc608_sha(&b->driver, message, len, theirs);
		assert_true(s != ATECC608_OK || memcmp(ours, theirs, 32) == 0);
	}
	return s;
}

static enum atecc608_status
try_memory(struct bench *b)
{
	uint8_t written[416], read[416];
	const struct atecc608_place all = { .zone = ATECC608_DATA, .slot = 8 };
	const struct atecc608_place end = { .zone = ATECC608_DATA, .slot = 13, .offset = 64 };
	enum atecc608_status s;

	for (size_t i = 0; i < sizeof(written); i++) {
		written[i] = (uint8_t)(i * 7);
	}
	s = atecc608_write(&b->driver, all, written, sizeof(written));
	if (s == ATECC608_OK) {
		s = atecc608_read(&b->driver, all, read, sizeof(read));
		assert_true(s != ATECC608_OK || memcmp(written, read, sizeof(read)) == 0);
	}
	if (s == ATECC608_OK) {
		s = atecc608_write(&b->driver, end, written, 8);
	}
	if (s == ATECC608_OK) {
		s = atecc608_read(&b->driver, end, read, 8);
		assert_true(s != ATECC608_OK || memcmp(written, read, 8) == 0);
	}
	return s;
}

/* Slot 5 is written under slot 6's key, which is written in clear; AES shows whether it arrived. */
static enum atecc608_status
try_encrypted_write(struct bench *b)
{
	static const uint8_t access[32] = { 9, 8, 7 }, randomness[20] = { 4, 5 };
	const struct atecc608_place slot_6 = { .zone = ATECC608_DATA, .slot = 6 };
	const struct atecc608_access_key key = { 6, access, randomness };
	uint8_t secret[32];
	enum atecc608_status s = atecc608_write(&b->driver, slot_6, access, sizeof(access));

	memset(secret, 0x77, sizeof(secret));
	if (s == ATECC608_OK) {
		s = atecc608_write_encrypted(&b->driver, 5, 0, &key, secret);
	}
	if (s == ATECC608_OK) {
		assert_memory_equal(part_slot(&b->part.wire.part, 5), secret, 32);
	}
	return s;
}

static enum atecc608_status
try_counter(struct bench *b)
{
	uint32_t before, value;
	enum atecc608_status s = atecc608_counter(&b->driver, 1, false, &before);

	if (s == ATECC608_OK) {
		s = atecc608_counter(&b->driver, 1, true, &value);
		assert_true(s != ATECC608_OK || value == before + 1);
	}
	return s;
}

static enum atecc608_status
try_lock(struct bench *b)
{
	enum atecc608_status s = atecc608_lock_slot(&b->driver, 4);

	assert_true(s != ATECC608_OK || part_slot_is_locked(b->part.wire.part.memory.config, 4));
	return s;
}

static enum atecc608_status
try_address(struct bench *b)
{
	uint8_t config[ATECC608_CONFIG_LEN];
	enum atecc608_status s = atecc608_update_extra(&b->driver, 0, 0x11);

	if (s == ATECC608_OK) {
		s = atecc608_update_extra(&b->driver, 1, 0x70);
	}
	if (s == ATECC608_OK) {
		s = atecc608_config(&b->driver, config);
		assert_true(s != ATECC608_OK ||
			    memcmp(config, b->part.wire.part.memory.config, sizeof(config)) == 0);
	}
	return s;
}

static enum atecc608_status
try_small_things(struct bench *b)
{
	uint8_t random[32], again[32], word[4], failures = 0xFF;
	enum atecc608_status s = atecc608_random(&b->driver, random);

	if (s == ATECC608_OK) {
		s = atecc608_random(&b->driver, again);
		assert_true(s != ATECC608_OK || memcmp(random, again, 32) != 0);
	}
	if (s == ATECC608_OK) {
		s = atecc608_info(&b->driver, 0, 0, word);
		assert_true(s != ATECC608_OK || memcmp(word, b->driver.revision, 4) == 0);
	}
	if (s == ATECC608_OK) {
		s = atecc608_self_test(&b->driver, 0x3B, &failures);
		assert_true(s != ATECC608_OK || failures == 0);
	}
	return s;
}

/* A part that found itself faulty says which test it was, and does nothing else until that passes. */
static void
test_self_test_fails(void **state)
{
	static const uint8_t faults[] = { 0x01, 0x03, 0x08, 0x11, 0x3B };
	uint8_t failures, word[4];
	struct bench b;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(faults); i++) {
		bench_init(&b, "trustflex-tls");
		b.part.wire.part.faults = faults[i];
		MUST(atecc608_begin(&b.driver));
		MUST(atecc608_self_test(&b.driver, 0x3B, &failures));
		assert_int_equal(failures, faults[i]);
		MUST_BE(SELF_TEST, atecc608_info(&b.driver, 0, 0, word));
		MUST(atecc608_self_test(&b.driver, 0x3B, &failures)); /* woken with word 07 */
		assert_int_equal(failures, faults[i]);
		b.part.wire.part.faults = 0;
		MUST(atecc608_self_test(&b.driver, 0x3B, &failures));
		assert_int_equal(failures, 0);
		MUST(atecc608_info(&b.driver, 0, 0, word));
		atecc608_end(&b.driver);
	}
}

static const struct {
	const char *name;
	operation *run;
} operations[] = { { "sign", try_sign }, { "attest", try_attest }, { "ecdh", try_ecdh },
	{ "sha", try_sha }, { "memory", try_memory }, { "encrypted write", try_encrypted_write },
	{ "counter", try_counter }, { "lock", try_lock }, { "address", try_address },
	{ "small things", try_small_things } };

static enum atecc608_status
session(struct bench *b, operation *run)
{
	enum atecc608_status s = atecc608_begin(&b->driver);

	if (s == ATECC608_OK) {
		s = run(b);
		atecc608_end(&b->driver);
	}
	return s;
}

static void
test_each_command(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(operations); i++) {
		struct bench b;

		bench_init(&b, "trustflex-tls");
		must(session(&b, operations[i].run), ATECC608_OK, operations[i].name);
		assert_int_equal(b.part.wire.part.live.power, PART_ASLEEP);
	}
}

/* What passes is got over, at whatever call. Each second call: real cryptography takes its time. */
static void
test_each_command_with_faults(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(operations); i++) {
		struct bench b;
		unsigned calls;

		bench_init(&b, "trustflex-tls");
		must(session(&b, operations[i].run), ATECC608_OK, operations[i].name);
		calls = b.faulty.calls;
		for (unsigned at = 0; at < calls; at += 1 + calls / 60) {
			enum bus_fault fault = (enum bus_fault)(1 + at % (FAULT_ONCE_COUNT - 1));
			enum atecc608_status s;

			bench_init(&b, "trustflex-tls");
			faulty_bus_plan(&b.faulty, fault, at);
			s = session(&b, operations[i].run);
			if (s != ATECC608_OK) {
				fail_msg("%s, fault %d at call %u: %s", operations[i].name, fault,
					at, atecc608_status_text(s));
			}
		}
	}
}

static void
test_refusals(void **state)
{
	static const uint8_t key[32] = { 1 }, wrong[32] = { 2 }, randomness[20];
	const struct atecc608_place slot_6 = { .zone = ATECC608_DATA, .slot = 6 };
	const struct atecc608_access_key access = { 6, wrong, randomness };
	uint8_t out[64];
	struct bench b;

	(void)state;
	bench_init(&b, "trustflex-tls");
	MUST(atecc608_begin(&b.driver));
	MUST_BE(REFUSED, atecc608_gen_key(&b.driver, 0, out));
	MUST_BE(REFUSED, atecc608_gen_key(&b.driver, 1, out));
	MUST_BE(REFUSED, atecc608_sign(&b.driver, 1, key, out));
	MUST_BE(REFUSED, atecc608_lock_slot(&b.driver, 0));
	MUST_BE(REFUSED, atecc608_read(&b.driver, slot_6, out, 32));
	MUST(atecc608_write(&b.driver, slot_6, key, 32));
	MUST_BE(REFUSED, atecc608_write_encrypted(&b.driver, 5, 0, &access, key));
	MUST(atecc608_lock_slot(&b.driver, 2));
	MUST_BE(REFUSED, atecc608_lock_slot(&b.driver, 2));
	MUST_BE(REFUSED, atecc608_gen_key(&b.driver, 2, out));
	MUST(atecc608_update_extra(&b.driver, 0, 0x44));
	MUST_BE(REFUSED, atecc608_update_extra(&b.driver, 0, 0x45));
	atecc608_end(&b.driver);
}

/* A blank part is configured and locked, its zones checked by their CRC. */
static void
test_a_blank_part(void **state)
{
	const struct part_profile *like = part_profile_find("trustflex-tls");
	uint8_t config[ATECC608_CONFIG_LEN];
	struct atecc608_place words = { .zone = ATECC608_CONFIG, .offset = 20 };
	struct bench b;

	(void)state;
	bench_init(&b, "blank");
	MUST(atecc608_begin(&b.driver));
	MUST(atecc608_write(&b.driver, words, like->config + 20, 32));
	words.offset = 96;
	MUST(atecc608_write(&b.driver, words, like->config + 96, 32));
	MUST(atecc608_config(&b.driver, config));
	assert_memory_equal(config + 20, like->config + 20, 32);
	assert_memory_equal(config + 96, like->config + 96, 32);
	MUST_BE(REFUSED, atecc608_lock_zone(&b.driver, ATECC608_CONFIG,
				 (uint16_t)(atecc608_crc(config, sizeof(config)) ^ 1)));
	MUST(atecc608_lock_zone(&b.driver, ATECC608_CONFIG, atecc608_crc(config, sizeof(config))));
	atecc608_end(&b.driver);
	assert_int_equal(b.part.wire.part.memory.config[87], 0);
}

/* --- random commands --- */

struct generator {
	uint64_t state;
};

static uint32_t
any(struct generator *g, uint32_t count)
{
	g->state = g->state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(g->state >> 33) % count;
}

/* What the chip would take, by mode and length; the slot and the content are whatever comes. */
static const struct {
	uint8_t opcode, param1;
	uint16_t param2_most; /* of slots or the like, 0 up to this */
	uint8_t len;
} likely[] = { { 0x02, 0x80, 24, 0 }, { 0x02, 0x82, 0x78, 0 }, { 0x02, 0x02, 0x7F, 0 },
	{ 0x02, 0x00, 31, 0 }, { 0x02, 0x01, 15, 0 }, { 0x12, 0x82, 0x78, 32 },
	{ 0x12, 0x02, 0x7F, 4 }, { 0x12, 0x00, 31, 4 }, { 0x12, 0x80, 24, 32 },
	{ 0x12, 0xC2, 0x78, 64 }, { 0x12, 0x01, 15, 4 }, { 0x16, 0x00, 0, 20 },
	{ 0x16, 0x01, 0, 20 }, { 0x16, 0x03, 0, 32 }, { 0x16, 0x43, 0, 32 }, { 0x16, 0x63, 0, 64 },
	{ 0x16, 0x83, 0, 32 }, { 0x1B, 0x00, 0, 0 }, { 0x24, 0x00, 1, 0 }, { 0x24, 0x01, 1, 0 },
	{ 0x30, 0x00, 0, 0 }, { 0x30, 0x01, 15, 0 }, { 0x30, 0x02, 0, 0 }, { 0x30, 0x04, 3, 0 },
	{ 0x40, 0x00, 15, 0 }, { 0x40, 0x04, 15, 0 }, { 0x40, 0x0C, 15, 0 }, { 0x40, 0x08, 15, 0 },
	{ 0x40, 0x10, 15, 3 }, { 0x41, 0x80, 15, 0 }, { 0x41, 0x40, 15, 0 }, { 0x41, 0xA0, 15, 0 },
	{ 0x41, 0x00, 15, 0 }, { 0x43, 0x0C, 15, 64 }, { 0x43, 0x08, 15, 64 },
	{ 0x45, 0x00, 15, 64 }, { 0x45, 0x02, 4, 128 }, { 0x15, 0x02, 15, 0 }, { 0x15, 0x00, 3, 0 },
	{ 0x15, 0x01, 1, 0 }, { 0x15, 0x04, 1, 0 }, { 0x15, 0x05, 15, 0 }, { 0x08, 0x00, 15, 32 },
	{ 0x08, 0x01, 15, 0 }, { 0x08, 0x41, 15, 0 }, { 0x28, 0x00, 15, 77 },
	{ 0x28, 0x01, 15, 77 }, { 0x1C, 0x00, 15, 0 }, { 0x1C, 0x04, 15, 0 },
	{ 0x46, 0x40, 15, 68 }, { 0x46, 0x00, 15, 36 }, { 0x47, 0x00, 0, 0 },
	{ 0x47, 0x01, 64, 64 }, { 0x47, 0x02, 20, 20 }, { 0x47, 0x04, 15, 0 }, { 0x47, 0x06, 0, 0 },
	{ 0x51, 0x00, 15, 16 }, { 0x51, 0x01, 15, 16 }, { 0x51, 0x03, 0, 16 },
	{ 0x56, 0x00, 15, 36 }, { 0x56, 0x40, 15, 36 }, { 0x56, 0x30, 15, 36 },
	{ 0x77, 0x3B, 0, 0 }, { 0x80, 0x05, 0, 96 }, { 0x80, 0x06, 0, 32 }, { 0x17, 0x02, 0, 0 },
	{ 0x17, 0x12, 0, 0 }, { 0x17, 0x80, 0, 0 }, { 0x20, 0x00, 0xFE, 0 } };

static void
likely_request(struct generator *g, struct atecc608_packet *out)
{
	size_t i = any(g, COUNT_OF(likely));

	out->opcode = likely[i].opcode;
	out->param1 = likely[i].param1;
	out->param2 = (uint16_t)any(g, likely[i].param2_most + 1u);
	/* Where a length stands in param2, or the bits of a slot and a block. */
	if (likely[i].opcode == 0x47 && likely[i].len > 0) {
		out->param2 = likely[i].len;
	} else if (likely[i].param2_most == 0x78 || likely[i].param2_most == 24) {
		out->param2 &= 0xFFF8;
	}
	out->data[0].len = likely[i].len;
}

/* One in three is any bytes at all. */
static void
random_request(struct generator *g, uint8_t data[ATECC608_DATA_MAX], struct atecc608_packet *out)
{
	static const uint8_t lens[] = { 0, 0, 0, 3, 4, 13, 16, 20, 32, 36, 64, 68, 77, 96, 99, 128,
		148 };

	*out = (struct atecc608_packet){ .opcode = likely[any(g, COUNT_OF(likely))].opcode,
		.param1 = (uint8_t)any(g, 256),
		.param2 = (uint16_t)any(g, any(g, 2) == 0 ? 65536 : 16) };
	out->data[0].len = lens[any(g, sizeof(lens))];
	if (any(g, 3) != 0) {
		likely_request(g, out);
	}
	for (size_t i = 0; i < ATECC608_DATA_MAX; i++) {
		data[i] = (uint8_t)any(g, 256);
	}
	out->data[0].bytes = data;
}

/* Each command that there is stands in the table. */
static void
test_table(void **state)
{
	(void)state;
	for (size_t i = 0; part_command_at(i) != NULL; i++) {
		bool is_there = false;

		for (size_t k = 0; k < COUNT_OF(likely); k++) {
			is_there = is_there || likely[k].opcode == part_command_at(i)->opcode;
		}
		assert_true(is_there);
	}
}

/* The same packet to a twin, without a driver. */
static size_t
tell_twin(struct part *twin, const struct atecc608_packet *p, int64_t now_ms,
	uint8_t answer[PART_ANSWER_MAX])
{
	uint8_t packet[ATECC608_PACKET_MAX];
	size_t len = atecc608_packet_write(p, packet);

	part_wake(twin, now_ms);
	len = part_execute(twin, packet, len, now_ms, answer);
	part_idle(twin);
	return len;
}

/* How many bytes of data it would answer with. */
static size_t
answer_len(const struct part *p, const struct atecc608_packet *packet, int64_t now_ms)
{
	uint8_t answer[PART_ANSWER_MAX];
	struct part twin = *p;
	size_t len = tell_twin(&twin, packet, now_ms, answer);

	return len > 4 ? len - 3 : 0;
}

static bool
is_random(uint8_t opcode)
{
	static const uint8_t fixed[] = { 0x02, 0x24, 0x30, 0x47, 0x77, 0x17, 0x20 };

	return memchr(fixed, opcode, sizeof(fixed)) == NULL;
}

static void
compare(const struct bench *b, const struct part *twin, const struct atecc608_packet *p,
	enum atecc608_status s, const struct atecc608_request *r, const uint8_t *answer, size_t len)
{
	bool is_word = len == 4;

	if (b->driver.word != (is_word ? answer[1] : 0) || r->out_len != (is_word ? 0 : len - 3)) {
		fail_msg("%02x %02x %04x, %zu bytes: the driver has word %02x and %zu bytes, the "
			 "twin "
			 "%zu, %02x",
			p->opcode, p->param1, p->param2, p->data[0].len, b->driver.word, r->out_len,
			len, answer[1]);
	}
	if (s == ATECC608_OK && !is_word && !is_random(p->opcode)) {
		assert_memory_equal(r->out, answer + 1, r->out_len);
	}
	assert_memory_equal(b->part.wire.part.memory.config, twin->memory.config, PART_CONFIG_LEN);
	assert_memory_equal(b->part.wire.part.memory.otp, twin->memory.otp, PART_OTP_LEN);
	assert_int_equal(b->part.wire.part.live.temp.is_valid, twin->live.temp.is_valid);
	assert_int_equal(b->part.wire.part.live.temp.is_gen_key, twin->live.temp.is_gen_key);
	assert_int_equal(b->part.wire.part.live.temp.is_gen_dig, twin->live.temp.is_gen_dig);
	/* Behind a new address nobody heard that it should idle. */
	assert_true(b->part.wire.part.live.power == twin->live.power ||
		    b->driver.address != part_address(&b->part.wire.part));
}

static void
test_random_commands(void **state)
{
	static const char *const profiles[] = { "trustflex-tls", "blank", "trustngo-tls",
		"trustflex-tls-locked" };
	struct generator g = { 20261124 };
	unsigned done = 0, with_data = 0;

	(void)state;
	for (unsigned round = 0; round < 40; round++) {
		struct bench b;

		bench_init(&b, profiles[round % COUNT_OF(profiles)]);
		MUST(atecc608_begin(&b.driver));
		for (unsigned i = 0; i < 150; i++) {
			uint8_t data[ATECC608_DATA_MAX], out[ATECC608_ANSWER_MAX];
			uint8_t answer[PART_ANSWER_MAX];
			struct atecc608_request r = { .out = out };
			struct part twin = b.part.wire.part;
			enum atecc608_status s;
			size_t len;

			random_request(&g, data, &r.packet);
			r.out_len = answer_len(&twin, &r.packet, (int64_t)(b.part.now_us / 1000));
			b.driver.address = part_address(&b.part.wire.part);
			s = atecc608_command(&b.driver, &r);
			len = tell_twin(&twin, &r.packet, (int64_t)(b.part.now_us / 1000), answer);
			compare(&b, &twin, &r.packet, s, &r, answer, len);
			done += s == ATECC608_OK;
			with_data += s == ATECC608_OK && r.out_len > 0;
		}
	}
	print_message(
		"# %u of 6000 commands were carried out, %u with an answer\n", done, with_data);
	assert_true(done > 600 && with_data > 200);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_self_test_fails),
		cmocka_unit_test(test_each_command),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_a_blank_part),
		cmocka_unit_test(test_each_command_with_faults),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_random_commands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
