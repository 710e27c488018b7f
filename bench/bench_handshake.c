/*
 * Handshakes: CPU time of the server for a mutual TLS 1.3 connection on P-256. First the bare one, both ends in this
 * process over memory: the client shows its leaf alone, no tickets, no check of the chain. Then tenured's, over loopback with
 * everything that belongs to a connection: sockets, admission, one request, the end; its signer counted in.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "bench.h"
#include "crowd.h"
#include "stage.h"

#define BARE 300
#define DEVICES 1500
#define ROUND 500 /* connections a round */
#define RUNS (DEVICES / ROUND)
#define IN_FLIGHT 128
#define ANSWER_MAX (1 << 20)

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

/* ROUND devices from `first` on, each on a new connection with one request, which `request` gives. */
static double
connections_seconds(struct crowd *c, size_t first, bool enrols, span state)
{
	struct wire wires[IN_FLIGHT];
	struct buffer body;
	double used;

	buffer_init(&body, ANSWER_MAX);
	stage_rest(c->stage);
	used = stage_cpu_seconds(c->stage);
	for (size_t i = 0; i < ROUND + IN_FLIGHT; i++) {
		struct wire *w = &wires[i % IN_FLIGHT];

		if (i >= IN_FLIGHT) {
			size_t unit = first + i - IN_FLIGHT;

			must(wire_receive(w, &body) == 200);
			wire_close(w);
			if (enrols) {
				crowd_enrolled(c, unit, buffer_span(&body));
			}
		}
		if (i < ROUND) {
			crowd_connect(c, first + i, w);
			wire_send(w, enrols ? c->units[first + i].enrol : state);
		}
	}
	stage_rest(c->stage);
	used = stage_cpu_seconds(c->stage) - used;
	buffer_wipe(&body);
	return used / ROUND;
}

struct rounds {
	double bare[RUNS], enrol[RUNS], first[RUNS], state[RUNS];
	double enrol_ratio[RUNS], state_ratio[RUNS];
};

static void
measure(struct crowd *c, struct rounds *r)
{
	char text[128];
	int n = snprintf(text, sizeof(text),
		"GET /device/v1/state HTTP/1.1\r\nHost: localhost:%u\r\n\r\n", c->stage->port);
	span state = span_of((const uint8_t *)text, (size_t)n);

	for (size_t i = 0; i < RUNS; i++) {
		double before = bare_seconds(c);

		r->enrol[i] = connections_seconds(c, i * ROUND, true, state);
		r->first[i] = connections_seconds(c, i * ROUND, false, state);
		r->state[i] = connections_seconds(c, i * ROUND, false, state);
		r->bare[i] = (before + bare_seconds(c)) / 2;
		r->enrol_ratio[i] = r->enrol[i] / r->bare[i];
		r->state_ratio[i] = r->state[i] / r->bare[i];
	}
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
	crowd_open(&c, &s, DEVICES);
	bench_begin(&b, "handshake");
	measure(&c, &r);
	bench_add(&b,
		&(struct bench_metric){ .name = "enrolment_over_bare",
			.unit = "ratio",
			.target = 1.5,
			.better = BENCH_LOWER,
			.beside = "a new connection and an enrolment on it, over the bare "
				  "handshake" },
		r.enrol_ratio, RUNS);
	bench_add(&b,
		&(struct bench_metric){ .name = "state_over_bare",
			.unit = "ratio",
			.better = BENCH_LOWER,
			.beside = "a new connection and one GET of the state" },
		r.state_ratio, RUNS);
	add_us(&b, "bare", "CPU of the server's end, in memory", r.bare);
	add_us(&b, "enrolment", "CPU of tenured and signer", r.enrol);
	add_us(&b, "state_first_use", "the first use, which confirms the certificate", r.first);
	add_us(&b, "state", "CPU of tenured and signer", r.state);
	crowd_close(&c);
	return stage_close(&s) != 0 ? 1 : bench_end(&b);
}
