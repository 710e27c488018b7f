/*
 * Whole lives on elements that are no ATECC608, against the real server: a TPM whose attestation key was registered is
 * `attested`, a token of a closed model in its maker's manifest `vendor-unverified`, and where a fleet requires that, others get nothing.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/check.h"
#include "base/file.h"
#include "base/text.h"
#include "forge.h"
#include "pki/pem.h"
#include "softhsm.h"
#include "stage.h"
#include "swtpm.h"

static struct stage stage;
static const char *phase;

/* --- units ---------------------------------------------------------------------------- */

struct unit {
	const char *folder, *address, *code, *line;
	char serial[ELEMENT_SERIAL_MAX + 1];
};

static void
check(status s, const struct diag *d)
{
	if (s != OK) {
		fail_msg("%s: %s", status_name(s), d->text);
	}
}

static struct ran
unit_line(const struct unit *u, const char *roots)
{
	const char *argv[] = { getenv("TENURE_AGENT"), "--dir", u->folder, "--element", u->address,
		"unit", roots != NULL ? "--roots" : NULL, roots, NULL };

	return program_run(stage.arena, argv, 60000);
}

/* What the factory does at the unit; u->line is for the server's factory line. */
static void
prepare(struct unit *u, const char *name, const char *address, const char *roots)
{
	struct ran r;

	*u = (struct unit){ .folder = stage_path(&stage, "%s", name), .address = address };
	assert_int_equal(mkdir(u->folder, 0700), 0);
	assert_int_equal(mkdir(stage_path(&stage, "%s/element", name), 0700), 0);
	r = unit_line(u, roots);
	if (r.exit != 0) {
		fail_msg("unit: exit status %d: %s", r.exit, r.err);
	}
	u->line = r.out;
	assert_string_equal(unit_line(u, roots).out, r.out);
	snprintf(u->serial, sizeof(u->serial), "%.64s", json_member(stage.arena, r.out, "serial"));
}

static void
write_birth(const struct unit *u, span certificate, span issuer)
{
	struct diag d = { 0 };
	struct buffer pem;

	buffer_init(&pem, 65536);
	pem_write(&pem, "CERTIFICATE", certificate);
	pem_write(&pem, "CERTIFICATE", issuer);
	check(file_replace(arena_printf(stage.arena, "%s/element/birth.pem", u->folder),
		      buffer_span(&pem), 0600, &d),
		&d);
	buffer_wipe(&pem);
}

static span
from_base64(const char *text)
{
	span out;

	assert_int_equal(base64_decode(stage.arena, span_text(text), &out), OK);
	return out;
}

static struct asked
post(const char *path, const char *type, const char *body)
{
	const struct asking q = { .url = arena_printf(stage.arena, "%s/api/v1/%s", stage.url, path),
		.ca = stage_path(&stage, "home/ca.pem"),
		.token = stage.token,
		.body = body,
		.type = type };
	struct asked a = program_ask(stage.arena, &q);

	if (a.status / 100 != 2) {
		fail_msg("%s: %d %s", path, a.status, a.body);
	}
	return a;
}

/* The entry comes in, with a claim code, and the device is claimed. */
static void
bring_in(struct unit *u, const char *fleet, const char *entry)
{
	struct asked a = post(arena_printf(stage.arena, "fleets/%s/manifest?codes=new", fleet),
		"application/json", arena_printf(stage.arena, "[%s]", entry));
	const char *line = arena_string(stage.arena, span_of(a.body, strcspn(a.body, "\n")));

	u->code = json_member(stage.arena, line, "code");
	if (u->code[0] == '\0') {
		fail_msg("%s", a.body);
	}
	post(arena_printf(stage.arena, "devices/%s/claim", u->serial), "application/json",
		arena_printf(stage.arena, "{\"code\":\"%s\",\"owner\":\"buyer\"}", u->code));
}

/* The factory line: the unit's keys become a birth certificate and a manifest entry. */
static void
make_unit(struct unit *u, const char *fleet)
{
	struct asked a =
		post(arena_printf(stage.arena,
			     "fleets/%s/factory?signer=factory-%s&manifest_signer=manifest-%s",
			     fleet, phase, phase),
			"application/x-ndjson", u->line);
	cJSON *o = cJSON_Parse(a.body);
	char *entry = cJSON_PrintUnformatted(cJSON_GetObjectItemCaseSensitive(o, "entry"));

	if (entry == NULL) {
		fail_msg("%s", a.body);
	}
	write_birth(u, from_base64(json_member(stage.arena, a.body, "certificate")),
		from_base64(json_member(stage.arena, a.body, "issuer")));
	bring_in(u, fleet, entry);
	cJSON_free(entry);
	cJSON_Delete(o);
}

