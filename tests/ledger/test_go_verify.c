/*
 * Our checkpoints and proofs before an auditor of another make: a Go program with golang.org/x/mod's sumdb/note and
 * sumdb/tlog (go_verify/main.go). It accepts the true ones and refuses each that was tampered with.
 *
 * Skipped, with the reason, where there is no Go or the package is missing.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support.h"

#include "base/file.h"
#include "base/text.h"
#include "ledger/checkpoint.h"
#include "ledger/tile.h"
#include "ledger/verify.h"
#include "pki/key.h"

#define ORIGIN "log.test/go"
#define OLD_SIZE 1234
#define NEW_SIZE 3001
#define GO_PATH "/usr/share/gocode"
#define SKIP 77

static char *folder, vkey[400], other_vkey[400];
static char program[600], cases[600], old_note[600], new_note[600];
static struct arena *a;
static struct private_key key;
static struct note_key log_key;

/* --- the ledger --- */

static span
entry(uint64_t n)
{
	return span_text(arena_printf(a, "{\"event\":\"prove\",\"n\":%" PRIu64 ",\"v\":1}", n));
}

static span
signed_note(uint64_t size, const hash *root, const char *more)
{
	uint8_t line[68], signature[SIGNATURE_MAX_LEN];
	struct diag d = { 0 };
	size_t len;
	const char *text = arena_printf(a, "%s\n%" PRIu64 "\n%s\n", ORIGIN, size,
		base64_encode(a, SPAN_ARRAY(root->bytes)));

	assert_ok(private_key_sign(&key, span_text(text), signature, &len, &d), d);
	memcpy(line, log_key.id, 4);
	memcpy(line + 4, signature, 64);
	return span_text(arena_printf(a, "%s\n%s\xe2\x80\x94 %s %s\n", text, more, ORIGIN,
		base64_encode(a, SPAN_ARRAY(line))));
}

static void
save(const char *path, span content)
{
	struct diag d = { 0 };

	assert_ok(file_replace(path, content, 0644, &d), d);
}

/* The checkpoint stands in the ledger's folder too, where ledger_prove looks for it. */
static void
make_ledger(void)
{
	struct tile_writer *w;
	struct diag d = { 0 };
	char path[700];
	hash root;

	assert_ok(tile_writer_open(folder, 0, &w, &d), d);
	for (uint64_t n = 0; n < NEW_SIZE; n++) {
		assert_ok(tile_writer_append(w, entry(n), &d), d);
		if (n + 1 == OLD_SIZE) {
			assert_ok(tile_writer_flush(w, &d), d);
			root = tile_writer_root(w);
			save(old_note, signed_note(OLD_SIZE, &root, ""));
		}
	}
	assert_ok(tile_writer_flush(w, &d), d);
	root = tile_writer_root(w);
	tile_writer_close(w);
	save(new_note, signed_note(NEW_SIZE, &root, ""));
	snprintf(path, sizeof(path), "%s/checkpoint", folder);
	save(path, signed_note(NEW_SIZE, &root, ""));
}

static int
set_up(void **state)
{
	uint8_t spki[600];
	struct public_key p;
	struct note_key other;
	struct diag d = { 0 };

	(void)state;
	assert_ok(private_key_generate(KEY_ED25519, &key, &d), d);
	assert_ok(private_key_public(&key, spki, sizeof(spki), &p, &d), d);
	note_key_make(ORIGIN, 1, p.point, &log_key);
	note_key_text(vkey, sizeof(vkey), &log_key);
	p.point[0] ^= 1;
	note_key_make(ORIGIN, 1, p.point, &other);
	note_key_text(other_vkey, sizeof(other_vkey), &other);
	make_ledger();
	return 0;
}

/* --- the auditor --- */

static struct buffer asked, expected;

static void
begin_cases(void)
{
	buffer_init(&asked, 1 << 20);
	buffer_init(&expected, 1 << 20);
}

static void
ask(bool is_true, const char *line)
{
	buffer_printf(&asked, "%s\n", line);
	buffer_put_byte(&expected, is_true ? 'a' : 'r');
}

