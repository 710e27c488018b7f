#include "device/posix/kept.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "pki/csr.h"
#include "pki/pem.h"

#define FILE_MAX (64 << 10)
#define PATH_ROOM (PATH_MAX + 32)
#define GENERATION_MAX 1000000000

static const char *
path_of(char out[PATH_ROOM], const char *folder, const char *name)
{
	snprintf(out, PATH_ROOM, "%s/%s", folder, name);
	return out;
}

/* A fault that reading again may cure, or that no other identity helps against: of the disk, of memory, of the element. */
static bool
is_of_the_machine(status s)
{
	return s == IO || s == NO_MEMORY || s == BUG || s == UNAVAILABLE || s == CONFLICT;
}

static status
read_text(const char *path, struct arena *a, span *out, struct diag *d)
{
	struct buffer b;
	status s;

	buffer_init(&b, FILE_MAX);
	s = file_read(path, FILE_MAX, &b, d);
	if (s == OK) {
		*out = arena_copy(a, buffer_span(&b));
		if (out->data == NULL && b.len > 0) {
			s = diag_set(d, NO_MEMORY, NULL, "no memory to read %s", path);
		}
	}
	buffer_wipe(&b);
	return s;
}

/* The number in the line "# NAME: 3". */
static status
read_note(span text, const char *name, int64_t max, int64_t *out, struct diag *d)
{
	char line[32];
	size_t len = (size_t)snprintf(line, sizeof(line), "# %s: ", name);
	size_t at = span_find(text, span_of(line, len)), digits;
	span rest;

	if (at == 0 || (at != SIZE_MAX && text.data[at - 1] == '\n')) {
		rest = span_slice(text, at + len, SIZE_MAX);
		digits = span_find(rest, span_text("\n"));
		if (digits != SIZE_MAX && number_parse(span_slice(rest, 0, digits), out) == OK &&
			*out <= max) {
			return OK;
		}
	}
	return diag_set(d, BAD_INPUT, NULL, "no line \"# %s: NUMBER\"", name);
}

static status
check_slot(struct element *e, unsigned slot, const struct public_key *key, struct diag *d)
{
	uint8_t point[64];
	status s = e->operations->point(e, slot, point, d);

	if (s == OK && (key->kind != KEY_P256 || memcmp(point, key->point, sizeof(point)) != 0)) {
		s = diag_set(d, BAD_INPUT, NULL, "slot %u holds another key", slot);
	}
	return s;
}

static status
read_chain(struct arena *a, span text, struct kept_identity *out, struct diag *d)
{
	status s = pem_read_all(a, text, "CERTIFICATE", out->chain, CHAIN_LEN_MAX, &out->count, d);

	if (s == OK && out->count == 0) {
		s = diag_set(d, BAD_INPUT, "RFC 7468 5", "no certificate");
	}
	return s == OK ? certificate_read(out->chain[0], &out->leaf, d) : s;
}

static status
read_identity(const char *path, struct element *e, struct arena *a, struct kept_identity *out,
	struct diag *d)
{
	int64_t slot = 0;
	span text = { NULL, 0 };
	status s = read_text(path, a, &text, d);

	if (s == OK) {
		s = read_note(text, "slot", SLOT_LAST, &slot, d);
	}
	if (s == OK && slot < SLOT_FIRST) {
		s = diag_set(d, BAD_INPUT, NULL, "slot %d is no operational one", (int)slot);
	}
	if (s == OK) {
		s = read_note(text, "generation", GENERATION_MAX, &out->generation, d);
	}
	if (s == OK) {
		s = read_chain(a, text, out, d);
	}
	out->slot = (unsigned)slot;
	return s == OK ? check_slot(e, out->slot, &out->leaf.key, d) : s;
}

static status
read_birth(struct element *e, struct arena *a, struct kept_identity *out, struct diag *d)
{
	struct buffer pem;
	span text = { NULL, 0 };
	status s;

	buffer_init(&pem, FILE_MAX);
	s = e->operations->birth(e, &pem, d);
	if (s == OK) {
		text = arena_copy(a, buffer_span(&pem));
		s = read_chain(a, text, out, d);
	}
	buffer_wipe(&pem);
	return s == OK ? check_slot(e, SLOT_BIRTH, &out->leaf.key, d) : s;
}

static status
read_request(const char *path, struct element *e, struct arena *a, struct kept_request *out,
	struct diag *d)
{
	int64_t slot = 0, renewal = 0;
	span text = { NULL, 0 };
	struct csr csr;
	status s = read_text(path, a, &text, d);

	if (s == OK) {
		s = read_note(text, "slot", SLOT_LAST, &slot, d);
	}
	if (s == OK) {
		s = read_note(text, "generation", GENERATION_MAX, &out->generation, d);
	}
	if (s == OK) {
		s = read_note(text, "renewal", 1, &renewal, d);
	}
	if (s == OK) {
		s = pem_read(a, text, "CERTIFICATE REQUEST", &out->der, d);
	}
	if (s == OK) {
		s = csr_read(out->der, &csr, d);
	}
	out->slot = (unsigned)slot;
	out->is_renewal = renewal == 1;
	return s == OK ? check_slot(e, out->slot, &csr.key, d) : s;
}

/* Absent, faulty or there. */
static status
settle(status s, const char *what, bool *is_there, struct diag *why, struct diag *d)
{
	*is_there = s == OK;
	if (is_of_the_machine(s)) {
		return diag_set(d, s, NULL, "%s: %s", what, why->text);
	}
	if (s != OK && s != NOT_FOUND) {
		diag_prefix(why, "%s: ", what);
		log_diag(LOG_WARNING, "kept_file_unusable", why);
	}
	diag_clear(why);
	return OK;
}

