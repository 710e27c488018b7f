#include "api/handlers.h"
#include "api/query.h"
#include "base/text.h"

/* How many there are is the maker's business: an owner's operator is told null. */
static void
write_count(struct json_writer *w, const char *name, bool is_told, int64_t count)
{
	if (is_told) {
		json_number(w, name, count);
	} else {
		json_null(w, name);
	}
}

static void
write_counts(struct call *c, struct json_writer *w, const struct store_counts *counts)
{
	bool is_told = call_owner(c) == 0;

	if (is_told) {
		json_object_open(w, "devices");
		for (int state = 0; state < DEVICE_STATE_COUNT; state++) {
			json_number(w, device_state_name((enum device_state)state),
				counts->by_state[state]);
		}
		json_object_close(w);
	} else {
		json_null(w, "devices");
	}
	write_count(w, "certificates", is_told, counts->certificates);
	write_count(w, "fleets", is_told, counts->fleets);
	write_count(w, "owners", is_told, counts->owners);
}

static void
write_ledger(struct call *c, struct json_writer *w, const struct store_counts *counts)
{
	const struct service *v = service_of(c->x);
	uint64_t published = 0;
	struct diag d = { 0 };
	status s = sequencer_health(c->session.life->sequencer, &published, &d);

	(void)s; /* `ready` tells */
	json_object_open(w, "ledger");
	json_number(w, "size", counts->ledger_entries);
	json_number(w, "published", (int64_t)published);
	json_text(w, "origin", v->configuration->ledger_origin);
	json_text(w, "key", v->ledger_key);
	json_object_close(w);
}

#define DUE_MAX 8 /* that are named; it is a line, no list */

/* What somebody has to see to, though all works still. */
static status
write_warning(struct call *c, struct json_writer *w)
{
	struct crl_due due[DUE_MAX];
	char until[TIME_TEXT_MAX];
	struct buffer line;
	size_t count = 0;
	status s = crl_files_due(&c->session, due, DUE_MAX, &count, &c->diag);

	buffer_init(&line, 4096);
	for (size_t i = 0; i < count; i++) {
		buffer_printf(&line,
			"%sthe CRL of %s is over half of its life (it ends %s): have a new one "
			"signed",
			i > 0 ? "; " : "", due[i].authority,
			time_text(until, due[i].next_update_s));
	}
	buffer_put_byte(&line, 0);
	json_text(
		w, "warning", count > 0 && !buffer_failed(&line) ? (const char *)line.data : NULL);
	buffer_wipe(&line);
	return s;
}

static status
write_status(struct call *c, struct json_writer *w, void *context)
{
	const struct service *v = context;
	struct store_counts counts;
	struct diag problem = { 0 };
	status ready = v->ready != NULL ? v->ready(v->context, &problem) : OK;
	status s = read_counts(c->session.reader, &counts);

	if (s != OK) {
		return s;
	}
	json_object_open(w, NULL);
	json_text(w, "version", v->version);
	json_bool(w, "ready", ready == OK);
	json_text(w, "problem", ready == OK ? NULL : problem.text);
	s = write_warning(c, w);
	write_counts(c, w, &counts);
	write_ledger(c, w, &counts);
	json_time(w, "time", c->session.now_s);
	json_object_close(w);
	return s;
}

void
status_show(struct exchange *x)
{
	struct call c;

	if (call_begin(&c, x, BY_ALL) && query_allow(&c, NULL, 0)) {
		call_show(&c, 200, write_status, service_of(x));
	}
}
