#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support.h"

#include "base/check.h"
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "ledger/checkpoint.h"
#include "ledger/entry.h"
#include "ledger/guard.h"
#include "ledger/tile.h"
#include "ledger/verify.h"
#include "pki/key.h"

static char *folder;
static struct arena *a;
static struct private_key key;
static struct note_key log_key;

static int
set_up(void **state)
{
	uint8_t spki[600];
	struct public_key p;
	struct diag d = { 0 };

	(void)state;
	folder = temporary_folder();
	a = arena_new(16 << 20);
	assert_ok(private_key_generate(KEY_ED25519, &key, &d), d);
	assert_ok(private_key_public(&key, spki, sizeof(spki), &p, &d), d);
	note_key_make("log.test/x", 1, p.point, &log_key);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	temporary_folder_remove(folder);
	arena_free(a);
	private_key_wipe(&key);
	return 0;
}

static void
paths_as_the_specification_has_them(void **state)
{
	char path[TILE_PATH_MAX];

	(void)state;
	assert_string_equal(tile_path(path, 0, 1234067, 256), "tile/0/x001/x234/067");
	assert_string_equal(tile_path(path, -1, 0, 256), "tile/entries/000");
	assert_string_equal(tile_path(path, 1, 1, 17), "tile/1/001.p/17");
	assert_string_equal(tile_path(path, -1, 273, 112), "tile/entries/273.p/112");
	/* Size 70,000: 273 full + .p/112 at level 0, 1 full + .p/17 at level 1, .p/1 at level 2. */
	assert_int_equal(tile_partial_width(70000, 0), 112);
	assert_int_equal(tile_partial_width(70000, 1), 17);
	assert_int_equal(tile_partial_width(70000, 2), 1);
	assert_int_equal(tile_partial_width(256, 0), 0);
	assert_int_equal(tile_partial_width(256, 1), 1);
}

static void
sign_checkpoint(const char *where, uint64_t size, const hash *root)
{
	uint8_t line[68], signature[SIGNATURE_MAX_LEN];
	struct diag d = { 0 };
	struct buffer note;
	char path[600];
	size_t len;

	buffer_init(&note, CHECKPOINT_MAX);
	buffer_printf(&note, "log.test/x\n%llu\n%s\n", (unsigned long long)size,
		base64_encode(a, SPAN_ARRAY(root->bytes)));
	assert_ok(private_key_sign(&key, buffer_span(&note), signature, &len, &d), d);
	memcpy(line, log_key.id, 4);
	memcpy(line + 4, signature, 64);
	buffer_printf(&note, "\n\xe2\x80\x94 log.test/x %s\n", base64_encode(a, SPAN_ARRAY(line)));
	snprintf(path, sizeof(path), "%s/checkpoint", where);
	assert_ok(file_replace(path, buffer_span(&note), 0644, &d), d);
	buffer_wipe(&note);
}

static void
make_ledger(const char *where, unsigned from, unsigned to)
{
	struct tile_writer *w;
	struct diag d = { 0 };
	hash root;

	assert_ok(tile_writer_open(where, from, &w, &d), d);
	for (unsigned i = from; i < to; i++) {
		char entry[64];

		snprintf(entry, sizeof(entry), "{\"n\":%u}", i);
		assert_ok(tile_writer_append(w, span_text(entry), &d), d);
		if (i % 97 == 0) { /* partial tiles of many widths */
			assert_ok(tile_writer_flush(w, &d), d);
		}
	}
	assert_ok(tile_writer_flush(w, &d), d);
	root = tile_writer_root(w);
	sign_checkpoint(where, tile_writer_size(w), &root);
	tile_writer_tidy(w);
	tile_writer_close(w);
}

static bool
is_there(const char *where, const char *name)
{
	char path[700];

	snprintf(path, sizeof(path), "%s/tile/%s", where, name);
	return access(path, F_OK) == 0;
}

