/* tenure manifest verify: every entry judged here, without a server. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "cli/manifest.h"
#include "cli/manifest_file.h"
#include "cli/progress.h"
#include "cli/settings.h"
#include "pki/pem.h"

#define SIGNERS_MAX 64
#define ROOTS_MAX 32
#define ENTRY_ARENA_MAX (4 << 20)

struct judging {
	struct call *call;
	struct manifest_pin pins[SIGNERS_MAX];
	struct trust_set *roots;
	struct manifest_trust trust;
	struct manifest_cache *cache;
	struct arena *arena; /* of one entry */
	struct array_writer array;
	struct progress progress;
	uint64_t entries, refused, identity_only;
};

/* PEM, or DER where there is no PEM in it. */
static status
read_certificates(
	struct call *c, const char *path, span *out, size_t max, size_t *count, struct diag *d)
{
	struct buffer text;
	span copy;
	status s;

	buffer_init(&text, 1 << 20);
	s = file_read(path, (1 << 20) - 1, &text, d);
	copy = s == OK ? arena_copy(c->arena, buffer_span(&text)) : span_of(NULL, 0);
	buffer_wipe(&text);
	if (s != OK) {
		return s;
	}
	if (copy.data == NULL) {
		return diag_set(d, BAD_INPUT, NULL, "%s is empty", path);
	}
	if (span_find(copy, span_text("-----BEGIN")) != SIZE_MAX) {
		s = pem_read_all(c->arena, copy, "CERTIFICATE", out, max, count, d);
		if (s != OK) {
			diag_prefix(d, "%s: ", path);
		}
		return s;
	}
	out[0] = copy;
	*count = 1;
	return OK;
}

static status
take_signers(struct judging *j, struct diag *d)
{
	const char *paths[SIGNERS_MAX];
	size_t files = call_all(j->call, "signer", paths, SIGNERS_MAX);
	status s = OK;

	for (size_t i = 0; s == OK && i < files; i++) {
		span certificates[SIGNERS_MAX];
		size_t count = 0;

		s = read_certificates(j->call, paths[i], certificates, SIGNERS_MAX, &count, d);
		for (size_t k = 0; s == OK && k < count; k++) {
			if (j->trust.pin_count == SIGNERS_MAX) {
				return diag_set(
					d, LIMIT, NULL, "more than %d signers", SIGNERS_MAX);
			}
			s = manifest_pin_read(certificates[k], &j->pins[j->trust.pin_count++], d);
			if (s != OK) {
				diag_prefix(d, "%s: ", paths[i]);
			}
		}
	}
	j->trust.pins = j->pins;
	return s;
}

static status
take_roots(struct judging *j, struct diag *d)
{
	const char *paths[ROOTS_MAX];
	size_t files = call_all(j->call, "root", paths, ROOTS_MAX), total = 0;
	span anchors[ROOTS_MAX];
	status s = OK;

	for (size_t i = 0; s == OK && i < files; i++) {
		size_t count = 0;

		if (total == ROOTS_MAX) {
			return diag_set(d, LIMIT, NULL, "more than %d roots", ROOTS_MAX);
		}
		s = read_certificates(
			j->call, paths[i], anchors + total, ROOTS_MAX - total, &count, d);
		total += count;
	}
	if (s == OK && total > 0) {
		s = trust_set_new(anchors, total, false, &j->roots, d);
	}
	j->trust.roots = j->roots;
	j->trust.wants_serial_name = true;
	return s;
}

static status
tell_json(struct judging *j, const char *serial, const struct manifest_entry *e,
	const struct diag *fault)
{
	cJSON *o = cJSON_CreateObject();
	bool refused = fault->status != OK;
	status s = NO_MEMORY;

	if (cJSON_AddNumberToObject(o, "number", (double)j->entries) != NULL &&
		cJSON_AddStringToObject(o, "verdict", refused ? "refused" : "accepted") != NULL &&
		cJSON_AddItemToObject(o, "serial",
			serial[0] != '\0' ? cJSON_CreateString(serial) : cJSON_CreateNull()) &&
		cJSON_AddBoolToObject(o, "identity_only",
			!refused && e->content == MANIFEST_IDENTITY_ONLY) != NULL &&
		cJSON_AddItemToObject(o, "problem",
			refused ? cJSON_CreateString(fault->text) : cJSON_CreateNull()) &&
		cJSON_AddItemToObject(o, "clause",
			fault->clause[0] != '\0' ? cJSON_CreateString(fault->clause)
						 : cJSON_CreateNull())) {
		s = array_item(&j->array, o);
	}
	cJSON_Delete(o);
	return s;
}

