#include "line.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"

static struct line_home l;
static struct line_log log_;

static int
set_up(void **state)
{
	(void)state;
	line_open(&l);
	log_.count = log_.stop_at = 0;
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	line_close(&l);
	return 0;
}

/* --- files --- */

static struct buffer file;

static void
begin_file(void)
{
	buffer_wipe(&file);
	buffer_init(&file, 64 << 20);
	buffer_put_text(&file, "[");
}

static void
add_entry(span json)
{
	if (file.len > 1) {
		buffer_put_text(&file, ",\n");
	}
	buffer_put(&file, json);
}

static void
end_file(void)
{
	buffer_put_text(&file, "]\n");
	assert_false(buffer_failed(&file));
}

static struct import_counts
import_as(struct import_request r, status expected)
{
	struct line_source source = { .bytes = buffer_span(&file), .step = 5000 };
	struct import_counts counts;
	struct diag d = { 0 };
	status s;

	r.fleet = r.fleet != 0 ? r.fleet : l.fleet.fleet.row;
	r.source = line_source_read;
	r.source_context = &source;
	r.line = line_told;
	r.line_context = &log_;
	log_.count = 0;
	s = manifest_import(&l.home.session, &r, &counts, &d);
	if (s != expected) {
		fail_msg("the import answered %s: %s", status_name(s), d.text);
	}
	assert_true(s == OK || d.text[0] != '\0');
	if (s == OK) {
		assert_int_equal(log_.count, counts.entries);
		assert_int_equal(counts.entries, counts.accepted + counts.known + counts.refused);
	}
	for (size_t i = 0; i < log_.count; i++) {
		assert_int_equal(i, log_.lines[i].number);
		if (log_.lines[i].verdict == IMPORT_REFUSED) {
			assert_int_not_equal(OK, log_.lines[i].status);
			assert_true(log_.lines[i].diag.text[0] != '\0');
			assert_true(id_is_zero(&log_.lines[i].device));
			assert_string_equal("", log_.lines[i].code);
		}
	}
	return counts;
}

static struct import_counts
import(void)
{
	return import_as((struct import_request){ 0 }, OK);
}

static void
assert_counts(struct import_counts c, uint64_t accepted, uint64_t known, uint64_t refused)
{
	if (c.accepted != accepted || c.known != known || c.refused != refused) {
		for (size_t i = 0; i < log_.count; i++) {
			print_error("%zu %s %s: %s\n", i, log_.lines[i].unique_id,
				import_verdict_name(log_.lines[i].verdict),
				log_.lines[i].diag.text);
		}
		fail_msg("%d accepted, %d known, %d refused", (int)c.accepted, (int)c.known,
			(int)c.refused);
	}
}

static struct device
device_of(const char *serial)
{
	struct device d;

	assert_int_equal(OK, read_device_by_serial(l.home.reader, serial, &d));
	return d;
}

static bool
is_known(const char *serial)
{
	struct element e;

	return read_element_by_serial(l.home.reader, serial, &e) == OK;
}

/* --- tests --- */

