#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "cli/factory_unit.h"
#include "cli/lines.h"
#include "cli/nouns.h"
#include "cli/progress.h"
#include "cli/settings.h"
#include "pki/pem.h"

#define BATCH 256 /* the server's own batch: FACTORY_BATCH_MAX */
#define COUNT_MAX 1000000
#define BIRTH_PEM_MAX 65536
#define MANIFEST_BLOCK (1 << 20)

static const struct flag run_flags[] = {
	{ "fleet", VALUE_TEXT, "NAME", "the units' fleet", NULL, FLAG_NEEDED },
	{ "count", VALUE_NUMBER, "N", "how many units the folder shall have", NULL, FLAG_NEEDED },
	{ "out", VALUE_FOLDER, "DIR", "a folder a unit, and manifest.json", NULL, FLAG_NEEDED },
	{ "serial-prefix", VALUE_TEXT, "HEX", "of new serials; begins with 0123 (default 0123)",
		NULL, 0 },
	{ "signer", VALUE_TEXT, "NAME", "factory signer (default factory-PHASE)", NULL, 0 },
	{ "manifest-signer", VALUE_TEXT, "NAME", "manifest signer (default manifest-PHASE)", NULL,
		0 },
	{ 0 },
};

struct line_run {
	struct call *call;
	struct client *client;
	const char *folder, *path; /* of the request, with its query */
	struct factory_folder *units;
	size_t count, made, refused;
	struct file_batch files;
	struct progress progress;
};

/* --- one batch --- */

static status
put_unit(struct json_writer *w, const char *serial, uint8_t points[UNIT_SLOTS][64])
{
	json_begin(w, w->out);
	json_object_open(w, NULL);
	json_text(w, "serial", serial);
	json_array_open(w, "points");
	for (unsigned slot = 0; slot < UNIT_SLOTS; slot++) {
		json_hex(w, NULL, span_of(points[slot], 64));
	}
	json_array_close(w);
	json_object_close(w);
	buffer_put_byte(w->out, '\n');
	return buffer_failed(w->out) ? NO_MEMORY : OK;
}

static status
put_certificate(
	struct arena *a, const cJSON *o, const char *member, struct buffer *pem, struct diag *d)
{
	span text, der;
	status s = json_get_text(o, member, &text, d);

	if (s == OK) {
		s = base64_decode(a, text, &der);
		s = s == OK ? OK
			    : diag_set(d, BAD_INPUT, "RFC 4648 4", "member \"%s\" is no base64",
				      member);
	}
	if (s == OK) {
		pem_write(pem, "CERTIFICATE", der);
	}
	return s;
}

static status
take_born(struct line_run *r, const struct factory_folder *u, const cJSON *o, struct diag *d)
{
	const cJSON *entry = cJSON_GetObjectItemCaseSensitive(o, "entry");
	char *text = cJSON_IsObject(entry) ? cJSON_PrintUnformatted(entry) : NULL;
	struct arena *a = arena_new(1 << 20);
	struct buffer pem;
	status s = text != NULL && a != NULL ? OK
					     : diag_set(d, BAD_INPUT, NULL,
						       "the server's answer has no manifest entry");

	buffer_init(&pem, BIRTH_PEM_MAX);
	if (s == OK) {
		s = put_certificate(a, o, "certificate", &pem, d);
	}
	if (s == OK) {
		s = put_certificate(a, o, "issuer", &pem, d);
	}
	if (s == OK && buffer_failed(&pem)) {
		s = diag_set(d, LIMIT, NULL, "the certificates of %s are too long", u->serial);
	}
	if (s == OK) {
		s = unit_born(&r->files, u->serial, span_text(text), buffer_span(&pem), d);
	}
	buffer_wipe(&pem);
	cJSON_free(text);
	arena_free(a);
	return s;
}

struct answer {
	struct line_run *run;
	struct factory_folder *const *batch;
	size_t count, at;
};

static status
take_line(void *context, const cJSON *o, struct diag *d)
{
	struct answer *a = context;
	struct factory_folder *u = a->at < a->count ? a->batch[a->at++] : NULL;
	span serial, problem;
	status s;

	if (u == NULL || json_get_text(o, "serial", &serial, NULL) != OK ||
		!span_is(serial, u->serial)) {
		return diag_set(
			d, BAD_INPUT, NULL, "the server's answer is not in the order of the units");
	}
	if (json_get_text(o, "problem", &problem, NULL) == OK) {
		a->run->refused++;
		progress_end(&a->run->progress);
		fprintf(stderr, "%s: ", u->serial);
		lines_print(stderr, problem);
		fputc('\n', stderr);
		return OK;
	}
	s = take_born(a->run, u, o, d);
	u->is_born = s == OK;
	a->run->made += s == OK;
	return s;
}

