#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support.h"

#include "base/file.h"
#include "base/text.h"
#include "ledger/sequencer.h"
#include "ledger/verify.h"
#include "pki/key.h"

static char *folder, ledger[600], guard[600], database[600];
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
	a = arena_new(64 << 20);
	snprintf(ledger, sizeof(ledger), "%s/ledger", folder);
	snprintf(guard, sizeof(guard), "%s/guard", folder);
	snprintf(database, sizeof(database), "%s/db", folder);
	assert_ok(private_key_generate(KEY_ED25519, &key, &d), d);
	assert_ok(private_key_public(&key, spki, sizeof(spki), &p, &d), d);
	note_key_make("log.test", 1, p.point, &log_key);
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

static status
sign(void *context, const char *origin, uint64_t size, const hash *root, struct buffer *note,
	struct diag *d)
{
	uint8_t line[68], signature[SIGNATURE_MAX_LEN];
	struct arena *own = arena_new(65536);
	size_t begin = note->len, len;
	status s;

	(void)context;
	buffer_printf(note, "%s\n%llu\n%s\n", origin, (unsigned long long)size,
		base64_encode(own, SPAN_ARRAY(root->bytes)));
	s = private_key_sign(
		&key, span_of(note->data + begin, note->len - begin), signature, &len, d);
	memcpy(line, log_key.id, 4);
	memcpy(line + 4, signature, 64);
	buffer_printf(note, "\n\xe2\x80\x94 %s %s\n", origin, base64_encode(own, SPAN_ARRAY(line)));
	arena_free(own);
	return s;
}

static struct store *
open_store(void)
{
	const struct store_options o = { .location = database, .create = true };
	struct diag d = { 0 };
	struct store *s;

	assert_ok(store_open(&o, &s, &d), d);
	return s;
}

static void
commit_entry(struct store *store, unsigned n)
{
	struct arena *own = arena_new(65536);
	struct change *c = change_new(own);
	struct diag d = { 0 };
	char text[64];

	snprintf(text, sizeof(text), "{\"n\":%u}", n);
	change_ledger(c, span_text(text), NULL, TEST_TIME_S);
	assert_ok(store_commit(store, c, NULL, &d), d);
	arena_free(own);
}

static struct sequencer_options
options_for(struct store *store)
{
	return (struct sequencer_options){ .store = store,
		.folder = ledger,
		.guard = guard,
		.origin = "log.test",
		.signer = { sign, NULL },
		.publish_every_ms = 5 };
}

static uint64_t
verified_size(void)
{
	struct verify_result r;
	struct diag d = { 0 };
	status s = ledger_verify(ledger, &log_key, &r, &d);

	if (s == NOT_FOUND && d.text[0] != '\0' && strstr(d.text, "checkpoint") != NULL) {
		return 0; /* nothing was committed before the end */
	}
	assert_ok(s, d);
	return r.size;
}

static void
rows_become_checkpoints(void **state)
{
	struct store *store = open_store();
	struct sequencer_options o = options_for(store);
	struct sequencer *q;
	struct diag d = { 0 };

	(void)state;
	commit_entry(store, 0);
	assert_ok(sequencer_start(&o, &q, &d), d);
	assert_int_equal(verified_size(), 1);
	for (unsigned i = 1; i < 700; i++) {
		commit_entry(store, i);
		if (i % 50 == 0) {
			sequencer_wake(q);
			assert_ok(sequencer_wait(q, i, 5000, &d), d);
			assert_true(verified_size() > i);
		}
	}
	sequencer_stop(q); /* publishes the rest */
	assert_int_equal(verified_size(), 700);
	assert_int_equal(sequencer_start(&o, &q, &d), OK);
	assert_int_equal(sequencer_wait(q, 700, 20, NULL), UNAVAILABLE);
	sequencer_stop(q);
	store_close(store);
}

static void
copy_home(const char *to)
{
	const char *argv[] = { "/bin/cp", "-a", NULL, NULL, NULL };
	struct spawned p;

	argv[2] = ledger;
	argv[3] = to;
	spawn_program(&p, argv);
	assert_int_equal(spawned_end(&p, 0, 10000), 0);
}