static void
entries_become_devices_on_the_shelf(void **state)
{
	struct factory_unit u[3] = { line_unit(1), line_unit(2), line_unit(3) };
	int64_t size;

	(void)state;
	begin_file();
	for (size_t i = 0; i < 3; i++) {
		add_entry(line_foreign_entry(&l, &u[i]));
	}
	end_file();
	size = home_ledger_size(&l.home);
	assert_counts(import(), 3, 0, 0);
	/* One entry a device, one for the manifest. */
	assert_int_equal(size + 4, home_ledger_size(&l.home));
	for (size_t i = 0; i < 3; i++) {
		struct device d = device_of(u[i].unique_id);
		struct certificate leaf;
		struct claim_code code;
		struct element e;

		assert_int_equal(DEVICE_HELD, d.state);
		assert_int_equal(l.fleet.maker.row, d.owner);
		assert_int_equal(l.fleet.fleet.row, d.fleet);
		assert_true(id_equal(&d.id, &log_.lines[i].device));
		assert_int_equal(OK, read_element(l.home.reader, d.element, &e));
		assert_string_equal("ATECC608C", e.model);
		assert_string_equal("trustflex-tls", e.profile);
		assert_int_equal(ATTESTATION_ATECC608, e.attestation);
		assert_memory_equal(u[i].points[1], e.attestation_key, 64);
		assert_true(e.manifest != 0);
		assert_int_equal(OK,
			read_certificate(l.home.reader, l.home.arena, d.birth_certificate, &leaf));
		assert_int_equal(CERTIFICATE_BIRTH, leaf.kind);
		assert_int_equal(d.row, leaf.device);
		/* Issued by a factory signer of ours. */
		assert_int_equal(l.factory.row, leaf.authority);
		assert_int_equal(0, leaf.index);
		assert_int_equal(0, leaf.slot);
		assert_int_equal(NOT_FOUND, read_claim_code(l.home.reader, d.row, &code));
	}
	/* Again: nothing new, nothing recorded anew. */
	assert_counts(import(), 0, 3, 0);
	assert_true(home_ledger_size(&l.home) <= size + 5);
	for (size_t i = 0; i < 3; i++) {
		struct device d = device_of(u[i].unique_id);

		assert_true(id_equal(&d.id, &log_.lines[i].device));
		assert_int_equal(1, d.version);
	}
}

static void
the_ledger_names_what_came(void **state)
{
	struct factory_unit u = line_unit(4);
	struct ledger_row *rows;
	size_t count;
	int64_t size = home_ledger_size(&l.home);
	struct import_request r = { .file_hash = { 7 } };

	(void)state;
	begin_file();
	add_entry(line_foreign_entry(&l, &u));
	end_file();
	assert_counts(import_as(r, OK), 1, 0, 0);
	assert_int_equal(OK, list_ledger(l.home.reader, l.home.arena, size, 2, &rows, &count));
	assert_int_equal(2, count);
	static const char *const words[2][6] = {
		{ "\"event\":\"onboard\"", "\"from\":\"MANUFACTURED\"", "\"to\":\"HELD\"",
			"\"actor\":\"maker\"", "\"digest\":\"", "\"object\":\"0123" },
		{ "\"event\":\"manifest-import\"", "\"count\":1",
			"\"digest\":\"07000000000000000000", "\"actor\":\"maker\"",
			"\"fleet\":", "\"v\":1" },
	};
	for (size_t i = 0; i < 2; i++) {
		for (size_t k = 0; k < 6; k++) {
			if (memmem(rows[i].entry.data, rows[i].entry.len, words[i][k],
				    strlen(words[i][k])) == NULL) {
				fail_msg("%s is not in %.*s", words[i][k], (int)rows[i].entry.len,
					(const char *)rows[i].entry.data);
			}
		}
	}
	assert_true(rows[0].device != 0);
	/* The same file, whole as it was: no further word about it. */
	assert_counts(import_as(r, OK), 0, 1, 0);
	assert_int_equal(size + 2, home_ledger_size(&l.home));
	struct manifest_record m;
	assert_int_equal(
		OK, read_manifest_by_hash(l.home.reader, r.file_hash, l.fleet.fleet.row, &m));
	assert_int_equal(1, m.accepted);
	assert_true(m.is_complete);
}

static void
codes_come_once(void **state)
{
	struct factory_unit u[2] = { line_unit(5), line_unit(6) };
	struct import_request r = { .wants_codes = true };

	(void)state;
	begin_file();
	add_entry(line_foreign_entry(&l, &u[0]));
	add_entry(line_foreign_entry(&l, &u[1]));
	end_file();
	assert_counts(import_as(r, OK), 2, 0, 0);
	assert_string_not_equal(log_.lines[0].code, log_.lines[1].code);
	for (size_t i = 0; i < 2; i++) {
		struct device d = device_of(u[i].unique_id);
		struct claim_code k;

		assert_int_equal(CLAIM_CODE_TEXT_MAX - 1, strlen(log_.lines[i].code));
		assert_int_equal(OK, read_claim_code(l.home.reader, d.row, &k));
		assert_int_equal(d.row, k.device);
		assert_int_equal(OK, claim_code_check(log_.lines[i].code, k.salt, k.hash));
		assert_int_equal(DENIED, claim_code_check(log_.lines[1 - i].code, k.salt, k.hash));
	}
	assert_counts(import_as(r, OK), 0, 2, 0);
	assert_string_equal("", log_.lines[0].code);
}

