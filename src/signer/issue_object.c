#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>

#include "base/json.h"
#include "base/text.h"
#include "signer/issue.h"
#include "signer/message.h"

status
issue_crl(struct issuer *i, const struct crl_request *r, struct buffer *out, struct diag *d)
{
	struct crl_draft c = { .this_update_s = r->this_update_s,
		.next_update_s = r->next_update_s,
		.number = r->number,
		.scope = r->scope,
		.shard_url = r->shard_url,
		.entries = r->entries,
		.count = r->count };
	const struct signing_key *by;
	struct buffer tbs;
	status s = issuer_key(i, r->authority, MESSAGE_CRL, &by, d);

	if (s != OK) {
		return s;
	}
	if (r->scope == CRL_SHARD && r->shard_url[0] == '\0') {
		return diag_set(d, BAD_INPUT, "RFC 5280 5.2.5", "a shard without its address");
	}
	c.signature = by->signature;
	c.issuer = by->view.subject.der;
	c.issuer_key_id = by->view.subject_key_id;
	buffer_init(&tbs, SIGNER_FRAME_MAX);
	s = tbs_crl_write(&c, &tbs, d);
	if (s == OK) {
		s = issuer_sign_object(by, buffer_span(&tbs), out, d);
	}
	buffer_wipe(&tbs);
	return s;
}

status
issue_ocsp(struct issuer *i, struct ocsp_sign_request *r, struct buffer *out, struct diag *d)
{
	uint8_t signature[SIGNATURE_MAX_LEN];
	const struct signing_key *by;
	struct buffer data;
	size_t len;
	status s = issuer_key(i, r->responder, MESSAGE_OCSP, &by, d);

	if (s != OK) {
		return s;
	}
	if (r->draft.next_update_s > by->view.not_after_s) {
		r->draft.next_update_s =
			by->view.not_after_s; /* an answer dies with its responder */
	}
	r->draft.responder_key_id = SPAN_ARRAY(by->key_id);
	buffer_init(&data, 16384);
	s = ocsp_data_write(&r->draft, &data, d);
	if (s == OK) {
		s = by->holder->sign(by->key, buffer_span(&data), signature, &len, d);
	}
	if (s == OK) {
		s = ocsp_response_write(buffer_span(&data), by->signature, span_of(signature, len),
			by->certificate, out, d);
	}
	buffer_wipe(&data);
	return s;
}

/* --- checkpoints (C2SP signed-note, tlog-checkpoint) --- */

static const struct signing_key *
ledger_key(struct issuer *i)
{
	for (size_t k = 0; k < key_store_count(i->keys); k++) {
		const struct signing_key *key = key_store_at(i->keys, k);

		if (key->role == KEY_ROLE_LEDGER) {
			return key;
		}
	}
	return NULL;
}

static bool
origin_is_sound(const char *origin)
{
	size_t len = strlen(origin);

	return len > 0 && len <= URL_MAX_LEN && strpbrk(origin, " +\n\t") == NULL &&
	       utf8_is_printable(span_text(origin));
}

/* Refuses to sign a fork of what it signed before: the last defence should the server's own fail. */
static status
judge_head(
	struct issuer *i, const char *origin, int64_t size, const uint8_t root[32], struct diag *d)
{
	struct signed_head last;
	status s = key_store_head(i->keys, origin, &last, d);

	if (s != OK) {
		return s;
	}
	if (size < last.size) {
		return diag_set(d, CONFLICT, NULL,
			"a checkpoint of size %" PRId64 " after one of size %" PRId64
			" was signed: this ledger is older than its own past",
			size, last.size);
	}
	if (size == last.size && size > 0 && memcmp(root, last.root, 32) != 0) {
		return diag_set(d, CONFLICT, NULL,
			"another root at size %" PRId64 " than was signed before: a fork", size);
	}
	return OK;
}

