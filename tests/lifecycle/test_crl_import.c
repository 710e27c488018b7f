#include "home.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "pki/crl.h"
#include "pki/pem.h"

/*
 * Lists that were signed elsewhere: three CAs of another company, made and kept by openssl, whose lists come as files.
 * `openssl verify -crl_check_all` judges what we publish of them.
 */

static struct home h;
static struct authority root, between, issuing;
static int64_t told[8];
static size_t told_count;

static const char script[] =
	"set -eu\n"
	"cd \"$1\"\n"
	"ca() {\n"
	"	mkdir $1 && : >$1/index && echo 10 >$1/number\n"
	"	printf '[ca]\\ndefault_ca=c\\n[c]\\ndatabase=%s/index\\ncrlnumber=%s/number\\n"
	"default_md=sha256\\ndefault_crl_days=30\\n[x]\\nauthorityKeyIdentifier=keyid:always\\n"
	"[cas]\\nauthorityKeyIdentifier=keyid:always\\nissuingDistributionPoint=critical,@a\\n[a]"
	"\\nonlyCA=TRUE\\n"
	"[users]\\nauthorityKeyIdentifier=keyid:always\\nissuingDistributionPoint=critical,@u\\n[u]"
	"\\nonlyuser=TRUE\\n"
	"[delta]\\nauthorityKeyIdentifier=keyid:always\\n2.5.29.27=critical,DER:020101\\n"
	"[odd]\\nauthorityKeyIdentifier=keyid:always\\n1.2.3.4=critical,DER:0500\\n'"
	" $1 $1 >$1/conf\n"
	"}\n"
	"key() { openssl ecparam -name prime256v1 -genkey -noout -out $1.key; }\n"
	"printf 'basicConstraints=critical,CA:TRUE\\nkeyUsage=critical,keyCertSign,cRLSign\\n"
	"subjectKeyIdentifier=hash\\nauthorityKeyIdentifier=keyid\\n' >ca.ext\n"
	"printf 'basicConstraints=critical,CA:FALSE\\nauthorityKeyIdentifier=keyid\\n' >leaf.ext\n"
	"sign() {\n" /* NAME ISSUER EXTENSIONS */
	"	key $1\n"
	"	openssl req -new -key $1.key -subj /O=Other/CN=$1 -out $1.csr\n"
	"	openssl x509 -req -in $1.csr -CA $2.pem -CAkey $2.key -CAcreateserial -days 300 "
	"-sha256"
	" -extfile $3 -out $1.pem\n"
	"}\n"
	"key root\n"
	"openssl req -x509 -new -key root.key -subj /O=Other/CN=root -days 3000 -sha256 -out "
	"root.pem\n"
	"ca root; ca between; ca issuing\n"
	"sign between root ca.ext; sign issuing between ca.ext; sign leaf issuing leaf.ext\n"
	"cat between.pem issuing.pem >chain.pem\n";

static void
openssl(const char *arguments)
{
	const char *line = arena_printf(h.arena, "cd '%s' && openssl %s", h.folder, arguments);

	if (home_run(&h, "text", (const char *[]){ "sh", "-c", line, NULL }) != 0) {
		fail_msg("%s: %s", arguments,
			arena_string(h.arena, bytes_of_file(h.arena, home_path(&h, "text"))));
	}
}

static void
note_told(void *context, int64_t authority)
{
	(void)context;
	told[told_count++ % 8] = authority;
}

static struct authority
import_ca(const char *name)
{
	struct authority a;
	struct diag d = { 0 };

	assert_ok(authority_import(&h.session, name, "other", PHASE_PRODUCTION,
			  bytes_of_file(
				  h.arena, home_path(&h, arena_printf(h.arena, "%s.pem", name))),
			  &a, &d),
		d);
	return a;
}

static int
open_behind(size_t others)
{
	home_open(&h);
	home_authorities_fill(&h, others);
	home_write(&h, "make.sh", span_text(script));
	assert_int_equal(
		0, home_run(&h, "text",
			   (const char *[]){ "sh", home_path(&h, "make.sh"), h.folder, NULL }));
	/* openssl's certificates begin now. */
	home_add_s(&h, (int64_t)time(NULL) + 1 - h.session.now_s);
	h.life.on_revocation = note_told;
	told_count = 0;
	root = import_ca("root");
	between = import_ca("between");
	issuing = import_ca("issuing");
	return 0;
}

static int
set_up(void **state)
{
	(void)state;
	return open_behind(0);
}

