#include <string.h>

#include "api/lookup.h"
#include "api/handlers.h"
#include "api/lines.h"
#include "api/query.h"
#include "api/spool.h"
#include "base/text.h"
#include "lifecycle/onboard.h"

#define UNIT_LINE_MAX 4096 /* five points in hex and a serial: 700 bytes */

/* One line of the request and what became of it. */
struct line_result {
	char serial[ELEMENT_SERIAL_MAX + 1]; /* "" where it could not be read */
	bool is_unit; /* the next of the batch's units; else diag says why not */
	struct diag diag;
};

struct factory_run {
	struct call *call;
	int64_t fleet;
	char signer[NAME_MAX_LEN + 1], manifest_signer[NAME_MAX_LEN + 1];
	struct spool spool;

	/* The batch under way. */
	struct arena *arena; /* emptied after each batch */
	struct line_result lines[FACTORY_BATCH_MAX];
	struct factory_unit units[FACTORY_BATCH_MAX];
	struct factory_result results[FACTORY_BATCH_MAX];
	size_t line_count, unit_count;
	bool has_made; /* some batch went through */
};

/* --- reading --- */

static status
read_points(const cJSON *array, struct factory_unit *u, struct diag *d)
{
	const cJSON *point;

	if (!cJSON_IsArray(array) || cJSON_GetArraySize(array) < 1 ||
		cJSON_GetArraySize(array) > (int)COUNT_OF(u->points)) {
		return diag_set(d, BAD_INPUT, NULL,
			"member \"points\" is an array of 1 to %zu points, slots 0 to 4",
			COUNT_OF(u->points));
	}
	cJSON_ArrayForEach(point, array)
	{
		if (!cJSON_IsString(point) ||
			hex_decode(span_text(point->valuestring), u->points[u->point_count],
				sizeof(u->points[0])) != OK) {
			return diag_set(d, BAD_INPUT, NULL, "point %zu is not 64 bytes in hex",
				u->point_count);
		}
		u->point_count++;
	}
	return OK;
}

/* `names` ends with NULL. */
static status
check_members(const cJSON *o, const char *const *names, struct diag *d)
{
	if (!cJSON_IsObject(o)) {
		return diag_set(d, BAD_INPUT, NULL, "not a JSON object");
	}
	for (const cJSON *m = o->child; m != NULL; m = m->next) {
		const char *const *name = names;

		while (*name != NULL && strcmp(m->string, *name) != 0) {
			name++;
		}
		if (*name == NULL) {
			return diag_set(
				d, BAD_INPUT, NULL, "no member \"%.60s\" is known here", m->string);
		}
	}
	return OK;
}

/* A member that may be absent or null; an empty text is none. */
static status
read_word(const cJSON *o, const char *name, char out[NAME_MAX_LEN + 1], struct diag *d)
{
	const cJSON *m = cJSON_GetObjectItemCaseSensitive(o, name);
	status s;

	if (m == NULL || cJSON_IsNull(m)) {
		return OK;
	}
	s = json_copy_text(o, name, out, NAME_MAX_LEN + 1, d);
	return s == OK && out[0] == '\0'
		       ? diag_set(d, BAD_INPUT, NULL, "member \"%s\" is empty", name)
		       : s;
}

static status
read_attestation(const cJSON *o, struct factory_unit *u, struct diag *d)
{
	static const char *const names[] = { "kind", "key", NULL };
	enum attestation_kind kind;
	span word, key;
	status s;

	if (o == NULL || cJSON_IsNull(o)) {
		return OK;
	}
	s = check_members(o, names, d);
	if (s == OK) {
		s = json_get_text(o, "kind", &word, d);
	}
	if (s == OK) {
		s = json_get_text(o, "key", &key, d);
	}
	/* An ATECC608's key is one of its points. */
	if (s == OK && (attestation_kind_parse(word, &kind) != OK || kind != ATTESTATION_TPM2)) {
		s = diag_set(d, BAD_INPUT, NULL, "attestation's kind is \"%s\"",
			attestation_kind_name(ATTESTATION_TPM2));
	}
	if (s == OK && hex_decode(key, u->tpm2_key, sizeof(u->tpm2_key)) != OK) {
		s = diag_set(d, BAD_INPUT, NULL, "attestation's key is not 64 bytes in hex");
	}
	u->has_tpm2_key = s == OK;
	return s;
}

static status
read_unit_members(const cJSON *o, struct factory_unit *u, struct diag *d)
{
	static const char *const names[] = { "serial", "points", "model", "part_number",
		"attestation", NULL };
	status s = check_members(o, names, d);

	if (s == OK) {
		s = json_copy_text(o, "serial", u->unique_id, sizeof(u->unique_id), d);
	}
	if (s == OK) {
		s = read_word(o, "model", u->model, d);
	}
	if (s == OK) {
		s = read_word(o, "part_number", u->part_number, d);
	}
	if (s == OK) {
		s = read_attestation(cJSON_GetObjectItemCaseSensitive(o, "attestation"), u, d);
	}
	if (s != OK) {
		return s;
	}
	for (char *l = u->unique_id; *l != '\0'; l++) {
		*l = (char)(*l >= 'A' && *l <= 'F' ? *l + ('a' - 'A') : *l);
	}
	return read_points(cJSON_GetObjectItemCaseSensitive(o, "points"), u, d);
}

static status
read_unit(span line, struct factory_unit *u, struct diag *d)
{
	cJSON *o = NULL;
	status s = json_parse(line, UNIT_LINE_MAX, &o, d);

	*u = (struct factory_unit){ 0 };
	if (s == OK) {
		s = read_unit_members(o, u, d);
		cJSON_Delete(o);
	}
	return s;
}

