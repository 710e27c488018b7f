#include "signing.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"

char *folder;
struct arena *signing_arena;
struct signer *signer;
struct signer_options options;
char keys[600], profiles[600], passphrase_file[600];

void
start(void)
{
	struct diag d = { 0 };

	assert_ok(signer_start(&options, &signer, &d), d);
}

span
create(const char *name, enum key_role role, enum phase phase, const char *parent)
{
	struct create_request r = { .role = role,
		.phase = phase,
		.key_kind = role == KEY_ROLE_LEDGER ? KEY_ED25519
			    : role == KEY_ROLE_ROOT ? KEY_P384
						    : KEY_P256,
		.not_before_s = TEST_TIME_S,
		.not_after_s = TEST_TIME_S + 30 * (int64_t)YEAR,
		.url_base = "http://pki.test" };
	struct diag d = { 0 };
	span certificate = { NULL, 0 };

	if (role == KEY_ROLE_OCSP) {
		r.not_after_s = TEST_TIME_S + YEAR;
	}
	if (role == KEY_ROLE_FACTORY) {
		r.not_after_s = TEST_TIME_S + 29 * (int64_t)YEAR;
	}
	snprintf(r.name, sizeof(r.name), "%s", name);
	snprintf(r.parent, sizeof(r.parent), "%s", parent);
	snprintf(r.subject.common_name, sizeof(r.subject.common_name), "Test %s", name);
	assert_ok(signer_create(signer, signing_arena, &r, &certificate, &d), d);
	return certificate;
}

span root, issuing;

int
signing_set_up(void **state)
{
	struct diag d = { 0 };

	(void)state;
	folder = temporary_folder();
	signing_arena = arena_new(64 << 20);
	snprintf(keys, sizeof(keys), "%s/keys", folder);
	snprintf(profiles, sizeof(profiles), "%s/profiles", folder);
	snprintf(passphrase_file, sizeof(passphrase_file), "%s/passphrase", folder);
	assert_ok(folder_make(profiles, 0700, &d), d);
	assert_ok(file_replace(passphrase_file, span_text("correct horse\n"), 0600, &d), d);
	options = (struct signer_options){ .program = getenv("TENURE_SIGNER"),
		.keys = keys,
		.profiles = profiles,
		.passphrase_file = passphrase_file,
		.channels = 4,
		.create = true };
	start();
	root = create("root", KEY_ROLE_ROOT, PHASE_PRODUCTION, "");
	issuing = create("ca", KEY_ROLE_ISSUING, PHASE_PRODUCTION, "root");
	create("factory", KEY_ROLE_FACTORY, PHASE_PRODUCTION, "root");
	create("ca.ocsp", KEY_ROLE_OCSP, PHASE_PRODUCTION, "ca");
	create("manifest", KEY_ROLE_MANIFEST, PHASE_PRODUCTION, "");
	create("ledger", KEY_ROLE_LEDGER, PHASE_PRODUCTION, "");
	return 0;
}

int
signing_tear_down(void **state)
{
	(void)state;
	signer_stop(signer);
	temporary_folder_remove(folder);
	arena_free(signing_arena);
	return 0;
}

span
device_key(void)
{
	uint8_t *spki = arena_alloc(signing_arena, 600);
	struct diag d = { 0 };
	struct private_key k;
	struct public_key p;

	assert_ok(private_key_generate(KEY_P256, &k, &d), d);
	assert_ok(private_key_public(&k, spki, 600, &p, &d), d);
	private_key_wipe(&k);
	return p.spki;
}

struct issue_request
operational(int64_t index)
{
	struct issue_request r = { .authority = "ca",
		.profile = "operational",
		.phase = PHASE_PRODUCTION,
		.subject = { .common_name = "device" },
		.index = index,
		.not_before_s = TEST_TIME_S,
		.not_after_s = TEST_TIME_S + 90 * 86400 - 1,
		.url_base = "http://pki.test",
		.alt_name_count = 1 };

	r.alt_names[0].kind = ALT_URI;
	snprintf(r.alt_names[0].text, sizeof(r.alt_names[0].text), "urn:tenure:device:x");
	r.spki = device_key();
	return r;
}