/* Many small publications: partial files are there for the last tile only. */
static void
partial_files_go_when_a_tile_is_full(void **state)
{
	struct tile_writer *w;
	struct diag d = { 0 };
	char path[600];

	(void)state;
	snprintf(path, sizeof(path), "%s/tidy", folder);
	for (unsigned from = 0; from < 600; from += 40) {
		make_ledger(path, from, from + 40);
	}
	assert_true(is_there(path, "entries/000") && is_there(path, "0/001"));
	assert_false(is_there(path, "0/000.p") || is_there(path, "entries/000.p"));
	assert_false(is_there(path, "0/001.p") || is_there(path, "entries/001.p"));
	assert_true(is_there(path, "0/002.p/88") && is_there(path, "entries/002.p/88"));
	assert_true(is_there(path, "1/000.p/2"));
	/* Killed between the full tile and the tidying: the next start does it. */
	assert_ok(tile_writer_open(path, 600, &w, &d), d);
	for (unsigned i = 600; i < 800; i++) {
		assert_ok(tile_writer_append(w, span_text("x"), &d), d);
	}
	assert_ok(tile_writer_flush(w, &d), d);
	tile_writer_close(w);
	assert_true(is_there(path, "0/002") && is_there(path, "0/002.p"));
	assert_ok(tile_writer_open(path, 800, &w, &d), d);
	tile_writer_tidy(w);
	tile_writer_close(w);
	assert_false(is_there(path, "0/002.p") || is_there(path, "entries/002.p"));
	assert_true(is_there(path, "0/003.p/32"));
}

static void
written_read_and_proven(void **state)
{
	static const uint64_t indexes[] = { 0, 1, 255, 256, 511, 65535, 65536, 69999 };
	struct verify_result r;
	struct diag d = { 0 };
	char path[600];

	(void)state;
	snprintf(path, sizeof(path), "%s/big", folder);
	make_ledger(path, 0, 70000);
	assert_ok(ledger_verify(path, &log_key, &r, &d), d);
	assert_int_equal(r.size, 70000);
	assert_true(r.is_signed);
	for (size_t i = 0; i < COUNT_OF(indexes); i++) {
		struct buffer proof, entry;
		struct log_proof p;

		buffer_init(&proof, 65536);
		buffer_init(&entry, 65536);
		assert_ok(ledger_prove(path, indexes[i], &proof, &entry, &d), d);
		assert_ok(proof_parse(a, buffer_span(&proof), &p, &d), d);
		assert_ok(proof_verify(a, &p, buffer_span(&entry), &log_key, &d), d);
		assert_int_equal(
			proof_verify(a, &p, span_text("{\"n\":-1}"), &log_key, NULL), CRYPTO);
		buffer_wipe(&proof);
		buffer_wipe(&entry);
	}
	struct buffer none;

	buffer_init(&none, 65536);
	assert_int_equal(ledger_prove(path, 70000, &none, &none, NULL), NOT_FOUND);
	buffer_wipe(&none);
}

static void
opened_again_it_goes_on(void **state)
{
	struct verify_result r;
	struct diag d = { 0 };
	char path[600];

	(void)state;
	snprintf(path, sizeof(path), "%s/steps", folder);
	make_ledger(path, 0, 5);
	for (unsigned from = 5; from < 1500; from += 61) {
		make_ledger(path, from, from + 61);
		assert_ok(ledger_verify(path, &log_key, &r, &d), d);
		assert_int_equal(r.size, from + 61);
	}
}

static unsigned missed;

/* Changes one byte of a file, sees that the check fails, puts it back. */
static int
flip(const char *path, const struct stat *s, int type, struct FTW *f)
{
	struct verify_result r;
	struct diag d = { 0 };
	size_t step;
	span whole;

	(void)f;
	if (type != FTW_F || s->st_size == 0) {
		return 0;
	}
	whole = bytes_of_file(a, path);
	step = whole.len / 5 + 1;
	for (size_t at = 0; at < whole.len; at += step) {
		uint8_t *copy = malloc(whole.len);
		char root[600];

		memcpy(copy, whole.data, whole.len);
		copy[at] ^= 0x20;
		assert_ok(file_replace(path, span_of(copy, whole.len), 0644, &d), d);
		snprintf(root, sizeof(root), "%s/flip", folder);
		missed += ledger_verify(root, &log_key, &r, NULL) == OK;
		free(copy);
	}
	assert_ok(file_replace(path, whole, 0644, &d), d);
	return 0;
}

