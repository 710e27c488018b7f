#include "beside_cfssl.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "bench.h"
#include "base/file.h"
#include "base/json.h"
#include "demo/child.h"
#include "stage.h"
#include "wire.h"

#define PROGRAM "/usr/bin/cfssl"
#define PORT_TEXT 16
#define PATH_ROOM (STAGE_ROOM + 64)
#define START_LIMIT_S 30
#define STOP_LIMIT_S 10
#define REQUESTS 100 /* different ones, sent in turn */
#define WARM 500
#define ROUND 2000
#define ROUNDS 3
#define BODY_MAX 65536

struct beside {
	char folder[STAGE_ROOM], ca[PATH_ROOM], key[PATH_ROOM], config[PATH_ROOM], log[PATH_ROOM];
	unsigned port;
	pid_t pid;
	struct buffer requests[REQUESTS];
	double cpu_s[ROUNDS], rate[ROUNDS];
};

static void
must(bool is_sound, const char *what)
{
	if (!is_sound) {
		bench_fail("beside cfssl: %s", what);
	}
}

/* --- its authority --- */

static void
add_extension(X509 *x, int nid, const char *value)
{
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

	must(e != NULL && X509_add_ext(x, e, -1) == 1, "an extension");
	X509_EXTENSION_free(e);
}

static void
write_authority(const struct beside *c)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x = X509_new();
	X509_NAME *name;
	FILE *f;

	must(key != NULL && x != NULL, "no authority");
	name = X509_get_subject_name(x);
	must(X509_set_version(x, X509_VERSION_3) && ASN1_INTEGER_set(X509_get_serialNumber(x), 1) &&
			X509_gmtime_adj(X509_getm_notBefore(x), -3600) != NULL &&
			X509_gmtime_adj(X509_getm_notAfter(x), 86400L * 3650) != NULL &&
			X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
				(const unsigned char *)"beside", -1, -1, 0) &&
			X509_set_issuer_name(x, name) && X509_set_pubkey(x, key),
		"no authority");
	add_extension(x, NID_basic_constraints, "critical,CA:TRUE");
	add_extension(x, NID_key_usage, "critical,keyCertSign,cRLSign");
	must(X509_sign(x, key, EVP_sha256()) > 0, "no authority");
	f = fopen(c->ca, "w");
	must(f != NULL && PEM_write_X509(f, x) == 1 && fclose(f) == 0, c->ca);
	f = fopen(c->key, "w");
	must(f != NULL && PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL) == 1 &&
			fclose(f) == 0,
		c->key);
	X509_free(x);
	EVP_PKEY_free(key);
}

/* A client's certificate for a year. */
static void
write_config(const struct beside *c)
{
	static const char text[] = "{\"signing\":{\"default\":{\"expiry\":\"8760h\",\"usages\":"
				   "[\"digital signature\",\"client auth\"]}}}\n";
	struct diag d = { 0 };

	bench_must(file_replace(c->config, span_text(text), 0600, &d), &d);
}

/* --- what it is asked --- */

static void
write_request(const struct beside *c, struct buffer *out)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509_REQ *r = X509_REQ_new();
	BIO *pem = BIO_new(BIO_s_mem());
	struct buffer body;
	struct json_writer w;
	char *text;

	must(key != NULL && r != NULL && pem != NULL &&
			X509_NAME_add_entry_by_txt(X509_REQ_get_subject_name(r), "CN", MBSTRING_ASC,
				(const unsigned char *)"device", -1, -1, 0) &&
			X509_REQ_set_pubkey(r, key) && X509_REQ_sign(r, key, EVP_sha256()) > 0 &&
			PEM_write_bio_X509_REQ(pem, r) == 1 && BIO_write(pem, "", 1) == 1,
		"a request");
	must(BIO_get_mem_data(pem, &text) > 0, "a request");
	buffer_init(&body, BODY_MAX);
	json_begin(&w, &body);
	json_object_open(&w, NULL);
	json_text(&w, "certificate_request", text);
	json_object_close(&w);
	buffer_init(out, BODY_MAX);
	buffer_printf(out,
		"POST /api/v1/cfssl/sign HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nContent-Type: "
		"application/json\r\nContent-Length: %zu\r\n\r\n",
		c->port, body.len);
	buffer_put(out, buffer_span(&body));
	must(!buffer_failed(out) && !buffer_failed(&body), "a request");
	buffer_wipe(&body);
	BIO_free(pem);
	X509_REQ_free(r);
	EVP_PKEY_free(key);
}

/* --- the program --- */

