/* For operations: is it alive, is it ready, and how is it. */
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "api/handlers.h"
#include "api/query.h"
#include "base/log.h"
#include "base/served_file.h"
#include "lifecycle/authorities.h"
#include "pki/crl.h"

#define PLAIN "text/plain; charset=utf-8"

static void
reply_health(struct exchange *x, status s, const struct diag *d)
{
	char words[sizeof(d->text) + 2];

	if (s == OK) {
		reply_bytes(x, 200, PLAIN, span_text("ok\n"));
	} else {
		snprintf(words, sizeof(words), "%s\n", d->text);
		reply_bytes(x, 503, PLAIN, span_text(words));
	}
	reply_header(x, "Cache-Control", "no-store");
}

void
health_alive(struct exchange *x)
{
	const struct life *life = service_of(x)->life;
	struct diag d = { 0 };
	uint64_t published = 0;
	status s = store_health(life->store, &d);

	if (s == OK) {
		s = signer_health(life->signer, &d);
	}
	if (s == OK) {
		s = sequencer_health(life->sequencer, &published, &d);
	}
	reply_health(x, s, &d);
}

void
health_ready(struct exchange *x)
{
	const struct service *v = service_of(x);
	struct diag d = { 0 };

	reply_health(x, v->ready != NULL ? v->ready(v->context, &d) : OK, &d);
}

/* --- metrics --- */

static void
print_one(struct buffer *out, const char *name, const char *type, const char *help, double value)
{
	buffer_printf(
		out, "# HELP %s %s\n# TYPE %s %s\n%s %.0f\n", name, help, name, type, name, value);
}

static void
print_counts(struct buffer *out, const struct store_counts *counts)
{
	buffer_put_text(out, "# HELP tenure_devices Devices by state.\n"
			     "# TYPE tenure_devices gauge\n");
	for (int state = 0; state < DEVICE_STATE_COUNT; state++) {
		buffer_printf(out, "tenure_devices{state=\"%s\"} %" PRId64 "\n",
			device_state_name((enum device_state)state), counts->by_state[state]);
	}
	print_one(out, "tenure_certificates", "gauge", "Certificates on record.",
		(double)counts->certificates);
	print_one(out, "tenure_fleets", "gauge", "Fleets.", (double)counts->fleets);
	print_one(out, "tenure_owners", "gauge", "Owners.", (double)counts->owners);
	print_one(out, "tenure_deny_records", "gauge", "Records of the deny feed.",
		(double)counts->deny_records);
	print_one(out, "tenure_ledger_entries", "gauge", "Entries recorded in the ledger.",
		(double)counts->ledger_entries);
}

static void
print_parts(struct buffer *out, const struct service *v)
{
	uint64_t published = 0;
	struct diag d = { 0 }; /* whose words are for healthz and readyz */
	bool is_store = store_health(v->life->store, &d) == OK;
	bool is_signer = signer_health(v->life->signer, &d) == OK;
	bool is_sequencer = sequencer_health(v->life->sequencer, &published, &d) == OK;
	bool is_ready = v->ready == NULL || v->ready(v->context, &d) == OK;

	print_one(out, "tenure_ledger_published", "gauge", "Entries under a published checkpoint.",
		(double)published);
	buffer_put_text(out, "# HELP tenure_up Whether a part of the server works.\n"
			     "# TYPE tenure_up gauge\n");
	buffer_printf(out, "tenure_up{part=\"store\"} %d\n", is_store);
	buffer_printf(out, "tenure_up{part=\"signer\"} %d\n", is_signer);
	buffer_printf(out, "tenure_up{part=\"ledger\"} %d\n", is_sequencer);
	print_one(out, "tenure_ready", "gauge", "Whether the server is ready to serve.", is_ready);
	print_one(out, "tenure_log_lines_lost_total", "counter",
		"Log lines that could not be written.", (double)log_lost());
}

static void
print_http(struct buffer *out, const struct http_server *server)
{
	struct http_counters n;

	if (server == NULL) {
		return;
	}
	http_server_counters(server, &n);
	const struct {
		const char *name, *type, *help;
		uint64_t value;
	} rows[] = {
		{ "connections_total", "counter", "Connections taken.", n.connections },
		{ "connections_open", "gauge", "Connections open now.", n.connections_open },
		{ "connections_refused_total", "counter", "Connections refused at the limit.",
			n.connections_refused },
		{ "connections_evicted_total", "counter",
			"Idle connections closed at the limit, for new ones.",
			n.connections_evicted },
		{ "handshakes_total", "counter", "TLS handshakes done.", n.handshakes },
		{ "handshakes_resumed_total", "counter", "Of these, resumed ones.",
			n.handshakes_resumed },
		{ "handshakes_failed_total", "counter", "TLS handshakes that failed.",
			n.handshakes_failed },
		{ "received_total", "counter", "Requests read whole.", n.requests },
		{ "received_bad_total", "counter", "Requests that could not be read.",
			n.requests_bad },
		{ "timeouts_total", "counter", "Connections closed for being slow or idle.",
			n.timeouts },
		{ "queue_full_total", "counter", "Requests refused because all workers were busy.",
			n.queue_full },
		{ "parked", "gauge", "Requests that wait for a change.", n.parked },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char name[64];

		snprintf(name, sizeof(name), "tenure_http_%s", rows[i].name);
		print_one(out, name, rows[i].type, rows[i].help, (double)rows[i].value);
	}
	buffer_put_text(out,
		"# HELP tenure_http_refusals_total Refused before a handler saw it, by "
		"layer and kind.\n"
		"# TYPE tenure_http_refusals_total counter\n");
	for (size_t i = 0; i < REFUSAL_COUNT; i++) {
		buffer_printf(out,
			"tenure_http_refusals_total{layer=\"%s\",kind=\"%s\"} %" PRIu64 "\n",
			refusal_layer((enum refusal)i), refusal_kind((enum refusal)i),
			n.refusals[i]);
	}
}