static status
run_batch(struct line_run *r, struct factory_folder *const *batch, size_t count, struct diag *d)
{
	struct answer a = { r, batch, count, 0 };
	uint8_t points[UNIT_SLOTS][64];
	struct client_reply reply = { 0 };
	struct json_writer w;
	struct buffer body;
	status s = OK;

	buffer_init(&body, BATCH * 4096);
	json_begin(&w, &body);
	for (size_t i = 0; s == OK && i < count; i++) {
		s = unit_keys(&r->files, batch[i]->serial, points, d);
		if (s == OK && put_unit(&w, batch[i]->serial, points) != OK) {
			s = diag_set(d, NO_MEMORY, NULL, "no memory for a batch");
		}
	}
	if (s == OK) {
		s = file_batch_settle(
			&r->files, d); /* no key is certified that a power cut could lose */
	}
	if (s == OK) {
		const struct client_request request = { .method = "POST",
			.path = r->path,
			.content_type = "application/x-ndjson",
			.body = buffer_span(&body),
			.is_keyless = true,
			.is_repeatable = true };

		s = client_send(r->client, &request, &reply, d);
	}
	if (s == OK) {
		s = lines_read(buffer_span(&reply.body), take_line, &a, d);
	}
	if (s == OK && a.at < count) {
		s = diag_set(
			d, BAD_INPUT, NULL, "the server answered %zu of %zu units", a.at, count);
	}
	if (s == OK) {
		s = file_batch_settle(&r->files, d);
	}
	client_reply_wipe(&reply);
	buffer_wipe(&body);
	return s;
}

static status
run_units(struct line_run *r, struct diag *d)
{
	struct factory_folder *batch[BATCH];
	size_t in_batch = 0;
	status s = OK;

	progress_begin(&r->progress, "unit", r->count);
	for (size_t i = 0; s == OK && i < r->count; i++) {
		if (!r->units[i].is_born) {
			batch[in_batch++] = &r->units[i];
		}
		if (in_batch == BATCH || (i + 1 == r->count && in_batch > 0)) {
			s = run_batch(r, batch, in_batch, d);
			in_batch = 0;
			progress_step(&r->progress, i + 1);
		}
	}
	progress_end(&r->progress);
	return s;
}

/* --- the folder --- */

/* Serials for what is missing; their folders come with their keys. */
static status
add_units(struct line_run *r, size_t wanted, const char *prefix, struct diag *d)
{
	struct factory_folder *more;
	status s = OK;

	if (wanted <= r->count) {
		return OK;
	}
	more = reallocarray(r->units, wanted, sizeof(*more));
	if (more == NULL) {
		return diag_set(d, NO_MEMORY, NULL, "no memory for %zu units", wanted);
	}
	r->units = more;
	while (s == OK && r->count < wanted) {
		struct factory_folder *u = &r->units[r->count];

		*u = (struct factory_folder){ .is_born = false };
		s = unit_serial_new(prefix, u->serial, d);
		r->count++;
	}
	return s;
}

/* Every unit's entry, in one array; replaced whole. */
static status
write_manifest(struct line_run *r, const char *path, struct diag *d)
{
	const char *temporary = arena_printf(r->call->arena, "%s.new", path);
	FILE *out = temporary != NULL ? fopen(temporary, "we") : NULL;
	bool first = true;
	status s = out != NULL ? OK : diag_set(d, IO, NULL, "cannot write %s", path);

	if (s == OK) {
		fputc('[', out);
	}
	for (size_t i = 0; s == OK && i < r->count; i++) {
		struct buffer entry;

		if (!r->units[i].is_born) {
			continue;
		}
		buffer_init(&entry, MANIFEST_BLOCK);
		s = unit_entry(r->folder, r->units[i].serial, &entry, d);
		fputs(first ? "\n" : ",\n", out);
		fwrite(entry.data, 1, entry.len, out);
		first = false;
		buffer_wipe(&entry);
	}
	if (out != NULL) {
		fputs("\n]\n", out);
		if (fflush(out) != 0 || fsync(fileno(out)) != 0) {
			s = s == OK ? diag_set(d, IO, NULL, "cannot write %s", path) : s;
		}
		fclose(out);
	}
	if (s == OK && rename(temporary, path) != 0) {
		s = diag_set(d, IO, NULL, "cannot replace %s", path);
	}
	return s == OK ? folder_sync(r->folder, d) : s;
}

/* --- the command --- */

