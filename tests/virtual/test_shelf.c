/* The folder of parts: made, found again, and refused where a file is not what it was. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "device/virtual/shelf.h"
#include "device/virtual/state_file.h"
#include "pki/key.h"
#include "talk.h"

static const uint8_t other_serial[9] = { 0x01, 0x23, 9, 9, 9, 9, 9, 9, 0x01 };

static void
open_shelf(const char *folder, struct shelf **out)
{
	struct diag d = { 0 };

	assert_ok(shelf_open(folder, false, out, &d), d);
}

static void
make(struct shelf *s, const uint8_t serial[9])
{
	struct diag d = { 0 };

	assert_ok(shelf_make(s, part_profile_find("trustflex-tls"), (const uint8_t(*)[9])serial, 1,
			  &d),
		d);
}

static void
path_of(const char *folder, const uint8_t serial[9], char out[300])
{
	struct diag d = { 0 };

	assert_ok(state_file_path(folder, serial, out, 300, &d), d);
}

static void
test_kept(void **state)
{
	char *folder = temporary_folder(), path[300];
	struct shelf_bus *b;
	struct part before;
	struct stat found;
	struct shelf *s;

	open_shelf(folder, &s);
	assert_int_equal(shelf_count(s), 0);
	make(s, talk_serial);
	make(s, talk_serial); /* is there already */
	make(s, other_serial);
	assert_int_equal(shelf_count(s), 2);
	path_of(folder, talk_serial, path);
	assert_int_equal(stat(path, &found), 0);
	assert_int_equal(found.st_mode & 0777, 0600);
	assert_int_equal(found.st_size, STATE_FILE_LEN);
	b = shelf_find(s, talk_serial);
	assert_non_null(b);
	part_wake(&b->wire.part, 0);
	talk_expect(&b->wire.part, PART_OK, CALL(0x40, 4, 2, NULL, 0));
	assert_true(b->wire.part.is_changed);
	assert_true(wire_wake(&b->wire, 0)); /* keeps it */
	assert_false(b->wire.part.is_changed);
	before = b->wire.part;
	shelf_close(s);
	open_shelf(folder, &s);
	assert_int_equal(shelf_count(s), 2);
	b = shelf_find(s, talk_serial);
	assert_memory_equal(&b->wire.part.memory, &before.memory, sizeof(before.memory));
	assert_int_equal(b->wire.part.live.power, PART_ASLEEP);
	assert_string_equal(b->profile, "trustflex-tls");
	shelf_close(s);
	temporary_folder_remove(folder);
}

static void
test_order(void **state)
{
	struct diag d = { 0 };
	uint8_t last[9] = { 0 }, serial[9];
	struct shelf *s;

	open_shelf(NULL, &s);
	assert_ok(shelf_make(s, part_profile_find("blank"), NULL, 300, &d), d);
	assert_ok(shelf_make(s, part_profile_find("blank"), NULL, 1200, &d), d);
	assert_int_equal(shelf_count(s), 1500);
	for (size_t i = 0; i < 1500; i++) {
		part_serial(&shelf_at(s, i)->wire.part, serial);
		assert_true(memcmp(last, serial, 9) < 0);
		assert_ptr_equal(shelf_find(s, serial), shelf_at(s, i));
		memcpy(last, serial, 9);
	}
	assert_null(shelf_at(s, 1500));
	assert_null(shelf_find(s, other_serial));
	shelf_close(s);
}

static void
test_one_process(void **state)
{
	char *folder = temporary_folder();
	struct shelf *first, *second;
	struct diag d = { 0 };

	open_shelf(folder, &first);
	assert_int_equal(shelf_open(folder, false, &second, &d), CONFLICT);
	assert_non_null(strstr(d.text, "another process"));
	shelf_close(first);
	open_shelf(folder, &first);
	shelf_close(first);
	temporary_folder_remove(folder);
}

