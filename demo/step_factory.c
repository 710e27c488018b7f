/* factory: a line makes elements and their birth certificates. onboard: the manifest brings them to the shelf. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "demo/steps.h"

#define MANIFEST_MAX (64 << 20)

static int
by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* The serials are the folders' names. */
static void
learn_serials(struct world *w)
{
	DIR *folder = opendir(w->devices);
	struct dirent *entry;
	size_t n = 0;

	while (folder != NULL && (entry = readdir(folder)) != NULL) {
		if (strncmp(entry->d_name, "0123", 4) == 0 && n < WORLD_DEVICES_MAX) {
			snprintf(w->serial[n++], sizeof(w->serial[0]), "%.23s", entry->d_name);
		}
	}
	if (folder != NULL) {
		closedir(folder);
	}
	qsort(w->serial, n, sizeof(w->serial[0]), by_name);
	report_check(&w->report, n == w->count, "each element has its folder", "%zu of %zu", n,
		w->count);
}

/* What the line gives a unit besides its identity: where the server and its part are. */
static void
check_agents(struct world *w)
{
	size_t n = 0;

	for (size_t i = 0; i < w->count; i++) {
		n += access(arena_printf(w->arena, "%s/agent.conf", device_folder(w, i)), R_OK) ==
		     0;
	}
	report_check(
		&w->report, n == w->count, "each unit knows its server", "%zu of %zu", n, w->count);
}

void
step_factory(struct world *w)
{
	struct child_result r;

	report_step_begin(&w->report, "factory",
		"elements with keys inside come to the line; birth certificates and a signed "
		"manifest "
		"leave it");
	run_tenure(w, NULL, &r, "factory", "run", "--fleet", "lamps", "--element",
		arena_printf(w->arena, "atecc608:unix:%s", w->elements), "--out", w->devices, NULL);
	check_exit(
		w, &r, 0, "the line ran: each part gave its public keys, and got its certificates");
	child_result_wipe(&r);
	learn_serials(w);
	run_program(
		w, &r, program_tenure(w), "element", "info", "--element", element_of(w, 0), NULL);
	check_says(w, &r, 0, "ATECC608B", "a part tells who it is, at the bench");
	child_result_wipe(&r);
	run_program(w, &r, program_tenure(w), "element", "slots", "--json", "--element",
		element_of(w, 0), NULL);
	check_says(w, &r, 0,
		"\"slot\":12,\"use\":\"signer compressed certificate\",\"holds\":\"data\"",
		"it holds its birth certificate and that of the signer");
	child_result_wipe(&r);
	run_tenure(
		w, NULL, &r, "fleet", "set", "lamps", "--required-attestation", "attested", NULL);
	check_exit(w, &r, 0, "the fleet takes attested keys only");
	child_result_wipe(&r);
	check_agents(w);
	run_program(w, &r, "/usr/bin/openssl", "verify", "-CAfile", w->ca, "-untrusted",
		arena_printf(w->arena, "%s/element/birth.pem", device_folder(w, 0)),
		arena_printf(w->arena, "%s/element/birth.pem", device_folder(w, 0)), NULL);
	check_says(w, &r, 0, "OK", "openssl accepts a birth certificate's chain");
	child_result_wipe(&r);
	report_check(&w->report, devices_in(w, "MANUFACTURED") == (int64_t)w->count,
		"the server knows them as MANUFACTURED", "%lld",
		(long long)devices_in(w, "MANUFACTURED"));
	report_step_end(&w->report, w->count);
}

/* --- onboard ---------------------------------------------------------------------------- */

/* A copy in which one letter of the first payload is another. */
static const char *
tampered_manifest(struct world *w, const char *manifest)
{
	const char *path = world_path(w, "manifest-tampered.json");
	struct diag d = { 0 };
	struct buffer b;
	uint8_t *payload;

	buffer_init(&b, MANIFEST_MAX);
	if (file_read(manifest, MANIFEST_MAX, &b, &d) == OK) {
		payload = memmem(b.data, b.len, "\"payload\":\"", 11);
		if (payload != NULL) {
			payload[11 + 40] = payload[11 + 40] == 'A' ? 'B' : 'A';
		}
		if (payload == NULL || file_replace(path, buffer_span(&b), 0644, &d) != OK) {
			path = NULL;
		}
	}
	buffer_wipe(&b);
	return path != NULL ? path : manifest;
}

/* serial,code,device: one line each. */
static void
read_codes(struct world *w, const struct child_result *sheet)
{
	const char *line = (const char *)sheet->out.data;

	w->coded = 0;
	for (; line != NULL && *line != '\0'; line = strchr(line, '\n')) {
		char serial[24], code[32];

		line += *line == '\n';
		if (sscanf(line, "%23[0-9a-f],%31[^,\r\n]", serial, code) != 2) {
			continue;
		}
		for (size_t i = 0; i < w->count; i++) {
			if (strcmp(w->serial[i], serial) == 0) {
				snprintf(w->code[i], sizeof(w->code[i]), "%s", code);
				w->coded++;
			}
		}
	}
}

