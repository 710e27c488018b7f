#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>

#include "support.h"

#include "base/check.h"
#include "http/address.h"

static struct sockaddr_storage
address(const char *text)
{
	union {
		struct sockaddr_storage any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} u = { .v6 = { 0 } };

	if (inet_pton(AF_INET, text, &u.v4.sin_addr) == 1) {
		u.v4.sin_family = AF_INET;
		u.v4.sin_port = htons(40000);
	} else {
		assert_int_equal(1, inet_pton(AF_INET6, text, &u.v6.sin6_addr));
		u.v6.sin6_family = AF_INET6;
		u.v6.sin6_port = htons(40000);
	}
	return u.any;
}

static void
who_is_of_a_list(void **state)
{
	static const struct {
		const char *list, *address;
		bool is_in;
	} rows[] = {
		{ "127.0.0.1", "127.0.0.1", true },
		{ "127.0.0.1", "127.0.0.2", false },
		{ "127.0.0.1", "::ffff:127.0.0.1", true },
		{ " 192.0.2.7 , 10.0.0.0/8", "10.255.0.1", true },
		{ "192.0.2.7,10.0.0.0/8", "11.0.0.1", false },
		{ "10.0.0.0/8", "::a00:1", false },
		{ "192.0.2.128/25", "192.0.2.127", false },
		{ "192.0.2.128/25", "192.0.2.128", true },
		{ "192.0.2.128/25", "192.0.2.255", true },
		{ "0.0.0.0/0", "203.0.113.9", true },
		{ "0.0.0.0/0", "2001:db8::1", false },
		{ "2001:db8::/32", "2001:db8:ffff::1", true },
		{ "2001:db8::/32", "2001:db9::1", false },
		{ "2001:db8::1", "2001:db8::1", true },
		{ "::/0", "192.0.2.1", true },
		{ "", "127.0.0.1", false },
		{ "   ", "127.0.0.1", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct sockaddr_storage a = address(rows[i].address);
		struct address_list l;
		struct diag d = { 0 };

		assert_ok(address_list_read(rows[i].list, &l, &d), d);
		if (address_list_has(&l, &a) != rows[i].is_in) {
			fail_msg("%s in %s", rows[i].address, rows[i].list);
		}
	}
}

static void
what_is_no_list(void **state)
{
	static const char *const rows[] = { "localhost", "127.0.0.1;10.0.0.1", "127.0.0.1,",
		",127.0.0.1", "127.0.0.1,,10.0.0.1", "127.0.0", "127.0.0.1/33", "127.0.0.1/-1",
		"127.0.0.1/", "127.0.0.1/8", "10.0.0.1/8", "::1/129", "2001:db8::1/32", "[::1]",
		"127.0.0.1/24/8", "127.0.0.1:80", "fe80::1%lo",
		"1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa" };
	char many[512] = "";
	struct address_list l;
	struct diag d = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		diag_clear(&d);
		if (address_list_read(rows[i], &l, &d) != BAD_INPUT || d.text[0] == '\0') {
			fail_msg("\"%s\" is taken", rows[i]);
		}
	}
	for (size_t i = 0; i <= ADDRESS_RANGES_MAX; i++) {
		snprintf(many + strlen(many), sizeof(many) - strlen(many), "%s10.0.0.%zu",
			i > 0 ? "," : "", i);
	}
	diag_clear(&d);
	assert_int_equal(LIMIT, address_list_read(many, &l, &d));
}

static void
texts(void **state)
{
	struct sockaddr_storage v4 = address("192.0.2.1"), v6 = address("2001:db8::1");
	struct sockaddr_storage none = { .ss_family = AF_UNIX };
	char text[ADDRESS_TEXT_MAX];
	struct address_list all;
	struct diag d = { 0 };

	(void)state;
	address_text(&v4, text);
	assert_string_equal("192.0.2.1:40000", text);
	address_text(&v6, text);
	assert_string_equal("[2001:db8::1]:40000", text);
	address_text(&none, text);
	assert_string_equal("", text);
	assert_ok(address_list_read("0.0.0.0/0,::/0", &all, &d), d);
	assert_false(address_list_has(&all, &none));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_is_of_a_list),
		cmocka_unit_test(what_is_no_list),
		cmocka_unit_test(texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
