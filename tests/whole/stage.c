#include "stage.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <sqlite3.h>

#include "base/file.h"

#define ARENA_MAX ((size_t)1 << 30)
#define START_LIMIT_MS 60000
#define RUN_LIMIT_MS 60000
#define WORDS_MAX 32
#define STRIKE_MS 5000 /* a call that is made before the blow */
#define LOG_MAX (64 << 20)

/* --- folders, files, the board --- */

const char *
stage_path(struct stage *s, const char *format, ...)
{
	char rest[1024];
	va_list list;

	va_start(list, format);
	vsnprintf(rest, sizeof(rest), format, list);
	va_end(list);
	return arena_printf(s->arena, "%s/%s", s->folder, rest);
}

const char *
stage_file(struct stage *s, const char *name, const char *text)
{
	const char *path = stage_path(s, "%s", name);
	struct diag d = { 0 };

	assert_ok(file_replace(path, span_text(text), 0600, &d), d);
	return path;
}

static void
open_board(struct stage *s)
{
	int fd = open(stage_path(s, "board"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0 || ftruncate(fd, sizeof(*s->board)) != 0) {
		fail_msg("no board: %s", strerror(errno));
	}
	s->board = mmap(NULL, sizeof(*s->board), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	assert_ptr_not_equal(s->board, MAP_FAILED);
	snprintf(s->board->program, sizeof(s->board->program), "tenured");
}

static bool
is_striking(struct board *b)
{
	unsigned at = atomic_load(&b->at);

	return at > 0 && atomic_load(&b->count) >= at && atomic_load(&b->struck) == 0;
}

void
stage_disarm(struct stage *s)
{
	atomic_store(&s->board->kinds, 0);
	atomic_store(&s->board->read_only, 0);
	atomic_store(&s->board->has_room, 0);
	s->board->only[0] = '\0';
	/* Whose call was counted as the one strikes for certain, though the call may take its time before. */
	for (int ms = 0; ms < STRIKE_MS && is_striking(s->board); ms++) {
		usleep(1000);
	}
}

void
stage_arm(struct stage *s, unsigned kinds, unsigned at, enum board_action action)
{
	atomic_store(&s->board->kinds, 0);
	atomic_store(&s->board->count, 0);
	atomic_store(&s->board->struck, 0);
	atomic_store(&s->board->at, at);
	atomic_store(&s->board->action, action);
	atomic_store(&s->board->kinds, kinds);
}

/* --- the server --- */

const char *
stage_log(struct stage *s)
{
	struct diag d = { 0 };
	struct buffer b;
	const char *text;

	buffer_init(&b, LOG_MAX);
	if (s->log == NULL || file_read(s->log, LOG_MAX, &b, &d) != OK) {
		return "";
	}
	text = arena_string(s->arena, buffer_span(&b));
	buffer_wipe(&b);
	return text;
}

static void
open_ready_socket(struct stage *s)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };

	snprintf(name.sun_path, sizeof(name.sun_path), "%s/ready", s->folder);
	s->ready = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (s->ready < 0 || bind(s->ready, (struct sockaddr *)&name, sizeof(name)) != 0) {
		fail_msg("no socket: %s", strerror(errno));
	}
}

/* True: it said READY; false: it ended before. */
static bool
await_ready(struct stage *s, int *code)
{
	int64_t end = clock_system.monotonic_ms(&clock_system) + START_LIMIT_MS;

	while (clock_system.monotonic_ms(&clock_system) < end) {
		struct pollfd wait = { .fd = s->ready, .events = POLLIN };
		char text[128] = "";

		if (poll(&wait, 1, 20) > 0 && recv(s->ready, text, sizeof(text) - 1, 0) > 0 &&
			strstr(text, "READY=1") != NULL) {
			return true;
		}
		if (stage_has_ended(s, 0, code)) {
			return false;
		}
	}
	fail_msg("the server neither starts nor ends: %s", stage_log(s));
	return false;
}

static void
learn_addresses(struct stage *s)
{
	const char *line = stage_log(s), *https, *http;

	while (strstr(line, " ready ") != NULL) {
		line = strstr(line, " ready ") + 1;
	}
	https = strstr(line, "https://");
	http = strstr(line, "http://");
	assert_non_null(https);
	assert_non_null(http);
	s->url = arena_string(s->arena, span_of(https, strcspn(https, " \"\n")));
	s->plain = arena_string(s->arena, span_of(http, strcspn(http, " \"\n")));
}

