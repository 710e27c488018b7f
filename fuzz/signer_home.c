#include "signer_home.h"

#include <ftw.h>
#include <unistd.h>

#include "base/check.h"
#include "fuzz.h"

static struct clock_manual stopped_clock;
static char folder[] = "/tmp/tenure-fuzz-XXXXXX";

static int
remove_one(const char *path, const struct stat *s, int type, struct FTW *f)
{
	(void)s;
	(void)type;
	(void)f;
	return remove(path);
}

static void
remove_folder(void)
{
	nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void
make_key(struct issuer *i, const char *name, enum key_role role, const char *parent)
{
	struct create_request r = { .role = role,
		.phase = PHASE_PRODUCTION,
		.key_kind = role == KEY_ROLE_LEDGER ? KEY_ED25519
			    : role == KEY_ROLE_ROOT ? KEY_P384
						    : KEY_P256,
		.not_before_s = FUZZ_TIME_S,
		.not_after_s = FUZZ_TIME_S + (role == KEY_ROLE_OCSP ? 1 : 25) * INT64_C(31557600),
		.url_base = "http://pki.test" };
	struct diag d = { 0 };
	struct buffer out;

	snprintf(r.name, sizeof(r.name), "%s", name);
	snprintf(r.parent, sizeof(r.parent), "%s", parent);
	snprintf(r.subject.common_name, sizeof(r.subject.common_name), "Fuzz %s", name);
	buffer_init(&out, CERTIFICATE_SIZE_MAX);
	if (issue_key(i, &r, &out, &d) != OK) {
		fprintf(stderr, "key %s: %s\n", name, d.text);
		abort();
	}
	buffer_wipe(&out);
}

struct issuer *
signer_home(void)
{
	static struct issuer issuer;
	static struct secret passphrase; /* borrowed by the store, as long as it lives */
	struct diag d = { 0 };

	if (issuer.keys != NULL) {
		return &issuer;
	}
	clock_manual_init(&stopped_clock, FUZZ_TIME_S * 1000);
	HOLDS(mkdtemp(folder) != NULL);
	atexit(remove_folder);
	HOLDS(secret_init(&passphrase, 8) == OK);
	memcpy(passphrase.data, "sesame12", 8);
	HOLDS(key_store_open(folder, &passphrase, true, &issuer.keys, &d) == OK);
	profile_shelf_init(&issuer.profiles, NULL, &stopped_clock.clock);
	issuer.clock = &stopped_clock.clock;
	make_key(&issuer, "root", KEY_ROLE_ROOT, "");
	make_key(&issuer, "ca", KEY_ROLE_ISSUING, "root");
	make_key(&issuer, "factory", KEY_ROLE_FACTORY, "root");
	make_key(&issuer, "ca.ocsp", KEY_ROLE_OCSP, "ca");
	make_key(&issuer, "manifest", KEY_ROLE_MANIFEST, "");
	make_key(&issuer, "ledger", KEY_ROLE_LEDGER, "");
	return &issuer;
}
