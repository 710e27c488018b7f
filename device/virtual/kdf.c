/*
 * KDF: one step of a key schedule.
 *
 *	mode    b0-1 key from: 0 TempKey, 1 its upper half, 2 slot (param2's low byte), 3 alternate key
 *	        b2-4 result to: 0 TempKey, 1 its upper half, 2 slot (param2's high byte), 3 alternate key, 4 answer, 5 answer, encrypted
 *	        b5-6 0 PRF, 1 AES, 2 HKDF
 *	data    details u32 LE | message
 *	details b24-31 the message's length
 *	        PRF   b0-1 the key's length: 16, 32, 48, 64   b8 64 bytes of result, not 32       P_SHA256 of RFC 5246 5
 *	        AES   b0-1 which 16 bytes are the key                                             one block
 *	        HKDF  b0-1 message: 0 slot (b8-11), 1 TempKey, 2 here, 3 here, holding the IV string  b2 key is 32 zero bytes
 *	              one HMAC, which is Extract of RFC 5869, and Expand's first block when 01 ends the message
 *
 * Inferred: messages have up to 128 bytes; a slot's or TempKey's own length 0 stands for 32; AES's 16 bytes are followed by 16 zeros; a
 * target slot has KeyConfig's PubInfo and no key of P-256; ChipOptions b10-11: 0 all targets, 1 no clear answer,
 * 2 and 3 no answer; PRF's special mode for AEAD is not there.
 */
#include <openssl/crypto.h>

#include "device/virtual/aes_block.h"
#include "device/virtual/commands.h"
#include "device/virtual/layouts.h"
#include "device/virtual/policy.h"
#include "pki/key.h"

#define DETAILS_LEN 4
#define MESSAGE_MAX 128
#define PRF_LONG 0x0100u
#define HKDF_ZERO_KEY 0x04u

enum source { FROM_TEMP, FROM_TEMP_UPPER, FROM_SLOT, FROM_ALTERNATE };
enum target { TO_TEMP, TO_TEMP_UPPER, TO_SLOT, TO_ALTERNATE, TO_ANSWER, TO_ANSWER_ENCRYPTED };
enum algorithm { PRF, AES, HKDF, ALGORITHMS };
enum message_at { AT_SLOT, AT_TEMP, AT_HERE, AT_HERE_WITH_IV };

struct step {
	enum source source;
	enum target target;
	enum algorithm algorithm;
	uint32_t details;
	unsigned from_slot, to_slot;
	span key, message;
	uint8_t result[64];
	size_t result_len;
};

/* The bits of details that an algorithm knows, without the length. */
static const uint32_t known_details[ALGORITHMS] = { 0x0103, 0x0003, 0x0F07 };

/* --- what the call says --- */

static bool
message_is_here(const struct step *k)
{
	return k->algorithm != HKDF || (k->details & 3) >= AT_HERE;
}

static bool
read_details(const struct part_call *c, struct step *k)
{
	size_t len;

	if (c->data_len < DETAILS_LEN) {
		return false;
	}
	k->details = (uint32_t)c->data[0] | (uint32_t)c->data[1] << 8 | (uint32_t)c->data[2] << 16;
	len = c->data[3];
	k->message = span_of(c->data + DETAILS_LEN, len);
	if (k->algorithm == AES && len == 0) {
		k->message.len = 16;
	}
	if ((k->details & ~known_details[k->algorithm]) != 0 || k->message.len > MESSAGE_MAX ||
		(k->algorithm == AES && k->message.len != 16)) {
		return false;
	}
	return c->data_len - DETAILS_LEN == (message_is_here(k) ? k->message.len : 0);
}

