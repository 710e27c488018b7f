#include "fixture.h"

static void
plain_get(void **state)
{
	struct fixture f;
	struct http_options o = fixture_options(&f);
	struct client c;

	(void)state;
	fixture_start(&f, &o);
	client_open(&c, f.plain);
	for (int i = 0; i < 10; i++) {
		client_ask(&c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 200, "hello");
	}
	client_close(&c);
	fixture_stop(&f);
}

static void
tls_get(void **state)
{
	static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
	struct fixture f;
	struct http_options o = fixture_options(&f);

	(void)state;
	fixture_start(&f, &o);
	for (size_t i = 0; i < 2; i++) {
		const struct client_tls t = { .version = versions[i] };
		struct client c;

		client_open(&c, f.tls);
		assert_true(client_secure(&c, &t));
		for (int n = 0; n < 10; n++) {
			client_ask(&c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 200, "hello");
		}
		client_close(&c);
	}
	fixture_stop(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_get),
		cmocka_unit_test(tls_get),
	};

	return cmocka_run_group_tests_name("http server", tests, NULL, NULL);
}
