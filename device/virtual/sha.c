/*
 * SHA: a SHA-256 or HMAC in pieces, its state within the chip.
 *
 *	mode 0 start   1 update, 64 bytes   2 end, up to 63 bytes   3 update with the public key of slot param2
 *	     4 HMAC start with slot param2 (FFFF: TempKey)   5 HMAC end (2 ends it as well)   6 read context   7 write context
 *	end  b6-7 where the digest goes besides into the answer: 00 TempKey, 40 message digest buffer, C0 nowhere
 *
 *	context = length u32 LE | state32 | the bytes of a block that is not full
 *
 * libcrypto's newer calls do not let its state out, and a part's memory is plain bytes: hence SHA256_Transform. An HMAC keeps
 * the state behind its outer pad from the start: its key may change meanwhile.
 * Inferred: the context's layout (its known maximum, 99 bytes, is this one's); an HMAC's context is not given out, as it would let
 * others go on with the key; a digest in TempKey counts as input.
 */
#define OPENSSL_API_COMPAT 0x10100000L
#include <openssl/crypto.h>
#include <openssl/sha.h>

#include "device/virtual/commands.h"
#include "device/virtual/layouts.h"
#include "device/virtual/policy.h"

#define MODE_OPERATION 0x07
#define MODE_TARGET 0xC0
#define TARGET_TEMP_KEY 0x00
#define TARGET_DIGEST_BUFFER 0x40
#define TARGET_NONE 0xC0
#define BLOCK 64
#define CONTEXT_HEAD 36

enum operation {
	START,
	UPDATE,
	END,
	PUBLIC_KEY,
	HMAC_START,
	HMAC_END,
	READ_CONTEXT,
	WRITE_CONTEXT
};

/* --- SHA-256 whose state is 32 bytes, big-endian --- */

static void
transform(uint8_t state[32], const uint8_t block[BLOCK])
{
	SHA256_CTX context = { 0 };

	for (size_t i = 0; i < 8; i++) {
		context.h[i] = (uint32_t)state[4 * i] << 24 | (uint32_t)state[4 * i + 1] << 16 |
			       (uint32_t)state[4 * i + 2] << 8 | state[4 * i + 3];
	}
	SHA256_Transform(&context, block);
	for (size_t i = 0; i < 32; i++) {
		state[i] = (uint8_t)(context.h[i / 4] >> (24 - 8 * (i % 4)));
	}
	OPENSSL_cleanse(&context, sizeof(context));
}

static void
initial(uint8_t state[32])
{
	SHA256_CTX context;

	SHA256_Init(&context);
	for (size_t i = 0; i < 32; i++) {
		state[i] = (uint8_t)(context.h[i / 4] >> (24 - 8 * (i % 4)));
	}
}

static bool
absorb(struct part_sha *s, const uint8_t *bytes, size_t len)
{
	if (len > UINT32_MAX - s->length) {
		return false;
	}
	s->length += (uint32_t)len;
	for (size_t i = 0; i < len; i++) {
		s->pending[s->pending_len++] = bytes[i];
		if (s->pending_len == BLOCK) {
			transform(s->context, s->pending);
			s->pending_len = 0;
		}
	}
	return true;
}

static void
finish(struct part_sha *s, uint8_t digest[32])
{
	uint64_t bits = (uint64_t)s->length * 8;

	s->pending[s->pending_len++] = 0x80;
	if (s->pending_len > BLOCK - 8) {
		memset(s->pending + s->pending_len, 0, (size_t)BLOCK - s->pending_len);
		transform(s->context, s->pending);
		s->pending_len = 0;
	}
	memset(s->pending + s->pending_len, 0, (size_t)BLOCK - s->pending_len);
	for (size_t i = 0; i < 8; i++) {
		s->pending[BLOCK - 1 - i] = (uint8_t)(bits >> (8 * i));
	}
	transform(s->context, s->pending);
	memcpy(digest, s->context, 32);
}

static void
forget(struct part_sha *s)
{
	OPENSSL_cleanse(s, sizeof(*s));
}

static void
begin(struct part_sha *s)
{
	forget(s);
	s->is_running = true;
	initial(s->context);
}

/* --- HMAC --- */

static void
pad_state(const uint8_t key[32], uint8_t pad, uint8_t state[32])
{
	uint8_t block[BLOCK];

	memset(block, pad, sizeof(block));
	for (size_t i = 0; i < 32; i++) {
		block[i] ^= key[i];
	}
	initial(state);
	transform(state, block);
	OPENSSL_cleanse(block, sizeof(block));
}

static enum part_status
hmac_start(struct part *p, const struct part_call *c)
{
	const struct part_temp_key *t = &p->live.temp;
	struct part_sha *sha = &p->live.sha;
	const uint8_t *key = t->value;
	enum part_status s;

	if (c->data_len != 0 || (c->param2 >= PART_SLOTS && c->param2 != SLOT_IS_TEMP_KEY)) {
		return PART_PARSE;
	}
	if (c->param2 == SLOT_IS_TEMP_KEY) {
		if (!t->is_valid || t->is_private || t->no_mac) {
			return PART_EXECUTION;
		}
	} else {
		if (!part_data_is_locked(p) || slot_policy_has(p, c->param2, SLOT_NO_MAC)) {
			return PART_EXECUTION;
		}
		key = part_secret_use(p, c->param2, &s);
		if (key == NULL) {
			return s;
		}
	}
	begin(sha);
	sha->is_hmac = true;
	sha->length = BLOCK;
	pad_state(key, 0x36, sha->context);
	pad_state(key, 0x5C, sha->context + 32);
	return PART_OK;
}