static status
sign_checkpoint(struct issuer *i, const char *origin, int64_t size, const uint8_t root[32],
	struct buffer *out, struct diag *d)
{
	uint8_t signature[SIGNATURE_MAX_LEN], hash[32], line[4 + 64], kind_and_key[1 + 32] = { 1 };
	const struct signing_key *by = ledger_key(i);
	struct signed_head head = { .size = size };
	struct arena *a = arena_new(4096);
	struct buffer named;
	size_t begin = out->len, len;
	status s = OK;

	buffer_init(&named, 512);
	if (a == NULL) {
		s = diag_set(d, NO_MEMORY, NULL, "no memory for a checkpoint");
		goto out;
	}
	if (by == NULL || size < 0 || !origin_is_sound(origin)) {
		s = diag_set(d, by == NULL ? NOT_FOUND : BAD_INPUT, NULL,
			by == NULL ? "the signer holds no ledger key"
				   : "a checkpoint of no right form");
		goto out;
	}
	memcpy(head.root, root, sizeof(head.root));
	s = judge_head(i, origin, size, root, d);
	if (s != OK) {
		goto out;
	}
	buffer_printf(
		out, "%s\n%" PRId64 "\n%s\n", origin, size, base64_encode(a, span_of(root, 32)));
	s = by->holder->sign(
		by->key, span_of(out->data + begin, out->len - begin), signature, &len, d);
	if (s == OK) {
		/* Durable before it leaves: the next one is judged against it. */
		s = key_store_set_head(i->keys, origin, &head, d);
	}
	if (s != OK) {
		goto out;
	}
	memcpy(kind_and_key + 1, by->ed25519, 32);
	buffer_printf(&named, "%s\n", origin);
	buffer_put(&named, SPAN_ARRAY(kind_and_key));
	sha256(buffer_span(&named), hash);
	memcpy(line, hash, 4);
	memcpy(line + 4, signature, 64);
	buffer_printf(out, "\n\xe2\x80\x94 %s %s\n", origin, base64_encode(a, SPAN_ARRAY(line)));
	s = buffer_failed(out) ? diag_set(d, NO_MEMORY, NULL, "no memory") : OK;
out:
	buffer_wipe(&named);
	arena_free(a);
	return s;
}

status
issue_checkpoint(struct issuer *i, const char *origin, int64_t size, const uint8_t root[32],
	struct buffer *out, struct diag *d)
{
	/* Judged, signed and noted as one step: two channels must not both find their head the next one. */
	static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
	status s;

	pthread_mutex_lock(&one_at_a_time);
	s = sign_checkpoint(i, origin, size, root, out, d);
	pthread_mutex_unlock(&one_at_a_time);
	return s;
}

/* --- entries of our own manifests: the chip maker's form --- */

static void
put_base64url(struct json_writer *w, const char *name, span bytes)
{
	char text[CERTIFICATE_SIZE_MAX];

	json_text(w, name, base64url_encode(text, bytes));
}

static void
write_key(
	struct json_writer *w, struct arena *a, const struct manifest_entry_request *r, size_t slot)
{
	char kid[24];

	snprintf(kid, sizeof(kid), "%zu", slot);
	json_object_open(w, NULL);
	json_text(w, "kid", kid);
	json_text(w, "kty", "EC");
	json_text(w, "crv", "P-256");
	put_base64url(w, "x", span_of(r->points[slot], 32));
	put_base64url(w, "y", span_of(r->points[slot] + 32, 32));
	if (slot == 0 && r->leaf.len > 0) {
		json_array_open(w, "x5c");
		json_text(w, NULL, base64_encode(a, r->leaf));
		json_text(w, NULL, base64_encode(a, r->issuer));
		json_array_close(w);
	}
	json_object_close(w);
}

static void
write_organization(struct json_writer *w, const char *name, const char *organization)
{
	json_object_open(w, name);
	json_text(w, "organizationName", organization);
	json_object_close(w);
}