/* Expects the folder to be refused with this word and the file's name. */
static void
expect_refused(const char *folder, const char *path, const char *word)
{
	struct shelf *s = NULL;
	struct diag d = { 0 };

	assert_int_equal(shelf_open(folder, false, &s, &d), BAD_INPUT);
	assert_null(s);
	if (strstr(d.text, word) == NULL || strstr(d.text, path) == NULL) {
		fail_msg("\"%s\" names no \"%s\" or not %s", d.text, word, path);
	}
}

static void
put_file(const char *path, const uint8_t *bytes, size_t len)
{
	struct diag d = { 0 };

	assert_ok(file_replace(path, span_of(bytes, len), 0600, &d), d);
}

/* Every cut, and every byte changed. */
static void
test_cut_and_edited(void **state)
{
	char *folder = temporary_folder(), path[300];
	struct arena *a = arena_new(1 << 20);
	uint8_t bytes[STATE_FILE_LEN + 1] = { 0 };
	char profile[NAME_MAX_LEN + 1];
	struct part p;
	struct shelf *s;

	open_shelf(folder, &s);
	make(s, talk_serial);
	shelf_close(s);
	path_of(folder, talk_serial, path);
	memcpy(bytes, bytes_of_file(a, path).data, STATE_FILE_LEN);
	assert_int_equal(
		state_file_read(span_of(bytes, STATE_FILE_LEN), talk_serial, &p, profile, NULL),
		OK);
	for (size_t len = 0; len < STATE_FILE_LEN; len++) {
		assert_int_equal(
			state_file_read(span_of(bytes, len), NULL, &p, profile, NULL), BAD_INPUT);
	}
	for (size_t i = 0; i < STATE_FILE_LEN; i++) {
		bytes[i] ^= 0x10;
		assert_int_equal(
			state_file_read(span_of(bytes, STATE_FILE_LEN), NULL, &p, profile, NULL),
			BAD_INPUT);
		bytes[i] ^= 0x10;
	}
	put_file(path, bytes, 700);
	expect_refused(folder, path, "cut");
	put_file(path, bytes, STATE_FILE_LEN + 1);
	expect_refused(folder, path, "lengthened");
	put_file(path, bytes, 0);
	expect_refused(folder, path, "cut");
	bytes[300] ^= 1;
	put_file(path, bytes, STATE_FILE_LEN);
	expect_refused(folder, path, "sum");
	arena_free(a);
	temporary_folder_remove(folder);
}

/* Edited by one who knows the sum: what no part could be is refused all the same. */
static void
test_forged(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
		const char *word;
	} rows[] = { { 0, 'X', "version" }, { 70, 1, "profile" }, { 8, 0x1B, "profile" },
		{ 72, 2, "serial number" }, { 72 + 12, 0, "serial number" },
		{ 72 + 2, 0xEE, "another part" }, { 72 + 87, 0x33, "lock bytes" },
		{ 72 + 86, 0x77, "lock bytes" }, { 72 + 128, 1, "slot 0" } };
	char *folder = temporary_folder(), path[300];
	struct arena *a = arena_new(1 << 20);
	uint8_t bytes[STATE_FILE_LEN], whole[STATE_FILE_LEN];
	struct shelf *s;

	open_shelf(folder, &s);
	make(s, talk_serial);
	shelf_close(s);
	path_of(folder, talk_serial, path);
	memcpy(whole, bytes_of_file(a, path).data, STATE_FILE_LEN);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		memcpy(bytes, whole, STATE_FILE_LEN);
		bytes[rows[i].at] = rows[i].value;
		sha256(span_of(bytes, STATE_FILE_LEN - 32), bytes + STATE_FILE_LEN - 32);
		put_file(path, bytes, STATE_FILE_LEN);
		expect_refused(folder, path, rows[i].word);
	}
	/* Two parts with one serial number: a copy under another name is damaged, the true one is not. */
	put_file(path, whole, STATE_FILE_LEN);
	path_of(folder, other_serial, path);
	put_file(path, whole, STATE_FILE_LEN);
	open_shelf(folder, &s);
	assert_non_null(shelf_find(s, talk_serial));
	assert_null(shelf_find(s, other_serial));
	assert_non_null(strstr(shelf_damage(s, other_serial), "one serial"));
	shelf_close(s);
	arena_free(a);
	temporary_folder_remove(folder);
}

