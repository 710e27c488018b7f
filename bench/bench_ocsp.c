/*
 * OCSP: answers by tenured over plain HTTP, connections kept alive. With a nonce each answer is signed for its asker; without
 * one the same few are asked for again and again, as by servers that staple. Beside it: the listener itself, which answers the
 * same requests with a body of the same size and nothing behind it; and `openssl ocsp` of the machine, which takes a
 * connection for each answer, with an index of one certificate.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/ocsp.h>
#include <openssl/pem.h>

#include "base/file.h"
#include "bench.h"
#include "crowd.h"
#include "demo/child.h"
#include "floor.h"
#include "plain_server.h"
#include "stage.h"

#define DEVICES 16
#define REQUESTS 64 /* different ones: devices by nonces */
#define WIRES 64
#define COUNT 4000 /* answers a run */
#define BESIDE_COUNT 200
#define RUNS 5
#define OPENSSL "/usr/bin/openssl"
#define PATH_ROOM (STAGE_ROOM + 64)
#define START_LIMIT_S 10

/* The POST of a request about this serial, in the arena. */
static span
request_of(struct arena *a, const char *path, X509 *issuer, const ASN1_INTEGER *serial, bool nonce)
{
	OCSP_REQUEST *r = OCSP_REQUEST_new();
	OCSP_CERTID *id = OCSP_cert_id_new(
		EVP_sha1(), X509_get_subject_name(issuer), X509_get0_pubkey_bitstr(issuer), serial);
	uint8_t *der = NULL, *whole;
	char head[256];
	int der_len, head_len;

	if (r == NULL || id == NULL || OCSP_request_add0_id(r, id) == NULL ||
		(nonce && OCSP_request_add1_nonce(r, NULL, 16) != 1)) {
		bench_fail("no OCSP request");
	}
	der_len = i2d_OCSP_REQUEST(r, &der);
	head_len = snprintf(head, sizeof(head),
		"POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
		"application/ocsp-request\r\nContent-Length: %d\r\n\r\n",
		path, der_len);
	whole = arena_alloc(a, (size_t)(head_len + der_len));
	if (der_len <= 0 || whole == NULL) {
		bench_fail("no OCSP request");
	}
	memcpy(whole, head, (size_t)head_len);
	memcpy(whole + head_len, der, (size_t)der_len);
	OPENSSL_free(der);
	OCSP_REQUEST_free(r);
	return span_of(whole, (size_t)(head_len + der_len));
}

/* --- tenured --- */

struct asking {
	const struct stage *stage;
	struct wire wires[WIRES];
	span signed_requests[REQUESTS], plain_requests[REQUESTS];
	size_t answer_len; /* of an answer without a nonce */
	struct plain_server same;
	struct wire same_wires[WIRES];
	span same_requests[REQUESTS];
};

static void
check_good(void *context, size_t i, span body)
{
	const uint8_t *at = body.data;
	OCSP_RESPONSE *r = d2i_OCSP_RESPONSE(NULL, &at, (long)body.len);
	OCSP_BASICRESP *basic = r != NULL ? OCSP_response_get1_basic(r) : NULL;
	OCSP_SINGLERESP *one = basic != NULL ? OCSP_resp_get0(basic, 0) : NULL;

	(void)i;
	if (context != NULL) {
		*(size_t *)context = body.len;
	}
	if (one == NULL ||
		OCSP_single_get0_status(one, NULL, NULL, NULL, NULL) != V_OCSP_CERTSTATUS_GOOD) {
		bench_fail("an answer is not good");
	}
	OCSP_BASICRESP_free(basic);
	OCSP_RESPONSE_free(r);
}

struct measured {
	double cpu, rate;
};

static struct measured
ask(struct asking *k, const span *requests, size_t count, bool checks)
{
	const struct wire_load load = { .wires = k->wires,
		.wire_count = WIRES,
		.requests = requests,
		.request_count = REQUESTS,
		.count = count,
		.in_flight = WIRES,
		.answered = checks ? check_good : NULL,
		.context = &k->answer_len };
	double cpu = stage_cpu_seconds(k->stage), began = bench_seconds();
	struct measured m;

	wire_drive(&load);
	m.rate = (double)count / (bench_seconds() - began);
	m.cpu = (stage_cpu_seconds(k->stage) - cpu) / (double)count;
	return m;
}

