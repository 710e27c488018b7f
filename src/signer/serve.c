#include "signer/serve.h"

#include <stdlib.h>

#include "base/file.h"
#include "base/log.h"
#include "signer/message.h"

static void
put_refusal(struct buffer *answer, status s, const struct diag *d)
{
	wire_put_u8(answer, (uint8_t)s);
	wire_put_text(answer, d->text);
	wire_put_text(answer, d->clause);
}

/* A result with a length before it, or the refusal. */
static void
put_result(struct buffer *answer, status s, const struct buffer *result, struct diag *d)
{
	if (s == OK && buffer_failed(result)) {
		s = diag_set(d, NO_MEMORY, NULL, "no memory for the answer");
	}
	if (s != OK) {
		put_refusal(answer, s, d);
		return;
	}
	wire_put_u8(answer, OK);
	wire_put_bytes(answer, buffer_span(result));
}

/* One of a batch: read, and done, or refused. */
typedef status serve_next(
	struct issuer *i, struct wire_reader *w, struct buffer *result, struct diag *d);

static status
unreadable(struct diag *d)
{
	return diag_set(d, BAD_INPUT, NULL,
		"the signer cannot read the request: it holds what no such request may");
}

static status
next_certificate(struct issuer *i, struct wire_reader *w, struct buffer *result, struct diag *d)
{
	struct issue_request r = { 0 };

	message_get_issue(w, &r);
	return wire_is_whole(w) ? issue_certificate(i, &r, result, d) : unreadable(d);
}

static status
next_birth(struct issuer *i, struct wire_reader *w, struct buffer *result, struct diag *d)
{
	struct birth_request r = { 0 };

	message_get_birth(w, &r);
	return wire_is_whole(w) ? issue_birth(i, &r, result, d) : unreadable(d);
}

static status
next_ocsp(struct issuer *i, struct wire_reader *w, struct buffer *result, struct diag *d)
{
	struct ocsp_sign_request r = { 0 };

	message_get_ocsp(w, &r);
	return wire_is_whole(w) ? issue_ocsp(i, &r, result, d) : unreadable(d);
}

static serve_next *const batch_handlers[MESSAGE_END] = {
	[MESSAGE_ISSUE] = next_certificate,
	[MESSAGE_BIRTH] = next_birth,
	[MESSAGE_OCSP] = next_ocsp,
};

/* By a copy of the reader: before anything of it is signed. */
static bool
is_whole_batch(struct wire_reader w, unsigned count)
{
	for (unsigned k = 0; k < count && !w.failed; k++) {
		(void)wire_bytes(&w, SIGNER_FRAME_MAX);
	}
	return wire_is_whole(&w);
}

static bool
serve_batch(struct issuer *i, unsigned type, struct wire_reader *w, struct buffer *answer)
{
	unsigned count = wire_u16(w);
	struct buffer result;

	if (count > ISSUE_BATCH_MAX || !is_whole_batch(*w, count)) {
		return false;
	}
	buffer_init(&result, CERTIFICATE_SIZE_MAX);
	wire_put_u8(answer, OK);
	for (unsigned k = 0; k < count; k++) {
		struct wire_reader one = { .rest = wire_bytes(w, SIGNER_FRAME_MAX) };
		struct diag d = { 0 };
		status s;

		buffer_clear(&result);
		s = batch_handlers[type](i, &one, &result, &d);
		put_result(answer, s, &result, &d);
	}
	buffer_wipe(&result);
	return true;
}

static bool
serve_create(
	struct issuer *i, struct wire_reader *w, struct buffer *result, status *s, struct diag *d)
{
	struct create_request r = { 0 };

	message_get_create(w, &r);
	*s = wire_is_whole(w) ? issue_key(i, &r, result, d) : BAD_INPUT;
	return wire_is_whole(w);
}

static bool
serve_crl(struct issuer *i, struct wire_reader *w, struct buffer *result, status *s, struct diag *d)
{
	struct crl_request r = { 0 };

	message_get_crl(w, &r);
	*s = wire_is_whole(w) ? issue_crl(i, &r, result, d) : BAD_INPUT;
	free((void *)(uintptr_t)r.entries);
	return wire_is_whole(w);
}

static bool
serve_checkpoint(
	struct issuer *i, struct wire_reader *w, struct buffer *result, status *s, struct diag *d)
{
	char origin[URL_MAX_LEN + 1];
	uint8_t root[32] = { 0 };
	int64_t size;

	wire_text(w, origin, sizeof(origin));
	size = wire_i64(w);
	wire_fixed(w, root, sizeof(root));
	*s = wire_is_whole(w) ? issue_checkpoint(i, origin, size, root, result, d) : BAD_INPUT;
	return wire_is_whole(w);
}