static int
set_up_behind_a_thousand(void **state)
{
	(void)state;
	return open_behind(LIST_PAGE_MAX + 1);
}

static int
tear_down(void **state)
{
	(void)state;
	home_close(&h);
	return 0;
}

/* A list of this CA, signed now: PEM. */
static span
list_of(const char *ca, const char *options)
{
	openssl(arena_printf(h.arena,
		"ca -gencrl -config %s/conf -keyfile %s.key -cert %s.pem -out list.pem %s", ca, ca,
		ca, options));
	return bytes_of_file(h.arena, home_path(&h, "list.pem"));
}

static status
give(const struct authority *a, span list, struct diag *d)
{
	*d = (struct diag){ 0 };
	return crl_import(&h.session, a->row, list, d);
}

static void
must_give(const struct authority *a, span list)
{
	struct diag d;

	assert_ok(give(a, list, &d), d);
}

static span
published(const char *file)
{
	return bytes_of_file(h.arena, home_path(&h, arena_printf(h.arena, "crl/%s", file)));
}

static bool
is_published(const char *file)
{
	return access(home_path(&h, arena_printf(h.arena, "crl/%s", file)), F_OK) == 0;
}

/* What openssl says of the leaf, with all lists of the chain out of one bundle. */
static const char *
verified(int *result)
{
	*result = home_run(&h, "text",
		(const char *[]){ "openssl", "verify", "-crl_check_all", "-CAfile",
			home_path(&h, "root.pem"), "-untrusted", home_path(&h, "chain.pem"),
			"-CRLfile", home_path(&h, "crl/issuing/bundle.pem"),
			home_path(&h, "leaf.pem"), NULL });
	return arena_string(h.arena, bytes_of_file(h.arena, home_path(&h, "text")));
}

static void
a_whole_chain_by_files(void **state)
{
	const char *words;
	int result;

	(void)state;
	assert_int_equal(0, root.parent);
	assert_int_equal(root.row, between.parent);
	assert_int_equal(between.row, issuing.parent);
	/* In any order: a bundle is put together again when a list above it comes. */
	must_give(&issuing, list_of("issuing", ""));
	words = verified(&result);
	assert_int_not_equal(0, result);
	assert_non_null(strstr(words, "unable to get certificate CRL"));
	must_give(&root, list_of("root", ""));
	must_give(&between, list_of("between", ""));
	words = verified(&result);
	if (result != 0) {
		fail_msg("%s", words);
	}
	/* Whom the root takes back is out with all below him. */
	openssl("ca -config root/conf -keyfile root.key -cert root.pem -revoke between.pem");
	must_give(&root, list_of("root", ""));
	words = verified(&result);
	assert_int_not_equal(0, result);
	assert_non_null(strstr(words, "certificate revoked"));
	assert_int_equal(0, told_count);
}

static void
the_files(void **state)
{
	span list = list_of("root", ""), der, head;
	struct authority now;
	struct diag d;

	(void)state;
	assert_false(is_published("root/full.crl"));
	must_give(&root, list);
	assert_int_equal(OK, pem_read(h.arena, list, "X509 CRL", &der, NULL));
	assert_true(span_equal(der, published("root/full.crl")));
	assert_true(span_equal(der, published("root/ca.crl")));
	head = published("root/bundle.pem");
	assert_int_equal(0, span_find(head, span_text("# CRLs of root, number 16, good until ")));
	assert_int_equal(OK, read_authority(h.reader, h.arena, root.row, &now));
	assert_int_equal(16, now.crl_number);
	assert_true(span_find(home_ledger_last(&h), span_text("\"crl-import\"")) != SIZE_MAX);
	/* DER is taken too, and the same list again is fine, and no second entry. */
	{
		int64_t size = home_ledger_size(&h);

		assert_ok(give(&root, der, &d), d);
		assert_int_equal(size, home_ledger_size(&h));
	}
	/* One of CA certificates only: for whoever has no use for another. */
	must_give(&between, list_of("between", "-crlexts cas"));
	assert_true(is_published("between/ca.crl"));
	assert_false(is_published("between/full.crl"));
}