static struct ran
agent(const struct unit *u, const char *fleet, const char *word)
{
	const char *argv[] = { getenv("TENURE_AGENT"), "--dir", u->folder, "--server", stage.url,
		"--ca", stage_path(&stage, "home/ca.pem"), "--fleet", fleet, "--element",
		u->address, word, NULL };

	return program_run(stage.arena, argv, 60000);
}

static void
agent_must(const struct unit *u, const char *fleet, const char *word)
{
	struct ran r = agent(u, fleet, word);

	if (r.exit != 0) {
		fail_msg("%s: exit status %d: %s%s\n%s", word, r.exit, r.out, r.err,
			stage_log(&stage));
	}
}

static void
agent_refused(const struct unit *u, const char *fleet, const char *why)
{
	struct ran r = agent(u, fleet, "enrol");

	if (r.exit == 0 || strstr(r.err, why) == NULL) {
		fail_msg("exit status %d, \"%s\" is wanted: %s%s", r.exit, why, r.out, r.err);
	}
}

/* The level of the unit's certificate in use. */
static const char *
level_of(const struct unit *u)
{
	struct asked a = stage_get(&stage, arena_printf(stage.arena, "devices/%s", u->serial));

	return json_member(stage.arena, a.body, "attestation");
}

static int64_t
generation_of(const struct unit *u)
{
	return stage_number(
		&stage, "SELECT key_generation FROM device WHERE serial = '%s'", u->serial);
}

static void
create_fleet(const char *name, const char *required)
{
	const char *authority = stage_text(&stage, "SELECT a.name FROM fleet AS f JOIN authority "
						   "AS a ON a.row = f.authority WHERE f.name ="
						   " 'lamps'");

	post("fleets", "application/json",
		arena_printf(stage.arena,
			"{\"name\":\"%s\",\"phase\":\"%s\",\"authority\":\"%s\",\"maker\":\"%s\","
			"\"required_attestation\":\"%s\"}",
			name, phase, authority,
			json_member(stage.arena, stage_get(&stage, "fleets/lamps").body, "maker"),
			required));
}

/* --- a TPM ----------------------------------------------------------------------------- */

/* A software key of our own factory, in the same fleet. */
static void
make_software_unit(struct unit *u, const char *fleet)
{
	const char *line = stage_path(&stage, "software");
	const char *manifest = arena_printf(stage.arena, "%s/manifest.json", line);
	cJSON *entries;
	char *entry;

	stage_must(&stage, "factory", "run", "--fleet", fleet, "--count", "1", "--out", line, NULL);
	entries = cJSON_Parse(arena_string(stage.arena, bytes_of_file(stage.arena, manifest)));
	entry = cJSON_PrintUnformatted(cJSON_GetArrayItem(entries, 0));
	assert_non_null(entry);
	*u = (struct unit){ 0 };
	snprintf(u->serial, sizeof(u->serial), "%.64s",
		json_member(stage.arena,
			cJSON_PrintUnformatted(cJSON_GetObjectItemCaseSensitive(
				cJSON_GetArrayItem(entries, 0), "header")),
			"uniqueId"));
	u->folder = arena_printf(stage.arena, "%s/%s", line, u->serial);
	u->address = arena_printf(stage.arena, "file:%s/element", u->folder);
	bring_in(u, fleet, entry);
	cJSON_free(entry);
	cJSON_Delete(entries);
}

/* What it was issued on is kept and shown, for whoever checks it again. */
static void
evidence_is_shown(void)
{
	const char *print =
		stage_text(&stage, "SELECT lower(hex(c.fingerprint)) FROM evidence AS e "
				   "JOIN certificate AS c ON c.row = e.certificate "
				   "ORDER BY c.row DESC LIMIT 1");
	struct ran r = stage_must(&stage, "cert", "show", print, "--evidence", NULL);

	assert_non_null(strstr(r.out, "tpm2"));
	assert_non_null(strstr(r.out, "attested"));
	r = stage_must(&stage, "cert", "show", print, "--evidence", "--json", NULL);
	assert_non_null(strstr(r.out, "\"attests_by\":\"tpm2\""));
	assert_non_null(strstr(r.out, print));
}

