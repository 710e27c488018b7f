#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "cli/factory_part.h"
#include "cli/lines.h"
#include "cli/nouns.h"
#include "cli/progress.h"
#include "cli/settings.h"
#include "pki/pem.h"

#define BATCH 256 /* the server's own batch: FACTORY_BATCH_MAX */
#define COUNT_MAX 1000000
#define BIRTH_PEM_MAX 65536
#define CA_FILE_MAX 65536
#define MANIFEST_BLOCK (1 << 20)

static const struct flag run_flags[] = {
	{ "fleet", VALUE_TEXT, "NAME", "the units' fleet", NULL, FLAG_NEEDED },
	{ "count", VALUE_NUMBER, "N",
		"how many units the folder shall have; needed without --element", NULL, 0 },
	{ "element", VALUE_TEXT, "ADDRESS",
		"the part on the line, or a virtual element's socket with all its parts", NULL, 0 },
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
	struct factory_part *parts;
	size_t count, part_count, made, refused;
	struct file_batch files;
	struct progress progress;
	struct buffer ca; /* of `world` */
	struct unit_world world;
};

/* Of a unit whose keys are files: the record says so, and that its word is worth nothing. */
#define FILE_MODEL "key-file"

/* --- one batch --- */

static status
put_unit(struct json_writer *w, const char *serial, const struct part_keys *keys)
{
	json_begin(w, w->out);
	json_object_open(w, NULL);
	json_text(w, "serial", serial);
	json_text(w, "model", keys->model);
	json_text(w, "part_number", keys->part_number);
	json_array_open(w, "points");
	for (unsigned slot = 0; slot < UNIT_SLOTS; slot++) {
		json_hex(w, NULL, span_of(keys->points[slot], 64));
	}
	json_array_close(w);
	json_object_close(w);
	buffer_put_byte(w->out, '\n');
	return buffer_failed(w->out) ? NO_MEMORY : OK;
}

static status
read_keys(struct line_run *r, const struct factory_folder *u, struct part_keys *out, struct diag *d)
{
	if (u->part != NULL) {
		return part_read_keys(u->part, out, d);
	}
	snprintf(out->model, sizeof(out->model), FILE_MODEL);
	snprintf(out->part_number, sizeof(out->part_number), FILE_MODEL);
	return unit_keys(&r->files, u->serial, out->points, d);
}

static status
get_certificate(struct arena *a, const cJSON *o, const char *member, span *der, struct diag *d)
{
	span text;
	status s = json_get_text(o, member, &text, d);

	if (s != OK) {
		return s;
	}
	return base64_decode(a, text, der) == OK
		       ? OK
		       : diag_set(d, BAD_INPUT, "RFC 4648 4", "member \"%s\" is no base64", member);
}

/* Into the part first: the unit is born once its birth.pem is in its place. */
static status
keep_born(struct line_run *r, const struct factory_folder *u, span leaf, span issuer,
	const char *entry, struct diag *d)
{
	char folder[UNIT_PATH_MAX];
	struct buffer pem;
	status s = OK;

	buffer_init(&pem, BIRTH_PEM_MAX);
	pem_write(&pem, "CERTIFICATE", leaf);
	pem_write(&pem, "CERTIFICATE", issuer);
	if (s == OK && buffer_failed(&pem)) {
		s = diag_set(d, LIMIT, NULL, "the certificates of %s are too long", u->serial);
	}
	if (s == OK && u->part != NULL) {
		s = unit_element_folder(r->folder, u->serial, folder, d);
	}
	if (s == OK && u->part != NULL) {
		s = part_give_birth(u->part, folder, buffer_span(&pem), d);
	}
	if (s == OK && u->part == NULL) {
		s = unit_of_files(&r->files, u->serial, &r->world, d);
	}
	if (s == OK) {
		s = unit_born(&r->files, u->serial, span_text(entry), buffer_span(&pem), d);
	}
	buffer_wipe(&pem);
	return s;
}

static status
take_born(struct line_run *r, const struct factory_folder *u, const cJSON *o, struct diag *d)
{
	const cJSON *entry = cJSON_GetObjectItemCaseSensitive(o, "entry");
	char *text = cJSON_IsObject(entry) ? cJSON_PrintUnformatted(entry) : NULL;
	struct arena *a = arena_new(1 << 20);
	span leaf, issuer;
	status s = text != NULL && a != NULL ? OK
					     : diag_set(d, BAD_INPUT, NULL,
						       "the server's answer has no manifest entry");

	if (s == OK) {
		s = get_certificate(a, o, "certificate", &leaf, d);
	}
	if (s == OK) {
		s = get_certificate(a, o, "issuer", &issuer, d);
	}
	if (s == OK) {
		s = keep_born(r, u, leaf, issuer, text, d);
	}
	cJSON_free(text);
	arena_free(a);
	return s;
}

