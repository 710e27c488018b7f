#include "support.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "element/manifest.h"
#include "pki/pem.h"

/*
 * The chip maker's own manifests, signers and roots, where they are at hand: their files are not part of this
 * project. TENURE_REAL_DATA names the folder; else ../shared/data/microchip beside the sources.
 */
static char folder[4000];
static struct arena *a;
static struct manifest_pin pins[16];
static struct manifest_trust trust;
static struct trust_set *roots;

static bool
find_folder(void)
{
	const char *given = getenv("TENURE_REAL_DATA"), *source = getenv("TENURE_SOURCE");

	if (given != NULL) {
		snprintf(folder, sizeof(folder), "%s", given);
	} else if (source != NULL) {
		snprintf(folder, sizeof(folder), "%s/../shared/data/microchip", source);
	}
	return folder[0] != '\0' && access(folder, R_OK | X_OK) == 0;
}

#define NEEDS_DATA()                                                                  \
	do {                                                                          \
		if (a == NULL) {                                                      \
			SKIP_TEST("no TENURE_REAL_DATA, and no files in %s", folder); \
		}                                                                     \
	} while (0)

static size_t
files(const char *pattern, span *out, size_t max)
{
	char path[5000];
	size_t count = 0;
	glob_t found;

	snprintf(path, sizeof(path), "%s/%s", folder, pattern);
	if (glob(path, 0, NULL, &found) != 0) {
		return 0;
	}
	for (; count < found.gl_pathc && count < max; count++) {
		out[count] = bytes_of_file(a, found.gl_pathv[count]);
	}
	globfree(&found);
	return count;
}

static int
set_up(void **state)
{
	span certificates[16], der[16];
	struct diag d = { 0 };
	size_t count;

	(void)state;
	if (!find_folder()) {
		return 0;
	}
	a = arena_new(64 << 20);
	count = files("signers/*.crt", certificates, 16);
	for (size_t i = 0; i < count; i++) {
		assert_ok(manifest_pin_read(certificates[i], &pins[i], &d), d);
	}
	trust = (struct manifest_trust){
		.pins = pins, .pin_count = count, .wants_serial_name = true
	};
	count = files("roots/RootCA__*.crt", certificates, 16);
	for (size_t i = 0; i < count; i++) {
		assert_ok(pem_read(a, certificates[i], "CERTIFICATE", &der[i], &d), d);
		assert_true(manifest_root_is_vendor(der[i]));
	}
	assert_ok(trust_set_new(der, count, false, &roots, &d), d);
	trust.roots = roots;
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	trust_set_free(roots);
	arena_free(a);
	return 0;
}

static void
the_built_in_table_knows_every_signer(void **state)
{
	size_t known;

	(void)state;
	(void)manifest_vendor_pins(&known);
	NEEDS_DATA();
	assert_int_equal(known, trust.pin_count);
	for (size_t i = 0; i < trust.pin_count; i++) {
		assert_true(pins[i].is_vendor);
	}
}

static status
give(void *context, uint8_t *out, size_t room, size_t *len, struct diag *d)
{
	span *rest = context;

	(void)d;
	*len = rest->len < room ? rest->len : room;
	if (*len > 0) {
		memcpy(out, rest->data, *len);
	}
	*rest = span_slice(*rest, *len, SIZE_MAX);
	return OK;
}

/* Every entry of the file gets this verdict, with and without a cache. */
static size_t
judge(const char *name, status expected, const char *words)
{
	struct manifest_cache *cache;
	struct manifest_reader *r;
	struct diag d = { 0 };
	span file[1], entry;
	uint64_t number;
	size_t count = 0;

	assert_int_equal(1, files(name, file, 1));
	assert_int_equal(OK, manifest_cache_new(&cache));
	assert_ok(manifest_reader_new(give, &file[0], &r, &d), d);
	while (manifest_reader_next(r, &entry, &number, &d) == OK) {
		for (int cached = 0; cached < 2; cached++) {
			struct manifest_entry e;
			struct diag fault = { 0 };
			status s = manifest_entry_verify(
				a, entry, &trust, cached ? cache : NULL, &e, &fault);

			if (s != expected || (words != NULL && strstr(fault.text, words) == NULL)) {
				fail_msg("%s entry %d: %s %s", name, (int)number, status_name(s),
					fault.text);
			}
			if (s == OK) {
				assert_int_equal(MANIFEST_FULL, e.content);
				assert_int_equal(5, e.key_count);
				assert_true(e.has_attestation_key);
				assert_int_equal(1, e.issuer_count);
				assert_true(e.pin->is_vendor);
			}
		}
		count++;
	}
	manifest_reader_free(r);
	manifest_cache_free(cache);
	return count;
}

static void
production_entries_are_accepted(void **state)
{
	(void)state;
	NEEDS_DATA();
	assert_int_equal(10, judge("manifests/ECC608C-TNGTLSU-B.json", OK, NULL));
}

static void
one_older_than_its_signer_is_refused(void **state)
{
	(void)state;
	NEEDS_DATA();
	assert_int_equal(1,
		judge("manifests/doc_v2_example.json", DENIED, "provisioned 2024-01-15T17:22:45Z"));
}

static void
one_of_an_unknown_signer_is_refused(void **state)
{
	(void)state;
	NEEDS_DATA();
	assert_int_equal(1, judge("manifests/pytrustplatform_built_manifest.json", NOT_FOUND,
				    "r0ilsj2HElzkBUngypulRz4_EGk"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_built_in_table_knows_every_signer),
		cmocka_unit_test(production_entries_are_accepted),
		cmocka_unit_test(one_older_than_its_signer_is_refused),
		cmocka_unit_test(one_of_an_unknown_signer_is_refused),
	};

	return cmocka_run_group_tests_name("real manifests", tests, set_up, tear_down);
}