static bool
printed_code(void *context, const char *unique_id, char code[CLAIM_CODE_TEXT_MAX])
{
	const struct factory_unit *u = context;

	if (strcmp(unique_id, u[0].unique_id) == 0) {
		snprintf(code, CLAIM_CODE_TEXT_MAX, "abcde fghjk mnpqr stvwx");
		return true;
	}
	if (strcmp(unique_id, u[1].unique_id) == 0) {
		snprintf(code, CLAIM_CODE_TEXT_MAX, "too-short");
		return true;
	}
	return false;
}

static void
codes_of_the_callers_own(void **state)
{
	struct factory_unit u[3] = { line_unit(7), line_unit(8), line_unit(9) };
	struct import_request r = { .code_of = printed_code, .code_context = u };
	struct claim_code k;

	(void)state;
	begin_file();
	for (size_t i = 0; i < 3; i++) {
		add_entry(line_foreign_entry(&l, &u[i]));
	}
	end_file();
	assert_counts(import_as(r, OK), 2, 0, 1);
	assert_string_equal("ABCDE-FGHJK-MNPQR-STVWX", log_.lines[0].code);
	assert_int_equal(OK, read_claim_code(l.home.reader, device_of(u[0].unique_id).row, &k));
	assert_int_equal(OK, claim_code_check("ABCDE-FGHJK-MNPQR-STVWX", k.salt, k.hash));
	assert_int_equal(BAD_INPUT, log_.lines[1].status);
	assert_false(is_known(u[1].unique_id));
	assert_string_equal("", log_.lines[2].code);
}

static void
our_own_line_is_onboarded(void **state)
{
	struct factory_unit u = line_unit(10);
	struct factory_result made = line_make(&l, &u);
	struct import_request r = { .wants_codes = true };
	struct device before = device_of(u.unique_id), after;
	struct claim_code k;

	(void)state;
	begin_file();
	add_entry(made.manifest_entry);
	end_file();
	home_add_s(&l.home, 3600);
	assert_counts(import_as(r, OK), 1, 0, 0);
	after = device_of(u.unique_id);
	assert_int_equal(before.row, after.row);
	assert_int_equal(DEVICE_HELD, after.state);
	assert_int_equal(before.version + 1, after.version);
	assert_int_equal(before.birth_certificate, after.birth_certificate);
	assert_int_equal(l.home.session.now_s, after.changed_s);
	assert_int_equal(OK, read_claim_code(l.home.reader, after.row, &k));
	/* Signed anew for the same unit: the same payload, so nothing to do. */
	begin_file();
	add_entry(line_make(&l, &u).manifest_entry);
	end_file();
	assert_counts(import_as(r, OK), 0, 1, 0);
	assert_true(id_equal(&after.id, &log_.lines[0].device));
}