/* The same of the listener alone. */
static struct measured
ask_same(struct asking *k)
{
	const struct wire_load load = { .wires = k->same_wires,
		.wire_count = WIRES,
		.requests = k->same_requests,
		.request_count = REQUESTS,
		.count = COUNT,
		.in_flight = WIRES };
	double cpu = stage_process_cpu_seconds(k->same.process.pid), began = bench_seconds();
	struct measured m;

	wire_drive(&load);
	m.rate = COUNT / (bench_seconds() - began);
	m.cpu = (stage_process_cpu_seconds(k->same.process.pid) - cpu) / COUNT;
	return m;
}

/* The certificates to ask about: of devices that have just enrolled. */
static void
enrol_all(struct crowd *c)
{
	struct buffer body;

	buffer_init(&body, 1 << 20);
	for (size_t i = 0; i < c->count; i++) {
		struct wire w;

		crowd_connect(c, i, &w);
		wire_send(&w, c->units[i].enrol);
		if (wire_receive(&w, &body) != 200) {
			bench_fail("a device could not enrol");
		}
		crowd_enrolled(c, i, buffer_span(&body));
		wire_close(&w);
	}
	buffer_wipe(&body);
}

static X509 *
read_issuer(struct asking *k)
{
	static const char request[] =
		"GET /ca/" STAGE_ISSUER ".cer HTTP/1.1\r\nHost: localhost\r\n\r\n";
	const uint8_t *at;
	struct buffer body;
	X509 *issuer;

	buffer_init(&body, 1 << 16);
	wire_send(&k->wires[0], span_text(request));
	if (wire_receive(&k->wires[0], &body) != 200) {
		bench_fail("the issuer's certificate is not served");
	}
	at = body.data;
	issuer = d2i_X509(NULL, &at, (long)body.len);
	buffer_wipe(&body);
	if (issuer == NULL) {
		bench_fail("the issuer's certificate cannot be read");
	}
	return issuer;
}

static void
prepare(struct asking *k, struct crowd *c)
{
	X509 *issuer;

	enrol_all(c);
	for (size_t i = 0; i < WIRES; i++) {
		wire_open(&k->wires[i], k->stage->plain_port, NULL, NULL, NULL);
	}
	issuer = read_issuer(k);
	for (size_t i = 0; i < REQUESTS; i++) {
		const ASN1_INTEGER *serial =
			X509_get0_serialNumber(c->units[i % DEVICES].certificate);

		k->signed_requests[i] =
			request_of(c->arena, "/ocsp/" STAGE_ISSUER, issuer, serial, true);
		k->plain_requests[i] =
			request_of(c->arena, "/ocsp/" STAGE_ISSUER, issuer, serial, false);
		k->same_requests[i] = request_of(c->arena, "/same", issuer, serial, false);
	}
	X509_free(issuer);
	(void)ask(k, k->signed_requests, REQUESTS, true);
	(void)ask(k, k->plain_requests, REQUESTS, true);
	plain_server_open(&k->same, span_of(arena_alloc(c->arena, k->answer_len), k->answer_len));
	for (size_t i = 0; i < WIRES; i++) {
		wire_open(&k->same_wires[i], k->same.port, NULL, NULL, NULL);
	}
	(void)ask_same(k);
	stage_rest(k->stage);
}

/* --- openssl ocsp --- */

struct beside {
	char ca[PATH_ROOM], key[PATH_ROOM], index[PATH_ROOM], log[PATH_ROOM], port[16];
	unsigned port_number;
	pid_t pid;
	span request;
};

static X509 *
beside_issuer(const struct beside *o)
{
	FILE *f = fopen(o->ca, "r");
	X509 *issuer = f != NULL ? PEM_read_X509(f, NULL, NULL, NULL) : NULL;

	if (issuer == NULL) {
		bench_fail("openssl made no certificate");
	}
	fclose(f);
	return issuer;
}

