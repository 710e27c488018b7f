#include "lifecycle/ocsp_issuer.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "lifecycle/policy.h"
#include "lifecycle/responder.h"

#define ISSUERS_MAX 65536 /* 20 MiB; a company has a dozen */

/* --- looking up: sorted pointers ------------------------------------------- */

static int
compare_names(const void *a, const void *b)
{
	const struct ocsp_issuer *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

static int
compare_sha1(const void *a, const void *b)
{
	const struct ocsp_issuer *const *x = a, *const *y = b;
	int n = memcmp((*x)->key_hash_sha1, (*y)->key_hash_sha1, sizeof((*x)->key_hash_sha1));

	return n != 0 ? n
		      : memcmp((*x)->name_hash_sha1, (*y)->name_hash_sha1,
				sizeof((*x)->name_hash_sha1));
}

static int
compare_sha256(const void *a, const void *b)
{
	const struct ocsp_issuer *const *x = a, *const *y = b;
	int n = memcmp((*x)->key_hash, (*y)->key_hash, sizeof((*x)->key_hash));

	return n != 0 ? n : memcmp((*x)->name_hash, (*y)->name_hash, sizeof((*x)->name_hash));
}

static bool
is_stale(const struct ocsp_issuers *i)
{
	return !i->is_read || i->epoch != store_epoch(i->store);
}

/* The reader has seen to it that the hashes are as long as their algorithm's. */
static void
take_hashes(const struct ocsp_certificate_id *asked, struct ocsp_issuer *key)
{
	if (asked->is_sha256) {
		memcpy(key->name_hash, asked->name_hash.data, sizeof(key->name_hash));
		memcpy(key->key_hash, asked->key_hash.data, sizeof(key->key_hash));
	} else {
		memcpy(key->name_hash_sha1, asked->name_hash.data, sizeof(key->name_hash_sha1));
		memcpy(key->key_hash_sha1, asked->key_hash.data, sizeof(key->key_hash_sha1));
	}
}

status
ocsp_issuer_find(
	struct ocsp_issuers *i, const struct ocsp_certificate_id *asked, struct ocsp_issuer *out)
{
	const struct ocsp_issuer **found = NULL, *key = out;
	bool must_read;

	take_hashes(asked, out);
	pthread_rwlock_rdlock(&i->lock);
	must_read = is_stale(i);
	if (!must_read && i->answered > 0) {
		found = asked->is_sha256 ? bsearch(&key, i->by_sha256, i->answered,
						   sizeof(struct ocsp_issuer *), compare_sha256)
					 : bsearch(&key, i->by_sha1, i->answered,
						   sizeof(struct ocsp_issuer *), compare_sha1);
	}
	if (found != NULL) {
		*out = **found;
		out->epoch = i->epoch;
	}
	pthread_rwlock_unlock(&i->lock);
	if (must_read) {
		return UNAVAILABLE;
	}
	return found != NULL ? OK : NOT_FOUND;
}

status
ocsp_issuer_named(struct ocsp_issuers *i, span name)
{
	struct ocsp_issuer wanted;
	const struct ocsp_issuer *key = &wanted;
	bool is_there = false, must_read;

	if (name.len == 0 || name.len > NAME_MAX_LEN || memchr(name.data, 0, name.len) != NULL) {
		return NOT_FOUND;
	}
	memcpy(wanted.name, name.data, name.len);
	wanted.name[name.len] = '\0';
	pthread_rwlock_rdlock(&i->lock);
	must_read = is_stale(i);
	if (!must_read && i->count > 0) {
		is_there = bsearch(&key, i->by_name, i->count, sizeof(struct ocsp_issuer *),
				   compare_names) != NULL;
	}
	pthread_rwlock_unlock(&i->lock);
	if (must_read) {
		return UNAVAILABLE;
	}
	return is_there ? OK : NOT_FOUND;
}

/* --- reading -------------------------------------------------------------------- */

static status
add(struct ocsp_issuers *into, struct session *s, const struct authority *a, struct diag *d)
{
	struct ocsp_issuer *one = &into->all[into->count];
	struct responder responder = { 0 };
	status st = OK;

	*one = (struct ocsp_issuer){ .authority = a->row,
		.is_answered = a->kind == AUTHORITY_ISSUING && a->has_key };
	snprintf(one->name, sizeof(one->name), "%s", a->name);
	memcpy(one->name_hash_sha1, a->name_hash_sha1, sizeof(one->name_hash_sha1));
	memcpy(one->key_hash_sha1, a->key_hash_sha1, sizeof(one->key_hash_sha1));
	memcpy(one->name_hash, a->name_hash, sizeof(one->name_hash));
	memcpy(one->key_hash, a->key_hash_sha256, sizeof(one->key_hash));
	if (one->is_answered) {
		into->answered++;
		st = responder_read(s, a, &responder, d);
		if (st == OK && responder.generation > 0) {
			snprintf(one->responder, sizeof(one->responder), "%s", responder.key);
			one->responder_not_after_s = responder.not_after_s;
		}
	}
	into->count++;
	return st;
}

static status
read_page(
	struct ocsp_issuers *into, struct session *s, int64_t *after, size_t *count, struct diag *d)
{
	struct authority *page = NULL;
	struct ocsp_issuer *grown = NULL;
	status st = list_authorities(s->reader, s->arena, *after, LIST_PAGE_MAX, &page, count);
	size_t bytes;

	if (st != OK) {
		return diag_set(d, st, NULL, "the authorities cannot be read");
	}
	if (into->count + *count <= ISSUERS_MAX &&
		size_mul(into->count + *count + 1, sizeof(*grown), &bytes)) {
		grown = realloc(into->all, bytes);
	}
	if (grown == NULL) {
		return diag_set(d, NO_MEMORY, NULL, "no memory for the authorities");
	}
	into->all = grown;
	for (size_t k = 0; st == OK && k < *count; k++) {
		*after = page[k].row;
		st = add(into, s, &page[k], d);
	}
	return st;
}

static void
note_superseded(void *context, int64_t authority)
{
	struct ocsp_issuers *into = context;

	for (size_t k = 0; k < into->count; k++) {
		if (into->all[k].authority == authority) {
			into->all[k].lists_superseded = true;
		}
	}
}

static status
read_all(struct ocsp_issuers *into, struct session *s, struct diag *d)
{
	size_t count = LIST_PAGE_MAX;
	int64_t after = 0;
	status st = reader_begin(s->reader, d);

	if (st != OK) {
		return st;
	}
	while (st == OK && count == LIST_PAGE_MAX) {
		st = read_page(into, s, &after, &count, d);
	}
	if (st == OK) {
		st = policy_each_superseded(s, note_superseded, into, d);
	}
	reader_end(s->reader);
	return st;
}

static status
sort(struct ocsp_issuers *i, struct diag *d)
{
	size_t answered = 0;

	i->by_name = calloc(i->count + 1, sizeof(struct ocsp_issuer *));
	i->by_sha1 = calloc(i->count + 1, sizeof(struct ocsp_issuer *));
	i->by_sha256 = calloc(i->count + 1, sizeof(struct ocsp_issuer *));
	if (i->by_name == NULL || i->by_sha1 == NULL || i->by_sha256 == NULL) {
		return diag_set(d, NO_MEMORY, NULL, "no memory for the authorities");
	}
	for (size_t k = 0; k < i->count; k++) {
		i->by_name[k] = &i->all[k];
		if (i->all[k].is_answered) {
			i->by_sha1[answered] = i->by_sha256[answered] = &i->all[k];
			answered++;
		}
	}
	qsort(i->by_name, i->count, sizeof(struct ocsp_issuer *), compare_names);
	qsort(i->by_sha1, answered, sizeof(struct ocsp_issuer *), compare_sha1);
	qsort(i->by_sha256, answered, sizeof(struct ocsp_issuer *), compare_sha256);
	return OK;
}

static void
drop(struct ocsp_issuers *i)
{
	free(i->all);
	free(i->by_name);
	free(i->by_sha1);
	free(i->by_sha256);
	i->all = NULL;
	i->by_name = i->by_sha1 = i->by_sha256 = NULL;
	i->count = i->answered = 0;
}

/* `from` is nobody's afterwards. */
static void
put_in_place(struct ocsp_issuers *i, struct ocsp_issuers *from)
{
	pthread_rwlock_wrlock(&i->lock);
	drop(i);
	i->all = from->all;
	i->by_name = from->by_name;
	i->by_sha1 = from->by_sha1;
	i->by_sha256 = from->by_sha256;
	i->count = from->count;
	i->answered = from->answered;
	i->epoch = from->epoch;
	i->is_read = true;
	pthread_rwlock_unlock(&i->lock);
}

status
ocsp_issuers_refresh(struct ocsp_issuers *i, struct session *s, struct diag *d)
{
	struct ocsp_issuers new = { .store = i->store, .epoch = store_epoch(i->store) };
	bool must_read;
	status st;

	pthread_rwlock_rdlock(&i->lock);
	must_read = is_stale(i);
	pthread_rwlock_unlock(&i->lock);
	if (!must_read) {
		return OK;
	}
	st = read_all(&new, s, d);
	if (st == OK) {
		st = sort(&new, d);
	}
	if (st != OK) {
		drop(&new);
		return st;
	}
	put_in_place(i, &new);
	return OK;
}

void
ocsp_issuers_wipe(struct ocsp_issuers *i)
{
	drop(i);
	pthread_rwlock_destroy(&i->lock);
}

void
ocsp_issuers_init(struct ocsp_issuers *i, struct store *s)
{
	*i = (struct ocsp_issuers){ .store = s };
	pthread_rwlock_init(&i->lock, NULL);
}