/* The children that are ours have the root's list in their bundles: they are told. */
static void
our_own_below_are_published_anew(void **state)
{
	struct change *c = change_new(h.arena);
	struct authority ours = home_authority(&h, "own-root", AUTHORITY_ROOT, NULL), below;
	struct diag d = { 0 };

	(void)state;
	below = home_authority(&h, "own", AUTHORITY_ISSUING, "own-root");
	below.row = 0;
	snprintf(below.name, sizeof(below.name), "own-below");
	below.id.bytes[0] ^= 1;
	below.fingerprint[0] ^= 1;
	below.parent = root.row;
	change_authority_add(c, &below);
	assert_ok(store_commit(h.store, c, NULL, &d), d);
	must_give(&root, list_of("root", ""));
	assert_int_equal(1, told_count);
	assert_int_equal(below.row, told[0]);
	(void)ours;
}

static span
damaged(span pem)
{
	struct buffer out;
	span der, copy;

	assert_int_equal(OK, pem_read(h.arena, pem, "X509 CRL", &der, NULL));
	copy = arena_copy(h.arena, der);
	((uint8_t *)(uintptr_t)copy.data)[copy.len - 1] ^= 1;
	buffer_init(&out, 1 << 16);
	pem_write(&out, "X509 CRL", copy);
	copy = arena_copy(h.arena, buffer_span(&out));
	buffer_wipe(&out);
	return copy;
}

static void
refused(const struct authority *a, span list, status want, const char *words)
{
	struct diag d;
	status got = give(a, list, &d);

	if (got != want || strstr(d.text, words) == NULL) {
		fail_msg("%s, not %s: \"%s\" has no \"%s\"", status_name(got), status_name(want),
			d.text, words);
	}
}

static void
lists_that_are_refused(void **state)
{
	struct authority own = home_authority(&h, "own-root", AUTHORITY_ROOT, NULL);
	span old = list_of("root", ""), list = list_of("root", "");
	static const struct {
		const char *options;
		status want;
		const char *words;
	} rows[] = {
		{ "-crlexts users", BAD_INPUT, "a part of" },
		{ "-crlexts delta", BAD_INPUT, "a delta" },
		{ "-crlexts odd", BAD_INPUT, "critical extension" },
		{ "-crl_lastupdate 20200101000000Z -crl_nextupdate 20200201000000Z", BAD_INPUT,
			"ended at 2020-02-01" },
		{ "-crl_lastupdate 20990101000000Z -crl_nextupdate 20990201000000Z", BAD_INPUT,
			"in the future" },
	};

	(void)state;
	for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
		refused(&root, list_of("root", rows[k].options), rows[k].want, rows[k].words);
	}
	refused(&root, damaged(list), CRYPTO, "");
	refused(&root, list_of("between", ""), BAD_INPUT, "another issuer");
	refused(&root, span_text("nonsense"), BAD_INPUT, "neither");
	refused(&root, span_of(root.der.data, root.der.len), BAD_INPUT, "");
	refused(&own, list, CONFLICT, "the key of own-root is here");
	h.session.actor.kind = ACTOR_DEVICE;
	refused(&root, list, DENIED, "admin");
	h.session.actor.kind = ACTOR_SERVER;
	assert_false(is_published("root/full.crl"));
	must_give(&root, list);
	refused(&root, old, CONFLICT, "does not follow");
}

/* At half of its life somebody is to have a new one signed; one that is not there yet is nobody's fault. */
static void
half_of_its_life(void **state)
{
	struct crl_due due[4];
	struct diag d = { 0 };
	size_t count = 9;

	(void)state;
	assert_ok(crl_files_due(&h.session, due, 4, &count, &d), d);
	assert_int_equal(0, count);
	must_give(&root, list_of("root", ""));
	must_give(&between, list_of("between", "-crldays 300"));
	home_add_s(&h, 15 * 86400 - 60);
	assert_ok(crl_files_due(&h.session, due, 4, &count, &d), d);
	assert_int_equal(0, count);
	home_add_s(&h, 120);
	assert_ok(crl_files_due(&h.session, due, 4, &count, &d), d);
	assert_int_equal(1, count);
	assert_string_equal("root", due[0].authority);
	home_add_s(&h, 200 * 86400);
	assert_ok(crl_files_due(&h.session, due, 4, &count, &d), d);
	assert_int_equal(2, count);
	assert_ok(crl_files_due(&h.session, due, 1, &count, &d), d);
	assert_int_equal(1, count);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_whole_chain_by_files, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_whole_chain_by_files, set_up_behind_a_thousand, tear_down),
		cmocka_unit_test_setup_teardown(the_files, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			our_own_below_are_published_anew, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			our_own_below_are_published_anew, set_up_behind_a_thousand, tear_down),
		cmocka_unit_test_setup_teardown(lists_that_are_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(half_of_its_life, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			half_of_its_life, set_up_behind_a_thousand, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