static bool
start(struct stage *s, int *code, const char *const argv[])
{
	static unsigned number;
	const char *const environment[] = { arena_printf(s->arena, "LD_PRELOAD=%s",
						    getenv("TENURE_TEST_SHIM")),
		arena_printf(s->arena, "TENURE_TEST_BOARD=%s", stage_path(s, "board")),
		arena_printf(s->arena, "NOTIFY_SOCKET=%s", stage_path(s, "ready")), NULL };
	char stale[128];

	while (recv(s->ready, stale, sizeof(stale), MSG_DONTWAIT) > 0) {
		continue;
	}
	s->log = stage_path(s, "server-%u.log", number++);
	s->server = program_start(argv, environment, s->log);
	if (!await_ready(s, code)) {
		return false;
	}
	learn_addresses(s);
	return true;
}

bool
stage_try(struct stage *s, int *code, const char *argument)
{
	const char *argv[] = { getenv("TENURED"), "--home", s->home, argument, NULL };

	return start(s, code, argv);
}

/* The shell becomes the server: it alone knows the process's number before. */
void
stage_start_on(struct stage *s, int tls, int plain)
{
	const char *script = arena_printf(s->arena,
		"exec 3<&%d 4<&%d; LISTEN_PID=$$ LISTEN_FDS=2 LISTEN_FDNAMES=tls:plain exec %s "
		"--home %s",
		tls, plain, getenv("TENURED"), s->home);
	const char *argv[] = { "/bin/sh", "-c", script, NULL };
	int code = 0;

	if (!start(s, &code, argv)) {
		fail_msg("the server does not start, exit status %d: %s", code, stage_log(s));
	}
}

void
stage_start(struct stage *s)
{
	int code = 0;

	if (!stage_try(s, &code, NULL)) {
		fail_msg("the server does not start, exit status %d: %s", code, stage_log(s));
	}
}

bool
stage_has_ended(struct stage *s, int limit_ms, int *code)
{
	int found = program_wait(s->server, limit_ms);

	if (found < 0) {
		return false;
	}
	*code = found;
	s->server = 0;
	return true;
}

void
stage_stop(struct stage *s)
{
	int code = program_end(s->server, SIGTERM, 40000);

	s->server = 0;
	if (code != 0) {
		fail_msg("the server ended with %d: %s", code, stage_log(s));
	}
}

void
stage_hang_up(struct stage *s)
{
	int code = 0;

	kill(s->server, SIGHUP);
	if (!await_ready(s, &code)) {
		fail_msg("SIGHUP ended the server, exit status %d: %s", code, stage_log(s));
	}
}

void
stage_restart(struct stage *s)
{
	int code = 0;

	kill(s->server, SIGUSR2);
	if (!await_ready(s, &code)) {
		fail_msg("SIGUSR2 ended the server, exit status %d: %s", code, stage_log(s));
	}
	learn_addresses(s);
}

/* --- commands --- */

static struct ran
tenure_list(struct stage *s, va_list list)
{
	const char *argv[WORDS_MAX] = { getenv("TENURE") };
	const char *word;
	size_t n = 1;

	while ((word = va_arg(list, const char *)) != NULL) {
		assert_true(n + 5 < WORDS_MAX);
		argv[n++] = word;
	}
	if (s->url != NULL) {
		argv[n++] = "--client";
		argv[n++] = stage_path(s, "home/client.conf");
		argv[n++] = "--server";
		argv[n++] = s->url;
	}
	argv[n] = NULL;
	return program_run(s->arena, argv, RUN_LIMIT_MS);
}

struct ran
stage_tenure(struct stage *s, ...)
{
	va_list list;
	struct ran r;

	va_start(list, s);
	r = tenure_list(s, list);
	va_end(list);
	return r;
}

struct ran
stage_must(struct stage *s, ...)
{
	va_list list;
	struct ran r;

	va_start(list, s);
	r = tenure_list(s, list);
	va_end(list);
	if (r.exit != 0) {
		fail_msg("exit status %d: %s%s", r.exit, r.out, r.err);
	}
	return r;
}

struct ran
stage_agent(struct stage *s, const char *folder, const char *fleet, const char *word)
{
	const char *argv[] = { getenv("TENURE_AGENT"), "--dir", folder, "--server", s->url, "--ca",
		stage_path(s, "home/ca.pem"), "--fleet", fleet, word, NULL };

	return program_run(s->arena, argv, RUN_LIMIT_MS);
}