static void
write_payload(struct buffer *out, struct arena *a, const struct manifest_entry_request *r)
{
	char when[TIME_TEXT_MAX], with_ms[TIME_TEXT_MAX + 8];
	struct json_writer w;

	time_text(when, r->provisioned_s);
	snprintf(with_ms, sizeof(with_ms), "%.19s.000Z", when);
	json_begin(&w, out);
	json_object_open(&w, NULL);
	json_number(&w, "version", 1);
	json_text(&w, "model", r->model);
	json_text(&w, "partNumber", r->part_number);
	write_organization(&w, "manufacturer", r->manufacturer);
	write_organization(&w, "provisioner", r->manufacturer);
	write_organization(&w, "distributor", r->manufacturer);
	json_text(&w, "provisioningTimestamp", with_ms);
	json_text(&w, "uniqueId", r->unique_id);
	json_object_open(&w, "publicKeySet");
	json_array_open(&w, "keys");
	for (size_t slot = 0; slot < r->point_count; slot++) {
		write_key(&w, a, r, slot);
	}
	json_array_close(&w);
	json_object_close(&w);
	json_object_close(&w);
}

static void
write_protected(struct buffer *out, const struct signing_key *by)
{
	uint8_t fingerprint[32];
	struct json_writer w;

	certificate_fingerprint(by->certificate, fingerprint);
	json_begin(&w, out);
	json_object_open(&w, NULL);
	json_text(&w, "alg", "ES256");
	json_text(&w, "typ", "JWT");
	put_base64url(&w, "kid", by->view.subject_key_id);
	put_base64url(&w, "x5t#S256", SPAN_ARRAY(fingerprint));
	json_object_close(&w);
}

/* base64url of `plain`, in the arena. */
static const char *
encode_part(struct arena *a, const struct buffer *plain)
{
	char *text = arena_alloc(a, plain->len / 3 * 4 + 8);

	return text != NULL && !buffer_failed(plain) ? base64url_encode(text, buffer_span(plain))
						     : NULL;
}

status
issue_manifest_entry(struct issuer *i, const struct manifest_entry_request *r, struct buffer *out,
	struct diag *d)
{
	uint8_t der[SIGNATURE_MAX_LEN], raw[SIGNATURE_RAW_LEN];
	struct arena *a = arena_new(1 << 20);
	struct buffer payload, protected_part;
	const struct signing_key *by;
	const char *p, *h, *message;
	struct json_writer w;
	size_t len;
	status s;

	buffer_init(&payload, MANIFEST_ENTRY_MAX);
	buffer_init(&protected_part, 1024);
	s = a != NULL ? issuer_key(i, r->signer, MESSAGE_MANIFEST_ENTRY, &by, d)
		      : diag_set(d, NO_MEMORY, NULL, "no memory");
	if (s != OK) {
		goto out;
	}
	write_payload(&payload, a, r);
	write_protected(&protected_part, by);
	if (buffer_fault(&payload) == LIMIT) {
		s = diag_set(
			d, LIMIT, NULL, "a manifest entry of over %d bytes", MANIFEST_ENTRY_MAX);
		goto out;
	}
	p = encode_part(a, &payload);
	h = encode_part(a, &protected_part);
	message = p != NULL && h != NULL ? arena_printf(a, "%s.%s", h, p) : NULL;
	if (message == NULL) {
		s = diag_set(d, NO_MEMORY, NULL, "no memory for a manifest entry");
		goto out;
	}
	s = by->holder->sign(by->key, span_text(message), der, &len, d);
	if (s == OK && signature_der_to_raw(span_of(der, len), raw) != OK) {
		s = diag_set(d, BUG, NULL, "a manifest signer's key is not P-256");
	}
	if (s != OK) {
		goto out;
	}
	json_begin(&w, out);
	json_object_open(&w, NULL);
	json_text(&w, "payload", p);
	json_text(&w, "protected", h);
	json_object_open(&w, "header");
	json_text(&w, "uniqueId", r->unique_id);
	json_object_close(&w);
	put_base64url(&w, "signature", SPAN_ARRAY(raw));
	json_object_close(&w);
	s = buffer_failed(out) ? diag_set(d, NO_MEMORY, NULL, "no memory") : OK;
out:
	buffer_wipe(&payload);
	buffer_wipe(&protected_part);
	arena_free(a);
	return s;
}