static struct sockaddr_in
loopback(unsigned port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

static bool
answers(unsigned port)
{
	struct sockaddr_in at = loopback(port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool is_there = fd >= 0 && connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0;

	close(fd);
	return is_there;
}

static void
start(struct beside *c)
{
	const struct timespec pause = { .tv_nsec = 50 * 1000 * 1000 };
	double began = bench_seconds();
	char port[PORT_TEXT];
	struct diag d = { 0 };

	c->port = child_free_port();
	must(c->port != 0, "no free port");
	snprintf(port, sizeof(port), "%u", c->port);
	bench_must(child_start((const char *const[]){ PROGRAM, "serve", "-address", "127.0.0.1",
				       "-port", port, "-ca", c->ca, "-ca-key", c->key, "-config",
				       c->config, "-loglevel", "4", NULL },
			   c->log, &c->pid, &d),
		&d);
	while (!answers(c->port)) {
		must(bench_seconds() - began < START_LIMIT_S, "it does not answer");
		nanosleep(&pause, NULL);
	}
}

static void
drive(struct beside *c, size_t count, size_t in_flight, double *rate)
{
	struct wire *wires = calloc(in_flight, sizeof(*wires));
	span requests[REQUESTS];
	struct wire_load load = { .wires = wires,
		.wire_count = in_flight,
		.requests = requests,
		.request_count = REQUESTS,
		.count = count,
		.in_flight = in_flight };
	double began;

	must(wires != NULL, "no memory");
	for (size_t i = 0; i < REQUESTS; i++) {
		requests[i] = buffer_span(&c->requests[i]);
	}
	for (size_t i = 0; i < in_flight; i++) {
		wire_open(&wires[i], c->port, NULL, NULL, NULL);
	}
	began = bench_seconds();
	wire_drive(&load);
	*rate = (double)count / (bench_seconds() - began);
	for (size_t i = 0; i < in_flight; i++) {
		wire_close(&wires[i]);
	}
	free(wires);
}

static void
measure(struct beside *c, size_t in_flight)
{
	double unused;

	drive(c, WARM, in_flight, &unused);
	for (size_t i = 0; i < ROUNDS; i++) {
		double used = stage_process_cpu_seconds(c->pid);

		drive(c, ROUND, in_flight, &c->rate[i]);
		c->cpu_s[i] = (stage_process_cpu_seconds(c->pid) - used) / ROUND;
	}
}

static void
report(struct bench *b, struct beside *c, const struct beside_ours *ours)
{
	double cpu[ROUNDS], rate[ROUNDS], used[ROUNDS];

	for (size_t i = 0; i < ROUNDS; i++) {
		used[i] = c->cpu_s[i] * 1e6;
		cpu[i] = c->cpu_s[i] / ours->cpu_s;
		rate[i] = ours->rate / c->rate[i];
	}
	bench_add(b,
		&(struct bench_metric){ .name = "cfssl_rate",
			.unit = "certs/s",
			.better = BENCH_HIGHER,
			.beside =
				"cfssl serve, plain HTTP, as many in flight; it stores and audits "
				"nothing, and knows no client" },
		c->rate, ROUNDS);
	bench_add(b,
		&(struct bench_metric){ .name = "cfssl_cpu_per_certificate",
			.unit = "us",
			.better = BENCH_LOWER,
			.beside = "it stores and audits nothing" },
		used, ROUNDS);
	bench_add(b,
		&(struct bench_metric){ .name = "rate_over_cfssl",
			.unit = "ratio",
			.better = BENCH_HIGHER,
			.beside = "ours, over mutual TLS, durable and in the ledger, over its" },
		rate, ROUNDS);
	bench_add(b,
		&(struct bench_metric){ .name = "cfssl_cpu_over_ours",
			.unit = "ratio",
			.better = BENCH_HIGHER,
			.beside = "its CPU for a certificate over ours" },
		cpu, ROUNDS);
}

void
cfssl_measure(struct bench *b, const struct beside_ours *ours)
{
	static struct beside c;
	struct diag d = { 0 };

	if (access(PROGRAM, X_OK) != 0) {
		printf("  cfssl_rate: skipped, there is no " PROGRAM " (package golang-cfssl)\n");
		return;
	}
	snprintf(c.folder, sizeof(c.folder), "%.*s/cfssl", (int)(sizeof(c.folder) - 8),
		bench_folder());
	bench_must(folder_make(c.folder, 0700, &d), &d);
	snprintf(c.ca, sizeof(c.ca), "%s/ca.pem", c.folder);
	snprintf(c.key, sizeof(c.key), "%s/ca.key", c.folder);
	snprintf(c.config, sizeof(c.config), "%s/config.json", c.folder);
	snprintf(c.log, sizeof(c.log), "%s/log", c.folder);
	write_authority(&c);
	write_config(&c);
	start(&c);
	for (size_t i = 0; i < REQUESTS; i++) {
		write_request(&c, &c.requests[i]);
	}
	measure(&c, ours->in_flight);
	(void)child_stop(c.pid, SIGTERM, STOP_LIMIT_S); /* it ends by the signal */
	report(b, &c, ours);
	for (size_t i = 0; i < REQUESTS; i++) {
		buffer_wipe(&c.requests[i]);
	}
}
