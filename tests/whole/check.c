#include "check.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <openssl/x509.h>

#include "base/check.h"
#include "base/file.h"
#include "base/text.h"

#define SETTLE_MS 30000
#define CRL_MAX (16 << 20)

/* Numbers as src/fleet stores them: states 3 ACTIVE, 4 SUSPENDED, 5 IN_TRANSFER, 7 RETIRED; certificates 0 pending,
 * 1 current, 2 superseded, 3 revoked, 4 withdrawn; kinds 0 birth, 1 operational; deny 0 revoke, 1 suspend, 2 restore,
 * 3 supersede. Each question counts what must not be. */
static const struct {
	const char *what, *question;
} faults[] = {
	{ "rows refer to rows that are not there",
		"SELECT count(*) FROM pragma_foreign_key_check" },
	{ "the ledger's numbers have a gap", "SELECT max(sequence) + 1 - count(*) FROM ledger" },
	{ "the deny feed's numbers have a gap",
		"SELECT ifnull(max(sequence) - count(*), 0) FROM deny" },
	{ "a certificate stands in no ledger entry",
		"SELECT count(*) FROM certificate AS c WHERE NOT EXISTS (SELECT 1 FROM ledger AS l"
		" WHERE json_extract(CAST(l.entry AS TEXT), '$.certificate') ="
		" lower(hex(c.fingerprint)))" },
	{ "a ledger entry names a certificate that is not there",
		"SELECT count(*) FROM ledger AS l WHERE json_extract(CAST(l.entry AS TEXT), "
		"'$.event')"
		" IN ('prove', 'manufacture') AND json_extract(CAST(l.entry AS TEXT),"
		" '$.certificate') IS NOT NULL AND NOT EXISTS (SELECT 1 FROM certificate AS c WHERE"
		" lower(hex(c.fingerprint)) = json_extract(CAST(l.entry AS TEXT),"
		" '$.certificate'))" },
	{ "an authority stands in no ledger entry",
		"SELECT count(*) FROM authority AS a WHERE NOT EXISTS (SELECT 1 FROM ledger AS l "
		"WHERE"
		" json_extract(CAST(l.entry AS TEXT), '$.authority') = a.name)" },
	{ "a fleet stands in no ledger entry",
		"SELECT count(*) FROM fleet AS f WHERE NOT EXISTS (SELECT 1 FROM ledger AS l WHERE"
		" json_extract(CAST(l.entry AS TEXT), '$.event') = 'fleet-create' AND"
		" json_extract(CAST(l.entry AS TEXT), '$.fleet') = f.name)" },
	{ "operators and the ledger differ",
		"SELECT abs((SELECT count(*) FROM operator) - (SELECT count(*) FROM ledger AS l "
		"WHERE"
		" json_extract(CAST(l.entry AS TEXT), '$.event') = 'operator-add'))" },
	{ "a device is in another state than its last entry says",
		"SELECT count(*) FROM device AS d WHERE d.state <> (SELECT CASE"
		" json_extract(CAST(l.entry AS TEXT), '$.to') WHEN 'MANUFACTURED' THEN 0"
		" WHEN 'HELD' THEN 1 WHEN 'AWAITING_DEVICE' THEN 2 WHEN 'ACTIVE' THEN 3"
		" WHEN 'SUSPENDED' THEN 4 WHEN 'IN_TRANSFER' THEN 5 WHEN 'RETURNED' THEN 6"
		" WHEN 'RETIRED' THEN 7 END FROM ledger AS l WHERE l.device = d.row AND"
		" json_extract(CAST(l.entry AS TEXT), '$.to') IS NOT NULL"
		" ORDER BY l.sequence DESC LIMIT 1)" },
	{ "the counts of states are not those of the devices",
		"SELECT count(*) FROM (SELECT state, devices FROM state_count WHERE devices > 0 "
		"EXCEPT"
		" SELECT state, count(*) FROM device GROUP BY state)" },
	{ "a live certificate is not its device's",
		"SELECT count(*) FROM certificate AS c JOIN device AS d ON d.row = c.device"
		" WHERE c.kind = 1 AND ((c.status = 1 AND d.current_certificate IS NOT c.row) OR"
		" (c.status = 0 AND d.pending_certificate IS NOT c.row))" },
	{ "a device points to a certificate that has ended",
		"SELECT count(*) FROM device AS d JOIN certificate AS c ON c.row IN"
		" (d.current_certificate, d.pending_certificate) WHERE c.status > 1" },
	{ "an ACTIVE device has no current certificate",
		"SELECT count(*) FROM device WHERE state IN (3, 5) AND"
		" ifnull(current_certificate, 0) = 0" },
	{ "a device has two open offers or points to a closed one",
		"SELECT count(*) FROM device AS d WHERE ifnull(d.offer, 0) <> ifnull((SELECT o.row "
		"FROM"
		" offer AS o WHERE o.device = d.row AND o.status = 0), 0)" },
	{ "IN_TRANSFER without an offer",
		"SELECT count(*) FROM device WHERE state = 5 AND ifnull(offer, 0) = 0" },
	{ "a suspension without a rank, or a rank without one",
		"SELECT count(*) FROM device WHERE (state = 4) <> (suspend_rank <> 0)" },
	{ "an ended certificate is not in the deny feed",
		"SELECT count(*) FROM certificate AS c WHERE c.kind < 2 AND c.status > 1 AND"
		" ifnull((SELECT n.action FROM deny AS n WHERE n.fingerprint = c.fingerprint"
		" ORDER BY n.sequence DESC LIMIT 1), -1) NOT IN (0, 3)" },
	{ "a live certificate is revoked in the deny feed",
		"SELECT count(*) FROM certificate AS c WHERE c.kind = 1 AND c.status < 2 AND"
		" ifnull((SELECT n.action FROM deny AS n WHERE n.fingerprint = c.fingerprint"
		" ORDER BY n.sequence DESC LIMIT 1), 2) IN (0, 3)" },
	{ "a suspended device's certificate is not suspended in the deny feed",
		"SELECT count(*) FROM certificate AS c JOIN device AS d ON d.row = c.device WHERE"
		" c.kind = 1 AND c.status < 2 AND (d.state = 4) <> (ifnull((SELECT n.action FROM "
		"deny"
		" AS n WHERE n.fingerprint = c.fingerprint ORDER BY n.sequence DESC LIMIT 1), 2) ="
		" 1)" },
	{ "a certificate that works belongs to another owner",
		"SELECT count(*) FROM device AS d JOIN certificate AS c ON c.row ="
		" d.current_certificate WHERE d.state IN (3, 5) AND c.owner IS NOT d.owner" },
	{ "a device has lost every way in", "SELECT count(*) FROM device AS d WHERE d.state IN (2, "
					    "3, 5) AND d.birth_is_denied AND"
					    " ifnull(d.current_certificate, 0) = 0 AND "
					    "ifnull(d.last_good_certificate, 0) = 0" },
	{ "two certificates of a CA have one number or one serial",
		"SELECT count(*) - count(DISTINCT issuer || ':' || hex(serial)) FROM certificate" },
	{ "a key stands in two operational certificates",
		"SELECT count(*) - count(DISTINCT key_hash) FROM certificate WHERE kind = 1" },
};

