#include <stdio.h>
#include <unistd.h>

#include "base/check.h"
#include "base/file.h"
#include "signer/profile_shelf.h"
#include "support.h"

#define DAY INT64_C(86400)

static char *folder;
static struct clock_manual hands; /* set by the file's own times */
static struct profile_shelf shelf;

static int
set_up(void **state)
{
	(void)state;
	folder = temporary_folder();
	clock_manual_init(&hands, 0);
	profile_shelf_init(&shelf, folder, &hands.clock);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	profile_shelf_wipe(&shelf);
	temporary_folder_remove(folder);
	return 0;
}

static void
path_of(const char *name, char out[600])
{
	snprintf(out, 600, "%s/%s.conf", folder, name);
}

/* The file, and the clock `later_s` behind it. */
static void
write_profile(const char *name, const char *text, int64_t later_s)
{
	char path[600];
	struct stat found;
	struct diag d = { 0 };

	path_of(name, path);
	assert_ok(file_replace(path, span_text(text), 0644, &d), d);
	assert_int_equal(stat(path, &found), 0);
	clock_manual_init(&hands, (found.st_ctim.tv_sec + later_s) * 1000);
}

static int64_t
lifetime_of(const char *name)
{
	struct profile p;
	struct diag d = { 0 };

	assert_ok(profile_shelf_find(&shelf, name, &p, &d), d);
	assert_string_equal(p.name, name);
	return p.lifetime_max_s;
}

static void
a_settled_file_is_read_once(void **state)
{
	(void)state;
	write_profile("short", "base = operational\nlifetime = 7d\n", 10);
	for (size_t i = 0; i < 100; i++) {
		assert_int_equal(lifetime_of("short"), 7 * DAY);
	}
	assert_int_equal(shelf.reads, 1);
}

static void
a_young_file_is_read_each_time(void **state)
{
	(void)state;
	write_profile("short", "base = operational\nlifetime = 7d\n", 1);
	(void)lifetime_of("short");
	(void)lifetime_of("short");
	assert_int_equal(shelf.reads, 2);
	clock_manual_add(
		&hands, -3600 * 1000); /* the clock was set back: the file is from tomorrow */
	(void)lifetime_of("short");
	(void)lifetime_of("short");
	assert_int_equal(shelf.reads, 4);
	clock_manual_add(&hands, 2 * 3600 * 1000);
	(void)lifetime_of("short");
	(void)lifetime_of("short");
	assert_int_equal(shelf.reads, 5);
}

/* By another file of the same size, and by other text in the same file. */
static void
a_changed_file_is_read_again(void **state)
{
	char path[600];
	FILE *f;

	(void)state;
	write_profile("short", "base = operational\nlifetime = 7d\n", 10);
	assert_int_equal(lifetime_of("short"), 7 * DAY);
	write_profile(
		"short", "base = operational\nlifetime = 5d\n", 10); /* another file in its place */
	assert_int_equal(lifetime_of("short"), 5 * DAY);
	path_of("short", path);
	f = fopen(path, "w"); /* the same one, in place */
	assert_non_null(f);
	assert_true(fputs("base = operational\nlifetime = 30d\n", f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(lifetime_of("short"), 30 * DAY);
}

static void
what_is_gone_or_wrong_is_not_served_from_memory(void **state)
{
	struct profile p;
	struct diag d = { 0 };
	char path[600];

	(void)state;
	write_profile("short", "base = operational\nlifetime = 7d\n", 10);
	(void)lifetime_of("short");
	write_profile(
		"short", "base = operational\nlifetime = 9y\n", 10); /* longer than its base */
	assert_int_equal(profile_shelf_find(&shelf, "short", &p, &d), BAD_INPUT);
	assert_int_equal(profile_shelf_find(&shelf, "short", &p, &d), BAD_INPUT);
	write_profile("short", "base = operational\nlifetime = 60d\n", 10); /* of another size */
	assert_int_equal(lifetime_of("short"), 60 * DAY);
	path_of("short", path);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(profile_shelf_find(&shelf, "short", &p, &d), NOT_FOUND);
}

static void
names_that_are_none(void **state)
{
	static const char *const names[] = { "", ".", "..", ".hidden", "../short", "a/b",
		"0123456789012345678901234567890123456789012345678901234567890123456789" };
	struct profile p;
	struct diag d = { 0 };

	(void)state;
	write_profile("short", "base = operational\nlifetime = 7d\n", 10);
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		assert_int_equal(profile_shelf_find(&shelf, names[i], &p, &d), NOT_FOUND);
	}
	assert_int_equal(shelf.reads, 0);
}

/* More than there is room for: each answer is its own file's. */
static void
they_take_turns(void **state)
{
	char name[16], text[64];

	(void)state;
	for (unsigned round = 0; round < 2; round++) {
		for (unsigned i = 1; i <= 2 * PROFILE_SHELF_ROOM; i++) {
			snprintf(name, sizeof(name), "p%u", i);
			snprintf(text, sizeof(text), "base = operational\nlifetime = %ud\n", i);
			write_profile(name, text, 10);
			assert_int_equal(lifetime_of(name), i * DAY);
			assert_int_equal(lifetime_of(name), i * DAY);
		}
	}
	assert_int_equal(shelf.reads, 4 * PROFILE_SHELF_ROOM);
}

#define SHELF_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		SHELF_TEST(a_settled_file_is_read_once),
		SHELF_TEST(a_young_file_is_read_each_time),
		SHELF_TEST(a_changed_file_is_read_again),
		SHELF_TEST(what_is_gone_or_wrong_is_not_served_from_memory),
		SHELF_TEST(names_that_are_none),
		SHELF_TEST(they_take_turns),
	};

	return cmocka_run_group_tests_name("profile shelf", tests, NULL, NULL);
}