static bool
beside_listens(const struct beside *o)
{
	struct buffer log;
	bool listens;

	buffer_init(&log, 1 << 16);
	listens = file_read(o->log, 1 << 16, &log, NULL) == OK &&
		  memmem(log.data, log.len, "waiting for OCSP", 16) != NULL;
	buffer_wipe(&log);
	return listens;
}

static void
beside_start(struct beside *o, const struct stage *s, struct arena *a)
{
	const struct timespec pause = { .tv_nsec = 50000000 };
	const char *folder = bench_folder();
	ASN1_INTEGER *serial = ASN1_INTEGER_new();
	double began = bench_seconds();
	struct diag d = { 0 };
	X509 *issuer;

	/* Of a second stage, which is not here: below the ports that the kernel gives to connections. */
	o->port_number = s->plain_port + 2000;
	snprintf(o->port, sizeof(o->port), "%u", o->port_number);
	snprintf(o->ca, sizeof(o->ca), "%s/beside.pem", folder);
	snprintf(o->key, sizeof(o->key), "%s/beside.key", folder);
	snprintf(o->index, sizeof(o->index), "%s/beside.index", folder);
	snprintf(o->log, sizeof(o->log), "%s/beside.log", folder);
	stage_run((const char *const[]){ OPENSSL, "req", "-x509", "-newkey", "ec", "-pkeyopt",
		"ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=beside", "-days", "2", "-keyout",
		o->key, "-out", o->ca, NULL });
	bench_must(file_replace(o->index,
			   span_text("V\t491231235959Z\t\t1000\tunknown\t/CN=device\n"), 0644, &d),
		&d);
	issuer = beside_issuer(o);
	if (serial == NULL || ASN1_INTEGER_set(serial, 0x1000) != 1) {
		bench_fail("no memory");
	}
	o->request = request_of(a, "/", issuer, serial, true);
	ASN1_INTEGER_free(serial);
	X509_free(issuer);
	bench_must(child_start((const char *const[]){ OPENSSL, "ocsp", "-port", o->port, "-index",
				       o->index, "-CA", o->ca, "-rsigner", o->ca, "-rkey", o->key,
				       NULL },
			   o->log, &o->pid, &d),
		&d);
	while (!beside_listens(o) && bench_seconds() - began < START_LIMIT_S) {
		nanosleep(&pause, NULL);
	}
}

static struct measured
beside_ask(const struct beside *o)
{
	double cpu = stage_process_cpu_seconds(o->pid), began = bench_seconds();
	struct buffer body;
	struct measured m;

	buffer_init(&body, 1 << 16);
	for (size_t i = 0; i < BESIDE_COUNT; i++) {
		struct wire w;

		wire_open(&w, o->port_number, NULL, NULL, NULL);
		wire_send(&w, o->request);
		if (wire_receive(&w, &body) != 200) {
			bench_fail("openssl ocsp gives no answer");
		}
		check_good(NULL, i, buffer_span(&body));
		wire_close(&w);
	}
	buffer_wipe(&body);
	m.rate = BESIDE_COUNT / (bench_seconds() - began);
	m.cpu = (stage_process_cpu_seconds(o->pid) - cpu) / BESIDE_COUNT;
	return m;
}

/* --- the table --- */

struct rounds {
	double sign[RUNS], signed_ratio[RUNS], signed_cpu[RUNS], signed_rate[RUNS];
	double plain_cpu[RUNS], plain_rate[RUNS], over_beside[RUNS];
	double beside_cpu[RUNS], beside_rate[RUNS];
	double same_cpu[RUNS], same_rate[RUNS], of_ceiling[RUNS], of_ceiling_cpu[RUNS];
};