static void
duplicates_and_clones(void **state)
{
	struct factory_unit u[4] = { line_unit(11), line_unit(12), line_unit(13), line_unit(14) };
	struct factory_unit changed = u[0], clone = u[1], late = u[2];
	span first = line_foreign_entry(&l, &u[0]);

	(void)state;
	memcpy(changed.points[2], u[1].points[2], 64);
	memcpy(clone.unique_id, "0123ffffffffffff01", 19);
	memcpy(late.unique_id, "0123eeeeeeeeeeee01", 19);
	begin_file();
	add_entry(first);			     /* accepted */
	add_entry(first);			     /* known */
	add_entry(line_foreign_entry(&l, &changed)); /* refused: other content */
	add_entry(line_foreign_entry(&l, &u[1]));    /* accepted */
	add_entry(line_foreign_entry(&l, &clone));   /* refused: its key */
	add_entry(line_foreign_entry(&l, &u[2]));    /* accepted */
	end_file();
	assert_counts(import(), 3, 1, 2);
	assert_int_equal(IMPORT_KNOWN, log_.lines[1].verdict);
	assert_true(id_equal(&log_.lines[0].device, &log_.lines[1].device));
	assert_int_equal(EXISTS, log_.lines[2].status);
	assert_int_equal(EXISTS, log_.lines[4].status);
	assert_false(is_known(clone.unique_id));
	/* Against what stands in the store. */
	begin_file();
	add_entry(line_foreign_entry(&l, &late));
	add_entry(line_foreign_entry(&l, &changed));
	add_entry(line_foreign_entry(&l, &u[3]));
	end_file();
	assert_counts(import(), 1, 0, 2);
	assert_int_equal(EXISTS, log_.lines[0].status);
	assert_non_null(strstr(log_.lines[0].diag.text, "clone"));
	assert_int_equal(EXISTS, log_.lines[1].status);
}

static void
phases_and_fleets_stay_apart(void **state)
{
	struct factory_unit u = line_unit(15);
	struct home_fleet other;
	struct authority pilot = { 0 };
	struct fleet fleet;
	struct change *c;
	struct diag d = { 0 };
	struct import_request r = { 0 };

	(void)state;
	begin_file();
	add_entry(line_foreign_entry(&l, &u));
	end_file();
	/* A pilot fleet knows neither our production signer nor our root. */
	c = change_new(l.home.arena);
	fleet = l.fleet.fleet;
	fleet.row = 0;
	fleet.phase = PHASE_PILOT;
	fleet.id.bytes[0] ^= 1;
	snprintf(fleet.name, sizeof(fleet.name), "pilot");
	change_fleet_add(c, &fleet);
	assert_ok(store_commit(l.home.store, c, NULL, &d), d);
	r.fleet = fleet.row;
	assert_counts(import_as(r, OK), 0, 0, 1);
	assert_int_equal(NOT_FOUND, log_.lines[0].status);
	assert_false(is_known(u.unique_id));
	/* In one fleet already: not in a second one of the same phase. */
	assert_counts(import(), 1, 0, 0);
	l.home.session.actor.account.role = OPERATOR_ADMIN;
	pilot = home_authority(&l.home, "issuing2", AUTHORITY_ISSUING, "root");
	home_fleet_add(&l.home, &other, &pilot, false);
	r.fleet = other.fleet.row;
	assert_counts(import_as(r, OK), 0, 0, 1);
	assert_int_equal(EXISTS, log_.lines[0].status);
	assert_non_null(strstr(log_.lines[0].diag.text, "another fleet"));
	assert_int_equal(l.fleet.fleet.row, device_of(u.unique_id).fleet);
}

static void
an_element_of_another_phase(void **state)
{
	struct factory_unit u = line_unit(16);
	struct change *c = change_new(l.home.arena);
	struct element e = { .phase = PHASE_PILOT, .model = "ATECC608B" };
	struct diag d = { 0 };

	(void)state;
	memcpy(e.serial, u.unique_id, sizeof(e.serial));
	change_element_add(c, &e);
	assert_ok(store_commit(l.home.store, c, NULL, &d), d);
	begin_file();
	add_entry(line_foreign_entry(&l, &u));
	end_file();
	assert_counts(import(), 0, 0, 1);
	assert_int_equal(CONFLICT, log_.lines[0].status);
	assert_non_null(strstr(log_.lines[0].diag.text, "phase"));
}

