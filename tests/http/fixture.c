#include "fixture.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"

static void
say_hello(struct exchange *x)
{
	reply_bytes(x, 200, "text/plain", span_text("hello"));
}

static void
echo(struct exchange *x)
{
	reply_bytes(x, 200, "application/octet-stream", x->request->body);
}

static void
body_length(struct exchange *x)
{
	struct json_writer w;

	reply_json(x, 200, &w);
	json_number(&w, NULL, (int64_t)x->request->body.len);
}

static void
say_parameter(struct exchange *x)
{
	reply_header(x, "Worker", x->worker < 64 ? "known" : "unknown");
	reply_bytes(x, 200, "text/plain", x->parameters[0]);
}

/* "/quick/now" is answered at once, all others by a worker, who is to find nothing of the try. */
static bool
say_at_once(struct exchange *x)
{
	reply_header(x, "From", "loop");
	reply_bytes(x, 200, "text/plain", x->request->body);
	return span_is(x->parameters[0], "now");
}

static void
say_later(struct exchange *x)
{
	reply_header(x, "From", x->reply.status == 0 && x->reply.body.len == 0 ? "worker" : "both");
	reply_bytes(x, 200, "text/plain", x->request->body);
}

static void
no_content(struct exchange *x)
{
	reply_empty(x, 204);
}

static void
not_modified(struct exchange *x)
{
	reply_header(x, "ETag", "\"1\"");
	reply_empty(x, 304);
}

static void
say_nothing(struct exchange *x)
{
	(void)x;
}

static void
split_header(struct exchange *x)
{
	reply_header(x, "Location", "/a\r\nSet-Cookie: stolen=1");
	reply_empty(x, 302);
}

static void
close_after(struct exchange *x)
{
	reply_bytes(x, 200, "text/plain", span_text("last"));
	x->reply.closes = true;
}

static void
make_problem(struct exchange *x)
{
	struct diag d;

	diag_clear(&d);
	diag_set(&d, BAD_INPUT, "RFC 2986 4.1", "the request is \"bad\"");
	reply_problem(x, &d);
}

/* ?size=N: N bytes 'a', built in memory. */
static void
big(struct exchange *x)
{
	span text = { NULL, 0 };
	int64_t size = 0;
	uint8_t *out;

	if (http_query_get(x->request, x->arena, "size", &text, NULL) != OK ||
		number_parse(text, &size) != OK) {
		reply_problem_as(x, 400, "size is missing");
		return;
	}
	reply_bytes(x, 200, "text/plain", (span){ NULL, 0 });
	out = buffer_grow(&x->reply.body, (size_t)size);
	if (out != NULL) {
		memset(out, 'a', (size_t)size);
	}
}

/* The fixture's file, of which only `size` bytes are the body. */
static void
send_file(struct exchange *x)
{
	struct fixture *f = x->context;
	char *path = arena_printf(x->arena, "%s/file", f->folder);
	int file = open(path, O_RDONLY | O_CLOEXEC);
	off_t size = file >= 0 ? lseek(file, 0, SEEK_END) : 0;

	reply_file(x, 200, "application/octet-stream", file, (uint64_t)size);
}

static void
say_address(struct exchange *x)
{
	reply_bytes(x, 200, "text/plain", span_text(x->peer->address));
}

/* Who is there: "<resumed> <fingerprint or -> <chain> <protocol> <length of tls-unique>". */
static void
say_peer(struct exchange *x)
{
	const struct http_peer *p = x->peer;
	char fingerprint[65] = "-";

	if (p->certificate.len > 0) {
		hex_encode(fingerprint, SPAN_ARRAY(p->fingerprint));
	}
	reply_bytes(x, 200, "text/plain",
		span_text(arena_printf(x->arena, "%d %s %zu %s %zu", p->is_resumed, fingerprint,
			p->chain_count, p->is_tls ? p->protocol : "plain", p->tls_unique_len)));
}

#define TOPIC 77