/* --- CRLs, by their files: what relying parties are served is what counts, not what the store believes --- */

/* Each family stands in one piece, and each file is looked at once. */
enum crl_family { CRL_AGE, CRL_LEFT, CRL_DUE, CRL_FAMILIES };
static const struct {
	const char *name, *help;
} crl_families[CRL_FAMILIES] = {
	[CRL_AGE] = { "tenure_crl_age_seconds", "Since the authority's CRL was written." },
	[CRL_LEFT] = { "tenure_crl_left_seconds", "Until the authority's CRL ends." },
	[CRL_DUE] = { "tenure_crl_due", "Whether the authority's CRL is over half of its life." },
};

struct crl_print {
	struct buffer families[CRL_FAMILIES];
};

static void
print_crl(struct crl_print *p, enum crl_family f, const struct authority *a, int64_t value)
{
	buffer_printf(&p->families[f], "%s{authority=\"%s\"} %" PRId64 "\n", crl_families[f].name,
		a->name, value);
}

/* The authority's file of that name; false where it is not there. */
static bool
open_crl(const struct session *s, const struct authority *a, const char *name,
	struct served_file *out)
{
	const char *path = arena_printf(s->arena, "%s/%s/%s", s->life->crl_folder, a->name, name);

	return path != NULL && served_file_open(path, out) == OK;
}

static void
print_crl_dates(struct crl_print *p, const struct session *s, const struct authority *a,
	const struct served_file *file)
{
	uint8_t head[CRL_HEAD_MAX];
	int64_t this_s, next_s;
	size_t len;

	if (served_file_head(file, head, sizeof(head), &len) == OK &&
		crl_dates_read(span_of(head, len), &this_s, &next_s) == OK) {
		print_crl(p, CRL_LEFT, a, next_s - s->now_s);
		print_crl(p, CRL_DUE, a, s->now_s >= this_s + (next_s - this_s) / 2);
	}
}

/* Of the full list where there is one: who is named by none but the list of CA certificates has that alone. */
static status
print_crls_of(struct session *s, const struct authority *a, void *context, struct diag *d)
{
	struct crl_print *p = context;
	struct served_file file;
	bool is_full = open_crl(s, a, "full.crl", &file);

	(void)d;
	if (!is_full && !open_crl(s, a, "ca.crl", &file)) {
		return OK;
	}
	if (is_full && a->has_key) {
		print_crl(p, CRL_AGE, a, s->now_s - file.changed_ns / 1000000000);
	}
	print_crl_dates(p, s, a, &file);
	close(file.fd);
	return OK;
}

static status
print_crls(struct call *c, struct buffer *out)
{
	struct crl_print p;
	status s;

	for (size_t f = 0; f < CRL_FAMILIES; f++) {
		buffer_init(&p.families[f], out->cap);
		buffer_printf(&p.families[f], "# HELP %s %s\n# TYPE %s gauge\n",
			crl_families[f].name, crl_families[f].help, crl_families[f].name);
	}
	s = authorities_each(&c->session, print_crls_of, &p, &c->diag);
	for (size_t f = 0; f < CRL_FAMILIES; f++) {
		buffer_put(out, buffer_span(&p.families[f]));
		out->failed = out->failed || buffer_failed(&p.families[f]);
		buffer_wipe(&p.families[f]);
	}
	return s;
}

#define METRICS_SIZE_MAX (4 << 20) /* some 300 bytes an authority */

/* Not for an owner's operator: how many there are is the maker's business. */
void
health_metrics(struct exchange *x)
{
	struct call c;
	struct store_counts counts;
	struct buffer out;

	if (!call_begin(&c, x, BY_ALL & ~BY_OWNER) || !query_allow(&c, NULL, 0)) {
		return;
	}
	status s = read_counts(c.session.reader, &counts);
	buffer_init(&out, METRICS_SIZE_MAX);
	if (s == OK) {
		print_counts(&out, &counts);
		print_parts(&out, service_of(x));
		print_http(&out, service_of(x)->server);
		count_print(&out);
		s = print_crls(&c, &out);
	}
	if (s == OK && buffer_failed(&out)) {
		s = diag_set(&c.diag, NO_MEMORY, NULL, "no memory for the metrics");
	}
	if (s == OK) {
		reply_bytes(x, 200, "text/plain; version=0.0.4; charset=utf-8", buffer_span(&out));
	} else {
		call_refuse(&c, s);
	}
	buffer_wipe(&out);
}
