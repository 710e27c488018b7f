/* Another tenured goes on where this one stops: nobody who connects is refused, and nobody's request is lost. */
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "check.h"

#define KNOCK_EVERY_MS 3
#define RESTARTS 3
#define ANSWER_LIMIT_MS 60000

static struct stage stage;

/* --- somebody who comes every few milliseconds, for a new connection each time --- */

struct knocker {
	pthread_t thread;
	unsigned port;
	atomic_bool is_over;
	atomic_int answers;
	int64_t longest_ms; /* from a connect to its answer */
	char fault[160];
};

static bool
knock(struct knocker *k)
{
	static const char request[] = "GET /ca/root-production.cer HTTP/1.1\r\nHost: x\r\n"
				      "Connection: close\r\n\r\n";
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons((uint16_t)k->port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char answer[1024];
	const char *what = NULL;
	ssize_t n = -1;

	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0) {
		what = "connect";
	} else if (send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) < 0) {
		what = "send";
	} else if (poll(&p, 1, ANSWER_LIMIT_MS) != 1) {
		what = "no answer";
	} else {
		n = recv(fd, answer, sizeof(answer) - 1, 0);
		what = n <= 0 ? "recv" : NULL;
	}
	if (what == NULL && strncmp(answer, "HTTP/1.1 200 ", 13) != 0) {
		answer[n] = '\0';
		what = answer;
	}
	if (what != NULL) {
		snprintf(k->fault, sizeof(k->fault), "%.100s: %s", what, strerror(errno));
	}
	close(fd);
	return what == NULL;
}

static void *
knock_on(void *argument)
{
	struct knocker *k = argument;

	while (!atomic_load(&k->is_over)) {
		int64_t began = clock_system.monotonic_ms(&clock_system), took;

		if (!knock(k)) {
			break;
		}
		took = clock_system.monotonic_ms(&clock_system) - began;
		k->longest_ms = took > k->longest_ms ? took : k->longest_ms;
		atomic_fetch_add(&k->answers, 1);
		poll(NULL, 0, KNOCK_EVERY_MS);
	}
	return NULL;
}

/* --- somebody who writes, by TLS --- */

struct writer {
	pthread_t thread;
	struct arena *arena;
	atomic_bool is_over;
	int acknowledged;
	const char *fault;
};

static void *
write_on(void *argument)
{
	struct writer *w = argument;

	for (int i = 0; !atomic_load(&w->is_over); i++) {
		const struct asking q = {
			.url = arena_printf(w->arena, "%s/api/v1/owners", stage.url),
			.ca = arena_printf(w->arena, "%s/ca.pem", stage.home),
			.token = stage.token,
			.body = arena_printf(w->arena,
				"{\"name\":\"owner-%d\",\"title\":\"T\",\"kind\":\"customer\"}", i)
		};
		struct asked a = program_ask(w->arena, &q);

		if (a.status != 201) {
			w->fault = a.status == 0 ? a.fault : a.body;
			break;
		}
		w->acknowledged++;
	}
	return NULL;
}

static void
restart(void)
{
	int pid = stage.server;

	stage_restart(&stage);
	assert_int_equal(pid, stage.server);
	assert_true(program_runs(pid));
}

static void
nobody_is_refused_over_a_restart(void **state)
{
	struct knocker k = { .port = (unsigned)strtoul(strrchr(stage.plain, ':') + 1, NULL, 10) };
	struct writer w = { .arena = arena_new(256 << 20) };
	const char *url = stage.url;

	(void)state;
	pthread_create(&k.thread, NULL, knock_on, &k);
	pthread_create(&w.thread, NULL, write_on, &w);
	for (int i = 0; i < RESTARTS; i++) {
		int before = atomic_load(&k.answers);

		restart();
		assert_string_equal(url, stage.url);
		while (atomic_load(&k.answers) < before + 30 && k.fault[0] == '\0') {
			poll(NULL, 0, KNOCK_EVERY_MS);
		}
	}
	atomic_store(&k.is_over, true);
	atomic_store(&w.is_over, true);
	pthread_join(k.thread, NULL);
	pthread_join(w.thread, NULL);
	print_message("# %d connections over %d restarts, the longest wait %lld ms\n",
		atomic_load(&k.answers), RESTARTS, (long long)k.longest_ms);
	if (k.fault[0] != '\0') {
		fail_msg("%s", k.fault);
	}
	if (w.fault != NULL) {
		fail_msg("%s", w.fault);
	}
	assert_int_equal(w.acknowledged,
		stage_number(&stage, "SELECT count(*) FROM owner WHERE name LIKE 'owner-%%'"));
	check_home(&stage, "after restarts");
	arena_free(w.arena);
}