static void
a_dry_run_leaves_nothing(void **state)
{
	struct factory_unit u = line_unit(17);
	struct import_request r = { .is_dry_run = true, .wants_codes = true };
	int64_t size = home_ledger_size(&l.home);
	span entry = line_foreign_entry(&l, &u);

	(void)state;
	begin_file();
	add_entry(entry);
	end_file();
	assert_counts(import_as(r, OK), 1, 0, 0);
	assert_string_equal("", log_.lines[0].code);
	assert_true(id_is_zero(&log_.lines[0].device));
	assert_false(is_known(u.unique_id));
	assert_int_equal(size, home_ledger_size(&l.home));
}

static void
one_bad_entry_costs_itself(void **state)
{
	struct factory_unit u[2] = { line_unit(18), line_unit(19) };
	char *huge = malloc(MANIFEST_ENTRY_MAX + 100);

	(void)state;
	assert_non_null(huge);
	memset(huge, ' ', MANIFEST_ENTRY_MAX + 100);
	huge[0] = '{';
	huge[MANIFEST_ENTRY_MAX + 99] = '}';
	begin_file();
	add_entry(line_foreign_entry(&l, &u[0]));
	add_entry(span_text("{\"payload\":\"x\"}"));
	add_entry(span_text("{\"header\":{\"uniqueId\":\"0123aa\"}, nonsense}"));
	add_entry(span_of(huge, MANIFEST_ENTRY_MAX + 100));
	add_entry(line_foreign_entry(&l, &u[1]));
	end_file();
	free(huge);
	assert_counts(import(), 2, 0, 3);
	assert_int_equal(BAD_INPUT, log_.lines[1].status);
	assert_string_equal("0123aa", log_.lines[2].unique_id);
	assert_int_equal(LIMIT, log_.lines[3].status);
}

static void
a_broken_file_keeps_what_stood_before(void **state)
{
	struct factory_unit u[2] = { line_unit(20), line_unit(21) };
	struct import_counts c;

	(void)state;
	begin_file();
	add_entry(line_foreign_entry(&l, &u[0]));
	add_entry(line_foreign_entry(&l, &u[1]));
	file.len -= 40; /* cut */
	c = import_as((struct import_request){ 0 }, BAD_INPUT);
	assert_int_equal(1, c.accepted);
	assert_int_equal(1, log_.count);
	assert_true(is_known(u[0].unique_id));
	assert_false(is_known(u[1].unique_id));
	begin_file();
	file.len = 0;
	buffer_put_text(&file, "hello");
	c = import_as((struct import_request){ 0 }, BAD_INPUT);
	assert_int_equal(0, c.entries);
}

/* More than two batches, with the same element at both ends. */
static void
many_in_order_and_again_after_an_interruption(void **state)
{
	enum { COUNT = 600 };
	static struct factory_unit u[COUNT];
	struct import_counts c;
	span first = { NULL, 0 };

	(void)state;
	for (unsigned i = 0; i < COUNT; i++) {
		u[i] = line_unit(1000 + i);
	}
	begin_file();
	for (unsigned i = 0; i < COUNT; i++) {
		span entry = line_foreign_entry(&l, &u[i]);

		first = i == 0 ? entry : first;
		add_entry(entry);
	}
	add_entry(first);
	end_file();
	log_.stop_at = 300;
	c = import_as((struct import_request){ 0 }, UNAVAILABLE);
	assert_int_equal(300, log_.count);
	/* What was told is durable. */
	home_reopen(&l.home);
	for (unsigned i = 0; i < 300; i++) {
		assert_int_equal(IMPORT_ACCEPTED, log_.lines[i].verdict);
		assert_true(is_known(u[i].unique_id));
	}
	log_.stop_at = 0;
	c = import();
	assert_int_equal(COUNT + 1, c.entries);
	assert_int_equal(0, c.refused);
	assert_true(c.known >= 301 && c.accepted >= 1 && c.accepted <= 300);
	for (unsigned i = 0; i < COUNT; i++) {
		struct device d = device_of(u[i].unique_id);

		assert_int_equal(DEVICE_HELD, d.state);
		assert_true(id_equal(&d.id, &log_.lines[i].device));
	}
	assert_int_equal(IMPORT_KNOWN, log_.lines[COUNT].verdict);
}

