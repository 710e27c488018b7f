#include "api/count.h"

#include <inttypes.h>
#include <stdatomic.h>

#include "base/check.h"

static const char *const use_names[] = { "owner-add", "fleet-create", "fleet-set",
	"authority-create", "authority-import", "authority-publish", "authority-crl",
	"manifest-signer-add", "manifest-import", "factory", "claim", "code", "offer", "accept",
	"decline", "cancel", "release", "hold", "resume", "rotate", "retire", "refurbish",
	"suspend", "revoke", "mark", "return", "replace", "element", "element-check",
	"certificate-revoke", "operator-add", "operator-token", "operator-remove" };
_Static_assert(COUNT_OF(use_names) == USE_CASE_COUNT, "every use case has a name");

static const struct {
	const char *name;
	const char *prefix;
} areas[] = {
	[AREA_API] = { "api", "/api/" },
	[AREA_EST] = { "est", "/.well-known/est/" },
	[AREA_DEVICE] = { "device", "/device/" },
	[AREA_OCSP] = { "ocsp", "/ocsp/" },
	[AREA_CRL] = { "crl", "/crl/" },
	[AREA_LEDGER] = { "ledger", "/ledger/" },
	[AREA_OTHER] = { "other", "" }, /* last: it fits everything */
};
_Static_assert(COUNT_OF(areas) == AREA_COUNT, "every area has a name");

/* Upper ends in microseconds; what is longer counts in +Inf alone. */
static const struct {
	int64_t end_us;
	const char *text;
} buckets[] = { { 1000, "0.001" }, { 5000, "0.005" }, { 10000, "0.01" }, { 25000, "0.025" },
	{ 50000, "0.05" }, { 100000, "0.1" }, { 250000, "0.25" }, { 500000, "0.5" },
	{ 1000000, "1" }, { 2500000, "2.5" }, { 5000000, "5" }, { 10000000, "10" } };

#define CLASSES 5 /* 1xx to 5xx */

static _Atomic uint64_t use_counts[USE_CASE_COUNT][STATUS_COUNT];
static _Atomic uint64_t class_counts[AREA_COUNT][CLASSES];
static _Atomic uint64_t bucket_counts[AREA_COUNT][COUNT_OF(buckets) + 1];
static _Atomic uint64_t sum_us[AREA_COUNT];

static void
add(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

static uint64_t
get(_Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

void
count_use_case(enum use_case use, status s)
{
	if ((unsigned)use < USE_CASE_COUNT && (unsigned)s < STATUS_COUNT) {
		add(&use_counts[use][s], 1);
	}
}

static enum count_area
area_of(span path)
{
	unsigned at = 0;

	while (at < AREA_OTHER) {
		span prefix = span_text(areas[at].prefix);

		if (span_equal(span_slice(path, 0, prefix.len), prefix)) {
			break;
		}
		at++;
	}
	return (enum count_area)at;
}

void
api_count(void *context, const struct exchange *x, int64_t took_us)
{
	enum count_area area = area_of(x->request->path);
	int class = x->reply.status / 100 - 1;
	size_t at = 0;

	(void)context;
	while (at < COUNT_OF(buckets) && took_us > buckets[at].end_us) {
		at++;
	}
	add(&bucket_counts[area][at], 1);
	add(&sum_us[area], took_us > 0 ? (uint64_t)took_us : 0);
	if (class >= 0 && class < CLASSES) {
		add(&class_counts[area][class], 1);
	}
}

static void
print_use_cases(struct buffer *out)
{
	buffer_put_text(out, "# HELP tenure_use_cases_total Writes by operators and programs, by "
			     "what came of them.\n"
			     "# TYPE tenure_use_cases_total counter\n");
	for (size_t use = 0; use < USE_CASE_COUNT; use++) {
		for (int s = 0; s < STATUS_COUNT; s++) {
			uint64_t n = get(&use_counts[use][s]);

			if (n > 0 || s == OK) {
				buffer_printf(out,
					"tenure_use_cases_total{use_case=\"%s\",result=\"%s\"} "
					"%" PRIu64 "\n",
					use_names[use], status_name((status)s), n);
			}
		}
	}
}

static void
print_classes(struct buffer *out)
{
	buffer_put_text(out, "# HELP tenure_http_requests_total Requests answered, by class of the "
			     "status.\n"
			     "# TYPE tenure_http_requests_total counter\n");
	for (size_t area = 0; area < AREA_COUNT; area++) {
		for (int class = 1; class < CLASSES; class ++) {
			buffer_printf(out,
				"tenure_http_requests_total{area=\"%s\",class=\"%dxx\"} %" PRIu64
				"\n",
				areas[area].name, class + 1, get(&class_counts[area][class]));
		}
	}
}

static void
print_durations(struct buffer *out)
{
	buffer_put_text(out, "# HELP tenure_http_request_seconds From the whole request to its "
			     "reply.\n"
			     "# TYPE tenure_http_request_seconds histogram\n");
	for (size_t area = 0; area < AREA_COUNT; area++) {
		const char *name = areas[area].name;
		uint64_t total = 0;

		for (size_t i = 0; i < COUNT_OF(buckets); i++) {
			total += get(&bucket_counts[area][i]);
			buffer_printf(out,
				"tenure_http_request_seconds_bucket{area=\"%s\",le=\"%s\"} "
				"%" PRIu64 "\n",
				name, buckets[i].text, total);
		}
		total += get(&bucket_counts[area][COUNT_OF(buckets)]);
		buffer_printf(out,
			"tenure_http_request_seconds_bucket{area=\"%s\",le=\"+Inf\"} %" PRIu64 "\n",
			name, total);
		buffer_printf(out, "tenure_http_request_seconds_sum{area=\"%s\"} %.6f\n", name,
			(double)get(&sum_us[area]) / 1e6);
		buffer_printf(out, "tenure_http_request_seconds_count{area=\"%s\"} %" PRIu64 "\n",
			name, total);
	}
}

void
count_print(struct buffer *out)
{
	print_classes(out);
	print_durations(out);
	print_use_cases(out);
}