static void
check_ledger(struct stage *s, const char *when)
{
	/* As many as there are now: the server's own schedule may add one at any time. */
	int64_t size = stage_number(s, "SELECT count(*) FROM ledger");
	struct ran r;

	if (!stage_settles(s, SETTLE_MS) || s->server == 0 || !program_runs(s->server)) {
		fail_msg("%s: the ledger is not published: %s", when, stage_log(s));
	}
	r = program_run(s->arena,
		(const char *const[]){ getenv("TENURE"), "ledger", "verify",
			stage_path(s, "home/ledger"), "--key-file",
			stage_path(s, "home/ledger.vkey"), "--json", NULL },
		60000);
	if (r.exit != 0 || strtoll(json_member(s->arena, r.out, "size"), NULL, 10) < size) {
		fail_msg("%s: the ledger does not verify at %lld: %s%s", when, (long long)size,
			r.out, r.err);
	}
}

void
check_home(struct stage *s, const char *when)
{
	const char *sound = stage_text(s, "PRAGMA integrity_check");

	if (strcmp(sound, "ok") != 0) {
		fail_msg("%s: the database: %s", when, sound);
	}
	for (size_t i = 0; i < COUNT_OF(faults); i++) {
		int64_t found = stage_number(s, "%s", faults[i].question);

		if (found != 0) {
			fail_msg("%s: %s: %lld", when, faults[i].what, (long long)found);
		}
	}
	check_ledger(s, when);
}

