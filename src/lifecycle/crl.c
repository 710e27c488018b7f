#include <stdio.h>

#include "base/log.h"
#include "base/text.h"
#include "lifecycle/authority.h"
#include "lifecycle/crl_files.h"
#include "lifecycle/crl_list.h"
#include "lifecycle/policy.h"

/*
 * One publication: the number recorded durably, then the files, then what was published.
 *
 * Invariants:
 *   1. No two publications of an authority have the same number, whatever fails in between (RFC 5280 5.2.3): the
 *      number is durable before the first list of it is signed, and one publication runs at a time.
 *   2. An entry leaves the lists only when a list that was dated behind its certificate's end held it, for a day
 *      (RFC 5280 3.3: one regularly scheduled list): `alive_at_s` is the date of the last publication that was
 *      complete, or a day ago, whichever is earlier.
 *   3. Each file is replaced whole. One that could not be made anew stands as it was until its nextUpdate.
 */

#define DAY_S INT64_C(86400)

struct publication {
	struct session *session;
	struct authority authority;
	const char *url; /* below it stand the shards' names */
	struct crl_files files;
	int64_t shards; /* 0 .. shards - 1 */
	uint64_t number;
	int64_t this_update_s, next_update_s;
	struct crl_list list;
	struct buffer der;
	uint8_t content[32], last_content[32]; /* hash of all entries: whether anything changed */
	uint8_t full_hash[32];
	size_t full_count;
};

/* --- what came before --- */

static bool
setting_name(char out[NAME_MAX_LEN + 8], const struct authority *a)
{
	return snprintf(out, NAME_MAX_LEN + 8, "crl.%s", a->name) < NAME_MAX_LEN + 8;
}

/* "1795435200 <hex of the content's hash>" of the last complete publication; 0 where there was none. */
static status
read_last(struct publication *p, int64_t *last_s, struct diag *d)
{
	char name[NAME_MAX_LEN + 8];
	const uint8_t *blank;
	span value;
	size_t len;
	status s;

	*last_s = 0;
	if (!setting_name(name, &p->authority)) {
		return diag_set(
			d, BUG, NULL, "authority %s: its name is too long", p->authority.name);
	}
	s = read_setting(p->session->reader, p->session->arena, name, &value);
	if (s != OK) {
		return s == NOT_FOUND ? OK : diag_set(d, s, NULL, "settings cannot be read");
	}
	blank = value.len > 0 ? memchr(value.data, ' ', value.len) : NULL;
	len = blank != NULL ? (size_t)(blank - value.data) : value.len;
	if (number_parse(span_slice(value, 0, len), last_s) != OK ||
		hex_decode(span_slice(value, len + 1, value.len), p->last_content,
			sizeof(p->last_content)) != OK) {
		return diag_set(d, BUG, NULL, "the record of the last CRL of %s is damaged",
			p->authority.name);
	}
	return OK;
}

/* Within the snapshot: the authority, its policy, how many shards there are. */
static status
look_around(struct publication *p, int64_t authority, struct diag *d)
{
	struct session *s = p->session;
	int64_t last_s = 0, last_index = 0;
	status st = read_authority(s->reader, s->arena, authority, &p->authority);

	if (st != OK) {
		return diag_set(d, st, NULL, "the authority of a CRL is not there");
	}
	if (!p->authority.has_key) {
		return diag_set(d, CONFLICT, NULL,
			"authority %s is not ours: its own company publishes its CRL",
			p->authority.name);
	}
	st = read_last(p, &last_s, d);
	if (st == OK) {
		st = policy_lists_superseded(s, authority, &p->list.with_superseded, d);
	}
	if (st == OK && p->authority.kind == AUTHORITY_ISSUING) {
		st = read_last_index(s->reader, authority, &last_index);
		/* From the middle of a shard on the next one stands ready: its first certificate's address answers. */
		p->shards = (last_index + CRL_SHARD_SIZE / 2) / CRL_SHARD_SIZE + 1;
	}
	p->list.alive_at_s = last_s < s->now_s - DAY_S ? last_s : s->now_s - DAY_S;
	return st;
}

static status
begin(struct publication *p, int64_t authority, struct diag *d)
{
	struct session *s = p->session;
	struct change *c;
	status st = reader_begin(s->reader, d);

	if (st != OK) {
		return st;
	}
	st = look_around(p, authority, d);
	reader_end(s->reader);
	if (st != OK) {
		return st;
	}
	p->number = (uint64_t)p->authority.crl_number + 1;
	p->this_update_s = s->now_s;
	p->next_update_s = s->now_s + s->life->crl_lifetime_s;
	p->list.authority = authority;
	p->list.this_update_s = p->this_update_s;
	st = crl_files_init(&p->files, s, &p->authority, d);
	c = change_new(s->arena);
	if (st != OK || c == NULL) {
		return st != OK ? st : diag_set(d, NO_MEMORY, NULL, "no memory");
	}
	change_authority_crl_number(c, authority, (int64_t)p->number);
	return session_commit(s, c, NULL, d);
}

/* --- the files --- */

/* Signs these entries into p->der, and keeps the file. */
static status
sign_and_keep(struct publication *p, enum crl_scope scope, const char *file, struct crl_slice of,
	struct diag *d)
{
	bool is_shard = scope == CRL_SHARD;
	struct crl_request r = { .number = p->number,
		.this_update_s = p->this_update_s,
		.next_update_s = p->next_update_s,
		.scope = scope,
		.entries = of.entries,
		.count = of.count };
	status s;

