#include "support.h"

#include "http/router.h"

static void
handler(struct exchange *x)
{
	(void)x;
}

static const struct route first[] = {
	{ HTTP_GET, "/", handler, 0 },
	{ HTTP_GET, "/a", handler, 1 },
	{ HTTP_POST, "/a", handler, 2 },
	{ HTTP_GET, "/a/{id}", handler, 3 },
	{ HTTP_DELETE, "/a/{id}", handler, 4 },
	{ HTTP_GET, "/a/new", handler, 5 },
	{ HTTP_GET, "/a/{id}/b/{x}", handler, 6 },
	{ HTTP_GET, "/a/{id}/b/c", handler, 7 },
	{ HTTP_GET, NULL, NULL, 0 },
};
static const struct route second[] = {
	{ HTTP_GET, "/files/*", handler, 10 },
	{ HTTP_GET, "/files/{name}/info", handler, 11 },
	{ HTTP_HEAD, "/files/head", handler, 12 },
	{ HTTP_GET, "/files/head", handler, 13 },
	{ HTTP_GET, "/{a}/{b}/{c}/{d}/x", handler, 14 },
	{ HTTP_GET, "/*", handler, 15 },
	{ HTTP_GET, NULL, NULL, 0 },
};
static const struct route *const both[] = { first, second };
static const struct route *const one[] = { first };

/* The route's number is its body_max. */
struct expectation {
	enum http_method method;
	const char *path;
	int route; /* or -404, -405 */
	const char *parameter, *rest;
};

static void
check(const struct router *r, const struct expectation *e)
{
	struct http_request request = { .method = e->method, .path = span_text(e->path) };
	struct exchange x = { .arena = arena_new(1 << 16) };
	const struct route *found;
	char allow[64];
	int http_status = 0, got;

	found = router_find(r, &request, &x, &http_status, allow, sizeof(allow));
	got = found != NULL ? (int)found->body_max : -http_status;
	if (got != e->route) {
		fail_msg("%s %s: %d", http_method_name(e->method), e->path, got);
	}
	if (e->parameter != NULL) {
		assert_true(span_is(x.parameters[0], e->parameter));
	}
	if (e->rest != NULL) {
		assert_true(span_is(x.rest, e->rest));
	}
	arena_free(x.arena);
}

static void
routes_are_found(void **state)
{
	static const struct expectation table[] = {
		{ HTTP_GET, "/", 0, NULL, NULL },
		{ HTTP_HEAD, "/", 0, NULL, NULL },
		{ HTTP_GET, "/a", 1, NULL, NULL },
		{ HTTP_POST, "/a", 2, NULL, NULL },
		{ HTTP_GET, "/a/7", 3, "7", NULL },
		{ HTTP_GET, "/a/%41", 3, "A", NULL },
		{ HTTP_GET, "/a/%2e", 3, ".", NULL },
		{ HTTP_DELETE, "/a/new", 4, "new", NULL },
		{ HTTP_GET, "/a/new", 5, NULL, NULL },
		{ HTTP_GET, "/a/1/b/2", 6, "1", NULL },
		{ HTTP_GET, "/a/1/b/c", 7, "1", NULL },
		{ HTTP_GET, "/files/", 10, NULL, "" },
		{ HTTP_GET, "/files/a/b%2fc", 10, NULL, "a/b%2fc" },
		{ HTTP_GET, "/files/a/info", 11, "a", NULL },
		{ HTTP_HEAD, "/files/head", 12, NULL, NULL },
		{ HTTP_GET, "/files/head", 13, NULL, NULL },
		{ HTTP_GET, "/1/2/3/4/x", 14, "1", NULL },
		{ HTTP_GET, "/files", 15, NULL, "files" },
		{ HTTP_GET, "/a/1/b", 15, NULL, "a/1/b" },
		{ HTTP_GET, "/a//b/c", 15, NULL, "a//b/c" },
		{ HTTP_PUT, "/a", -405, NULL, NULL },
		{ HTTP_PUT, "/anything", -405, NULL, NULL },
		{ HTTP_GET, "/a/x%2fy", -404, NULL, NULL },
		{ HTTP_GET, "/a/%ff", -404, NULL, NULL },
	};
	const struct router r = { .tables = both, .table_count = 2 };

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		check(&r, &table[i]);
	}
}

static void
what_is_not_there_is_not_found(void **state)
{
	static const struct expectation table[] = {
		{ HTTP_GET, "/b", -404, NULL, NULL },
		{ HTTP_GET, "/A", -404, NULL, NULL },
		{ HTTP_GET, "/%61", -404, NULL, NULL },
		{ HTTP_GET, "//a", -404, NULL, NULL },
		{ HTTP_GET, "/a/", -404, NULL, NULL },
		{ HTTP_GET, "/a/b/", -404, NULL, NULL },
		{ HTTP_GET, "/a/b/c", -404, NULL, NULL },
		{ HTTP_GET, "/a//b/c", -404, NULL, NULL },
		{ HTTP_GET, "/a%2f7", -404, NULL, NULL },
		{ HTTP_GET, "/a/1/b/c/d", -404, NULL, NULL },
		{ HTTP_POST, "/a/new", -405, NULL, NULL },
		{ HTTP_POST, "/", -405, NULL, NULL },
	};
	const struct router r = { .tables = one, .table_count = 1 };

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		check(&r, &table[i]);
	}
}

static void
methods_are_listed(void **state)
{
	const struct router r = { .tables = one, .table_count = 1 };
	struct http_request request = { .method = HTTP_PUT, .path = span_text("/a") };
	struct exchange x = { 0 };
	char allow[64];
	int http_status;

	(void)state;
	assert_null(router_find(&r, &request, &x, &http_status, allow, sizeof(allow)));
	assert_string_equal(allow, "GET, HEAD, POST");
	request.path = span_text("/a/1");
	assert_null(router_find(&r, &request, &x, &http_status, allow, sizeof(allow)));
	assert_string_equal(allow, "GET, HEAD, DELETE");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(routes_are_found),
		cmocka_unit_test(what_is_not_there_is_not_found),
		cmocka_unit_test(methods_are_listed),
	};

	return cmocka_run_group_tests_name("http router", tests, NULL, NULL);
}
