/*
 * Attested key generations of virtual elements at no delay: Nonce, GenKey 0C, Sign internal. Beside what libcrypto does for
 * one key and one signature, in the same turn: through part_execute; over tenure-element's socket, the frames of one
 * generation sent together on many connections; and by the driver, which waits for every answer as on a chip.
 */
#include "attested_keys.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <openssl/ec.h>
#include <openssl/evp.h>

#include "bench.h"
#include "base/file.h"
#include "demo/child.h"
#include "device/element/atecc608.h"
#include "device/posix/buses.h"
#include "device/virtual/part.h"
#include "stage.h"

#define TURNS 7
#define GENERATIONS 2000 /* a turn */
#define DRIVEN 100
#define LANES 32
#define FLEET 10000
#define START_LIMIT_MS 60000
#define ADDRESS 0x6c

static const struct part_call steps[] = {
	{ 0x16, 0x00, 0, (const uint8_t *)"twenty bytes of host", 20 },
	{ 0x40, 0x0C, 2, NULL, 0 },
	{ 0x41, 0x40, 1, NULL, 0 },
};
static const size_t answers[] = { 35, 67, 67 };
#define STEPS (sizeof(steps) / sizeof(steps[0]))

static size_t
packet_of(const struct part_call *c, uint8_t out[64])
{
	size_t len = c->data_len + 7;
	uint16_t crc;

	out[0] = (uint8_t)len;
	out[1] = c->opcode;
	out[2] = c->param1;
	out[3] = (uint8_t)c->param2;
	out[4] = (uint8_t)(c->param2 >> 8);
	if (c->data_len > 0) {
		memcpy(out + 5, c->data, c->data_len);
	}
	crc = part_crc(out, len - 2);
	out[len - 2] = (uint8_t)crc;
	out[len - 1] = (uint8_t)(crc >> 8);
	return len;
}

/* --- what the host's own P-256 allows, and the part without a socket --- */

/* Seconds for so many keys, each with one signature by another key; contexts made once. */
static double
run_host(void)
{
	EVP_PKEY_CTX *maker = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL), *signer = NULL;
	EVP_PKEY *key = EVP_EC_gen("P-256"), *made = NULL;
	uint8_t digest[32] = { 1 }, signature[80];
	double begin;

	bench_check(maker != NULL && key != NULL && EVP_PKEY_keygen_init(maker) == 1 &&
			    EVP_PKEY_CTX_set_group_name(maker, "P-256") == 1,
		"libcrypto has no P-256");
	signer = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	bench_check(signer != NULL && EVP_PKEY_sign_init(signer) == 1, "libcrypto cannot sign");
	begin = bench_seconds();
	for (size_t i = 0; i < GENERATIONS; i++) {
		size_t len = sizeof(signature);

		bench_check(
			EVP_PKEY_generate(maker, &made) == 1 &&
				EVP_PKEY_sign(signer, signature, &len, digest, sizeof(digest)) == 1,
			"libcrypto failed");
		EVP_PKEY_free(made);
		made = NULL;
	}
	begin = bench_seconds() - begin;
	EVP_PKEY_CTX_free(signer);
	EVP_PKEY_CTX_free(maker);
	EVP_PKEY_free(key);
	return begin;
}

static double
run_part(struct part *p)
{
	uint8_t packets[STEPS][64], answer[PART_ANSWER_MAX];
	size_t lens[STEPS];
	double begin;

	for (size_t k = 0; k < STEPS; k++) {
		lens[k] = packet_of(&steps[k], packets[k]);
	}
	part_wake(p, 0);
	begin = bench_seconds();
	for (size_t i = 0; i < GENERATIONS; i++) {
		for (size_t k = 0; k < STEPS; k++) {
			bench_check(part_execute(p, packets[k], lens[k], 0, answer) == answers[k],
				"a part refuses");
		}
	}
	return bench_seconds() - begin;
}

/* --- over the socket --- */

struct program {
	char path[STAGE_ROOM], socket[BUS_PATH_MAX + 1], log[STAGE_ROOM];
	pid_t pid;
};

static int
dial(const struct program *e)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memcpy(address.sun_path, e->socket, sizeof(e->socket));
	if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0) {
		return fd;
	}
	if (fd >= 0) {
		close(fd);
	}
	return -1;
}