	snprintf(r.authority, sizeof(r.authority), "%s", p->authority.name);
	/* The same text as in the certificates' distribution points (RFC 5280 5.2.5). */
	if (is_shard && snprintf(r.shard_url, sizeof(r.shard_url), "%s/crl/%s/%s", p->url,
				p->authority.name, file) >= (int)sizeof(r.shard_url)) {
		return diag_set(d, LIMIT, NULL, "the address of a CRL shard is too long");
	}
	buffer_clear(&p->der);
	s = signer_crl(p->session->life->signer, &r, &p->der, d);
	return s == OK ? crl_file_put(&p->files, file, buffer_span(&p->der), d) : s;
}

static void
add_to_bundle(struct publication *p)
{
	crl_bundle_add(&p->files, buffer_span(&p->der), p->next_update_s);
}

static status
publish_shards(struct publication *p, struct diag *d)
{
	status s = OK;

	for (int64_t k = 0; s == OK && k < p->shards; k++) {
		struct crl_slice shard =
			crl_list_slice(&p->list, k * CRL_SHARD_SIZE, (k + 1) * CRL_SHARD_SIZE);
		char file[32];

		snprintf(file, sizeof(file), "%lld.crl", (long long)k);
		s = sign_and_keep(p, CRL_SHARD, file, shard, d);
		if (s == OK) {
			add_to_bundle(p);
		}
	}
	return s;
}

static void
hash_entries(struct publication *p)
{
	for (size_t k = 0; k < p->list.count; k++) {
		const struct crl_entry *e = &p->list.entries[k];
		uint8_t one[SERIAL_MAX_LEN + 1];

		memcpy(one, e->serial, e->serial_len);
		one[e->serial_len] = e->reason;
		sha256_two(SPAN_ARRAY(p->content), span_of(one, e->serial_len + 1u), p->content);
	}
}

static status
publish_full(struct publication *p, struct diag *d)
{
	const struct crl_slice all = { p->list.entries, p->list.count };
	status s = sign_and_keep(p, CRL_FULL, "full.crl", all, d);

	if (s != OK) {
		return s;
	}
	hash_entries(p);
	sha256(buffer_span(&p->der), p->full_hash);
	p->full_count = p->list.count;
	/* What has no index has no distribution point: its verifier needs the full list. */
	if (p->shards == 0) {
		add_to_bundle(p);
	}
	return OK;
}

/* For CA certificates: none of ours is ever revoked one by one (a hierarchy is left instead), so it is empty. */
static status
publish_ca(struct publication *p, struct diag *d)
{
	status s = sign_and_keep(p, CRL_CA, "ca.crl", (struct crl_slice){ 0 }, d);

	if (s == OK && p->shards > 0) {
		add_to_bundle(p);
	}
	return s;
}

static status
publish_files(struct publication *p, struct diag *d)
{
	status s = publish_shards(p, d);

	if (s == OK) {
		s = publish_full(p, d);
	}
	if (s == OK) {
		s = publish_ca(p, d);
	}
	return s == OK ? crl_bundle_finish(&p->files, p->number, d) : s;
}

/* What was published; in the ledger when the list says something else than the last one did. */
static status
finish(struct publication *p, struct diag *d)
{
	struct session *s = p->session;
	struct change *c = change_new(s->arena);
	char name[NAME_MAX_LEN + 8], hex[2 * 32 + 1];
	const char *value = arena_printf(s->arena, "%lld %s", (long long)p->this_update_s,
		hex_encode(hex, SPAN_ARRAY(p->content)));
	struct ledger_entry e;
	status st = OK;

	if (c == NULL || value == NULL || !setting_name(name, &p->authority)) {
		return diag_set(d, NO_MEMORY, NULL, "no memory");
	}
	change_setting(c, arena_string(s->arena, span_text(name)), span_text(value));
	if (memcmp(p->content, p->last_content, sizeof(p->content)) != 0) {
		session_entry(s, "crl", &e);
		e.authority = p->authority.name;
		e.count = (int64_t)p->full_count;
		e.digest = p->full_hash;
		st = session_ledger(s, c, &e, NULL, d);
	}
	return st == OK ? session_commit(s, c, NULL, d) : st;
}

status
crl_publish(struct session *s, int64_t authority, struct diag *d)
{
	struct publication p = { .session = s, .url = s->life->plain_url };
	struct answer *answer = s->answer;
	status st;

	buffer_init(&p.der, SIGNER_FRAME_MAX);
	/* A kept answer belongs to the last commit: that is when there is something to answer. */
	s->answer = NULL;
	crl_publication_lock();
	st = crl_list_init(&p.list, s, d);
	if (st == OK) {
		st = begin(&p, authority, d);
	}
	if (st == OK) {
		st = crl_list_gather(&p.list, d);
	}
	if (st == OK) {
		st = publish_files(&p, d);
	}
	s->answer = answer;
	if (st == OK) {
		st = finish(&p, d);
	}
	crl_publication_unlock();
	if (st == OK) {
		log_event(LOG_INFO, "crl_published", "authority=%s number=%llu entries=%zu",
			p.authority.name, (unsigned long long)p.number, p.full_count);
	}
	crl_list_wipe(&p.list);
	buffer_wipe(&p.der);
	crl_files_wipe(&p.files);
	return st;
}