/* --- the ends --- */

static void
deliver(struct part *p, uint8_t target, const uint8_t digest[32])
{
	if (target == TARGET_TEMP_KEY) {
		part_temp_set(p, digest, PART_TEMP_INPUT);
	} else if (target == TARGET_DIGEST_BUFFER) {
		part_digest_buffer_set(p, digest, 32);
	}
}

static enum part_status
end(struct part *p, const struct part_call *c, struct part_answer *out)
{
	struct part_sha *sha = &p->live.sha, outer = { .length = BLOCK };
	uint8_t target = c->param1 & MODE_TARGET;
	bool is_hmac = sha->is_hmac;

	if (c->data_len >= BLOCK || c->param2 != c->data_len || target == 0x80) {
		return PART_PARSE;
	}
	if (!sha->is_running || ((c->param1 & MODE_OPERATION) == HMAC_END && !is_hmac) ||
		!absorb(sha, c->data, c->data_len)) {
		return PART_EXECUTION;
	}
	memcpy(outer.context, sha->context + 32, 32);
	finish(sha, out->data);
	if (is_hmac) {
		(void)absorb(&outer, out->data, 32);
		finish(&outer, out->data);
	}
	forget(&outer);
	forget(sha);
	out->len = 32;
	deliver(p, target, out->data);
	return PART_OK;
}

/* --- the pieces --- */

static enum part_status
update(struct part *p, const struct part_call *c)
{
	if (c->data_len != BLOCK || c->param2 != BLOCK) {
		return PART_PARSE;
	}
	if (!p->live.sha.is_running || !absorb(&p->live.sha, c->data, BLOCK)) {
		return PART_EXECUTION;
	}
	return PART_OK;
}

static enum part_status
add_public_key(struct part *p, const struct part_call *c)
{
	uint8_t point[64];

	if (c->data_len != 0 || c->param2 >= PART_SLOTS) {
		return PART_PARSE;
	}
	if (!p->live.sha.is_running || !part_data_is_locked(p) ||
		!part_slot_is_public_key(p, c->param2)) {
		return PART_EXECUTION;
	}
	part_public_key(p, c->param2, point);
	return absorb(&p->live.sha, point, sizeof(point)) ? PART_OK : PART_EXECUTION;
}

static enum part_status
read_context(const struct part *p, const struct part_call *c, struct part_answer *out)
{
	const struct part_sha *sha = &p->live.sha;

	if (c->data_len != 0 || c->param2 != 0) {
		return PART_PARSE;
	}
	if (!sha->is_running || sha->is_hmac) {
		return PART_EXECUTION;
	}
	for (size_t i = 0; i < 4; i++) {
		out->data[i] = (uint8_t)(sha->length >> (8 * i));
	}
	memcpy(out->data + 4, sha->context, 32);
	memcpy(out->data + CONTEXT_HEAD, sha->pending, sha->pending_len);
	out->len = (size_t)CONTEXT_HEAD + sha->pending_len;
	return PART_OK;
}

static enum part_status
write_context(struct part *p, const struct part_call *c)
{
	struct part_sha *sha = &p->live.sha;
	uint32_t length;

	if (c->data_len < CONTEXT_HEAD || c->data_len >= CONTEXT_HEAD + BLOCK ||
		c->param2 != c->data_len) {
		return PART_PARSE;
	}
	length = (uint32_t)c->data[0] | (uint32_t)c->data[1] << 8 | (uint32_t)c->data[2] << 16 |
		 (uint32_t)c->data[3] << 24;
	if (length % BLOCK != c->data_len - CONTEXT_HEAD) {
		return PART_EXECUTION;
	}
	begin(sha);
	sha->length = length;
	sha->pending_len = (uint8_t)(length % BLOCK);
	memcpy(sha->context, c->data + 4, 32);
	memcpy(sha->pending, c->data + CONTEXT_HEAD, sha->pending_len);
	return PART_OK;
}

enum part_status
part_sha_command(struct part *p, const struct part_call *c, struct part_answer *out)
{
	unsigned operation = c->param1 & MODE_OPERATION;

	if ((c->param1 & ~(MODE_OPERATION | MODE_TARGET)) != 0 ||
		((c->param1 & MODE_TARGET) != 0 && operation != END && operation != HMAC_END)) {
		return PART_PARSE;
	}
	switch ((enum operation)operation) {
	case START:
		if (c->data_len != 0 || c->param2 != 0) {
			return PART_PARSE;
		}
		begin(&p->live.sha);
		return PART_OK;
	case UPDATE:
		return update(p, c);
	case END:
	case HMAC_END:
		return end(p, c, out);
	case PUBLIC_KEY:
		return add_public_key(p, c);
	case HMAC_START:
		return hmac_start(p, c);
	case READ_CONTEXT:
		return read_context(p, c, out);
	case WRITE_CONTEXT:
		return write_context(p, c);
	}
	return PART_PARSE;
}