status
kept_read(const char *folder, struct element *e, struct arena *a, struct kept *out, struct diag *d)
{
	char path[PATH_ROOM];
	struct diag why = { 0 };
	status s;

	*out = (struct kept){ 0 };
	s = read_birth(e, a, &out->birth, &why);
	s = settle(s, "the birth identity", &out->birth.is_there, &why, d);
	if (s == OK) {
		s = read_identity(
			path_of(path, folder, "identity.pem"), e, a, &out->identity, &why);
		s = settle(s, path, &out->identity.is_there, &why, d);
	}
	if (s == OK) {
		s = read_identity(path_of(path, folder, "next.pem"), e, a, &out->next, &why);
		s = settle(s, path, &out->next.is_there, &why, d);
	}
	if (s == OK) {
		s = read_request(path_of(path, folder, "next.csr"), e, a, &out->request, &why);
		s = settle(s, path, &out->request.is_there, &why, d);
	}
	/* One whose certificate is here already is done with. */
	if ((out->next.is_there && out->next.slot == out->request.slot) ||
		(out->identity.is_there && out->identity.slot == out->request.slot)) {
		out->request.is_there = false;
	}
	return s;
}

void
kept_held(const struct kept *k, struct plan_held *out)
{
	*out = (struct plan_held){ .has_birth = k->birth.is_there,
		.has_identity = k->identity.is_there,
		.has_next = k->next.is_there,
		.has_request = k->request.is_there,
		.identity_slot = k->identity.slot,
		.next_slot = k->next.slot,
		.request_slot = k->request.slot,
		.identity_ends_s = k->identity.leaf.not_after_s,
		.next_ends_s = k->next.leaf.not_after_s,
		.request_is_renewal = k->request.is_renewal };
}

static status
put(const char *folder, const char *name, struct buffer *content, struct diag *d)
{
	char path[PATH_ROOM];

	if (buffer_failed(content)) {
		return diag_set(d, LIMIT, NULL, "%s/%s would be too large", folder, name);
	}
	return file_replace(path_of(path, folder, name), buffer_span(content), 0600, d);
}

static status
drop(const char *folder, const char *name, struct diag *d)
{
	char path[PATH_ROOM];

	if (unlink(path_of(path, folder, name)) != 0) {
		return errno == ENOENT ? OK
				       : diag_set(d, IO, NULL, "cannot remove %s: %s", path,
						 strerror(errno));
	}
	return folder_sync(folder, d);
}

status
kept_put_request(const char *folder, const struct kept_request *r, struct diag *d)
{
	struct buffer b;
	status s;

	buffer_init(&b, FILE_MAX);
	buffer_printf(&b, "# slot: %u\n# generation: %lld\n# renewal: %d\n", r->slot,
		(long long)r->generation, r->is_renewal);
	pem_write(&b, "CERTIFICATE REQUEST", r->der);
	s = put(folder, "next.csr", &b, d);
	buffer_wipe(&b);
	return s;
}

status
kept_put_next(const char *folder, const struct kept_identity *i, struct diag *d)
{
	struct buffer b;
	status s;

	buffer_init(&b, FILE_MAX);
	buffer_printf(&b, "# slot: %u\n# generation: %lld\n", i->slot, (long long)i->generation);
	for (size_t k = 0; k < i->count; k++) {
		pem_write(&b, "CERTIFICATE", i->chain[k]);
	}
	s = put(folder, "next.pem", &b, d);
	buffer_wipe(&b);
	return s == OK ? drop(folder, "next.csr", d) : s;
}

status
kept_adopt(const char *folder, struct diag *d)
{
	char from[PATH_ROOM], to[PATH_ROOM];
	/* It went with the certificate's coming, unless the process died just then. */
	status s = drop(folder, "next.csr", d);

	if (s != OK) {
		return s;
	}
	path_of(from, folder, "next.pem");
	if (rename(from, path_of(to, folder, "identity.pem")) != 0) {
		return diag_set(d, IO, NULL, "cannot replace %s: %s", to, strerror(errno));
	}
	return folder_sync(folder, d);
}

status
kept_drop_next(const char *folder, struct diag *d)
{
	return drop(folder, "next.pem", d);
}

status
kept_drop_request(const char *folder, struct diag *d)
{
	return drop(folder, "next.csr", d);
}

/* "next.pem.a1B2c3": a name of ours and six letters, as base/file.h makes them. */
static bool
is_left_over(const char *name)
{
	static const char *const ours[] = { "identity.pem.", "next.pem.", "next.csr.", "slot0.key.",
		"slot1.key.", "slot2.key.", "slot3.key.", "slot4.key." };

	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
		size_t len = strlen(ours[i]);

		if (strncmp(name, ours[i], len) == 0 && strlen(name) == len + 6) {
			return true;
		}
	}
	return false;
}

static void
sweep_one(const char *folder)
{
	DIR *all = opendir(folder);
	char path[PATH_ROOM + 256];
	struct dirent *one;

	while (all != NULL && (one = readdir(all)) != NULL) {
		if (is_left_over(one->d_name)) {
			snprintf(path, sizeof(path), "%s/%s", folder, one->d_name);
			(void)unlink(path);
		}
	}
	if (all != NULL) {
		closedir(all);
	}
}

void
kept_sweep(const char *folder)
{
	char path[PATH_ROOM];

	sweep_one(folder);
	sweep_one(path_of(path, folder, "element"));
}