static void
each_flipped_byte_is_seen(void **state)
{
	struct tile_writer *w;
	struct diag d = { 0 };
	char path[600];
	hash root;

	(void)state;
	snprintf(path, sizeof(path), "%s/flip", folder);
	assert_ok(tile_writer_open(path, 0, &w, &d), d);
	for (unsigned i = 0; i < 600; i++) {
		assert_ok(tile_writer_append(w, span_of(&i, sizeof(i)), &d), d);
	}
	assert_ok(tile_writer_flush(w, &d), d); /* one flush: no file but those of this size */
	root = tile_writer_root(w);
	sign_checkpoint(path, 600, &root);
	tile_writer_close(w);
	missed = 0;
	nftw(path, flip, 8, FTW_PHYS);
	assert_int_equal(missed, 0);
}

static void
checkpoints_refused(void **state)
{
	static const char *const bad[] = { "", "x\n1\n",
		"log.test\n1\nAAAA\n\n\xe2\x80\x94 a AAAAAAAA\n",
		"log test\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n\xe2\x80\x94 a "
		"AAAAAAAA\n",
		"log.test\n01\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n\xe2\x80\x94 a "
		"AAAAAAAA\n",
		"log.test\n-1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n\xe2\x80\x94 a "
		"AAAAAAAA\n",
		"log.test\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n\xe2\x80\x94 a AA\n",
		"log.test\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n- a AAAAAAAA\n",
		"log.test\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n\xe2\x80\x94 a "
		"AAAAAAAA" };
	struct checkpoint c;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		assert_int_equal(checkpoint_parse(a, span_text(bad[i]), &c, NULL), BAD_INPUT);
	}
	assert_int_equal(checkpoint_parse(a,
				 span_text("log.test\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
					   "AAAAAAA=\n\n\xe2\x80\x94 a AAAAAAAA\n"),
				 &c, NULL),
		OK);
	assert_int_equal(checkpoint_verify(&c, &log_key, NULL), NOT_FOUND);
}

static void
keys_as_text(void **state)
{
	char text[400];
	struct note_key back;
	struct diag d = { 0 };

	(void)state;
	note_key_text(text, sizeof(text), &log_key);
	assert_ok(note_key_parse(span_text(text), &back, &d), d);
	assert_memory_equal(&back, &log_key, sizeof(back));
	text[strlen("log.test/x+")] ^= 1;
	assert_int_equal(note_key_parse(span_text(text), &back, NULL), BAD_INPUT);
	assert_int_equal(note_key_parse(span_text("a+b"), &back, NULL), BAD_INPUT);
	/* The specification's own example. */
	assert_ok(note_key_parse(span_text("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/"
					   "LDE4izWy10TW"),
			  &back, &d),
		d);
}

static void
a_guard_is_compared_and_swapped(void **state)
{
	struct guard first = { .origin = "log.test/x", .size = 1 }, second = first, found;
	struct diag d = { 0 };
	char path[600];

	(void)state;
	snprintf(path, sizeof(path), "%s/guard", folder);
	second.size = 2;
	assert_int_equal(guard_read(path, &found, NULL), NOT_FOUND);
	assert_int_equal(guard_write(path, &first, &second, NULL), CONFLICT);
	assert_ok(guard_write(path, NULL, &first, &d), d);
	assert_int_equal(guard_write(path, NULL, &second, NULL), CONFLICT);
	assert_ok(guard_write(path, &first, &second, &d), d);
	assert_int_equal(guard_write(path, &first, &second, NULL), CONFLICT);
	assert_ok(guard_read(path, &found, &d), d);
	assert_int_equal(found.size, 2);
	assert_ok(file_replace(path, span_text("rubbish"), 0600, &d), d);
	assert_int_equal(guard_read(path, &found, NULL), IO);
}