static void
start(struct program *e, const char *argv0, const char *count)
{
	const char *slash = strrchr(argv0, '/');
	struct diag d = { 0 };
	int fd = -1;

	snprintf(e->path, sizeof(e->path), "%.*s/../device/tenure-element",
		(int)(slash != NULL ? slash - argv0 : 0), slash != NULL ? argv0 : "");
	snprintf(e->socket, sizeof(e->socket), "/tmp/tenure-bench-%ld", (long)getpid());
	snprintf(e->log, sizeof(e->log), "%s/element.log", bench_folder());
	bench_must(child_start((const char *const[]){ e->path, "--socket", e->socket, "--volatile",
				       "--count", count, NULL },
			   e->log, &e->pid, &d),
		&d);
	for (unsigned waited = 0; fd < 0 && waited < START_LIMIT_MS; waited += 5) {
		usleep(5000);
		fd = dial(e);
	}
	bench_check(fd >= 0, "tenure-element does not listen");
	close(fd);
}

static void
stop(struct program *e)
{
	bench_check(child_stop(e->pid, SIGTERM, 20) == 0, "tenure-element did not end well");
}

static size_t
put_frame(uint8_t *at, char kind, const uint8_t *bytes, size_t length, size_t len)
{
	at[0] = (uint8_t)kind;
	at[1] = ADDRESS;
	at[2] = (uint8_t)length;
	at[3] = (uint8_t)(length >> 8);
	if (len > 0) {
		memcpy(at + 4, bytes, len);
	}
	return 4 + len;
}

/* Idle, wake, then the three commands, each with the reading of its answer. What comes back has always this length. */
static size_t
put_generation(uint8_t out[512], size_t *back)
{
	static const uint8_t idle = 0x02;
	size_t len = put_frame(out, 'w', &idle, 1, 1);

	len += put_frame(out + len, 'k', NULL, 0, 0);
	*back = 3 + 3;
	for (size_t k = 0; k < STEPS; k++) {
		uint8_t bytes[65] = { 0x03 };
		size_t packet = packet_of(&steps[k], bytes + 1) + 1;

		len += put_frame(out + len, 'w', bytes, packet, packet);
		len += put_frame(out + len, 'r', NULL, answers[k], 0);
		*back += 3 + 3 + answers[k];
	}
	return len;
}

/* A connection to each of the parts. */
static void
open_lanes(const struct program *e, int lanes[LANES])
{
	uint8_t serials[9 * LANES], frame[16], head[3];
	struct diag d = { 0 };
	int fd = dial(e);

	bench_check(fd >= 0, "no connection");
	bench_must(
		write_all(fd, span_of(frame, put_frame(frame, 'l', (uint8_t[4]){ 0 }, 4, 4)), &d),
		&d);
	bench_must(read_all(fd, head, sizeof(head), &d), &d);
	bench_must(read_all(fd, serials, sizeof(serials), &d), &d);
	close(fd);
	for (size_t i = 0; i < LANES; i++) {
		size_t len = put_frame(frame, 'b', serials + 9 * i, 9, 9);

		lanes[i] = dial(e);
		bench_check(lanes[i] >= 0, "no connection");
		bench_must(write_all(lanes[i], span_of(frame, len), &d), &d);
		bench_must(read_all(lanes[i], head, sizeof(head), &d), &d);
		bench_check(head[0] == 0, "no such part");
	}
}

/* Seconds for as many generations as the host's, one on its way on each lane. */
static double
run_socket(const int lanes[LANES], struct diag *d)
{
	uint8_t request[512], reply[512];
	size_t back, len = put_generation(request, &back);
	double begin = bench_seconds();

	for (size_t i = 0; i < GENERATIONS + LANES; i++) {
		int fd = lanes[i % LANES];

		if (i >= LANES) {
			bench_must(read_all(fd, reply, back, d), d);
			bench_check(reply[back - 67] == 67, "a part refuses");
		}
		if (i < GENERATIONS) {
			bench_must(write_all(fd, span_of(request, len), d), d);
		}
	}
	return bench_seconds() - begin;
}