struct asked
stage_post(struct stage *s, const char *token, const char *key, const char *path, const char *body)
{
	struct asking q = { .url = arena_printf(s->arena, "%s/api/v1/%s", s->url, path),
		.ca = stage_path(s, "home/ca.pem"),
		.token = token != NULL ? token : s->token,
		.key = key,
		.body = body };

	return program_ask(s->arena, &q);
}

struct asked
stage_get(struct stage *s, const char *path)
{
	struct asking q = { .url = arena_printf(s->arena, "%s/api/v1/%s", s->url, path),
		.ca = stage_path(s, "home/ca.pem"),
		.token = s->token };

	return program_ask(s->arena, &q);
}

/* --- what stands in the home --- */

const char *
stage_text(struct stage *s, const char *format, ...)
{
	char question[4096];
	sqlite3 *db = NULL;
	sqlite3_stmt *q = NULL;
	const char *text = "";
	va_list list;
	int code;

	va_start(list, format);
	vsnprintf(question, sizeof(question), format, list);
	va_end(list);
	if (sqlite3_open_v2(stage_path(s, "home/tenure.db"), &db, SQLITE_OPEN_READONLY, NULL) !=
			SQLITE_OK ||
		sqlite3_busy_timeout(db, 10000) != SQLITE_OK ||
		sqlite3_prepare_v2(db, question, -1, &q, NULL) != SQLITE_OK) {
		fail_msg("%s: %s", question, sqlite3_errmsg(db));
	}
	code = sqlite3_step(q);
	if (code == SQLITE_ROW && sqlite3_column_type(q, 0) != SQLITE_NULL) {
		text = arena_string(s->arena, span_text((const char *)sqlite3_column_text(q, 0)));
	} else if (code != SQLITE_ROW && code != SQLITE_DONE) {
		fail_msg("%s: %s", question, sqlite3_errmsg(db));
	}
	sqlite3_finalize(q);
	sqlite3_close(db);
	return text;
}

int64_t
stage_number(struct stage *s, const char *format, ...)
{
	char question[4096];
	va_list list;
	const char *text;

	va_start(list, format);
	vsnprintf(question, sizeof(question), format, list);
	va_end(list);
	text = stage_text(s, "%s", question);
	return text[0] != '\0' ? strtoll(text, NULL, 10) : -1;
}

int64_t
stage_published(struct stage *s)
{
	struct diag d = { 0 };
	struct buffer b;
	int64_t size = 0;
	const char *text;

	buffer_init(&b, 65536);
	if (file_read(stage_path(s, "home/ledger/checkpoint"), 65535, &b, &d) == OK) {
		text = strchr(arena_string(s->arena, buffer_span(&b)), '\n');
		size = text != NULL ? strtoll(text + 1, NULL, 10) : -1;
	}
	buffer_wipe(&b);
	return size;
}

bool
stage_settles(struct stage *s, int limit_ms)
{
	int64_t end = clock_system.monotonic_ms(&clock_system) + limit_ms;

	while (s->server != 0 && program_runs(s->server)) {
		if (stage_published(s) == stage_number(s, "SELECT count(*) FROM ledger")) {
			return true;
		}
		if (clock_system.monotonic_ms(&clock_system) > end) {
			return false;
		}
		poll(NULL, 0, 10);
	}
	return true;
}

/* --- up and down --- */

static const char *
read_text(struct stage *s, const char *path)
{
	span all = bytes_of_file(s->arena, path);

	return arena_string(s->arena, span_of(all.data, strcspn((const char *)all.data, "\n")));
}

void
stage_open(struct stage *s)
{
	*s = (struct stage){ .arena = arena_new(ARENA_MAX), .folder = temporary_folder() };
	s->home = stage_path(s, "home");
	s->guard = stage_path(s, "guard/ledger.guard");
	s->passphrase = stage_file(s, "passphrase", "correct horse battery staple\n");
	open_board(s);
	open_ready_socket(s);
	stage_must(s, "init", "--home", s->home, "--company", "Acme", "--maker", "acme", "--fleet",
		"lamps", "--phase", "production", "--guard", s->guard, "--passphrase-file",
		s->passphrase, "--listen", "127.0.0.1:0", "--listen-plain", "127.0.0.1:0",
		"--signer", getenv("TENURE_SIGNER"), NULL);
	s->token = read_text(s, stage_path(s, "home/admin.token"));
}

void
stage_close(struct stage *s)
{
	if (s->server != 0) {
		program_end(s->server, SIGKILL, 10000);
	}
	close(s->ready);
	munmap(s->board, sizeof(*s->board));
	temporary_folder_remove(s->folder);
	arena_free(s->arena);
}