static void
entries_are_deterministic(void **state)
{
	uint8_t salt[32] = { 1 };
	char owner[COMMITMENT_TEXT_LEN + 1];
	struct ledger_entry e = { .event = "prove",
		.at_s = TEST_TIME_S,
		.actor = "device",
		.device = "01",
		.from = "AWAITING_DEVICE",
		.to = "ACTIVE" };
	struct diag d = { 0 };
	struct buffer b;

	(void)state;
	buffer_init(&b, 8192);
	assert_ok(ledger_entry_write(&e, &b, &d), d);
	assert_true(span_is(buffer_span(&b),
		"{\"actor\":\"device\",\"at\":\"2026-11-23T12:00:00Z\",\"device\":\"01\",\"event\":"
		"\"prove\","
		"\"from\":\"AWAITING_DEVICE\",\"to\":\"ACTIVE\",\"v\":1}"));
	ledger_commitment(owner, salt, "owner", "Ann");
	assert_int_equal(strlen(owner), 64);
	salt[0] = 2;
	e.owner = ledger_commitment(owner, salt, "owner", "Ann");
	assert_null(strstr(owner, "Ann"));
	e.event = NULL;
	assert_int_equal(ledger_entry_write(&e, &b, NULL), BUG);
	e.event = "party";
	assert_int_equal(ledger_entry_write(&e, &b, NULL), BUG);
	buffer_wipe(&b);
}

/* The rows of the page that begin with "| `NAME` |": how many there are of this name. */
static size_t
rows_of(span page, const char *name)
{
	char row[80];
	size_t count = 0, at;

	snprintf(row, sizeof(row), "\n| `%s` |", name);
	while ((at = span_find(page, span_text(row))) != SIZE_MAX) {
		count++;
		page = span_slice(page, at + strlen(row), SIZE_MAX);
	}
	return count;
}

static void
one_row(span page, const char *name)
{
	if (rows_of(page, name) != 1) {
		fail_msg("docs/ledger.md has %zu rows of `%s`, not one", rows_of(page, name), name);
	}
}

static void
the_page_of_the_ledger(void **state)
{
	static const uint8_t hash_[32];
	struct ledger_entry e = { "prove", 1, "x", "x", "x", "x", "x", "x", "x", hash_,
		{ hash_, 1 }, "x", "x", "x", "x", hash_, "x", 1, hash_, "x", "x", "x", "x", "x" };
	const char *root = getenv("TENURE_SOURCE");
	size_t expected = 0, found = 0, at;
	struct diag d = { 0 };
	cJSON *o = NULL, *m;
	struct buffer b;
	span page, rest;

	(void)state;
	if (root == NULL) {
		SKIP_TEST("no TENURE_SOURCE");
	}
	page = bytes_of_file(a, arena_printf(a, "%s/docs/ledger.md", root));
	for (unsigned k = 0; k < DEVICE_EVENT_COUNT; k++, expected++) {
		one_row(page, device_event_name((enum device_event)k));
	}
	for (size_t k = 0; ledger_events[k] != NULL; k++, expected++) {
		one_row(page, ledger_events[k]);
	}
	buffer_init(&b, 8192);
	assert_ok(ledger_entry_write(&e, &b, &d), d);
	assert_ok(json_parse(buffer_span(&b), b.len, &o, &d), d);
	cJSON_ArrayForEach(m, o)
	{
		one_row(page, m->string);
		expected++;
	}
	/* And none that nobody writes. */
	for (rest = page; (at = span_find(rest, span_text("\n| `"))) != SIZE_MAX; found++) {
		rest = span_slice(rest, at + 4, SIZE_MAX);
	}
	assert_int_equal(expected, found);
	cJSON_Delete(o);
	buffer_wipe(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_as_the_specification_has_them),
		cmocka_unit_test(written_read_and_proven),
		cmocka_unit_test(opened_again_it_goes_on),
		cmocka_unit_test(partial_files_go_when_a_tile_is_full),
		cmocka_unit_test(each_flipped_byte_is_seen),
		cmocka_unit_test(checkpoints_refused),
		cmocka_unit_test(keys_as_text),
		cmocka_unit_test(a_guard_is_compared_and_swapped),
		cmocka_unit_test(entries_are_deterministic),
		cmocka_unit_test(the_page_of_the_ledger),
	};

	return cmocka_run_group_tests_name("ledger files", tests, set_up, tear_down);
}
