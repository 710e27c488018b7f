/* For operations: is it alive, is it ready, and how is it. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/handlers.h"
#include "api/query.h"
#include "base/log.h"
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

/* By its file: what relying parties are served is what counts, not what the store believes. */
static bool
crl_age(const struct life *life, const char *authority, int64_t *age_s)
{
	char path[4096];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s/full.crl", life->crl_folder, authority);
	if (stat(path, &st) != 0) {
		return false;
	}
	*age_s = clock_now_s(life->clock) - (int64_t)st.st_mtim.tv_sec;
	return true;
}

/* The first of the authority's files that is there. */
static bool
crl_dates(const struct life *life, const char *authority, int64_t *this_s, int64_t *next_s)
{
	static const char *const names[] = { "full.crl", "ca.crl" };
	uint8_t head[CRL_HEAD_MAX];
	char path[4096];
	ssize_t len = -1;

	for (size_t i = 0; len < 0 && i < COUNT_OF(names); i++) {
		int fd;

		snprintf(path, sizeof(path), "%s/%s/%s", life->crl_folder, authority, names[i]);
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
		if (fd >= 0) {
			len = pread(fd, head, sizeof(head), 0);
			close(fd);
		}
	}
	return len > 0 && crl_dates_read(span_of(head, (size_t)len), this_s, next_s) == OK;
}

static void
print_crl_family(struct buffer *out, const char *name, const char *help)
{
	buffer_printf(out, "# HELP %s %s\n# TYPE %s gauge\n", name, help, name);
}

static void
print_crl_ends(struct call *c, const struct authority *all, size_t count, struct buffer *out)
{
	static const char left[] = "tenure_crl_left_seconds", due[] = "tenure_crl_due";
	int64_t now_s = c->session.now_s, this_s, next_s;
	struct buffer dues; /* a family stands in one piece, and each file is looked at once */

	buffer_init(&dues, out->cap);
	print_crl_family(out, left, "Until the authority's CRL ends.");
	print_crl_family(&dues, due, "Whether the authority's CRL is over half of its life.");
	for (size_t i = 0; i < count; i++) {
		if (crl_dates(c->session.life, all[i].name, &this_s, &next_s)) {
			buffer_printf(out, "%s{authority=\"%s\"} %" PRId64 "\n", left, all[i].name,
				next_s - now_s);
			buffer_printf(&dues, "%s{authority=\"%s\"} %d\n", due, all[i].name,
				now_s >= this_s + (next_s - this_s) / 2);
		}
	}
	buffer_put(out, buffer_span(&dues));
	out->failed = out->failed || buffer_failed(&dues);
	buffer_wipe(&dues);
}

static status
print_crls(struct call *c, struct buffer *out)
{
	static const char age[] = "tenure_crl_age_seconds";
	struct authority *all = NULL;
	size_t count = 0;
	status s = list_authorities(
		c->session.reader, c->session.arena, 0, LIST_PAGE_MAX, &all, &count);

	print_crl_family(out, age, "Since the authority's CRL was written.");
	for (size_t i = 0; s == OK && i < count; i++) {
		int64_t age_s;

		if (all[i].has_key && crl_age(c->session.life, all[i].name, &age_s)) {
			buffer_printf(
				out, "%s{authority=\"%s\"} %" PRId64 "\n", age, all[i].name, age_s);
		}
	}
	if (s == OK) {
		print_crl_ends(c, all, count, out);
	}
	return s;
}

#define METRICS_SIZE_MAX (1 << 20)

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
	if (s == OK) {
		reply_bytes(x, 200, "text/plain; version=0.0.4; charset=utf-8", buffer_span(&out));
	} else {
		call_refuse(&c, s);
	}
	buffer_wipe(&out);
}