/* "factory-pilot" for a fleet of the pilot phase, where no other signer was named. */
static status
find_path(struct line_run *r, struct diag *d)
{
	struct call *c = r->call;
	const char *signer = call_text(c, "signer"), *manifest = call_text(c, "manifest-signer");
	const char *fleet = remote_encode(c->arena, call_text(c, "fleet")), *path;
	char phase[32] = "";
	cJSON *o = NULL;
	status s;

	path = fleet != NULL ? arena_printf(c->arena, "/api/v1/fleets/%s", fleet) : NULL;
	if (path == NULL) {
		return diag_set(d, NO_MEMORY, NULL, "no memory");
	}
	s = remote_get(r->client, path, &o, d);
	if (s == OK) {
		s = json_copy_text(o, "phase", phase, sizeof(phase), d);
	}
	cJSON_Delete(o);
	if (s != OK) {
		return s;
	}
	signer = signer != NULL ? remote_encode(c->arena, signer)
				: arena_printf(c->arena, "factory-%s", phase);
	manifest = manifest != NULL ? remote_encode(c->arena, manifest)
				    : arena_printf(c->arena, "manifest-%s", phase);
	if (signer != NULL && manifest != NULL) {
		r->path = arena_printf(c->arena, "%s/factory?signer=%s&manifest_signer=%s", path,
			signer, manifest);
	}
	return r->path != NULL ? OK : diag_set(d, NO_MEMORY, NULL, "no memory");
}

static status
check_prefix(struct call *c, const char *prefix, struct diag *d)
{
	size_t len = strlen(prefix);

	if (strncmp(prefix, "0123", 4) != 0 || len > 14 ||
		strspn(prefix, "0123456789abcdef") != len) {
		return call_usage(c, d,
			"--serial-prefix: 4 to 14 lower-case hex digits that begin with 0123");
	}
	return OK;
}

static void
report(const struct line_run *r, const char *manifest)
{
	if (call_has(r->call, "json")) {
		struct json_writer w;
		struct buffer out;

		buffer_init(&out, 65536);
		json_begin(&w, &out);
		json_object_open(&w, NULL);
		json_number(&w, "units", (int64_t)r->count);
		json_number(&w, "made", (int64_t)r->made);
		json_number(&w, "refused", (int64_t)r->refused);
		json_text(&w, "manifest", manifest);
		json_object_close(&w);
		printf("%.*s\n", (int)out.len, (const char *)out.data);
		buffer_wipe(&out);
		return;
	}
	printf("%zu units in %s (%zu made now), manifest %s\n", r->count, r->folder, r->made,
		manifest);
}

static status
run_line(struct call *c, struct diag *d)
{
	const char *prefix = call_has(c, "serial-prefix") ? call_text(c, "serial-prefix") : "0123";
	int64_t count = call_number(c, "count", 0);
	struct line_run r = { .call = c, .folder = call_text(c, "out") };
	const char *manifest = arena_printf(c->arena, "%s/manifest.json", r.folder);
	status s = check_prefix(c, prefix, d);

	if (s == OK && (count < 1 || count > COUNT_MAX)) {
		s = call_usage(c, d, "--count: 1 to %d", COUNT_MAX);
	}
	if (s == OK && manifest == NULL) {
		s = diag_set(d, NO_MEMORY, NULL, "no memory");
	}
	if (s == OK) {
		s = call_client(c, &r.client, d);
	}
	if (s == OK) {
		s = find_path(&r, d);
	}
	if (s == OK) {
		s = unit_list(r.folder, &r.units, &r.count, d);
	}
	if (s == OK) {
		s = file_batch_open(&r.files, r.folder, d);
	}
	if (s == OK) {
		s = add_units(&r, (size_t)count, prefix, d);
	}
	if (s == OK) {
		s = run_units(&r, d);
	}
	if (s == OK) {
		s = write_manifest(&r, manifest, d);
	}
	if (s == OK) {
		report(&r, manifest);
	}
	if (s == OK && r.refused > 0) {
		s = diag_set(d, CONFLICT, NULL,
			"%zu of %zu units were refused; the others are done", r.refused, r.count);
	}
	file_batch_close(&r.files);
	free(r.units);
	client_free(r.client);
	return s;
}

static const struct command factory_commands[] = {
	{ "run", "make units: keys, birth certificates, manifest",
		"Each unit is a folder with keys in files, which attest nothing: for devices "
		"without an element, and for tests. Run again it makes what is missing.",
		NULL, run_flags, COMMAND_SERVER | COMMAND_JSON, run_line, { 0 } },
	{ 0 },
};
const struct noun noun_factory = { "factory", "a provisioning line", factory_commands };