/* ?v=N&wait=MS: the value as soon as it is not N. */
static void
wait_value(struct exchange *x)
{
	struct fixture *f = x->context;
	span text = { NULL, 0 };
	int64_t seen = 0, wait_ms = 0;
	uint64_t value = atomic_load(&f->value);

	atomic_fetch_add(&f->runs, 1);
	reply_header(x, "Run", "this");
	if (http_query_get(x->request, x->arena, "v", &text, NULL) != OK ||
		number_parse(text, &seen) != OK ||
		http_query_get(x->request, x->arena, "wait", &text, NULL) != OK ||
		number_parse(text, &wait_ms) != OK) {
		reply_problem_as(x, 400, "v and wait are needed");
		return;
	}
	if (value == (uint64_t)seen && !x->is_last_try) {
		reply_park(x, TOPIC, wait_ms);
		return;
	}
	reply_bytes(x, 200, "text/plain",
		span_text(arena_printf(x->arena, "%llu%s", (unsigned long long)value,
			x->is_last_try ? " at last" : "")));
}

/* Changes the value between another handler's read and its park: it calls wake before it parks itself. */
static void
wake_then_park(struct exchange *x)
{
	struct fixture *f = x->context;

	atomic_fetch_add(&f->runs, 1);
	if (atomic_fetch_add(&f->value, 1) == 0) {
		http_server_wake(f->server, TOPIC + 1);
		reply_park(x, TOPIC + 1, 60000);
		return;
	}
	reply_bytes(x, 200, "text/plain", span_text("woken"));
}

/* A handler that forgets to answer at the end of its wait. */
static void
park_forever(struct exchange *x)
{
	reply_park(x, 1, 1);
}

static void
block(struct exchange *x)
{
	struct fixture *f = x->context;

	atomic_fetch_add(&f->blocked, 1);
	while (!atomic_load(&f->gate)) {
		poll(NULL, 0, 1);
	}
	atomic_fetch_sub(&f->blocked, 1);
	reply_bytes(x, 200, "text/plain", span_text("open"));
}

/* Each of a call says its body and how many it is of; it waits as /block does. */
static void
together(struct exchange *const *x, size_t count)
{
	struct fixture *f = x[0]->context;

	atomic_fetch_add(&f->together, 1);
	while (!atomic_load(&f->gate)) {
		poll(NULL, 0, 1);
	}
	for (size_t k = 0; k < count; k++) {
		char *text = arena_printf(x[k]->arena, "%zu of %zu: %.*s", k + 1, count,
			(int)x[k]->request->body.len, (const char *)x[k]->request->body.data);

		reply_bytes(x[k], 200, "text/plain", span_text(text));
	}
}

static void
together_alone(struct exchange *x)
{
	together(&x, 1);
}

/* Others that have nothing to do with those. */
static void
together_elsewhere(struct exchange *const *x, size_t count)
{
	for (size_t k = 0; k < count; k++) {
		reply_bytes(x[k], 200, "text/plain", span_text("elsewhere"));
	}
}

static void
elsewhere_alone(struct exchange *x)
{
	together_elsewhere(&x, 1);
}

static void
finished(void *context, const struct exchange *x, int64_t took_us)
{
	struct fixture *f = context;

	assert_true(took_us >= 0);
	assert_int_equal(strlen(x->id), ID_TEXT_LEN);
	atomic_store(&f->order[(unsigned)atomic_fetch_add(&f->finished, 1) % sizeof(f->order)],
		x->request->method == HTTP_GET ? 'G' : 'P');
	atomic_store(&f->last_status, x->reply.status);
}