static void
write_bytes(const char *path, span bytes)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(bytes.len, fwrite(bytes.data, 1, bytes.len, f));
	assert_int_equal(0, fclose(f));
}

/* What it was, without its addresses where there are others, and this. */
static void
write_instead(const char *path, span before, const char *text)
{
	bool has_addresses = strstr(text, "listen") != NULL;
	FILE *f = fopen(path, "w");
	span line;

	assert_non_null(f);
	while (span_take_line(&before, &line)) {
		if (!has_addresses || line.len < 6 || memcmp(line.data, "listen", 6) != 0) {
			fprintf(f, "%.*s\n", (int)line.len, (const char *)line.data);
		}
	}
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(0, fclose(f));
}

static size_t
refusals(void)
{
	size_t count = 0;

	for (const char *at = stage_log(&stage); (at = strstr(at, "restart_refused")) != NULL;
		at++) {
		count++;
	}
	return count;
}

static void
a_bad_configuration_ends_nothing(void **state)
{
	static const char *const bad[] = {
		"[http]\nworkers = many\n",
		/* The sockets go on: what is no more wanted would stay open, and the new one not be there. */
		"[server]\nlisten = 127.0.0.1:0\nlisten_plain =\n",
		"[server]\nlisten = 127.0.0.1:0\nlisten_plain = 127.0.0.1:1\n",
		"[server]\nlisten = 127.0.0.1:1\nlisten_plain = 127.0.0.1:0\n",
		/* Found when the listeners are opened: too late, the former ones are gone by then. */
		"[server]\nproxy_protocol = v2\nproxy_from = 10.0.0.0/33\n",
	};
	const char *path = arena_printf(stage.arena, "%s/tenure.conf", stage.home);
	span before = bytes_of_file(stage.arena, path);

	(void)state;
	for (size_t k = 0; k < sizeof(bad) / sizeof(bad[0]); k++) {
		size_t refused = refusals();

		write_instead(path, before, bad[k]);
		kill(stage.server, SIGUSR2);
		for (int i = 0; i < 1000 && refusals() == refused; i++) {
			poll(NULL, 0, 10);
		}
		if (refusals() == refused) {
			fail_msg("not refused: %s", bad[k]);
		}
		assert_true(program_runs(stage.server));
		assert_int_equal(200, stage_get(&stage, "status").status);
		write_bytes(path, before);
	}
	restart();
	assert_int_equal(200, stage_get(&stage, "status").status);
}

/* --- sockets from the service manager --- */

static int
listening(unsigned *port)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(0, bind(fd, (struct sockaddr *)&at, sizeof(at)));
	assert_int_equal(0, listen(fd, 64));
	assert_int_equal(0, getsockname(fd, (struct sockaddr *)&at, &len));
	*port = ntohs(at.sin_port);
	return fd;
}

static void
the_managers_sockets_are_taken(void **state)
{
	struct knocker k = { 0 };
	unsigned tls_port, plain_port;
	int tls = listening(&tls_port), plain = listening(&plain_port);

	(void)state;
	stage_stop(&stage);
	/* Who comes before the server is there waits for it. */
	k.port = plain_port;
	pthread_create(&k.thread, NULL, knock_on, &k);
	stage_start_on(&stage, tls, plain);
	assert_non_null(strstr(stage.url, arena_printf(stage.arena, ":%u", tls_port)));
	assert_non_null(strstr(stage.plain, arena_printf(stage.arena, ":%u", plain_port)));
	assert_int_equal(200, stage_get(&stage, "status").status);
	/* The manager's own restart: it holds the sockets meanwhile. */
	stage_stop(&stage);
	stage_start_on(&stage, tls, plain);
	restart();
	assert_int_equal(200, stage_get(&stage, "status").status);
	atomic_store(&k.is_over, true);
	pthread_join(k.thread, NULL);
	if (k.fault[0] != '\0') {
		fail_msg("%s", k.fault);
	}
	assert_true(atomic_load(&k.answers) > 0);
	close(tls);
	close(plain);
}

static int
set_up(void **state)
{
	(void)state;
	stage_open(&stage);
	stage_start(&stage);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	stage_close(&stage);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_is_refused_over_a_restart),
		cmocka_unit_test(a_bad_configuration_ends_nothing),
		cmocka_unit_test(the_managers_sockets_are_taken),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
