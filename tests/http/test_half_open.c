/*
 * Ten thousand clients that begin a handshake and never go on: what they cost is bounded, and whoever is in earnest gets
 * in meanwhile. The clients are a process of their own, as each side needs as many descriptors.
 */
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"

#include "base/check.h"

#define CROWD 10000
#define SPARE 500 /* descriptors for everything else */
/* Of memory, at the most: libssl's state, a buffer for a record and one for a message. */
#define KIB_EACH 64
#define KIB_SILENT 4
#define HELLO_BEGINS "\x16\x03\x01\x02" /* of a ClientHello */
#define GET "GET / HTTP/1.1\r\nHost: x\r\n\r\n"

static struct fixture f;

static bool
has_descriptors(void)
{
	struct rlimit l;

	getrlimit(RLIMIT_NOFILE, &l);
	l.rlim_cur = l.rlim_max;
	setrlimit(RLIMIT_NOFILE, &l);
	return l.rlim_cur >= CROWD + SPARE;
}

static long
resident_kib(void)
{
	FILE *about = fopen("/proc/self/status", "r");
	char line[256];
	long kib = -1;

	assert_non_null(about);
	while (fgets(line, sizeof(line), about) != NULL) {
		if (strncmp(line, "VmRSS:", 6) == 0) {
			kib = strtol(line + 6, NULL, 10);
		}
	}
	fclose(about);
	return kib;
}

/* In the child: opens them all, says so by one byte, and waits for its end. */
static void
crowd(unsigned port, const char *says, int tell)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons((uint16_t)port) };

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (size_t i = 0; i < CROWD; i++) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);

		if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0) {
			_exit(1);
		}
		/* Those that were sent away by now take no bytes any more. */
		(void)!send(fd, says, strlen(says), MSG_NOSIGNAL);
	}
	if (write(tell, "", 1) != 1) {
		_exit(1);
	}
	for (;;) {
		pause();
	}
}

static pid_t
bring_crowd(const char *says)
{
	int told[2];
	pid_t pid;
	char byte;

	assert_int_equal(0, pipe(told));
	pid = fork();
	if (pid == 0) {
		crowd(f.tls, says, told[1]);
	}
	close(told[1]);
	assert_int_equal(1, read(told[0], &byte, 1));
	close(told[0]);
	return pid;
}

static void
send_away(pid_t pid)
{
	int how;

	kill(pid, SIGKILL);
	assert_int_equal(pid, waitpid(pid, &how, 0));
}

static uint64_t
timed_out(const struct fixture *x)
{
	return fixture_counters(x).refusals[REFUSAL_TIMEOUT_HANDSHAKE];
}

static bool
gets_in(int version)
{
	const struct client_tls t = { .version = version };
	struct client c;
	bool is_in;

	client_open(&c, f.tls);
	is_in = client_secure(&c, &t);
	if (is_in) {
		client_ask(&c, GET, 200, "hello");
	}
	client_close(&c);
	return is_in;
}

/* Somebody in earnest, by both versions. */
static void
one_gets_in(void)
{
	assert_true(gets_in(TLS1_2_VERSION));
	assert_true(gets_in(TLS1_3_VERSION));
}

/* While more come than can be sent away, one may be turned away himself; he comes again. */
static void
one_gets_in_soon(void)
{
	int tries = 0;

	while (!gets_in(TLS1_3_VERSION)) {
		assert_true(++tries < 50);
		poll(NULL, 0, 20);
	}
}

static uint64_t
all_connections(const struct fixture *x)
{
	uint64_t n = fixture_counters(x).connections;

	return n > CROWD ? CROWD : n;
}

/* Who says nothing at all costs next to nothing. */
static void
silent_ones_cost_little(void **state)
{
	struct http_options o = fixture_options(&f);
	long before, growth;
	pid_t pid;

	(void)state;
	if (!has_descriptors()) {
		SKIP_TEST("not enough descriptors (ulimit -n)");
	}
	o.connections_max = o.address_max = 2 * CROWD;
	o.handshake_timeout_ms = 60000;
	fixture_start(&f, &o);
	one_gets_in();
	before = resident_kib();
	pid = bring_crowd("");
	fixture_wait(&f, fixture_connections_open, CROWD);
	one_gets_in();
	growth = resident_kib() - before;
	print_message("# %d silent ones: %ld KiB\n", CROWD, growth);
	assert_true(growth < (long)CROWD * KIB_SILENT);
	send_away(pid);
	fixture_stop(&f);
}

/* Room for all: they are held until their time is over. */
static void
half_open_ones_are_held_cheaply(void **state)
{
	struct http_options o = fixture_options(&f);
	long before, growth;
	pid_t pid;

	(void)state;
	if (!has_descriptors()) {
		SKIP_TEST("not enough descriptors (ulimit -n)");
	}
	o.connections_max = 2 * CROWD;
	o.address_max = 2 * CROWD;
	o.handshake_timeout_ms = 15000;
	fixture_start(&f, &o);
	one_gets_in();
	before = resident_kib();
	pid = bring_crowd(HELLO_BEGINS);
	fixture_wait(&f, fixture_connections_open, CROWD);
	one_gets_in();
	growth = resident_kib() - before;
	print_message(
		"# %d half-open handshakes: %ld KiB, %ld each\n", CROWD, growth, growth / CROWD);
	assert_true(growth < (long)CROWD * KIB_EACH);
	assert_int_equal(0, fixture_counters(&f).connections_evicted);
	/* One after the other their time is over; they do not come to an end by themselves. */
	for (int i = 0; i < 3000 && fixture_connections_open(&f) > 0; i++) {
		poll(NULL, 0, 10);
	}
	assert_int_equal(0, fixture_connections_open(&f));
	fixture_wait(&f, timed_out, CROWD);
	send_away(pid);
	one_gets_in();
	fixture_stop(&f);
}

/* No room: for each new one the longest idle goes, and memory does not grow beyond those who are held. */
static void
half_open_ones_go_for_others(void **state)
{
	const size_t held = 1000;
	struct http_options o = fixture_options(&f);
	struct http_counters n;
	long before, growth;
	pid_t pid;

	(void)state;
	if (!has_descriptors()) {
		SKIP_TEST("not enough descriptors (ulimit -n)");
	}
	o.connections_max = held;
	o.address_max = 2 * CROWD;
	o.handshake_timeout_ms = 60000;
	fixture_start(&f, &o);
	one_gets_in();
	before = resident_kib();
	pid = bring_crowd(HELLO_BEGINS);
	one_gets_in_soon();
	fixture_wait(&f, all_connections, CROWD);
	growth = resident_kib() - before;
	n = fixture_counters(&f);
	print_message("# %zu of %d held: %ld KiB, %llu evicted, %llu turned away\n", held, CROWD,
		growth, (unsigned long long)n.connections_evicted,
		(unsigned long long)n.connections_refused);
	assert_true(growth < (long)(held + 64) * KIB_EACH + 8192);
	assert_true(n.connections_open <= held + 64);
	assert_true(n.connections_evicted + n.connections_refused >= CROWD - held - 64);
	assert_int_equal(n.connections_evicted, n.refusals[REFUSAL_LIMIT_EVICTED]);
	assert_int_equal(n.connections_refused, n.refusals[REFUSAL_LIMIT_CONNECTIONS]);
	one_gets_in();
	send_away(pid);
	fixture_stop(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(silent_ones_cost_little),
		cmocka_unit_test(half_open_ones_go_for_others),
		cmocka_unit_test(half_open_ones_are_held_cheaply),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
