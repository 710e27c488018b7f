#include <string.h>

#include "api/boxed.h"
#include "api/lookup.h"
#include "api/handlers.h"
#include "api/query.h"
#include "api/spool.h"
#include "lifecycle/onboard.h"
#include "pki/key.h"

/* manifest_import's source: what is left of the body. */
static status
read_body(void *context, uint8_t *out, size_t room, size_t *len, struct diag *d)
{
	span *rest = context;

	(void)d;
	*len = rest->len < room ? rest->len : room;
	if (*len > 0) {
		memcpy(out, rest->data, *len);
	}
	*rest = span_slice(*rest, *len, rest->len);
	return OK;
}

static status
write_verdict(void *context, const struct import_line *l)
{
	struct spool *spool = context;
	struct json_writer w;
	char device[ID_TEXT_LEN + 1];
	bool is_refused = l->verdict == IMPORT_REFUSED;
	bool has_device = !is_refused && !id_is_zero(&l->device);

	spool_begin(spool, &w);
	json_object_open(&w, NULL);
	json_number(&w, "number", (int64_t)l->number);
	json_text(&w, "verdict", import_verdict_name(l->verdict));
	json_text(&w, "serial", l->unique_id[0] != '\0' ? l->unique_id : NULL);
	json_text(&w, "device", has_device ? id_text(device, &l->device) : NULL);
	json_text(&w, "code", l->code[0] != '\0' ? l->code : NULL);
	json_bool(&w, "identity_only", l->is_identity_only);
	json_text(&w, "problem", is_refused ? l->diag.text : NULL);
	json_text(&w, "clause", is_refused && l->diag.clause[0] != '\0' ? l->diag.clause : NULL);
	json_object_close(&w);
	return spool_end(spool);
}

/* The last line. A fault of the file as a whole stands in it, behind what was judged before it. */
static void
write_sum(struct spool *spool, const struct import_counts *n, const struct diag *fault)
{
	struct json_writer w;

	spool_begin(spool, &w);
	json_object_open(&w, NULL);
	json_number(&w, "entries", (int64_t)n->entries);
	json_number(&w, "accepted", (int64_t)n->accepted);
	json_number(&w, "known", (int64_t)n->known);
	json_number(&w, "refused", (int64_t)n->refused);
	json_text(&w, "problem", fault->status != OK ? fault->text : NULL);
	json_text(&w, "clause", fault->clause[0] != '\0' ? fault->clause : NULL);
	json_object_close(&w);
	status s = spool_end(spool);
	(void)s; /* spool_reply tells */
}

/* A parameter that is one of two words. False: a 400 is the reply. */
static bool
read_choice(struct call *c, const char *parameter, const char *no, const char *yes, bool *out)
{
	span word;
	status s = query_get(c, parameter, &word);

	*out = false;
	if (s == NOT_FOUND) {
		return true;
	}
	if (s == OK && !span_is(word, no) && !span_is(word, yes)) {
		s = diag_set(&c->diag, BAD_INPUT, NULL, "parameter \"%s\" is %s or %s", parameter,
			no, yes);
	}
	*out = s == OK && span_is(word, yes);
	return s == OK ? true : call_refuse(c, s);
}

static bool
is_manifest_type(const struct http_request *r)
{
	return http_content_is(r, "application/json") || http_content_is(r, "application/x-ndjson");
}

struct order {
	struct fleet fleet;
	bool wants_codes, is_dry_run;
	struct boxed *boxed; /* NULL: no codes came with it */
};

static void
import(struct call *c, const struct order *order, span manifest)
{
	struct spool spool;
	struct import_counts counts = { 0 };
	struct import_request r = { .fleet = order->fleet.row,
		.source = read_body,
		.source_context = &manifest,
		.wants_codes = order->wants_codes || order->boxed != NULL,
		.code_of = order->boxed != NULL ? boxed_code : NULL,
		.code_context = order->boxed,
		.is_dry_run = order->is_dry_run,
		.line = write_verdict,
		.line_context = &spool };

	spool_init(&spool, service_of(c->x)->configuration->home);
	sha256(c->x->request->body, r.file_hash);
	status s = manifest_import(&c->session, &r, &counts, &c->diag);
	count_use_case(USE_MANIFEST_IMPORT, s);
	if (s != OK && counts.entries == 0) {
		call_refuse(c, s);
	} else {
		write_sum(&spool, &counts, &c->diag);
		spool_reply(&spool, c);
	}
	spool_wipe(&spool);
}

static void
import_boxed(struct call *c, struct order *order)
{
	status s = boxed_read(c->x->request->body, &order->boxed, &c->diag);

	if (s != OK) {
		call_refuse(c, s);
		return;
	}
	import(c, order, boxed_manifest(order->boxed));
	boxed_free(order->boxed);
}

void
fleet_manifest(struct exchange *x)
{
	static const char *const known[] = { "codes", "dry_run" };
	struct call c;
	struct order order = { 0 };
	char name[NAME_MAX_LEN + 1];

	if (!call_begin(&c, x, BY_MAKER) || !query_allow(&c, known, 2) ||
		!read_choice(&c, "codes", "none", "new", &order.wants_codes) ||
		!read_choice(&c, "dry_run", "false", "true", &order.is_dry_run) ||
		!call_name(&c, 0, "fleet", name) || !lookup_fleet(&c, name, &order.fleet) ||
		!call_without_key(&c, 200, NULL, NULL)) {
		return;
	}
	if (!is_manifest_type(x->request)) {
		reply_problem_as(x, 415, "a manifest is application/json or application/x-ndjson");
		return;
	}
	if (boxed_is(x->request->body)) {
		import_boxed(&c, &order);
	} else {
		import(&c, &order, x->request->body);
	}
}