/* Every answer is the one that was expected. */
static void
end_cases(void)
{
	const char *argv[] = { "/bin/sh", "-c", "exec \"$0\" <\"$1\"", program, cases, NULL };
	struct spawned p;
	char line[400];

	assert_false(buffer_failed(&asked));
	save(cases, buffer_span(&asked));
	spawn_program(&p, argv);
	for (size_t i = 0; i < expected.len; i++) {
		assert_true(spawned_line(&p, line, sizeof(line), 20000));
		if ((strcmp(line, "accepted") == 0) != (expected.data[i] == 'a')) {
			print_error("case %zu: %s\n", i + 1, line);
			fail();
		}
	}
	assert_int_equal(spawned_end(&p, 0, 10000), 0);
	buffer_wipe(&asked);
	buffer_wipe(&expected);
}

static const char *
hashes_text(const hash *hashes, size_t count)
{
	const char *text = "";

	for (size_t i = 0; i < count; i++) {
		text = arena_printf(
			a, "%s %s", text, base64_encode(a, SPAN_ARRAY(hashes[i].bytes)));
	}
	return text;
}

static void
ask_inclusion(
	bool is_true, const char *note, uint64_t index, span what, const hash *hashes, size_t count)
{
	char *hex = arena_alloc(a, 2 * what.len + 1);

	ask(is_true, arena_printf(a, "inclusion %s %s %" PRIu64 " %s%s", vkey, note, index,
			     hex_encode(hex, what), hashes_text(hashes, count)));
}

/* --- the tests --- */

static void
checkpoints(void **state)
{
	span note = bytes_of_file(a, new_note);
	char path[700];

	(void)state;
	begin_cases();
	ask(true, arena_printf(a, "checkpoint %s %s", vkey, new_note));
	ask(true, arena_printf(a, "checkpoint %s %s", vkey, old_note));
	ask(false, arena_printf(a, "checkpoint %s %s", other_vkey, new_note));
	/* Each byte of the text, and some of the signature, changed. */
	for (size_t i = 0; i < note.len; i += i < 80 ? 1 : 7) {
		uint8_t *copy = arena_alloc(a, note.len);

		memcpy(copy, note.data, note.len);
		copy[i] ^= 1;
		snprintf(path, sizeof(path), "%s/flipped.%zu", folder, i);
		save(path, span_of(copy, note.len));
		ask(false, arena_printf(a, "checkpoint %s %s", vkey, path));
	}
	end_cases();
}

/* A reader passes over signatures of keys that it does not know: witnesses'. */
static void
a_witness_line_is_passed_over(void **state)
{
	struct checkpoint c;
	struct diag d = { 0 };
	uint8_t line[76] = { 9, 9, 9, 9 };
	char path[700];
	span note;

	(void)state;
	assert_ok(checkpoint_parse(a, bytes_of_file(a, new_note), &c, &d), d);
	note = signed_note(c.size, &c.root,
		arena_printf(
			a, "\xe2\x80\x94 witness.test/w %s\n", base64_encode(a, SPAN_ARRAY(line))));
	snprintf(path, sizeof(path), "%s/witnessed", folder);
	save(path, note);
	begin_cases();
	ask(true, arena_printf(a, "checkpoint %s %s", vkey, path));
	end_cases();
}

static void
inclusion_proofs(void **state)
{
	static const uint64_t indexes[] = { 0, 1, 2, 254, 255, 256, 511, 512, 1023, 1024, 1233,
		1234, 2047, 2048, 2559, 2560, 2815, 2999, 3000 };
	struct diag d = { 0 };

	(void)state;
	begin_cases();
	for (size_t i = 0; i < sizeof(indexes) / sizeof(indexes[0]); i++) {
		uint64_t index = indexes[i];
		struct buffer proof, read;
		struct log_proof p;
		hash more[TREE_PROOF_MAX + 1];

		buffer_init(&proof, 65536);
		buffer_init(&read, 65536);
		assert_ok(ledger_prove(folder, index, &proof, &read, &d), d);
		assert_true(span_equal(buffer_span(&read), entry(index)));
		assert_ok(proof_parse(a, buffer_span(&proof), &p, &d), d);
		ask_inclusion(true, new_note, index, entry(index), p.hashes, p.count);
		ask_inclusion(false, new_note, index, entry(index + 1), p.hashes, p.count);
		ask_inclusion(false, new_note, index ^ 1, entry(index), p.hashes, p.count);
		ask_inclusion(false, old_note, index, entry(index), p.hashes, p.count);
		ask_inclusion(false, new_note, index, entry(index), p.hashes, p.count - 1);
		memcpy(more, p.hashes, p.count * sizeof(more[0]));
		more[p.count] = p.hashes[0];
		ask_inclusion(false, new_note, index, entry(index), more, p.count + 1);
		more[i % p.count].bytes[i] ^= 0x10;
		ask_inclusion(false, new_note, index, entry(index), more, p.count);
		buffer_wipe(&proof);
		buffer_wipe(&read);
	}
	end_cases();
}