static bool
read_call(const struct part_call *c, struct step *k)
{
	*k = (struct step){ .source = (enum source)(c->param1 & 3),
		.target = (enum target)(c->param1 >> 2 & 7),
		.algorithm = (enum algorithm)(c->param1 >> 5 & 3),
		.from_slot = c->param2 & 0xFF,
		.to_slot = c->param2 >> 8,
		.result_len = 32 };
	if ((c->param1 & 0x80) != 0 || k->algorithm == ALGORITHMS ||
		k->target > TO_ANSWER_ENCRYPTED || !read_details(c, k) ||
		(k->source == FROM_SLOT && k->from_slot >= PART_SLOTS) ||
		(k->target == TO_SLOT && k->to_slot >= PART_SLOTS)) {
		return false;
	}
	if (k->algorithm == PRF && (k->details & PRF_LONG) != 0) {
		k->result_len = 64;
		return k->target != TO_TEMP_UPPER && k->target != TO_ALTERNATE;
	}
	return true;
}

/* --- where the key and the message are --- */

static span
temp_bytes(const struct part *p)
{
	const struct part_temp_key *t = &p->live.temp;

	if (!t->is_valid || t->is_private || t->no_mac) {
		return (span){ NULL, 0 };
	}
	return span_of(t->value, t->is_64 ? 64 : 32);
}

/* A secret of a slot, whole. Empty: it may not be used for this. */
static span
slot_bytes(struct part *p, unsigned slot)
{
	enum part_status s;
	const uint8_t *secret;

	if (!part_data_is_locked(p) || slot_policy_has(p, slot, SLOT_NO_MAC) ||
		slot_key_type(p, slot) == PART_KEY_TYPE_P256) {
		return (span){ NULL, 0 };
	}
	secret = part_secret_use(p, slot, &s);
	return secret != NULL ? span_of(secret, part_slot_size(slot)) : (span){ NULL, 0 };
}

static span
source_bytes(struct part *p, const struct step *k)
{
	switch (k->source) {
	case FROM_TEMP:
		return temp_bytes(p);
	case FROM_TEMP_UPPER:
		return span_slice(temp_bytes(p), 32, 32);
	case FROM_SLOT:
		if (k->algorithm == AES && slot_key_type(p, k->from_slot) != PART_KEY_TYPE_AES) {
			break;
		}
		return slot_bytes(p, k->from_slot);
	case FROM_ALTERNATE:
		if (p->live.alternate_key_is_valid) {
			return SPAN_ARRAY(p->live.alternate_key);
		}
		break;
	}
	return (span){ NULL, 0 };
}

static bool
find_key(struct part *p, struct step *k)
{
	static const uint8_t zeros[32];
	size_t at = 0, len = 32;
	span bytes;

	if (k->algorithm == HKDF && (k->details & HKDF_ZERO_KEY) != 0) {
		k->key = SPAN_ARRAY(zeros);
		return true;
	}
	if (k->algorithm == PRF) {
		len = 16 * ((k->details & 3) + 1);
	} else if (k->algorithm == AES) {
		at = (size_t)16 * (k->details & 3);
		len = 16;
	}
	bytes = source_bytes(p, k);
	k->key = span_slice(bytes, at, len);
	return k->key.len == len;
}

/* KdfIvStr stands in the message at KdfIvLoc. */
static bool
has_iv(const struct part *p, span message)
{
	const uint8_t *iv = p->memory.config + CONFIG_KDF_IV_AT;

	return span_equal(span_slice(message, iv[0], 2), span_of(iv + 1, 2));
}

static bool
find_message(struct part *p, struct step *k)
{
	size_t len = k->message.len > 0 ? k->message.len : 32;
	span bytes;

	if (message_is_here(k)) {
		return k->algorithm != HKDF || (k->details & 3) != AT_HERE_WITH_IV ||
		       has_iv(p, k->message);
	}
	bytes = (k->details & 3) == AT_TEMP ? temp_bytes(p) : slot_bytes(p, k->details >> 8 & 15);
	k->message = span_slice(bytes, 0, len);
	return k->message.len == len;
}

/* --- the result --- */