static void
tell_refused(const struct judging *j, const char *serial, const struct diag *fault)
{
	printf("entry %" PRIu64 "%s%s: ", j->entries, serial[0] != '\0' ? " " : "", serial);
	print_text(stdout, fault->text);
	if (fault->clause[0] != '\0') {
		printf(" (%s)", fault->clause);
	}
	printf("\n");
}

static status
judge(struct judging *j, span text, const struct diag *too_long, struct diag *d)
{
	char serial[ELEMENT_SERIAL_MAX + 1] = "";
	struct manifest_entry e = { 0 };
	struct diag fault = *too_long;
	status s = OK;

	if (fault.status == OK) {
		arena_reset(j->arena);
		manifest_entry_label(text, serial);
		s = manifest_entry_verify(j->arena, text, &j->trust, j->cache, &e, &fault);
		if (s != OK && fault.status == OK) {
			(void)!diag_set(&fault, s, NULL, "%s", status_name(s));
		}
	}
	j->refused += fault.status != OK;
	j->identity_only += fault.status == OK && e.content == MANIFEST_IDENTITY_ONLY;
	s = OK;
	if (call_has(j->call, "json")) {
		s = tell_json(j, serial, &e, &fault);
	} else if (fault.status != OK) {
		progress_end(&j->progress);
		tell_refused(j, serial, &fault);
	}
	j->entries++;
	progress_step(&j->progress, j->entries);
	return s == OK ? OK : diag_set(d, s, NULL, "no memory for a verdict");
}

static status
judge_all(struct judging *j, struct manifest_file *f, struct diag *d)
{
	status s = OK;

	while (s == OK) {
		struct diag fault = { 0 };
		uint64_t number;
		span text = { 0 };

		s = manifest_reader_next(f->reader, &text, &number, &fault);
		if (s == NOT_FOUND) {
			return OK;
		}
		if (s == OK || s == LIMIT) {
			s = judge(j, text, &fault, d);
		} else {
			s = diag_set(d, s, fault.clause, "%s, behind %" PRIu64 " entries: %s",
				call_argument(j->call, "FILE"), j->entries, fault.text);
		}
	}
	return s;
}

static status
conclude(struct judging *j, struct diag *d)
{
	if (!call_has(j->call, "json")) {
		printf("%" PRIu64 " entries, %" PRIu64 " sound, %" PRIu64 " refused", j->entries,
			j->entries - j->refused, j->refused);
		if (j->identity_only > 0) {
			printf(", %" PRIu64 " name an element without its keys", j->identity_only);
		}
		printf("\n");
	}
	return j->refused == 0
		       ? OK
		       : diag_set(d, CRYPTO, NULL, "%" PRIu64 " of %" PRIu64 " entries are refused",
				 j->refused, j->entries);
}

status
manifest_verify(struct call *c, struct diag *d)
{
	struct judging j = { .call = c, .arena = arena_new(ENTRY_ARENA_MAX) };
	struct manifest_file f = { .fd = -1 };
	bool is_json = call_has(c, "json");
	status s = j.arena != NULL && manifest_cache_new(&j.cache) == OK
			   ? OK
			   : diag_set(d, NO_MEMORY, NULL, "no memory");

	if (s == OK) {
		s = take_signers(&j, d);
	}
	if (s == OK) {
		s = take_roots(&j, d);
	}
	if (s == OK) {
		s = manifest_file_open(call_argument(c, "FILE"), &f, d);
	}
	if (s == OK) {
		progress_begin(&j.progress, "entry", 0);
		if (is_json) {
			array_begin(&j.array, stdout);
		}
		s = judge_all(&j, &f, d);
		progress_end(&j.progress);
		if (is_json) {
			array_end(&j.array);
		}
	}
	if (s == OK) {
		s = conclude(&j, d);
	}
	manifest_file_close(&f);
	manifest_cache_free(j.cache);
	trust_set_free(j.roots);
	arena_free(j.arena);
	return s;
}