/* What is damaged stops its own part: the others are served, nothing is made in its place, its file stays. */
static void
test_one_damaged(void **state)
{
	char *folder = temporary_folder(), path[300], unread[300];
	static const uint8_t third[9] = { 0x01, 0x23, 1, 1, 1, 1, 1, 1, 0x01 };
	struct arena *a = arena_new(1 << 20);
	struct diag d = { 0 };
	struct shelf *s;

	open_shelf(folder, &s);
	make(s, talk_serial);
	make(s, other_serial);
	make(s, third);
	shelf_close(s);
	path_of(folder, other_serial, path);
	put_file(path, (const uint8_t *)"scratch", 7);
	path_of(folder, third, unread);
	assert_int_equal(unlink(unread), 0);
	assert_int_equal(mkdir(unread, 0700), 0);
	open_shelf(folder, &s);
	assert_int_equal(shelf_count(s), 1);
	assert_int_equal(shelf_damaged_count(s), 2);
	assert_non_null(shelf_find(s, talk_serial));
	assert_null(shelf_damage(s, talk_serial));
	assert_null(shelf_find(s, other_serial));
	assert_non_null(strstr(shelf_damage(s, other_serial), path));
	assert_non_null(strstr(shelf_damage(s, other_serial), "cut"));
	assert_non_null(strstr(shelf_damage(s, third), unread));
	make(s, other_serial);
	make(s, third);
	assert_ok(shelf_make(s, part_profile_find("trustflex-tls"), NULL, 2, &d), d);
	assert_int_equal(shelf_count(s), 3);
	assert_null(shelf_find(s, other_serial));
	shelf_close(s);
	assert_true(span_is(bytes_of_file(a, path), "scratch"));
	arena_free(a);
	temporary_folder_remove(folder);
}

/* Where none is left to be served, nothing starts. */
static void
test_all_damaged(void **state)
{
	char *folder = temporary_folder(), path[300], second[300];
	struct shelf *s = NULL;

	path_of(folder, other_serial, path);
	put_file(path, (const uint8_t *)"scratch", 7);
	expect_refused(folder, path, "cut");
	path_of(folder, talk_serial, second);
	put_file(second, (const uint8_t *)"scratch", 7);
	expect_refused(folder, path, "2 parts, and all are damaged");
	assert_int_equal(unlink(second), 0);
	assert_int_equal(unlink(path), 0);
	open_shelf(folder, &s);
	assert_int_equal(shelf_count(s), 0);
	shelf_close(s);
	temporary_folder_remove(folder);
}

/* What lies beside the parts is left alone, a new part that was not finished included. */
static void
test_strangers(void **state)
{
	char *folder = temporary_folder(), path[400];
	static const char *const names[] = { "readme", "0123.part", "01235a17c0ffee4201.part.new",
		"01235a17c0ffee4201.part.AbCdEf", "zz235a17c0ffee4201.part",
		"01235A17C0FFEE4201.part" };
	struct shelf *s;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		put_file(path, (const uint8_t *)"?", 1);
	}
	open_shelf(folder, &s);
	assert_int_equal(shelf_count(s), 0);
	make(s, talk_serial);
	shelf_close(s);
	open_shelf(folder, &s);
	assert_int_equal(shelf_count(s), 1);
	shelf_close(s);
	temporary_folder_remove(folder);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kept),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_one_process),
		cmocka_unit_test(test_cut_and_edited),
		cmocka_unit_test(test_forged),
		cmocka_unit_test(test_one_damaged),
		cmocka_unit_test(test_all_damaged),
		cmocka_unit_test(test_strangers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