/* The sheet for the printer of the leaflets is sealed to his key: openssl opens it as he would. */
static void
open_sheet(struct world *w, const char *sheet)
{
	struct child_result r;

	run_program(w, &r, "/usr/bin/openssl", "cms", "-decrypt", "-inform", "PEM", "-in", sheet,
		"-inkey", world_path(w, "printer.key"), "-recip", world_path(w, "printer.pem"),
		NULL);
	if (r.exit_status != 0) {
		child_result_wipe(&r);
		run_program(w, &r, "/usr/bin/openssl", "cms", "-decrypt", "-inform", "DER", "-in",
			sheet, "-inkey", world_path(w, "printer.key"), "-recip",
			world_path(w, "printer.pem"), NULL);
	}
	read_codes(w, &r);
	report_check(&w->report, w->coded == w->count,
		"the sealed sheet holds a claim code for each", "%zu codes: %.200s", w->coded,
		(const char *)r.err.data);
	child_result_wipe(&r);
}

static void
make_printer(struct world *w)
{
	struct child_result r;

	run_program(w, &r, "/usr/bin/openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes",
		"-keyout", world_path(w, "printer.key"), "-out", world_path(w, "printer.pem"),
		"-subj", "/CN=Leaflet printer", "-days", "30", NULL);
	child_result_wipe(&r);
}

static void
import_fleet(struct world *w)
{
	const char *manifest = arena_printf(w->arena, "%s/manifest.json", w->devices);
	const char *sheet = world_path(w, "codes.cms");
	struct child_result r;

	make_printer(w);
	run_tenure(w, NULL, &r, "manifest", "import", tampered_manifest(w, manifest), "--fleet",
		"lamps", "--dry-run", NULL);
	check_says(
		w, &r, 1, "signature", "one changed letter in an entry is refused, by its number");
	child_result_wipe(&r);
	run_tenure(w, NULL, &r, "manifest", "import", manifest, "--fleet", "lamps", "--codes",
		sheet, "--recipient", world_path(w, "printer.pem"), NULL);
	check_exit(w, &r, 0, "the manifest is imported, each entry's signature checked");
	child_result_wipe(&r);
	report_check(&w->report, devices_in(w, "HELD") == (int64_t)w->count, "all devices are HELD",
		"%lld", (long long)devices_in(w, "HELD"));
	open_sheet(w, sheet);
	run_tenure(w, NULL, &r, "manifest", "import", manifest, "--fleet", "lamps", NULL);
	check_says(w, &r, 0, "known", "the same manifest again changes nothing");
	child_result_wipe(&r);
}

static void
try_held_device(struct world *w)
{
	struct child_result r;

	run_agent(w, w->count - 1, &r, "state", NULL);
	check_says(w, &r, 0, "HELD", "a held device learns that it is held, and no more");
	child_result_wipe(&r);
	run_agent(w, w->count - 1, &r, "enrol", NULL);
	check_says(w, &r, 1, "held", "held device is refused");
	child_result_wipe(&r);
}

/* Ten elements of the chip maker's own, by his signature; other people's data, so only where it is at hand. */
static void
import_real(struct world *w, const char *data)
{
	const char *signer = arena_printf(
		w->arena, "%s/signers/MCHP_manifest_signer_5_Mar_6-2024_noExpiration.crt", data);
	const char *root = arena_printf(
		w->arena, "%s/roots/RootCA__Crypto_Authentication_Root_CA_002.crt", data);
	const char *manifest = arena_printf(w->arena, "%s/manifests/ECC608C-TNGTLSU-B.json", data);
	struct child_result r;

	if (access(manifest, R_OK) != 0) {
		printf("    -    the chip maker's real manifest is not at hand "
		       "(TENURE_REAL_DATA)\n");
		return;
	}
	run_tenure(w, NULL, &r, "fleet", "create", "vendor-parts", "--phase", "production",
		"--authority", "issuing-production", "--maker", "demo-lamps", NULL);
	check_exit(w, &r, 0, "a fleet for the chip maker's parts");
	child_result_wipe(&r);
	run_tenure(w, NULL, &r, "manifest", "import", manifest, "--fleet", "vendor-parts", NULL);
	check_says(w, &r, 1, "signer",
		"the chip maker's manifest is refused while nobody vouches for its signer");
	child_result_wipe(&r);
	run_tenure(w, NULL, &r, "hierarchy", "import", "crypto-authentication-root-002",
		"--hierarchy", "microchip", "--phase", "production", "--pem", root, NULL);
	check_exit(w, &r, 0, "the chip maker's root is trusted");
	child_result_wipe(&r);
	run_tenure(w, NULL, &r, "manifest", "trust", signer, "--fleet", "vendor-parts", NULL);
	check_exit(w, &r, 0, "its manifest signer is pinned");
	child_result_wipe(&r);
	run_tenure(w, NULL, &r, "manifest", "import", manifest, "--fleet", "vendor-parts", NULL);
	check_says(w, &r, 0, "10", "ten real ATECC608 entries are on the shelf");
	child_result_wipe(&r);
}

void
step_onboard(struct world *w, const char *real_data)
{
	report_step_begin(&w->report, "onboard",
		"the manifest brings them to the shelf, each entry by its signature");
	import_fleet(w);
	try_held_device(w);
	import_real(w, real_data);
	report_step_end(&w->report, w->count);
}