static void
an_older_home_is_refused(void **state)
{
	char old_ledger[700], old_database[700];
	struct sequencer_options o;
	struct sequencer *q;
	struct store *store;
	struct diag d = { 0 };

	(void)state;
	/* Yesterday's backup: ledger and database as they were ... */
	snprintf(old_ledger, sizeof(old_ledger), "%s/old-ledger", folder);
	snprintf(old_database, sizeof(old_database), "%s/old-db", folder);
	copy_home(old_ledger);
	const char *argv[] = { "/bin/cp", database, old_database, NULL };
	struct spawned p;

	spawn_program(&p, argv);
	assert_int_equal(spawned_end(&p, 0, 10000), 0);
	/* ... then life goes on ... */
	store = open_store();
	o = options_for(store);
	assert_ok(sequencer_start(&o, &q, &d), d);
	commit_entry(store, 1);
	sequencer_wake(q);
	assert_ok(sequencer_wait(q, 700, 5000, &d), d);
	sequencer_stop(q);
	store_close(store);
	/* ... and the backup is put in its place. */
	const struct store_options so = { .location = old_database };

	assert_ok(store_open(&so, &store, &d), d);
	o = options_for(store);
	o.folder = old_ledger;
	assert_int_equal(sequencer_start(&o, &q, &d), CONFLICT);
	assert_non_null(strstr(d.text, "older than its own past"));
	/* A row more than was published, but another one: a fork. */
	commit_entry(store, 666);
	diag_clear(&d);
	assert_int_equal(sequencer_start(&o, &q, &d), CONFLICT);
	assert_non_null(strstr(d.text, "fork"));
	/* Without its guard it asks for a decision; adopted, it goes on. */
	assert_int_equal(unlink(guard), 0);
	diag_clear(&d);
	assert_int_equal(sequencer_start(&o, &q, &d), CONFLICT);
	assert_non_null(strstr(d.text, "--adopt-ledger"));
	o.adopt = true;
	diag_clear(&d);
	assert_ok(sequencer_start(&o, &q, &d), d);
	sequencer_stop(q);
	/* For one start: it has its guard again, also when nothing new was to be published. */
	assert_int_equal(unlink(guard), 0);
	assert_ok(sequencer_start(&o, &q, &d), d);
	sequencer_stop(q);
	o.adopt = false;
	assert_ok(sequencer_start(&o, &q, &d), d);
	sequencer_stop(q);
	store_close(store);
}

static void __attribute__((noreturn)) live_and_be_killed(unsigned round)
{
	struct store *store = open_store();
	struct sequencer_options o = options_for(store);
	struct sequencer *q;
	struct diag d = { 0 };

	o.publish_every_ms = 1;
	if (sequencer_start(&o, &q, &d) != OK) {
		printf("failed %s\n", d.text);
		fflush(stdout);
		_exit(1);
	}
	for (unsigned i = 0;; i++) {
		commit_entry(store, round * 1000 + i);
		sequencer_wake(q);
		if (i % 3 == 0 && sequencer_wait(q, 0, 1000, NULL) != OK) {
			_exit(2);
		}
	}
}

static void
killed_at_any_moment(void **state)
{
	uint64_t last = 0;

	(void)state;
	snprintf(ledger, sizeof(ledger), "%s/killed", folder);
	snprintf(guard, sizeof(guard), "%s/killed-guard", folder);
	snprintf(database, sizeof(database), "%s/killed-db", folder);
	for (unsigned round = 0; round < 25; round++) {
		struct store *store;
		struct sequencer_options o;
		struct sequencer *q;
		struct diag d = { 0 };
		int wait_status;
		pid_t child = fork();

		if (child == 0) {
			live_and_be_killed(round);
		}
		usleep(15000 + round * 3000);
		kill(child, SIGKILL);
		assert_int_equal(waitpid(child, &wait_status, 0), child);
		assert_true(WIFSIGNALED(wait_status));
		store = open_store();
		o = options_for(store);
		assert_ok(sequencer_start(&o, &q, &d), d);
		sequencer_stop(q);
		store_close(store);
		assert_true(verified_size() >= last);
		last = verified_size();
	}
	assert_true(last > 25);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_become_checkpoints),
		cmocka_unit_test(an_older_home_is_refused),
		cmocka_unit_test(killed_at_any_moment),
	};

	return cmocka_run_group_tests_name("sequencer", tests, set_up, tear_down);
}