static void
a_tpm_is_attested_and_a_software_key_is_not(void **state)
{
	struct unit unit, other, third, software;
	struct swtpm tpm, other_tpm, third_tpm;
	const char *stolen;
	struct ran r;

	if (!swtpm_is_there()) {
		SKIP_TEST("swtpm is not installed");
	}
	create_fleet("proven", "attested");
	if (!swtpm_start_manufactured(&tpm)) {
		SKIP_TEST("swtpm-tools is not installed");
	}
	prepare(&unit, "tpm", arena_printf(stage.arena, "tpm2:%s", tpm.tcti),
		arena_printf(stage.arena, "%s/issuercert.pem", tpm.folder));
	make_unit(&unit, "proven");
	agent_must(&unit, "proven", "enrol");
	agent_must(&unit, "proven", "use");
	assert_string_equal(level_of(&unit), "attested");
	assert_int_equal(generation_of(&unit), 1);
	agent_must(&unit, "proven", "renew");
	agent_must(&unit, "proven", "use");
	assert_string_equal(level_of(&unit), "attested");
	assert_int_equal(generation_of(&unit), 2);
	evidence_is_shown();

	/* A TPM that nobody vouches for: no root of its maker, and no certificate at all. */
	swtpm_start(&other_tpm);
	prepare(&other, "other-tpm", arena_printf(stage.arena, "tpm2:%s", other_tpm.tcti), NULL);
	r = unit_line(&other, stage_file(&stage, "no-root", ""));
	assert_int_not_equal(r.exit, 0);
	make_unit(&other, "proven");
	agent_refused(&other, "proven", "attest");
	assert_int_equal(generation_of(&other), 0);

	/* Where nothing is required it is let in, as what it is. */
	stage_must(&stage, "fleet", "set", "proven", "--required-attestation", "none", NULL);
	agent_must(&other, "proven", "enrol");
	agent_must(&other, "proven", "use");
	assert_string_equal(level_of(&other), "none");
	stage_must(&stage, "fleet", "set", "proven", "--required-attestation", "attested", NULL);

	/* A TPM whose line was given the first one's attestation key. */
	stolen = strstr(unit.line, ",\"attestation\"");
	assert_non_null(stolen);
	swtpm_start(&third_tpm);
	prepare(&third, "third-tpm", arena_printf(stage.arena, "tpm2:%s", third_tpm.tcti), NULL);
	third.line = arena_printf(
		stage.arena, "%.*s%s", (int)strcspn(third.line, "}"), third.line, stolen);
	make_unit(&third, "proven");
	agent_refused(&third, "proven", "attestation key");
	assert_int_equal(generation_of(&third), 0);

	make_software_unit(&software, "proven");
	agent_refused(&software, "proven", "attest");
	assert_int_equal(generation_of(&software), 0);
	swtpm_end(&third_tpm);
	swtpm_end(&other_tpm);
	swtpm_end(&tpm);
	(void)state;
}

/* --- a token --------------------------------------------------------------------------- */

static const char *
pem_file(const char *name, span der)
{
	struct buffer pem;
	const char *path;

	buffer_init(&pem, 65536);
	pem_write(&pem, "CERTIFICATE", der);
	path = stage_file(&stage, name, arena_string(stage.arena, buffer_span(&pem)));
	buffer_wipe(&pem);
	return path;
}

