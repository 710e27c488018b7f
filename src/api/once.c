/*
 * Idempotency-Key: a program that lost an answer asks again and gets the first one, instead of doing
 * the thing twice. The answer is kept in the transaction of what it answers, so there is no
 * instant at which one of the two exists without the other.
 */
#include <string.h>

#include "api/call.h"
#include "lifecycle/tries.h"
#include "pki/key.h"

#define KEY_HEADER "Idempotency-Key"

static bool
key_is_valid(span key)
{
	for (size_t i = 0; i < key.len; i++) {
		uint8_t l = key.data[i];
		bool is_letter = (l >= 'a' && l <= 'z') || (l >= 'A' && l <= 'Z');
		bool is_mark = l == '-' || l == '.' || l == '_';

		if (!is_letter && !is_mark && !(l >= '0' && l <= '9')) {
			return false;
		}
	}
	return key.len > 0 && key.len <= NAME_MAX_LEN;
}

/* What makes two requests the same: method, target and body. NO_MEMORY. */
static status
hash_request(const struct http_request *r, struct arena *a, uint8_t out[32])
{
	const char *head = arena_printf(a, "%s %.*s\n", http_method_name(r->method),
		(int)r->target.len, (const char *)r->target.data);

	if (head == NULL) {
		return NO_MEMORY;
	}
	sha256_two(span_text(head), r->body, out);
	return OK;
}

/* Called by session_commit: the answer as it will be repeated. */
static status
write_kept(void *context, const struct outcome *o, int *http_status, struct buffer *body,
	struct diag *d)
{
	struct call *c = context;
	struct json_writer w;
	status s;

	(void)o; /* the handler's own, which write_context leads to */
	json_begin(&w, body);
	c->is_copy = true;
	s = c->write(c, &w, c->write_context);
	c->is_copy = false;
	*http_status = c->http_status;
	if (s != OK) {
		return diag_set(d, s, NULL, "cannot write the answer to be kept");
	}
	return buffer_failed(body) ? diag_set(d, NO_MEMORY, NULL, "no memory for the kept answer")
				   : OK;
}

/* True: the reply is there, a repetition or a conflict. */
static bool
repeat(struct call *c)
{
	const struct idempotency *asked = &c->answer.record;
	struct idempotency kept = { 0 };
	status s = read_idempotency(
		c->session.reader, c->session.arena, asked->operator_row, asked->key, &kept);

	if (s == NOT_FOUND) { /* housekeeping drops what is older than a day */
		return false;
	}
	if (s != OK) {
		diag_clear(&c->diag);
		call_refuse(c, s);
		return true;
	}
	diag_clear(&c->diag);
	if (memcmp(kept.request_hash, asked->request_hash, sizeof(kept.request_hash)) != 0) {
		diag_set(&c->diag, CONFLICT, NULL,
			KEY_HEADER " \"%s\" was used for another request: take a new one",
			asked->key);
		call_refuse(c, CONFLICT);
		return true;
	}
	reply_bytes(c->x, kept.http_status, "application/json", kept.body);
	reply_header(c->x, "Idempotent-Replay", "true");
	return true;
}

bool
call_once(struct call *c, int http_status, call_write *write, void *context)
{
	span key = http_header_get(c->x->request, KEY_HEADER);
	struct idempotency *record = &c->answer.record;
	status s;

	c->http_status = http_status;
	c->write = write;
	c->write_context = context;
	if (key.data == NULL) {
		return true;
	}
	if (!key_is_valid(key)) {
		diag_set(&c->diag, BAD_INPUT, NULL, KEY_HEADER " is 1 to %d letters, digits, - . _",
			NAME_MAX_LEN);
		return call_refuse(c, BAD_INPUT);
	}
	memcpy(record->key, key.data, key.len);
	record->operator_row = c->session.actor.account.row;
	record->at_s = c->session.now_s;
	s = hash_request(c->x->request, c->session.arena, record->request_hash);
	if (s != OK) {
		return call_refuse(c, s);
	}
	if (repeat(c)) {
		return false;
	}
	c->answer.write = write_kept;
	c->answer.context = c;
	c->session.answer = &c->answer;
	return true;
}

bool
call_without_key(struct call *c, int http_status, call_write *write, void *context)
{
	c->http_status = http_status;
	c->write = write;
	c->write_context = context;
	if (http_header_get(c->x->request, KEY_HEADER).data == NULL) {
		return true;
	}
	diag_set(&c->diag, BAD_INPUT, NULL,
		KEY_HEADER " cannot be honoured here: this answer is not kept. Ask without it");
	return call_refuse(c, BAD_INPUT);
}

/* They lock for a minute at the least. */
static void
refuse_tries(struct call *c)
{
	reply_header(c->x, "Retry-After", "60");
	reply_problem_as(c->x, 429, c->diag.text);
}

void
call_end(struct call *c, enum use_case use, status s)
{
	struct json_writer w;

	count_use_case(use, s);
	if (s == OK) {
		reply_json(c->x, c->http_status, &w);
		s = c->write(c, &w, c->write_context);
		if (s == OK) {
			return;
		}
	} else if (c->session.answer != NULL && (s == CONFLICT || s == EXISTS) && repeat(c)) {
		return; /* the same request ran beside this one, and was quicker */
	} else if (s == LIMIT && c->diag.kind != NULL &&
		   strcmp(c->diag.kind, TRIES_TOO_MANY) == 0) {
		refuse_tries(c);
		return;
	}
	call_refuse(c, s);
}
