/* Copies of a ledger and proofs out of it: checked offline, fetched from a server, and a server that rewrites. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support.h"

#include "base/check.h"
#include "base/file.h"
#include "base/text.h"
#include "command.h"
#include "fake_server.h"
#include "ledger/checkpoint.h"
#include "ledger/tile.h"
#include "ledger/verify.h"
#include "pki/key.h"

static char *folder;
static struct arena *a;
static struct private_key key;
static struct note_key log_key;
static char token[600], vkey[400];
static const char *served; /* the ledger that the server shows */

static int
set_up(void **state)
{
	uint8_t spki[600];
	struct public_key p;
	struct diag d = { 0 };
	char path[600];

	(void)state;
	folder = temporary_folder();
	a = arena_new(64 << 20);
	assert_ok(private_key_generate(KEY_ED25519, &key, &d), d);
	assert_ok(private_key_public(&key, spki, sizeof(spki), &p, &d), d);
	note_key_make("log.test/x", 1, p.point, &log_key);
	note_key_text(vkey, sizeof(vkey), &log_key);
	snprintf(path, sizeof(path), "%s/vkey", folder);
	assert_ok(file_create(path, span_text(arena_printf(a, "%s\n", vkey)), 0644, &d), d);
	snprintf(token, sizeof(token), "%s/token", folder);
	assert_ok(file_create(token, span_text("tnr_ledger\n"), 0600, &d), d);
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
sign_checkpoint(const char *where, uint64_t size, const hash *root)
{
	uint8_t line[68], signature[SIGNATURE_MAX_LEN];
	struct diag d = { 0 };
	struct buffer note;
	size_t len;

	buffer_init(&note, CHECKPOINT_MAX);
	buffer_printf(&note, "log.test/x\n%" PRIu64 "\n%s\n", size,
		base64_encode(a, SPAN_ARRAY(root->bytes)));
	assert_ok(private_key_sign(&key, buffer_span(&note), signature, &len, &d), d);
	memcpy(line, log_key.id, 4);
	memcpy(line + 4, signature, 64);
	buffer_printf(&note, "\n\xe2\x80\x94 log.test/x %s\n", base64_encode(a, SPAN_ARRAY(line)));
	assert_ok(
		file_replace(arena_printf(a, "%s/checkpoint", where), buffer_span(&note), 0644, &d),
		d);
	buffer_wipe(&note);
}

/* Entries from `from` to `to`; from `lie` on they say something else. */
static void
make_ledger(const char *where, unsigned from, unsigned to, unsigned lie)
{
	struct tile_writer *w;
	struct diag d = { 0 };
	hash root;

	assert_ok(tile_writer_open(where, from, &w, &d), d);
	for (unsigned i = from; i < to; i++) {
		char entry[64];

		snprintf(entry, sizeof(entry), "{\"n\":%u%s}", i, i >= lie ? ",\"lie\":1" : "");
		assert_ok(tile_writer_append(w, span_text(entry), &d), d);
	}
	assert_ok(tile_writer_flush(w, &d), d);
	root = tile_writer_root(w);
	sign_checkpoint(where, tile_writer_size(w), &root);
	tile_writer_close(w);
}

static char *
in(const char *name)
{
	return arena_printf(a, "%s/%s", folder, name);
}

/* --- offline --- */

static void
copies_and_proofs_are_checked(void **state)
{
	const char *log = in("log");
	struct diag d = { 0 };

	(void)state;
	make_ledger(log, 0, 700, 9999);
	expect(0, "verified: 700 entries of log.test/x, root ", "", "ledger verify %s", log);
	expect(0, "NOT checked", "", "ledger verify %s", log);
	expect(0, "signed by the key given", "", "ledger verify %s --key %s", log, vkey);
	expect(0, "\"size\":700,", "", "ledger verify %s --key-file %s --json", log, in("vkey"));
	expect(0, "c2sp.org/tlog-proof@v1", "", "ledger prove 699 --dir %s", log);
	expect(0, "", "", "ledger prove 300 --dir %s --out %s --entry %s", log, in("proof"),
		in("entry"));
	expect(0, "verified: entry 300 stands in the ledger of log.test/x", "",
		"ledger verify --proof %s --entry %s --key %s", in("proof"), in("entry"), vkey);
	expect(0, "{\"verified\":true,\"index\":300,\"signed\":true}", "",
		"ledger verify --json --proof %s --entry %s --key %s", in("proof"), in("entry"),
		vkey);
	assert_ok(file_replace(in("entry"), span_text("{\"n\":301}"), 0644, &d), d);
	expect(1, "", "", "ledger verify --proof %s --entry %s --key %s", in("proof"), in("entry"),
		vkey);
}

static void
what_is_wrong_is_named(void **state)
{
	const char *log = in("bad");
	struct diag d = { 0 };

	(void)state;
	make_ledger(log, 0, 300, 9999);
	expect(1, "", "is not in a ledger of 300", "ledger prove 300 --dir %s", log);
	expect(1, "", "cannot open", "ledger verify %s", in("nothing"));
	expect(1, "", "", "ledger verify %s --key log.test/x+00000000+AAAA", log);
	expect(2, "", "not both", "ledger verify %s --key %s --key-file %s", log, vkey, in("vkey"));
	expect(2, "", "needs a copy's DIR, or --proof", "ledger verify");
	expect(2, "", "needs a copy's DIR, or --proof", "ledger verify %s --proof x", log);
	expect(2, "", "--proof needs --entry", "ledger verify --proof x");
	expect(2, "", "comes with --proof", "ledger verify %s --entry x", log);
	expect(2, "", "is no number", "ledger prove x --dir %s", log);
	expect(1, "", "cannot open", "ledger verify --proof %s --entry %s --key %s", in("none"),
		in("none"), vkey);
	assert_ok(file_replace(
			  arena_printf(a, "%s/tile/0/000", log), span_text("not hashes"), 0644, &d),
		d);
	expect(1, "", "tile/0/000", "ledger verify %s", log);
}

/* --- from a server --- */

static char *
file_answer(const char *path)
{
	struct diag d = { 0 };
	struct buffer b;
	char *answer;

	buffer_init(&b, 1 << 20);
	if (file_read(path, 1 << 20, &b, &d) != OK) {
		buffer_wipe(&b);
		return NULL;
	}
	answer = fake_bytes(200, "application/octet-stream", buffer_span(&b));
	buffer_wipe(&b);
	return answer;
}

static char *
handle(void *context, const struct fake_request *r)
{
	struct buffer proof, entry;
	struct diag d = { 0 };
	char *answer = NULL;

	(void)context;
	if (strncmp(r->path, "/ledger/", 8) == 0) {
		char path[1200];

		snprintf(path, sizeof(path), "%s%s", served, r->path + 7);
		answer = file_answer(path);
	} else if (strncmp(r->path, "/api/v1/ledger/", 15) == 0) {
		buffer_init(&proof, 65536);
		buffer_init(&entry, 65536);
		if (ledger_prove(served, strtoull(r->path + 15, NULL, 10), &proof, &entry, &d) ==
			OK) {
			answer = fake_bytes(200, "text/plain", buffer_span(&proof));
		}
		buffer_wipe(&proof);
		buffer_wipe(&entry);
	}
	return answer != NULL ? answer
			      : fake_answer(404, "application/problem+json", "",
					"{\"detail\":\"no such file\"}");
}

#define WITH_SERVER "--server %s --ca %s/root.pem --token-file %s"
#define EXPORT "ledger export %s --key %s " WITH_SERVER

static void
a_copy_is_made_and_kept_up(void **state)
{
	static const unsigned sizes[] = { 1, 256, 257, 600, 70000 };
	struct fake_server *s = fake_start_handler(folder, handle, NULL);
	unsigned before = 0;
	size_t asked;

	(void)state;
	served = in("served");
	for (size_t i = 0; i < COUNT_OF(sizes); i++) {
		char words[64];

		make_ledger(served, before, sizes[i], UINT32_MAX);
		before = sizes[i];
		snprintf(words, sizeof(words), "verified: %u entries", sizes[i]);
		expect(0, words, "", EXPORT, in("copy"), vkey, fake_url(s), folder, token);
		expect(0, words, "", "ledger verify %s --key %s", in("copy"), vkey);
	}
	asked = fake_request_count(s);
	expect(0, "verified: 70000", "", EXPORT, in("copy"), vkey, fake_url(s), folder, token);
	assert_int_equal(fake_request_count(s) - asked, 1); /* the checkpoint alone */
	expect(0, "", "", "ledger prove 69999 --out %s --entry %s " WITH_SERVER, in("proof"),
		in("entry"), fake_url(s), folder, token);
	expect(0, "verified: entry 69999", "", "ledger verify --proof %s --entry %s --key %s",
		in("proof"), in("entry"), vkey);
	expect(1, "", "no such file", "ledger prove 70000 " WITH_SERVER, fake_url(s), folder,
		token);
	fake_stop(s);
}

/* The server has tidied a partial tile away: the full one begins with it. */
static void
tidied_tiles_are_cut(void **state)
{
	struct fake_server *s = fake_start_handler(folder, handle, NULL);
	char *old;

	(void)state;
	served = in("tidy");
	make_ledger(served, 0, 100, 9999);
	old = arena_string(a, bytes_of_file(a, arena_printf(a, "%s/checkpoint", served)));
	make_ledger(served, 100, 300, 9999);
	struct diag d = { 0 };
	assert_ok(file_replace(arena_printf(a, "%s/checkpoint", served), span_text(old), 0644, &d),
		d);
	assert_int_equal(unlink(arena_printf(a, "%s/tile/0/000.p/100", served)), 0);
	assert_int_equal(unlink(arena_printf(a, "%s/tile/entries/000.p/100", served)), 0);
	expect(0, "verified: 100 entries", "", EXPORT, in("tidy-copy"), vkey, fake_url(s), folder,
		token);
	fake_stop(s);
}

static void
a_rewritten_ledger_is_noticed(void **state)
{
	struct fake_server *s = fake_start_handler(folder, handle, NULL);

	(void)state;
	served = in("honest");
	make_ledger(served, 0, 600, 9999);
	expect(0, "verified: 600", "", EXPORT, in("witness"), vkey, fake_url(s), folder, token);
	served = in("forged"); /* other entries from 550 on, and more of them */
	make_ledger(served, 0, 900, 550);
	expect(1, "", "does not go on from the copy's 600 entries", EXPORT, in("witness"), vkey,
		fake_url(s), folder, token);
	served = in("shorter");
	make_ledger(served, 0, 500, 9999);
	expect(1, "", "was set back", EXPORT, in("witness"), vkey, fake_url(s), folder, token);
	/* The copy is still what it was. */
	expect(0, "verified: 600", "", "ledger verify %s --key %s", in("witness"), vkey);
	fake_stop(s);
}

static void
a_server_without_a_ledger(void **state)
{
	struct fake_server *s = fake_start_handler(folder, handle, NULL);
	struct diag d = { 0 };

	(void)state;
	served = in("empty");
	expect(1, "", "no such file", EXPORT, in("empty-copy"), vkey, fake_url(s), folder, token);
	served = in("garbage");
	assert_ok(folder_make(served, 0700, &d), d);
	assert_ok(file_create(in("garbage/checkpoint"), span_text("hello\n"), 0600, &d), d);
	expect(1, "", "not a checkpoint", EXPORT, in("empty-copy"), vkey, fake_url(s), folder,
		token);
	served = in("cut");
	make_ledger(served, 0, 300, 9999);
	assert_ok(file_replace(in("cut/tile/0/000"), span_text("short"), 0600, &d), d);
	expect(1, "", "a tile of 5 bytes", EXPORT, in("empty-copy"), vkey, fake_url(s), folder,
		token);
	fake_stop(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(copies_and_proofs_are_checked),
		cmocka_unit_test(what_is_wrong_is_named),
		cmocka_unit_test(a_copy_is_made_and_kept_up),
		cmocka_unit_test(tidied_tiles_are_cut),
		cmocka_unit_test(a_rewritten_ledger_is_noticed),
		cmocka_unit_test(a_server_without_a_ledger),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
