/*
 * HOME/tls/server.pem: the key (PKCS#8), then the chain, leaf first; before all of it a comment line with the names
 * it was made for. One file, so that key and certificate cannot come apart in a crash.
 */
#include "server/listener_identity.h"

#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "lifecycle/authority.h"
#include "pki/certificate.h"
#include "pki/pem.h"

#define FILE_MAX (64 << 10)
#define NAMES_LINE "# names: "

struct loaded {
	struct private_key key;
	span chain[CHAIN_LEN_MAX];
	size_t count;
	int64_t not_before_s, not_after_s;
};

static const char *
file_path(const struct listener_identity *l, struct arena *a)
{
	return arena_printf(a, "%s/server.pem", l->folder);
}

/* The key is the leaf's. */
static status
check_key(const struct loaded *k, const struct certificate_view *leaf, struct diag *d)
{
	uint8_t spki[600];
	struct public_key own;
	status s = private_key_public(&k->key, spki, sizeof(spki), &own, d);

	if (s == OK && !span_equal(own.spki, leaf->key.spki)) {
		s = diag_set(d, BAD_INPUT, NULL, "the listener's key is not its certificate's");
	}
	return s;
}

static status
read_chain(struct arena *a, span text, struct loaded *out, struct diag *d)
{
	struct certificate_view leaf;
	status s = pem_read_all(a, text, "CERTIFICATE", out->chain, CHAIN_LEN_MAX, &out->count, d);

	if (s == OK && out->count == 0) {
		s = diag_set(d, BAD_INPUT, NULL, "the listener's file holds no certificate");
	}
	if (s == OK) {
		s = certificate_read(out->chain[0], &leaf, d);
	}
	if (s == OK) {
		out->not_before_s = leaf.not_before_s;
		out->not_after_s = leaf.not_after_s;
		s = check_key(out, &leaf, d);
	}
	return s;
}

static bool
is_for_names(const struct listener_identity *l, span text)
{
	size_t prefix = strlen(NAMES_LINE);
	span line;

	return span_take_line(&text, &line) && line.len > prefix &&
	       memcmp(line.data, NAMES_LINE, prefix) == 0 &&
	       span_is(span_slice(line, prefix, SIZE_MAX), l->names);
}

/* NOT_FOUND: there is none that can be used: make one. */
static status
load(const struct listener_identity *l, struct session *s, struct loaded *out, struct diag *d)
{
	const char *path = file_path(l, s->arena);
	struct diag why = { 0 };
	struct buffer b;
	span text;
	status st;

	buffer_init(&b, FILE_MAX);
	st = path ? file_read(path, FILE_MAX, &b, &why) : NO_MEMORY;
	text = arena_copy(s->arena, buffer_span(&b));
	buffer_wipe(&b);
	if (st == OK && !is_for_names(l, text)) {
		st = NOT_FOUND;
	}
	if (st == OK) {
		st = private_key_read_plain(text, &out->key, &why);
	}
	if (st == OK) {
		st = read_chain(s->arena, text, out, &why);
	}
	if (st != OK && st != NOT_FOUND && st != NO_MEMORY) {
		log_diag(LOG_WARNING, "listener_identity_unusable", &why);
		st = NOT_FOUND;
	}
	(void)d;
	return st;
}

static status
keep(const struct listener_identity *l, struct session *s, const struct loaded *k, struct diag *d)
{
	const char *path = file_path(l, s->arena);
	struct buffer b;
	status st;

	buffer_init(&b, FILE_MAX);
	buffer_printf(&b, "%s%s\n", NAMES_LINE, l->names);
	st = private_key_write_plain(&k->key, &b, d);
	for (size_t i = 0; i < k->count; i++) {
		pem_write(&b, "CERTIFICATE", k->chain[i]);
	}
	if (st == OK && (!path || buffer_failed(&b))) {
		st = diag_set(d, NO_MEMORY, NULL, "no memory for the listener's certificate");
	}
	if (st == OK) {
		st = folder_make(l->folder, 0700, d);
	}
	if (st == OK) {
		st = file_replace(path, buffer_span(&b), 0600, d);
	}
	buffer_wipe(&b);
	return st;
}

static status
make(const struct listener_identity *l, struct session *s, struct loaded *out, struct diag *d)
{
	uint8_t spki[600];
	struct public_key public;
	struct certificate_view leaf;
	status st = private_key_generate(KEY_P256, &out->key, d);

	if (st == OK) {
		st = private_key_public(&out->key, spki, sizeof(spki), &public, d);
	}
	if (st == OK) {
		st = server_certificate_issue(s,
			&(struct server_certificate_request){ .authority = l->authority,
				.names = l->names,
				.spki = public.spki,
				.lifetime_s = l->lifetime_s },
			out->chain, &out->count, d);
	}
	if (st == OK) {
		st = certificate_read(out->chain[0], &leaf, d);
	}
	if (st == OK) {
		out->not_before_s = leaf.not_before_s;
		out->not_after_s = leaf.not_after_s;
		st = keep(l, s, out, d);
	}
	return st;
}

static int64_t
renewal_time(const struct loaded *k)
{
	return k->not_before_s + (k->not_after_s - k->not_before_s) / 3 * 2;
}

status
listener_identity_refresh(
	struct listener_identity *l, struct session *s, struct http_server *server, struct diag *d)
{
	struct loaded k = { 0 };
	char expires[TIME_TEXT_MAX];
	status st;

	if (l->renew_at_s > s->now_s) {
		return OK;
	}
	st = load(l, s, &k, d);
	if (st == NOT_FOUND || (st == OK && renewal_time(&k) <= s->now_s)) {
		private_key_wipe(&k.key);
		k = (struct loaded){ 0 };
		st = make(l, s, &k, d);
	}
	if (st == OK) {
		st = http_server_identity(server, k.chain, k.count, k.key.key, d);
	}
	if (st == OK) {
		l->renew_at_s = renewal_time(&k);
		log_event(LOG_INFO, "listener_identity", "names=%s expires=%s", l->names,
			time_text(expires, k.not_after_s));
	}
	private_key_wipe(&k.key);
	return st;
}