/* The others go on; `why` may be anybody's words. */
static void
refuse(struct line_run *r, const char *serial, span why)
{
	r->refused++;
	progress_end(&r->progress);
	fprintf(stderr, "%s: ", serial);
	lines_print(stderr, why);
	fputc('\n', stderr);
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
		refuse(a->run, u->serial, problem);
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
	struct client_reply reply = { 0 };
	struct json_writer w;
	struct buffer body;
	status s = OK;

	buffer_init(&body, BATCH * 4096);
	json_begin(&w, &body);
	for (size_t i = 0; s == OK && i < count; i++) {
		struct part_keys keys = { 0 };

		s = read_keys(r, batch[i], &keys, d);
		if (s == OK && put_unit(&w, batch[i]->serial, &keys) != OK) {
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

/* A part's unit only with its part, and with parts on the line nothing else. */
static bool
is_to_be_made(const struct line_run *r, const struct factory_folder *u)
{
	bool is_here = r->part_count > 0 ? u->part != NULL : !u->is_of_part;

	return is_here && !u->is_born;
}

/* A unit that was made before, with its part on the line again. */
static status
look_at_known(struct line_run *r, const struct factory_folder *u, struct diag *d)
{
	char folder[UNIT_PATH_MAX];
	status s = unit_element_folder(r->folder, u->serial, folder, d);

	if (s == OK) {
		s = part_is_known(u->part, folder, d);
	}
	if (s == CONFLICT) {
		refuse(r, u->serial, span_text(d->text));
		diag_clear(d);
		s = OK;
	}
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
		struct factory_folder *u = &r->units[i];

		if (is_to_be_made(r, u)) {
			batch[in_batch++] = u;
		} else if (u->part != NULL) {
			s = look_at_known(r, u, d);
		}
		if (s != OK) {
			break;
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

static int
compare_serials(const void *serial, const void *unit)
{
	return strcmp(serial, ((const struct factory_folder *)unit)->serial);
}

/* The units ask the server that the line asks. */
static status
learn_world(struct line_run *r, struct diag *d)
{
	struct client_options o;
	status s = settings_find(r->call, &o, d);

	if (s == OK) {
		s = file_read(o.ca, CA_FILE_MAX, &r->ca, d);
	}
	if (s == OK) {
		r->world = (struct unit_world){ .server = o.server,
			.fleet = call_text(r->call, "fleet"),
			.ca = buffer_span(&r->ca) };
	}
	return s;
}

/* The parts on the line; those that were here before are known by their folders. */
static status
add_parts(struct line_run *r, const char *address, struct diag *d)
{
	status s = parts_find(address, &r->parts, &r->part_count, d);
	struct factory_folder *more;

	if (s != OK) {
		return s;
	}
	more = reallocarray(r->units, r->count + r->part_count, sizeof(*more));
	if (more == NULL) {
		return diag_set(d, NO_MEMORY, NULL, "no memory for %zu units", r->part_count);
	}
	r->units = more;
	for (size_t i = 0, known = r->count; s == OK && i < r->part_count; i++) {
		const struct factory_part *p = &r->parts[i];
		struct factory_folder *u =
			bsearch(p->serial, r->units, known, sizeof(*r->units), compare_serials);

		if (u == NULL) {
			u = &r->units[r->count++];
			*u = (struct factory_folder){ .is_born = false };
			memcpy(u->serial, p->serial, sizeof(u->serial));
		}
		u->is_of_part = true;
		u->part = p;
		s = unit_of_part(r->folder, p->serial, p->address, &r->world, d);
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

/* Two lines in one folder would take each other's files away. */
static status
lock_folder(const struct line_run *r, int *fd, struct diag *d)
{
	const char *path = arena_printf(r->call->arena, "%s/lock", r->folder);
	status s = path != NULL ? folder_make(r->folder, 0700, d)
				: diag_set(d, NO_MEMORY, NULL, "no memory");

	return s == OK ? file_lock(path, fd, d) : s;
}

static status
run_line(struct call *c, struct diag *d)
{
	const char *prefix = call_has(c, "serial-prefix") ? call_text(c, "serial-prefix") : "0123";
	const char *element = call_text(c, "element");
	int64_t count = call_number(c, "count", 0);
	struct line_run r = { .call = c, .folder = call_text(c, "out") };
	const char *manifest = arena_printf(c->arena, "%s/manifest.json", r.folder);
	status s = check_prefix(c, prefix, d);
	int lock = -1;

	buffer_init(&r.ca, CA_FILE_MAX);
	if (s == OK && element == NULL && (count < 1 || count > COUNT_MAX)) {
		s = call_usage(c, d, "--count: 1 to %d, or --element", COUNT_MAX);
	}
	if (s == OK && element != NULL && (call_has(c, "count") || call_has(c, "serial-prefix"))) {
		s = call_usage(c, d,
			"--element: parts are as many as there are, with serial "
			"numbers of their own");
	}
	if (s == OK && manifest == NULL) {
		s = diag_set(d, NO_MEMORY, NULL, "no memory");
	}
	if (s == OK) {
		s = call_client(c, &r.client, d);
	}
	if (s == OK) {
		s = learn_world(&r, d);
	}
	if (s == OK) {
		s = find_path(&r, d);
	}
	if (s == OK) {
		s = lock_folder(&r, &lock, d);
	}
	if (s == OK) {
		s = unit_list(r.folder, &r.units, &r.count, d);
	}
	if (s == OK) {
		s = file_batch_open(&r.files, r.folder, d);
	}
	if (s == OK) {
		s = element != NULL ? add_parts(&r, element, d)
				    : add_units(&r, (size_t)count, prefix, d);
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
	parts_free(r.parts, r.part_count);
	buffer_wipe(&r.ca);
	client_free(r.client);
	if (lock >= 0) {
		close(lock);
	}
	return s;
}

static const struct command factory_commands[] = {
	{ "run", "make units: keys, birth certificates, manifest",
		"With --element each unit is a part whose keys were made inside and stay there; "
		"the "
		"folder has what tenure-agent --dir needs beside it, its agent.conf too. With "
		"--count each is a folder with keys in "
		"files, which attest nothing: for devices without an element, and for tests. Run "
		"again it makes what is missing.",
		NULL, run_flags, COMMAND_SERVER | COMMAND_JSON, run_line, { 0 } },
	{ 0 },
};
const struct noun noun_factory = { "factory", "a provisioning line", factory_commands };