static void
consistency_proofs(void **state)
{
	struct tile_reader tiles = { folder, NEW_SIZE };
	const struct tree_reader nodes = tile_tree_reader(&tiles);
	hash proof[TREE_PROOF_MAX];
	struct diag d = { 0 };
	size_t count;

	(void)state;
	assert_ok(tree_consistency_proof(&nodes, OLD_SIZE, NEW_SIZE, proof, &count, &d), d);
	begin_cases();
	ask(true, arena_printf(a, "consistency %s %s %s%s", vkey, old_note, new_note,
			  hashes_text(proof, count)));
	ask(false, arena_printf(a, "consistency %s %s %s%s", vkey, old_note, new_note,
			   hashes_text(proof, count - 1)));
	ask(false, arena_printf(a, "consistency %s %s %s%s", vkey, new_note, old_note,
			   hashes_text(proof, count)));
	for (size_t i = 0; i < count; i++) {
		proof[i].bytes[i] ^= 0x20;
		ask(false, arena_printf(a, "consistency %s %s %s%s", vkey, old_note, new_note,
				   hashes_text(proof, count)));
		proof[i].bytes[i] ^= 0x20;
	}
	end_cases();
}

/* --- the program under Go --- */

static const char *
find_go(void)
{
	static const char *const places[] = { "/usr/bin/go", "/usr/local/go/bin/go",
		"/usr/local/bin/go" };

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		if (access(places[i], X_OK) == 0) {
			return places[i];
		}
	}
	return NULL;
}

/* NULL, or why there is no program. */
static const char *
build_program(const char *go)
{
	const char *source = getenv("TENURE_SOURCE"),
		   *argv[] = { go, "build", "-o", program, NULL, NULL };
	struct stat found;
	struct spawned p;
	char path[700];

	if (go == NULL) {
		return "no Go compiler (package golang-go)";
	}
	if (stat(GO_PATH "/src/golang.org/x/mod/sumdb/tlog", &found) != 0) {
		return "no golang.org/x/mod (package golang-golang-x-mod-dev)";
	}
	snprintf(path, sizeof(path), "%s/cache", folder);
	setenv("GOCACHE", path, 1);
	setenv("GOPATH", GO_PATH, 1);
	setenv("GO111MODULE", "off", 1);
	setenv("GOTOOLCHAIN", "local", 1);
	setenv("GOFLAGS", "-buildvcs=false", 1);
	setenv("CGO_ENABLED", "0", 1);
	argv[4] =
		arena_printf(a, "%s/tests/ledger/go_verify/main.go", source != NULL ? source : ".");
	spawn_program(&p, argv);
	return spawned_end(&p, 0, 240000) == 0 ? NULL : "go build failed";
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(checkpoints),
		cmocka_unit_test(a_witness_line_is_passed_over),
		cmocka_unit_test(inclusion_proofs),
		cmocka_unit_test(consistency_proofs),
	};
	const char *go = find_go(), *why;
	int failed;

	a = arena_new(64 << 20);
	folder = temporary_folder();
	snprintf(program, sizeof(program), "%s/verify", folder);
	snprintf(cases, sizeof(cases), "%s/cases", folder);
	snprintf(old_note, sizeof(old_note), "%s/old", folder);
	snprintf(new_note, sizeof(new_note), "%s/new", folder);
	why = build_program(go);
	if (why != NULL && strcmp(why, "go build failed") != 0) {
		printf("skipped: %s\n", why);
		failed = SKIP;
	} else if (why != NULL) {
		printf("%s\n", why);
		failed = 1;
	} else {
		failed = cmocka_run_group_tests_name("Go's note and tlog", tests, set_up, NULL);
	}
	private_key_wipe(&key);
	temporary_folder_remove(folder);
	arena_free(a);
	return failed;
}
