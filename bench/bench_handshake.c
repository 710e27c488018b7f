/*
 * Handshakes: CPU time of the server for a mutual TLS 1.3 connection on P-256. First the bare one, both ends in this
 * process over memory: the client shows its leaf alone, no tickets, no check of the chain. Then tenured's, over loopback with
 * everything that belongs to a connection: sockets, admission, one request, the end; its signer counted in. Once with many
 * devices that come at the same time, as they do to a server that is worth measuring; and once with one after the other, with whom
 * nobody shares a wake, a batch or a commit, and who finds the caches cold.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "arrivals.h"
#include "bench.h"
#include "crowd.h"
#include "stage.h"

#define BARE 300
#define RUNS 5
#define ROUND 500 /* connections a round */
#define IN_FLIGHT 128
#define CROWDED (RUNS * ROUND)
#define ALONE 300 /* one after the other */

/* --- bare --- */

static void
must(int answer)
{
	bench_check(answer == 1, "libssl does not take what it should");
}

static int
accept_all(X509_STORE_CTX *store, void *context)
{
	(void)store;
	(void)context;
	return 1;
}

static SSL_CTX *
bare_server(const struct crowd_unit *u)
{
	SSL_CTX *c = SSL_CTX_new(TLS_server_method());

	must(c != NULL);
	must(SSL_CTX_set_min_proto_version(c, TLS1_3_VERSION) == 1);
	must(SSL_CTX_set1_groups_list(c, "P-256") == 1);
	must(SSL_CTX_set_num_tickets(c, 0));
	must(SSL_CTX_use_certificate(c, u->certificate));
	must(SSL_CTX_use_PrivateKey(c, u->key));
	SSL_CTX_set_verify(c, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	SSL_CTX_set_cert_verify_callback(c, accept_all, NULL);
	SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
	return c;
}

static double
thread_cpu_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* The server's part of one handshake, its object made and freed with it. */
static double
bare_once(SSL_CTX *server, SSL_CTX *client, const struct crowd_unit *u)
{
	SSL *near = SSL_new(client), *far;
	BIO *near_bio, *far_bio;
	double used = 0, began;
	bool done = false;

	must(BIO_new_bio_pair(&near_bio, 1 << 16, &far_bio, 1 << 16));
	must(near != NULL && SSL_use_certificate(near, u->certificate) == 1);
	must(SSL_use_PrivateKey(near, u->key));
	SSL_set_bio(near, near_bio, near_bio);
	SSL_set_connect_state(near);
	began = thread_cpu_seconds();
	far = SSL_new(server);
	must(far != NULL);
	SSL_set_bio(far, far_bio, far_bio);
	SSL_set_accept_state(far);
	used += thread_cpu_seconds() - began;
	for (int turn = 0; !done && turn < 8; turn++) {
		bool is_near_done = SSL_do_handshake(near) == 1;

		began = thread_cpu_seconds();
		done = SSL_do_handshake(far) == 1 && is_near_done;
		used += thread_cpu_seconds() - began;
	}
	must(done);
	began = thread_cpu_seconds();
	SSL_free(far);
	used += thread_cpu_seconds() - began;
	SSL_free(near);
	return used;
}

static double
bare_seconds(const struct crowd *c)
{
	SSL_CTX *server = bare_server(&c->units[0]);
	double used = 0;

	for (unsigned i = 0; i < BARE; i++) {
		used += bare_once(server, c->context, &c->units[1]);
	}
	SSL_CTX_free(server);
	return used / BARE;
}

/* --- tenured's --- */

/* `count` devices from `first` on, each on a new connection with one request; empty: its enrolment. */
static double
connections_seconds(struct crowd *c, size_t first, size_t count, size_t in_flight, span request)
{
	struct arrivals a = { .crowd = c,
		.first = first,
		.count = count,
		.in_flight = in_flight,
		.request = request };
	double used;

	stage_rest(c->stage);
	used = stage_cpu_seconds(c->stage);
	arrivals_drive(&a);
	stage_rest(c->stage);
	return (stage_cpu_seconds(c->stage) - used) / (double)count;
}

struct rounds {
	double bare[RUNS], enrol[RUNS], first[RUNS], state[RUNS];
	double enrol_ratio[RUNS], state_ratio[RUNS];
	double enrol_alone, state_alone; /* over the bare one */
};

static void
measure(struct crowd *c, struct rounds *r)
{
	char text[128];
	int n = snprintf(text, sizeof(text),
		"GET /device/v1/state HTTP/1.1\r\nHost: localhost:%u\r\n\r\n", c->stage->port);
	span state = span_of((const uint8_t *)text, (size_t)n), enrolment = span_of(NULL, 0);

	for (size_t i = 0; i < RUNS; i++) {
		double before = bare_seconds(c);

		r->enrol[i] = connections_seconds(c, i * ROUND, ROUND, IN_FLIGHT, enrolment);
		r->first[i] = connections_seconds(c, i * ROUND, ROUND, IN_FLIGHT, state);
		r->state[i] = connections_seconds(c, i * ROUND, ROUND, IN_FLIGHT, state);
		r->bare[i] = (before + bare_seconds(c)) / 2;
		r->enrol_ratio[i] = r->enrol[i] / r->bare[i];
		r->state_ratio[i] = r->state[i] / r->bare[i];
	}
	r->enrol_alone = connections_seconds(c, CROWDED, ALONE, 1, enrolment) / bare_seconds(c);
	(void)connections_seconds(c, CROWDED, ALONE, 1, state); /* the first use */
	r->state_alone = connections_seconds(c, CROWDED, ALONE, 1, state) / bare_seconds(c);
}

static void
add_us(struct bench *b, const char *name, const char *beside, double *seconds)
{
	for (size_t i = 0; i < RUNS; i++) {
		seconds[i] *= 1e6;
	}
	bench_add(b,
		&(struct bench_metric){
			.name = name, .unit = "us", .better = BENCH_LOWER, .beside = beside },
		seconds, RUNS);
}

int
main(int argc, char **argv)
{
	static struct stage s;
	static struct rounds r;
	struct crowd c;
	struct bench b;

	(void)argc;
	stage_open(&s, argv[0]);
	crowd_open(&c, &s, CROWDED + ALONE);
	bench_begin(&b, "handshake");
	measure(&c, &r);
	bench_add(&b,
		&(struct bench_metric){ .name = "enrolment_over_bare",
			.unit = "ratio",
			.target = 1.5,
			.better = BENCH_LOWER,
			.beside = "a new connection and an enrolment on it, 128 at once, over "
				  "the bare handshake" },
		r.enrol_ratio, RUNS);
	bench_add(&b,
		&(struct bench_metric){ .name = "state_over_bare",
			.unit = "ratio",
			.better = BENCH_LOWER,
			.beside = "a new connection and one GET of the state, 128 at once" },
		r.state_ratio, RUNS);
	bench_add_one(&b,
		&(struct bench_metric){ .name = "enrolment_over_bare_alone",
			.unit = "ratio",
			.better = BENCH_LOWER,
			.beside = "one device after the other: a commit each" },
		r.enrol_alone);
	bench_add_one(&b,
		&(struct bench_metric){ .name = "state_over_bare_alone",
			.unit = "ratio",
			.better = BENCH_LOWER,
			.beside = "one device after the other" },
		r.state_alone);
	add_us(&b, "bare", "CPU of the server's end, in memory", r.bare);
	add_us(&b, "enrolment", "CPU of tenured and signer", r.enrol);
	add_us(&b, "state_first_use", "the first use, which confirms the certificate", r.first);
	add_us(&b, "state", "CPU of tenured and signer", r.state);
	crowd_close(&c);
	return stage_close(&s) != 0 ? 1 : bench_end(&b);
}