static void
measure(struct asking *k, const struct beside *o, struct rounds *r)
{
	for (size_t i = 0; i < RUNS; i++) {
		double before = floor_sign_seconds();
		struct measured m = ask(k, k->signed_requests, COUNT, false);

		r->sign[i] = 1e6 * (before + floor_sign_seconds()) / 2;
		r->signed_cpu[i] = 1e6 * m.cpu;
		r->signed_rate[i] = m.rate;
		r->signed_ratio[i] = r->signed_cpu[i] / r->sign[i];
		m = ask(k, k->plain_requests, COUNT, false);
		r->plain_cpu[i] = 1e6 * m.cpu;
		r->plain_rate[i] = m.rate;
		m = ask_same(k);
		r->same_cpu[i] = 1e6 * m.cpu;
		r->same_rate[i] = m.rate;
		r->of_ceiling[i] = r->plain_rate[i] / r->same_rate[i];
		r->of_ceiling_cpu[i] = r->same_cpu[i] / r->plain_cpu[i];
		m = beside_ask(o);
		r->beside_cpu[i] = 1e6 * m.cpu;
		r->beside_rate[i] = m.rate;
		r->over_beside[i] = r->plain_rate[i] / m.rate;
	}
}

static void
add(struct bench *b, struct bench_metric m, double *values)
{
	bench_add(b, &m, values, RUNS);
}

static void
report(struct bench *b, struct rounds *r)
{
	add(b,
		(struct bench_metric){ "signed_over_signature", "ratio", 2.0, BENCH_LOWER,
			"CPU of an answer with a nonce over one P-256 signature, same run" },
		r->signed_ratio);
	add(b,
		(struct bench_metric){
			"signed_cpu", "us", 0, BENCH_LOWER, "tenured and signer, 64 in flight" },
		r->signed_cpu);
	add(b, (struct bench_metric){ "signature", "us", 0, BENCH_LOWER, "CPU" }, r->sign);
	add(b,
		(struct bench_metric){ "signed_rate", "answers/s", 0, BENCH_HIGHER,
			"the client on the same cores" },
		r->signed_rate);
	add(b,
		(struct bench_metric){ "repeated_over_openssl", "ratio", 10, BENCH_HIGHER,
			"rate without a nonce over that of openssl ocsp" },
		r->over_beside);
	add(b,
		(struct bench_metric){ "repeated_rate", "answers/s", 0, BENCH_HIGHER,
			"16 certificates, no nonce" },
		r->plain_rate);
	add(b, (struct bench_metric){ "repeated_cpu", "us", 0, BENCH_LOWER, "without a nonce" },
		r->plain_cpu);
	add(b,
		(struct bench_metric){ "repeated_of_ceiling", "ratio", 0.8, BENCH_HIGHER,
			"CPU of the listener alone, for a body of that size, over that of an "
			"answer" },
		r->of_ceiling_cpu);
	add(b,
		(struct bench_metric){ "repeated_of_ceiling_rate", "ratio", 0, BENCH_HIGHER,
			"the same of the rates, the client on the same cores" },
		r->of_ceiling);
	add(b, (struct bench_metric){ "ceiling_cpu", "us", 0, BENCH_LOWER, "the listener alone" },
		r->same_cpu);
	add(b,
		(struct bench_metric){
			"ceiling_rate", "answers/s", 0, BENCH_HIGHER, "the listener alone" },
		r->same_rate);
	add(b,
		(struct bench_metric){ "openssl_rate", "answers/s", 0, BENCH_HIGHER,
			"openssl ocsp, a connection each, one at a time" },
		r->beside_rate);
	add(b, (struct bench_metric){ "openssl_cpu", "us", 0, BENCH_LOWER, "of openssl ocsp" },
		r->beside_cpu);
}

int
main(int argc, char **argv)
{
	static struct stage s;
	static struct asking k = { .stage = &s };
	static struct beside o;
	static struct rounds r;
	struct crowd c;
	struct bench b;

	(void)argc;
	stage_open(&s, argv[0]);
	crowd_open(&c, &s, DEVICES);
	prepare(&k, &c);
	beside_start(&o, &s, c.arena);
	bench_begin(&b, "ocsp");
	measure(&k, &o, &r);
	report(&b, &r);
	(void)child_stop(o.pid, SIGTERM, START_LIMIT_S);
	for (size_t i = 0; i < WIRES; i++) {
		wire_close(&k.wires[i]);
		wire_close(&k.same_wires[i]);
	}
	plain_server_close(&k.same);
	crowd_close(&c);
	return stage_close(&s) != 0 ? 1 : bench_end(&b);
}