static bool
serve_manifest_entry(
	struct issuer *i, struct wire_reader *w, struct buffer *result, status *s, struct diag *d)
{
	struct manifest_entry_request r = { 0 };

	message_get_manifest_entry(w, &r);
	*s = wire_is_whole(w) ? issue_manifest_entry(i, &r, result, d) : BAD_INPUT;
	return wire_is_whole(w);
}

static bool
serve_keys(
	struct issuer *i, struct wire_reader *w, struct buffer *result, status *s, struct diag *d)
{
	size_t count = key_store_count(i->keys);

	(void)d;
	wire_put_u32(result, (uint32_t)count);
	for (size_t k = 0; k < count; k++) {
		const struct signing_key *key = key_store_at(i->keys, k);

		wire_put_text(result, key->name);
		wire_put_u8(result, (uint8_t)key->role);
		wire_put_u8(result, (uint8_t)key->phase);
		wire_put_bytes(result, key->certificate);
	}
	*s = OK;
	return wire_is_whole(w);
}

typedef bool serve_one(
	struct issuer *i, struct wire_reader *w, struct buffer *result, status *s, struct diag *d);

bool
serve_frame(struct issuer *i, unsigned type, span body, struct buffer *answer)
{
	static serve_one *const handlers[MESSAGE_END] = {
		[MESSAGE_CREATE] = serve_create,
		[MESSAGE_CRL] = serve_crl,
		[MESSAGE_CHECKPOINT] = serve_checkpoint,
		[MESSAGE_MANIFEST_ENTRY] = serve_manifest_entry,
		[MESSAGE_KEYS] = serve_keys,
	};
	const struct message_rule *rule = message_rule(type);
	struct wire_reader w = { .rest = body };
	struct diag d = { 0 };
	struct buffer result;
	status s = BUG;
	bool is_sound;

	if (rule == NULL || body.len > rule->body_max) {
		return false;
	}
	if (message_is_batch(type)) {
		return serve_batch(i, type, &w, answer);
	}
	buffer_init(&result, SIGNER_FRAME_MAX);
	is_sound = handlers[type](i, &w, &result, &s, &d);
	if (is_sound) {
		put_result(answer, s, &result, &d);
	}
	buffer_wipe(&result);
	return is_sound;
}

/* The length and type before a body; false at the end or for a length that cannot be. */
static bool
read_head(int fd, uint32_t *body_len, unsigned *type)
{
	uint8_t head[6];
	uint32_t len;

	if (read_all(fd, head, sizeof(head), NULL) != OK) {
		return false;
	}
	len = (uint32_t)head[0] | (uint32_t)head[1] << 8 | (uint32_t)head[2] << 16 |
	      (uint32_t)head[3] << 24;
	*type = (unsigned)head[4] | (unsigned)head[5] << 8;
	*body_len = len - 2;
	return len >= 2 && message_rule(*type) != NULL &&
	       *body_len <= message_rule(*type)->body_max;
}

#define ANSWER_HEAD 4

/* Its length goes where room was left for it: one write, after which the other end reads all of it. */
static bool
write_answer(int fd, const struct buffer *answer)
{
	size_t len = answer->len - ANSWER_HEAD;

	if (buffer_failed(answer)) {
		return false;
	}
	for (int k = 0; k < ANSWER_HEAD; k++) {
		answer->data[k] = (uint8_t)(len >> 8 * k);
	}
	return write_all(fd, buffer_span(answer), NULL) == OK;
}

void
serve_channel(struct issuer *i, int fd)
{
	struct buffer body, answer;
	uint32_t len;
	unsigned type;
	bool goes_on = true;

	buffer_init(&body, SIGNER_FRAME_MAX);
	buffer_init(&answer, SIGNER_FRAME_MAX + 16 + ANSWER_HEAD);
	while (goes_on && read_head(fd, &len, &type)) {
		uint8_t *p;

		buffer_clear(&body);
		buffer_clear(&answer);
		(void)buffer_grow(&answer, ANSWER_HEAD);
		p = buffer_grow(&body, len);
		goes_on = (len == 0 || p != NULL) && (len == 0 || read_all(fd, p, len, NULL) == OK);
		if (goes_on && !serve_frame(i, type, buffer_span(&body), &answer)) {
			log_event(LOG_WARNING, "frame_refused", "type=%u len=%u", type, len);
			goes_on = false;
		}
		goes_on = goes_on && write_answer(fd, &answer);
		/* What a large CRL needed is not kept for the small frames after it. */
		if (body.room > (1 << 20)) {
			buffer_wipe(&body);
		}
		if (answer.room > (1 << 20)) {
			buffer_wipe(&answer);
		}
	}
	buffer_wipe(&body);
	buffer_wipe(&answer);
}