/* P_SHA256: A(1) = HMAC(seed), A(2) = HMAC(A(1)); a block = HMAC(A(i) | seed). */
static void
prf(struct step *k)
{
	uint8_t input[32 + MESSAGE_MAX];
	size_t len = 32 + k->message.len;

	memcpy(input + 32, k->message.data, k->message.len);
	hmac_sha256(k->key, k->message, input);
	for (size_t at = 0; at < k->result_len; at += 32) {
		uint8_t next[32];

		hmac_sha256(k->key, span_of(input, len), k->result + at);
		hmac_sha256(k->key, span_of(input, 32), next);
		memcpy(input, next, sizeof(next));
	}
	OPENSSL_cleanse(input, sizeof(input));
}

static bool
compute(struct step *k)
{
	switch (k->algorithm) {
	case PRF:
		prf(k);
		return true;
	case AES:
		return aes_block(k->key.data, k->message.data, true, k->result);
	default:
		hmac_sha256(k->key, k->message, k->result);
		return true;
	}
}

static enum part_status
put_slot(struct part *p, const struct step *k)
{
	if (!part_data_is_locked(p) || key_policy_has(p, k->to_slot, PART_KEY_IS_PRIVATE) ||
		!key_policy_has(p, k->to_slot, KEY_PUB_INFO) ||
		slot_key_type(p, k->to_slot) == PART_KEY_TYPE_P256 ||
		part_slot_is_locked(p->memory.config, k->to_slot) ||
		part_slot_size(k->to_slot) < k->result_len) {
		return PART_EXECUTION;
	}
	part_slot_put(p, k->to_slot, 0, k->result, k->result_len);
	return PART_OK;
}

static enum part_status
put_temp(struct part *p, const struct step *k)
{
	struct part_temp_key *t = &p->live.temp;

	if (k->target == TO_TEMP) {
		part_temp_set(p, k->result, PART_TEMP_INPUT);
		memcpy(t->value, k->result, k->result_len);
		t->is_64 = k->result_len == 64;
		return PART_OK;
	}
	if (!t->is_valid || t->is_private) {
		return PART_EXECUTION;
	}
	memcpy(t->value + 32, k->result, 32);
	t->is_64 = true;
	return PART_OK;
}

static enum part_status
put(struct part *p, const struct step *k, struct part_answer *out)
{
	unsigned protection = config_u16(p, CONFIG_OPTIONS_AT) >> 10 & 3;

	switch (k->target) {
	case TO_TEMP:
	case TO_TEMP_UPPER:
		return put_temp(p, k);
	case TO_SLOT:
		return put_slot(p, k);
	case TO_ALTERNATE:
		memcpy(p->live.alternate_key, k->result, 32);
		p->live.alternate_key_is_valid = true;
		return PART_OK;
	case TO_ANSWER:
		if (protection != 0) {
			return PART_EXECUTION;
		}
		memcpy(out->data, k->result, k->result_len);
		out->len = k->result_len;
		return PART_OK;
	case TO_ANSWER_ENCRYPTED:
		return protection < 2 ? part_io_put(p, k->result, k->result_len, out)
				      : PART_EXECUTION;
	}
	return PART_PARSE;
}

enum part_status
part_kdf(struct part *p, const struct part_call *c, struct part_answer *out)
{
	enum part_status s = PART_EXECUTION;
	struct step k;

	if (!read_call(c, &k)) {
		return PART_PARSE;
	}
	if (!part_config_is_locked(p) ||
		(k.algorithm == AES &&
			((config_u16(p, CONFIG_OPTIONS_AT) & OPTION_KDF_AES) == 0 ||
				(p->memory.config[CONFIG_AES_ENABLE_AT] & 1) == 0))) {
		return PART_EXECUTION;
	}
	if (find_key(p, &k) && find_message(p, &k) && compute(&k)) {
		s = put(p, &k, out);
	}
	OPENSSL_cleanse(&k, sizeof(k));
	return s;
}