/* One element by its driver, over a connection of its own. */
static double
run_driver(const struct program *e)
{
	struct atecc608_attestation made;
	struct diag d = { 0 };
	struct posix_bus bus;
	struct atecc608 a;
	double begin;

	bench_must(bus_socket_init(&bus, e->socket, NULL, &d), &d);
	atecc608_init(&a, &bus.bus, ADDRESS);
	bench_check(atecc608_begin(&a) == ATECC608_OK, "the driver finds no part");
	begin = bench_seconds();
	for (size_t i = 0; i < DRIVEN; i++) {
		bench_check(atecc608_attest(&a, 2, steps[0].data, &made) == ATECC608_OK,
			"the driver gets no attestation");
	}
	begin = bench_seconds() - begin;
	atecc608_end(&a);
	bus_close(&bus);
	return begin;
}

/* --- rows --- */

static void
add_ratio(struct bench *b, const char *name, double *values, double target, const char *beside)
{
	bench_add(b, &(struct bench_metric){ name, "ratio", target, BENCH_HIGHER, beside }, values,
		TURNS);
}

static void
bench_rates(struct bench *b, const char *argv0)
{
	static const uint8_t serial[9] = { 0x01, 0x23, 1, 2, 3, 4, 5, 6, 0x01 };
	double host[TURNS], part[TURNS], wire[TURNS], over[TURNS], wire_over[TURNS],
		wire_cpu[TURNS];
	struct program e;
	struct diag d = { 0 };
	int lanes[LANES];
	struct part p;
	char count[16];

	bench_must(part_make(part_profile_find("trustflex-tls"), serial, &p, &d), &d);
	snprintf(count, sizeof(count), "%d", LANES);
	start(&e, argv0, count);
	open_lanes(&e, lanes);
	for (size_t i = 0; i < TURNS; i++) {
		double floor_cpu = bench_cpu_seconds(), floor_s = run_host(), part_s, cpu, wire_s;

		floor_cpu = bench_cpu_seconds() - floor_cpu;
		part_s = run_part(&p);
		cpu = stage_process_cpu_seconds(e.pid);
		wire_s = run_socket(lanes, &d);
		cpu = stage_process_cpu_seconds(e.pid) - cpu;
		host[i] = GENERATIONS / floor_s;
		part[i] = GENERATIONS / part_s;
		wire[i] = GENERATIONS / wire_s;
		over[i] = floor_s / part_s;
		wire_over[i] = floor_s / wire_s;
		wire_cpu[i] = floor_cpu / cpu;
	}
	for (size_t i = 0; i < LANES; i++) {
		close(lanes[i]);
	}
	stop(&e);
	bench_add(b,
		&(struct bench_metric){ "host_key_and_signature", "1/s", 0, BENCH_HIGHER,
			"libcrypto's own: one P-256 key, one signature, one thread" },
		host, TURNS);
	bench_add(b,
		&(struct bench_metric){ "attested_keys", "1/s", 0, BENCH_HIGHER,
			"Nonce, GenKey 0C, Sign by part_execute, one thread" },
		part, TURNS);
	add_ratio(b, "attested_keys_over_host", over, 0.5, "same run");
	bench_add(b,
		&(struct bench_metric){ "attested_keys_socket", "1/s", 0, BENCH_HIGHER,
			"over tenure-element's socket, 32 connections, each generation's frames "
			"sent "
			"together" },
		wire, TURNS);
	add_ratio(b, "attested_keys_socket_over_host", wire_over, 0.5, "same run");
	add_ratio(b, "attested_keys_socket_over_host_cpu", wire_cpu, 0.5,
		"CPU time of tenure-element alone, and of the host's own");
}

static void
bench_driver(struct bench *b, const char *argv0)
{
	double rates[TURNS];
	struct program e;

	start(&e, argv0, "1");
	for (size_t i = 0; i < TURNS; i++) {
		rates[i] = DRIVEN / run_driver(&e);
	}
	stop(&e);
	bench_add(b,
		&(struct bench_metric){ "attested_keys_driver", "1/s", 0, BENCH_HIGHER,
			"one element by its driver, which pauses between questions as on a chip" },
		rates, TURNS);
}

static void
bench_fleet(struct bench *b, const char *argv0)
{
	struct program e;
	char count[16];

	snprintf(count, sizeof(count), "%d", FLEET);
	start(&e, argv0, count);
	bench_add_one(b,
		&(struct bench_metric){
			"elements_10000", "MiB", 100, BENCH_LOWER, "resident, one process" },
		stage_resident_mib(e.pid));
	stop(&e);
}

void
bench_attested_keys(struct bench *b, const char *argv0)
{
	bench_rates(b, argv0);
	bench_driver(b, argv0);
	bench_fleet(b, argv0);
}