void
check_way_in(struct stage *s, const char *folder, const char *fleet, const char *when)
{
	struct ran r = stage_agent(s, folder, fleet, "state");

	if (r.exit != 0) {
		fail_msg("%s: the device is out: %s%s", when, r.out, r.err);
	}
}

/* --- what relying parties are told --- */

static X509_CRL *
read_crl(struct stage *s, const char *authority)
{
	span der = bytes_of_file(s->arena, stage_path(s, "home/crl/%s/full.crl", authority));
	const unsigned char *at = der.data;
	X509_CRL *crl = d2i_X509_CRL(NULL, &at, (long)der.len);

	assert_non_null(crl);
	return crl;
}

static X509 *
certificate_of(struct stage *s, int64_t row)
{
	const char *hex =
		stage_text(s, "SELECT hex(der) FROM certificate WHERE row = %lld", (long long)row);
	span der = bytes_of_hex(s->arena, hex);
	const unsigned char *at = der.data;
	X509 *c = d2i_X509(NULL, &at, (long)der.len);

	assert_non_null(c);
	return c;
}

static void
check_ocsp(struct stage *s, const char *authority, int64_t row, bool is_revoked, const char *when)
{
	const char *cert = stage_path(s, "asked.der"), *issuer = stage_path(s, "issuer.pem");
	span der = bytes_of_hex(s->arena,
		stage_text(s, "SELECT hex(der) FROM certificate WHERE row = %lld", (long long)row));
	struct diag d = { 0 };
	struct ran r = stage_must(s, "hierarchy", "show", authority, "--json", NULL);

	stage_file(s, "issuer.pem", json_member(s->arena, r.out, "pem"));
	assert_ok(file_replace(cert, der, 0600, &d), d);
	r = program_run(s->arena,
		(const char *const[]){ "/usr/bin/openssl", "ocsp", "-issuer", issuer, "-cert", cert,
			"-url", arena_printf(s->arena, "%s/ocsp/%s", s->plain, authority),
			"-CAfile", stage_path(s, "home/ca.pem"), NULL },
		20000);
	if (r.exit != 0 || strstr(r.out, is_revoked ? ": revoked" : ": good") == NULL) {
		fail_msg("%s: OCSP of certificate %lld, which is %s: %s%s", when, (long long)row,
			is_revoked ? "revoked" : "good", r.out, r.err);
	}
}

void
check_relying(struct stage *s, const char *authority, const char *when)
{
	int64_t count, row = 0;
	X509_CRL *crl;

	stage_must(s, "hierarchy", "publish", authority, NULL);
	crl = read_crl(s, authority);
	count = stage_number(s,
		"SELECT count(*) FROM certificate AS c JOIN authority AS a ON a.row = c.authority"
		" WHERE a.name = '%s' AND c.kind < 2",
		authority);
	for (int64_t i = 0; i < count; i++) {
		X509_REVOKED *entry = NULL;
		X509 *c;
		int64_t ended;
		bool is_listed;

		row = stage_number(s,
			"SELECT c.row FROM certificate AS c JOIN authority AS a ON a.row = "
			"c.authority"
			" WHERE a.name = '%s' AND c.kind < 2 AND c.row > %lld ORDER BY c.row LIMIT "
			"1",
			authority, (long long)row);
		ended = stage_number(s, "SELECT status IN (3, 4) FROM certificate WHERE row = %lld",
			(long long)row);
		c = certificate_of(s, row);
		is_listed = X509_CRL_get0_by_cert(crl, &entry, c) == 1;
		X509_free(c);
		if (stage_number(s, "SELECT status FROM certificate WHERE row = %lld",
			    (long long)row) == 2) {
			continue; /* superseded: listed or not, as the fleet's policy says */
		}
		if (is_listed != (ended == 1)) {
			fail_msg("%s: certificate %lld is %s, the CRL says otherwise", when,
				(long long)row, ended ? "revoked" : "good");
		}
		check_ocsp(s, authority, row, ended == 1, when);
	}
	X509_CRL_free(crl);
}