/* The chip maker: its root, the birth certificate of the token's key, and the manifest entry that it signs. */
static void
make_vendor_unit(struct forge *f, struct unit *u, const char *fleet)
{
	char common_name[ELEMENT_SERIAL_MAX + 4] = "sn";
	const char *payload, *entry, *point = strstr(u->line, "\"points\":[\"");
	struct diag d = { 0 };
	uint8_t birth[64];

	assert_non_null(point);
	assert_int_equal(hex_decode(span_of(point + 11, 128), birth, 64), OK);

	for (size_t i = 0; u->serial[i] != '\0'; i++) {
		char c = u->serial[i];

		common_name[2 + i] = (char)(c >= 'a' && c <= 'f' ? c - 'a' + 'A' : c);
	}
	check(public_key_of_point(birth, &f->slots[0].public_key, &d), &d);
	spki_of_point(birth, f->slots[0].spki);
	f->slots[0].public_key.spki = span_of(f->slots[0].spki, SPKI_P256_LEN);
	forge_certificate(f, &f->slots[0], "birth", common_name, &f->factory);
	write_birth(u, f->slots[0].der, f->factory.der);

	payload = forge_payload(f, f->slots[0].der, f->factory.der);
	payload = forge_replace(f, payload, "\"ATECC608B\"", "\"TA100\"");
	payload = forge_replace(f, payload, "ATECC608B-TFLXTLS", "TA100-T000");
	payload = forge_replace(f, payload, FORGE_SERIAL, u->serial);
	entry = forge_replace(
		f, forge_entry(f, payload, forge_protected(f)), FORGE_SERIAL, u->serial);

	stage_must(&stage, "hierarchy", "import", "chip-maker", "--hierarchy", "chip-maker",
		"--phase", phase, "--pem", pem_file("maker-root", f->root.der), NULL);
	stage_must(&stage, "manifest", "trust", pem_file("maker-signer", f->signer.der), "--phase",
		phase, NULL);
	bring_in(u, fleet, entry);
}

static void
a_token_of_a_closed_model_counts_by_its_makers_word(void **state)
{
	struct softhsm hsm;
	struct forge forge;
	struct unit unit;

	if (!softhsm_is_there()) {
		SKIP_TEST("softhsm2 is not installed");
	}
	if (time(NULL) < TEST_TIME_S - 86400) {
		SKIP_TEST("the clock is before the chip maker's certificates");
	}
	create_fleet("vouched", "vendor-unverified");
	assert_int_equal(setenv("TENURE_TEST_TOKEN_MODEL", "TA100", 1), 0);
	softhsm_start(&hsm);
	forge_open(&forge);
	prepare(&unit, "token", arena_printf(stage.arena, "pkcs11:%s", hsm.address), NULL);
	make_vendor_unit(&forge, &unit, "vouched");
	agent_must(&unit, "vouched", "enrol");
	agent_must(&unit, "vouched", "use");
	assert_string_equal(level_of(&unit), "vendor-unverified");
	agent_must(&unit, "vouched", "renew");
	agent_must(&unit, "vouched", "use");
	assert_int_equal(generation_of(&unit), 2);

	/* The fleet asks for more than a word from now on. */
	stage_must(&stage, "fleet", "set", "vouched", "--required-attestation", "attested", NULL);
	struct ran r = agent(&unit, "vouched", "renew");

	if (r.exit == 0 || strstr(r.err, "attest") == NULL) {
		fail_msg("exit status %d: %s%s", r.exit, r.out, r.err);
	}
	assert_int_equal(generation_of(&unit), 2);
	forge_close(&forge);
	softhsm_end(&hsm);
	(void)state;
}

/* SoftHSM2 as itself: its word counts for nothing, and it is not sent. */
static void
an_open_token_is_none(void **state)
{
	struct softhsm hsm;
	struct unit unit;

	if (!softhsm_is_there()) {
		SKIP_TEST("softhsm2 is not installed");
	}
	assert_int_equal(unsetenv("TENURE_TEST_TOKEN_MODEL"), 0);
	softhsm_start(&hsm);
	prepare(&unit, "open-token", arena_printf(stage.arena, "pkcs11:%s", hsm.address), NULL);
	make_unit(&unit, "lamps");
	agent_must(&unit, "lamps", "enrol");
	agent_must(&unit, "lamps", "use");
	assert_string_equal(level_of(&unit), "none");
	softhsm_end(&hsm);
	(void)state;
}

/* --- all of it --------------------------------------------------------------------------- */

static int
set_up(void **state)
{
	(void)state;
	stage_open(&stage);
	stage_start(&stage);
	stage_must(&stage, "owner", "add", "buyer", "--title", "The Buyer", "--kind", "customer",
		NULL);
	phase = json_member(stage.arena, stage_get(&stage, "fleets/lamps").body, "phase");
	return 0;
}

static int
tear_down(void **state)
{
	swtpm_end_all(state);
	stage_stop(&stage);
	stage_close(&stage);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tpm_is_attested_and_a_software_key_is_not),
		cmocka_unit_test(a_token_of_a_closed_model_counts_by_its_makers_word),
		cmocka_unit_test(an_open_token_is_none),
	};

	return cmocka_run_group_tests_name("elements", tests, set_up, tear_down);
}