static void
add_line(struct factory_run *run, span line, size_t number)
{
	struct line_result *l = &run->lines[run->line_count++];
	struct factory_unit *u = &run->units[run->unit_count];

	*l = (struct line_result){ 0 };
	l->is_unit = read_unit(line, u, &l->diag) == OK;
	if (utf8_is_printable(span_text(u->unique_id))) {
		memcpy(l->serial, u->unique_id, sizeof(l->serial));
	}
	if (l->is_unit) {
		run->unit_count++;
	} else {
		diag_prefix(&l->diag, "line %zu: ", number);
	}
}

/* --- answering --- */

static status
write_made(struct factory_run *run, struct json_writer *w, const struct factory_result *r)
{
	char *certificate = base64_encode(run->arena, r->certificate);
	char *issuer = base64_encode(run->arena, r->issuer);

	if (certificate == NULL || issuer == NULL) {
		return diag_set(&run->spool.diag, NO_MEMORY, NULL, "no memory for a certificate");
	}
	json_text(w, "certificate", certificate);
	json_text(w, "issuer", issuer);
	json_raw(w, "entry", r->manifest_entry);
	return OK;
}

static status
write_line(struct factory_run *run, const struct line_result *l, const struct factory_result *r)
{
	const struct diag *fault = l->is_unit ? &r->diag : &l->diag;
	struct json_writer w;
	status s = OK;

	spool_begin(&run->spool, &w);
	json_object_open(&w, NULL);
	json_text(&w, "serial", l->serial[0] != '\0' ? l->serial : NULL);
	if (l->is_unit && r->status == OK) {
		s = write_made(run, &w, r);
	} else {
		json_text(&w, "problem",
			fault->text[0] != '\0' ? fault->text : status_name(r->status));
	}
	json_object_close(&w);
	return s == OK ? spool_end(&run->spool) : s;
}

/* All units of the batch share a fault that is none of theirs: the signer is away, the disk is full. */
static void
fail_batch(struct factory_run *run, status s)
{
	for (size_t i = 0; i < run->unit_count; i++) {
		run->results[i] = (struct factory_result){ .status = s, .diag = run->call->diag };
	}
	diag_clear(&run->call->diag);
}

/* Makes and answers what has been read; afterwards the batch is empty. */
static status
run_batch(struct factory_run *run)
{
	struct call *c = run->call;
	size_t unit = 0;
	status s = OK;

	if (run->unit_count > 0) {
		s = factory_make(&c->session, run->fleet, run->signer, run->manifest_signer,
			run->units, run->unit_count, run->results, &c->diag);
		count_use_case(USE_FACTORY, s);
	}
	if (s != OK && !run->has_made) {
		return s;
	}
	if (s != OK) {
		fail_batch(run, s);
		s = OK;
	}
	for (size_t i = 0; s == OK && i < run->line_count; i++) {
		const struct line_result *l = &run->lines[i];

		s = write_line(run, l, &run->results[unit]);
		unit += l->is_unit;
	}
	run->has_made = run->has_made || run->unit_count > 0;
	run->line_count = 0;
	run->unit_count = 0;
	arena_reset(run->arena);
	return s;
}

static status
run_lines(struct factory_run *run, span rest)
{
	span line;
	size_t number = 0;
	status s = OK;

	while (s == OK && lines_next(&rest, &line, &number)) {
		add_line(run, line, number);
		if (run->line_count == FACTORY_BATCH_MAX) {
			s = run_batch(run);
		}
	}
	return s == OK && run->line_count > 0 ? run_batch(run) : s;
}

/* --- the handler --- */

static void
serve(struct call *c, struct factory_run *run)
{
	run->call = c;
	spool_init(&run->spool, service_of(c->x)->configuration->home);
	run->arena = arena_new(REQUEST_ARENA_MAX);
	if (run->arena == NULL) {
		call_refuse(c, NO_MEMORY);
		return;
	}
	struct arena *outer = c->session.arena;
	c->session.arena = run->arena;
	status s = run_lines(run, c->x->request->body);
	c->session.arena = outer;
	if (s != OK && run->spool.diag.status == OK) {
		call_refuse(c, s);
	} else {
		spool_reply(&run->spool, c);
	}
	spool_wipe(&run->spool);
	arena_free(run->arena);
}

static bool
read_signer(struct call *c, const char *parameter, char out[NAME_MAX_LEN + 1])
{
	if (!query_name(c, parameter, "signer", out)) {
		return false;
	}
	if (out[0] == '\0') {
		diag_set(&c->diag, BAD_INPUT, NULL, "parameter \"%s\" is missing", parameter);
		return call_refuse(c, BAD_INPUT);
	}
	return true;
}

void
fleet_factory(struct exchange *x)
{
	static const char *const known[] = { "signer", "manifest_signer" };
	struct call c;
	struct fleet fleet;
	char name[NAME_MAX_LEN + 1];

	if (!call_begin(&c, x, BY_MAKER) || !query_allow(&c, known, 2) ||
		!call_name(&c, 0, "fleet", name) || !lookup_fleet(&c, name, &fleet) ||
		!call_without_key(&c, 200, NULL, NULL)) {
		return;
	}
	if (!http_content_is(x->request, "application/x-ndjson")) {
		reply_problem_as(x, 415, "units come as application/x-ndjson, one a line");
		return;
	}
	struct factory_run *run = ARENA_NEW(c.session.arena, struct factory_run);
	if (run == NULL) {
		call_refuse(&c, NO_MEMORY);
		return;
	}
	run->fleet = fleet.row;
	if (read_signer(&c, "signer", run->signer) &&
		read_signer(&c, "manifest_signer", run->manifest_signer)) {
		serve(&c, run);
	}
}
