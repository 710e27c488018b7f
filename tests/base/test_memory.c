#include <stdio.h>
#include <unistd.h>

#include "support.h"

#include "base/buffer.h"
#include "base/secret.h"

static void
an_arena_keeps_its_cap(void **state)
{
	struct arena *a = arena_new(100000);

	(void)state;
	assert_non_null(arena_alloc(a, 50000));
	assert_null(arena_alloc(a, 60000));
	assert_non_null(arena_alloc(a, 1000));
	assert_null(arena_array(a, SIZE_MAX / 2, 4));
	assert_null(arena_alloc(a, SIZE_MAX));
	arena_reset(a);
	assert_non_null(arena_alloc(a, 60000));
	arena_free(a);
}

static void
arena_memory_is_zero_and_aligned(void **state)
{
	struct arena *a = arena_new(1 << 20);

	(void)state;
	for (int round = 0; round < 3; round++) {
		for (size_t size = 1; size < 300; size++) {
			uint8_t *p = arena_alloc(a, size);

			assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
			for (size_t i = 0; i < size; i++) {
				assert_int_equal(p[i], 0);
			}
			memset(p, 0xee, size);
		}
		arena_reset(a);
	}
	assert_string_equal(arena_printf(a, "%d-%s", 7, "x"), "7-x");
	arena_free(a);
}

static void
a_buffer_fails_once_and_stays_failed(void **state)
{
	struct buffer b;

	(void)state;
	buffer_init(&b, 10);
	buffer_put_text(&b, "12345678");
	assert_false(buffer_failed(&b));
	buffer_put_text(&b, "9ab");
	assert_true(buffer_failed(&b));
	assert_int_equal(LIMIT, buffer_fault(&b));
	buffer_put_text(&b, "9");
	assert_int_equal(b.len, 8);
	buffer_clear(&b);
	assert_int_equal(OK, buffer_fault(&b));
	buffer_printf(&b, "%s", "0123456789");
	assert_false(buffer_failed(&b));
	assert_true(span_is(buffer_span(&b), "0123456789"));
	buffer_wipe(&b);
}

static void
a_long_print_is_whole(void **state)
{
	char long_text[3000];
	struct buffer b;

	(void)state;
	memset(long_text, 'x', sizeof(long_text) - 1);
	long_text[sizeof(long_text) - 1] = '\0';
	buffer_init(&b, 8000);
	buffer_printf(&b, "<%s>", long_text);
	assert_int_equal(b.len, sizeof(long_text) + 1);
	assert_int_equal(b.data[b.len - 1], '>');
	buffer_wipe(&b);
}

static void
a_secret_is_one_line(void **state)
{
	struct diag d = { 0 };
	struct secret s;
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], "open sesame\r\nnext\n\n", 19), 19);
	assert_ok(secret_read(&s, ends[0], 64, &d), d);
	assert_string_equal((char *)s.data, "open sesame");
	secret_wipe(&s);
	assert_int_equal(secret_read(&s, ends[0], 3, &d), LIMIT);
	assert_null(s.data);
	close(ends[1]);
	close(ends[0]);
}

static void
the_first_fault_is_kept(void **state)
{
	struct diag d = { 0 };

	(void)state;
	assert_int_equal(diag_set(&d, BAD_INPUT, "RFC 1", "first \n%s", "x\x1b[31m"), BAD_INPUT);
	assert_int_equal(diag_set(&d, IO, NULL, "second"), IO);
	assert_string_equal(d.text, "first ?x?[31m");
	assert_string_equal(d.clause, "RFC 1");
	diag_prefix(&d, "line %d: ", 3);
	assert_string_equal(d.text, "line 3: first ?x?[31m");
	assert_int_equal(diag_set(NULL, IO, NULL, "nobody listens"), IO);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_arena_keeps_its_cap),
		cmocka_unit_test(arena_memory_is_zero_and_aligned),
		cmocka_unit_test(a_buffer_fails_once_and_stays_failed),
		cmocka_unit_test(a_long_print_is_whole),
		cmocka_unit_test(a_secret_is_one_line),
		cmocka_unit_test(the_first_fault_is_kept),
	};

	return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}