/* Writes each line's serial to the parent, and dies at the tenth: durable is what was told. */
static status
tell_and_die(void *context, const struct import_line *line)
{
	static unsigned told;
	int fd = *(int *)context;

	if (write(fd, line->unique_id, 18) != 18 || ++told == 10) {
		kill(getpid(), SIGKILL);
	}
	return OK;
}

static void
import_until_killed(int fd)
{
	struct line_source source = { .bytes = buffer_span(&file) };
	const struct store_options o = { .location = l.home.database };
	struct import_request r = { .fleet = l.fleet.fleet.row,
		.source = line_source_read,
		.source_context = &source,
		.line = tell_and_die,
		.line_context = &fd };
	struct import_counts counts;

	if (store_open(&o, &l.home.store, NULL) == OK &&
		reader_open(l.home.store, &l.home.reader, NULL) == OK) {
		l.home.life.store = l.home.store;
		l.home.session.reader = l.home.reader;
		(void)!manifest_import(&l.home.session, &r, &counts, NULL);
	}
	_exit(1);
}

static void
a_killed_import_is_taken_up(void **state)
{
	const struct store_options o = { .location = l.home.database };
	char serial[19] = "";
	struct import_counts c;
	struct diag d = { 0 };
	unsigned told = 0;
	int ends[2], wait_status;
	pid_t child;

	(void)state;
	begin_file();
	for (unsigned i = 0; i < 40; i++) {
		struct factory_unit u = line_unit(3000 + i);

		add_entry(line_foreign_entry(&l, &u));
	}
	end_file();
	assert_int_equal(0, pipe(ends));
	reader_close(l.home.reader);
	store_close(l.home.store);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		import_until_killed(ends[1]);
	}
	close(ends[1]);
	assert_int_equal(child, waitpid(child, &wait_status, 0));
	assert_true(WIFSIGNALED(wait_status));
	assert_ok(store_open(&o, &l.home.store, &d), d);
	assert_ok(reader_open(l.home.store, &l.home.reader, &d), d);
	l.home.life.store = l.home.store;
	l.home.session.reader = l.home.reader;
	while (read(ends[0], serial, 18) == 18) {
		assert_int_equal(DEVICE_HELD, device_of(serial).state);
		told++;
	}
	close(ends[0]);
	assert_int_equal(10, told);
	c = import();
	assert_int_equal(40, c.accepted + c.known);
	assert_true(c.known >= 10);
}

static void
only_the_maker_imports(void **state)
{
	static const enum operator_role roles[] = { OPERATOR_SUPPORT, OPERATOR_OWNER,
		OPERATOR_AUDITOR, OPERATOR_WATCH };
	struct import_request r = { .fleet = 77 };

	(void)state;
	begin_file();
	end_file();
	assert_int_equal(0, import().entries);
	(void)import_as(r, NOT_FOUND);
	for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
		l.home.session.actor.account.role = roles[i];
		(void)import_as((struct import_request){ 0 }, DENIED);
	}
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(entries_become_devices_on_the_shelf),
		TEST(the_ledger_names_what_came),
		TEST(codes_come_once),
		TEST(codes_of_the_callers_own),
		TEST(our_own_line_is_onboarded),
		TEST(duplicates_and_clones),
		TEST(phases_and_fleets_stay_apart),
		TEST(an_element_of_another_phase),
		TEST(a_dry_run_leaves_nothing),
		TEST(one_bad_entry_costs_itself),
		TEST(a_broken_file_keeps_what_stood_before),
		TEST(many_in_order_and_again_after_an_interruption),
		TEST(a_killed_import_is_taken_up),
		TEST(only_the_maker_imports),
	};
	int failed = cmocka_run_group_tests_name("onboard", tests, NULL, NULL);

	buffer_wipe(&file);
	return failed;
}
