#include "support.h"

#include <stdio.h>

#include "lifecycle/ocsp_shelf.h"

/* The shelf by itself: what it keeps, how much, and whom it throws out. */

static char *folder;
static struct store *store;
static struct ocsp_shelf shelf;

static int
set_up(void **state)
{
	char path[600];
	const struct store_options o = { .location = path, .create = true };
	struct diag d = { 0 };

	(void)state;
	folder = temporary_folder();
	snprintf(path, sizeof(path), "%s/shelf.db", folder);
	assert_ok(store_open(&o, &store, &d), d);
	assert_ok(ocsp_shelf_init(&shelf, store, &d), d);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	ocsp_shelf_wipe(&shelf);
	store_close(store);
	temporary_folder_remove(folder);
	return 0;
}

static struct ocsp_made
made_for(span asked, int64_t row)
{
	struct ocsp_made made = { .may_be_kept = true,
		.id = asked,
		.verdict = { .status = OCSP_GOOD },
		.dates = { .this_update_s = TEST_TIME_S,
			.next_update_s = TEST_TIME_S + 3600,
			.renewed_s = TEST_TIME_S + 1800 } };

	assert_true(store_mark(store, store_changes(store), row, 0, &made.verdict.mark));
	return made;
}

static void
put(uint32_t number, size_t answer_len)
{
	static uint8_t answer[OCSP_KEPT_MAX + 1];
	uint8_t asked[80] = { 0 };
	struct ocsp_made made;

	memcpy(asked, &number, sizeof(number));
	made = made_for(SPAN_ARRAY(asked), 1 + (int64_t)number);
	memcpy(answer, &number, sizeof(number));
	ocsp_shelf_put(&shelf, &made, span_of(answer, answer_len), span_text("note"));
}

static bool
has(uint32_t number)
{
	uint8_t asked[80] = { 0 };
	struct buffer out;
	struct ocsp_given given = { .answer = &out };
	bool is_there;

	memcpy(asked, &number, sizeof(number));
	buffer_init(&out, 1 << 16);
	is_there = ocsp_shelf_answer(&shelf, SPAN_ARRAY(asked), TEST_TIME_S, &given);
	if (is_there) {
		assert_memory_equal(&number, out.data, sizeof(number));
		assert_int_equal(4, given.note_len);
		assert_memory_equal("note", given.note, 4);
	}
	buffer_wipe(&out);
	return is_there;
}

/* A flood of certificates that are asked for once: memory stays, and so do those that are asked for again and again. */
static void
a_flood_does_not_drive_out_what_is_used(void **state)
{
	enum { USEFUL = 1000, FLOOD = 5 * OCSP_ANSWERS_MAX };
	size_t left = 0;

	(void)state;
	for (uint32_t k = 0; k < USEFUL; k++) {
		put(k, 300);
		assert_true(has(k));
	}
	for (uint32_t k = 0; k < FLOOD; k++) {
		put(USEFUL + k, 300);
		/* Meanwhile each of the useful ones is asked for, now and then. */
		(void)has(k % USEFUL);
	}
	assert_in_range(ocsp_shelf_count(&shelf), OCSP_ANSWERS_MAX / 2, OCSP_ANSWERS_MAX);
	for (uint32_t k = 0; k < USEFUL; k++) {
		left += has(k);
	}
	assert_in_range(left, USEFUL * 9 / 10, USEFUL);
}

static void
what_is_too_large_is_not_kept(void **state)
{
	(void)state;
	put(1, OCSP_KEPT_MAX - 80 - 4);
	assert_true(has(1));
	put(2, OCSP_KEPT_MAX - 80 - 4 + 1);
	assert_false(has(2));
	/* Nor does it leave the one before it standing as if it were the new one's. */
	put(1, OCSP_KEPT_MAX);
	assert_true(has(1));
}

static void
a_verdict_alone_is_no_answer(void **state)
{
	const span asked = span_text("of a request with a nonce");
	struct ocsp_made made = made_for(asked, 7);
	struct ocsp_verdict verdict;
	struct buffer out;
	struct ocsp_given given = { .answer = &out };

	(void)state;
	buffer_init(&out, 1 << 16);
	made.verdict.status = OCSP_REVOKED;
	made.verdict.revoked_s = 5;
	assert_false(ocsp_shelf_verdict(&shelf, asked, &verdict));
	ocsp_shelf_put(&shelf, &made, span_of(NULL, 0), span_text("nothing"));
	assert_false(ocsp_shelf_answer(&shelf, asked, TEST_TIME_S, &given));
	assert_true(ocsp_shelf_verdict(&shelf, asked, &verdict));
	assert_int_equal(OCSP_REVOKED, verdict.status);
	assert_int_equal(5, verdict.revoked_s);
	/* It does not take the place of an answer. */
	ocsp_shelf_put(&shelf, &made, span_text("answer"), span_text("note"));
	ocsp_shelf_put(&shelf, &made, span_of(NULL, 0), span_of(NULL, 0));
	assert_true(ocsp_shelf_answer(&shelf, asked, TEST_TIME_S, &given));
	buffer_wipe(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_flood_does_not_drive_out_what_is_used, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_too_large_is_not_kept, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_verdict_alone_is_no_answer, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