static const struct route routes[] = {
	{ HTTP_GET, "/", say_hello, 0 },
	{ HTTP_POST, "/echo", echo, 1 << 20 },
	{ HTTP_PUT, "/echo", echo, 16 },
	{ HTTP_POST, "/length", body_length, 32 << 20 },
	{ HTTP_POST, "/x", echo, 1 << 20 }, /* of the corpus */
	{ HTTP_GET, "/name/{name}", say_parameter, 0 },
	{ HTTP_POST, "/quick/{when}", say_later, 1024, say_at_once },
	{ HTTP_GET, "/empty", no_content, 0 },
	{ HTTP_GET, "/same", not_modified, 0 },
	{ HTTP_GET, "/silent", say_nothing, 0 },
	{ HTTP_GET, "/split", split_header, 0 },
	{ HTTP_GET, "/last", close_after, 0 },
	{ HTTP_GET, "/problem", make_problem, 0 },
	{ HTTP_GET, "/big", big, 0 },
	{ HTTP_GET, "/file", send_file, 0 },
	{ HTTP_GET, "/peer", say_peer, 0 },
	{ HTTP_GET, "/address", say_address, 0 },
	{ HTTP_GET, "/wait", wait_value, 0 },
	{ HTTP_GET, "/race", wake_then_park, 0 },
	{ HTTP_GET, "/forever", park_forever, 0 },
	{ HTTP_GET, "/block", block, 0 },
	{ HTTP_POST, "/together", together_alone, 1024, NULL, together },
	{ HTTP_POST, "/elsewhere", elsewhere_alone, 1024, NULL, together_elsewhere },
	{ HTTP_GET, NULL, NULL, 0 },
};

static const struct route *const tables[] = { routes };
static struct router router = { .tables = tables, .table_count = 1, .finished = finished };

static bool
admits(struct exchange *x)
{
	struct fixture *f = x->context;

	atomic_fetch_add(&f->asked, 1);
	if (span_is(http_header_get(x->request, "Authorization"), "me")) {
		return true;
	}
	reply_problem_as(x, 401, "who asks?");
	return false;
}

void
fixture_admits(void)
{
	router.admits = admits;
}

struct http_options
fixture_options(struct fixture *f)
{
	memset(f, 0, sizeof(*f));
	router.context = f;
	router.admits = NULL;
	return (struct http_options){
		.listens = { { "127.0.0.1:0", false, &router }, { "127.0.0.1:0", true, &router } },
		.listen_count = 2,
		.loops = 2,
		.workers = 2,
	};
}

void
fixture_start(struct fixture *f, const struct http_options *o)
{
	struct diag d = { 0 };
	span chain;

	credential_make(&f->identity, "server", 0);
	chain = credential_span(&f->identity);
	assert_ok(http_server_start(o, &f->server, &d), d);
	assert_ok(http_server_identity(f->server, &chain, 1, f->identity.key, &d), d);
	f->plain = http_server_port(f->server, 0);
	f->tls = http_server_port(f->server, 1);
}

void
fixture_stop(struct fixture *f)
{
	atomic_store(&f->gate, true);
	http_server_stop(f->server, 5000);
	credential_wipe(&f->identity);
	if (f->folder != NULL) {
		temporary_folder_remove(f->folder);
	}
}

struct http_counters
fixture_counters(const struct fixture *f)
{
	struct http_counters c;

	http_server_counters(f->server, &c);
	return c;
}

uint64_t
fixture_connections_open(const struct fixture *f)
{
	return fixture_counters(f).connections_open;
}

uint64_t
fixture_timeouts(const struct fixture *f)
{
	return fixture_counters(f).timeouts;
}

uint64_t
fixture_blocked(const struct fixture *f)
{
	return (uint64_t)atomic_load(&f->blocked);
}

uint64_t
fixture_requests(const struct fixture *f)
{
	return fixture_counters(f).requests;
}

uint64_t
fixture_parked(const struct fixture *f)
{
	return fixture_counters(f).parked;
}

void
fixture_wait(const struct fixture *f, uint64_t (*read)(const struct fixture *), uint64_t wanted)
{
	for (int i = 0; i < 10000; i++) {
		if (read(f) == wanted) {
			return;
		}
		poll(NULL, 0, 1);
	}
	fail_msg("the counter is %llu, not %llu", (unsigned long long)read(f),
		(unsigned long long)wanted);
}

int
fixture_set_up(void **state)
{
	struct fixture *f = malloc(sizeof(*f));
	struct http_options o = fixture_options(f);

	fixture_start(f, &o);
	*state = f;
	return 0;
}

int
fixture_tear_down(void **state)
{
	if (*state != NULL) {
		fixture_stop(*state);
		free(*state);
	}
	return 0;
}
