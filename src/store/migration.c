#include "store/migration.h"
#include <inttypes.h>
#include <stdio.h>
#include "base/check.h"

#define APPLICATION_ID 0x546e7265 /* "Tnre", in the header of the file */

/*
 * Version 1.
 *
 * Rows are given by the writer in the order of the commits, so that tables grow at their end. Names of issuers
 * (32 bytes) are kept once, in `issuer`. References from a device to its offer and certificates,
 * and from an element to its device, point back against a foreign key, therefore are without one.
 * The index of a certificate is called `number` here.
 *
 * What is spread at random costs most: each such entry dirties a page of its own. So of hashes only the first
 * 8 bytes are indexed, and a device is found by its element's serial where it has an element.
 * Two different hashes with the same first 8 bytes would be refused as EXISTS.
 */
static const char version_1[] =
	"CREATE TABLE setting (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;"

	"CREATE TABLE owner (row INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE CHECK (length(id) = "
	"16),"
	" name TEXT NOT NULL UNIQUE, title TEXT NOT NULL, kind INTEGER NOT NULL, salt BLOB,"
	" created_s INTEGER NOT NULL) STRICT;"

	"CREATE TABLE authority (row INTEGER PRIMARY KEY,"
	" id BLOB NOT NULL UNIQUE CHECK (length(id) = 16), name TEXT NOT NULL UNIQUE,"
	" hierarchy TEXT NOT NULL, kind INTEGER NOT NULL, phase INTEGER NOT NULL,"
	" parent INTEGER REFERENCES authority, has_key INTEGER NOT NULL,"
	" fingerprint BLOB NOT NULL UNIQUE, key_id BLOB, name_hash BLOB, name_hash_sha1 BLOB,"
	" key_hash_sha1 BLOB, key_hash_sha256 BLOB, not_before_s INTEGER NOT NULL,"
	" not_after_s INTEGER NOT NULL, crl_number INTEGER NOT NULL, created_s INTEGER NOT NULL,"
	" der BLOB NOT NULL) STRICT;"

	"CREATE TABLE fleet (row INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE CHECK (length(id) = "
	"16),"
	" name TEXT NOT NULL UNIQUE, phase INTEGER NOT NULL, authority INTEGER REFERENCES "
	"authority,"
	" profile TEXT NOT NULL, lifetime_s INTEGER NOT NULL, renew_after_percent INTEGER NOT NULL,"
	" required_level INTEGER NOT NULL, crl_lists_superseded INTEGER NOT NULL,"
	" offer_lifetime_s INTEGER NOT NULL, maker INTEGER REFERENCES owner,"
	" version INTEGER NOT NULL, created_s INTEGER NOT NULL) STRICT;"

	"CREATE TABLE operator (row INTEGER PRIMARY KEY,"
	" id BLOB NOT NULL UNIQUE CHECK (length(id) = 16), name TEXT NOT NULL UNIQUE,"
	" role INTEGER NOT NULL, owner INTEGER REFERENCES owner, token_hash BLOB UNIQUE,"
	" certificate_fingerprint BLOB UNIQUE, is_disabled INTEGER NOT NULL,"
	" created_s INTEGER NOT NULL) STRICT;"

	"CREATE TABLE manifest (row INTEGER PRIMARY KEY,"
	" id BLOB NOT NULL UNIQUE CHECK (length(id) = 16),"
	" fleet INTEGER NOT NULL REFERENCES fleet, phase INTEGER NOT NULL, file_hash BLOB NOT NULL,"
	" accepted INTEGER NOT NULL, refused INTEGER NOT NULL, known INTEGER NOT NULL,"
	" is_complete INTEGER NOT NULL, at_s INTEGER NOT NULL, UNIQUE (file_hash, fleet)) STRICT;"

	"CREATE TABLE pin (row INTEGER PRIMARY KEY, name TEXT NOT NULL, kid BLOB,"
	" x5t_sha256 BLOB NOT NULL, der BLOB NOT NULL, trust INTEGER NOT NULL,"
	" fleet INTEGER REFERENCES fleet, phase INTEGER NOT NULL, created_s INTEGER NOT NULL) "
	"STRICT;"
	"CREATE UNIQUE INDEX pin_of_all ON pin (x5t_sha256, phase) WHERE fleet IS NULL;"
	"CREATE UNIQUE INDEX pin_of_fleet ON pin (x5t_sha256, fleet) WHERE fleet IS NOT NULL;"

	"CREATE TABLE element (row INTEGER PRIMARY KEY, serial TEXT NOT NULL UNIQUE,"
	" model TEXT NOT NULL, part_number TEXT NOT NULL, profile TEXT NOT NULL,"
	" attestation INTEGER NOT NULL, attestation_key BLOB, manifest INTEGER REFERENCES manifest,"
	" entry_hash BLOB, phase INTEGER NOT NULL, device INTEGER) STRICT;"

	"CREATE TABLE device (row INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE CHECK (length(id) = "
	"16),"
	" serial TEXT NOT NULL, fleet INTEGER NOT NULL REFERENCES fleet,"
	" element INTEGER REFERENCES element, phase INTEGER NOT NULL, state INTEGER NOT NULL,"
	" state_before INTEGER NOT NULL, suspend_rank INTEGER NOT NULL, marks INTEGER NOT NULL,"
	" owner INTEGER REFERENCES owner, offer INTEGER, birth_certificate INTEGER,"
	" birth_is_denied INTEGER NOT NULL, current_certificate INTEGER,"
	" pending_certificate INTEGER, last_good_certificate INTEGER,"
	" key_generation INTEGER NOT NULL, renew_after_s INTEGER NOT NULL,"
	" version INTEGER NOT NULL, created_s INTEGER NOT NULL,"
	" changed_s INTEGER NOT NULL) STRICT;"
	"CREATE UNIQUE INDEX device_by_element ON device (element) WHERE element IS NOT NULL;"
	"CREATE UNIQUE INDEX device_by_serial ON device (serial) WHERE element IS NULL;"
	"CREATE INDEX device_by_fleet ON device (fleet);"
	"CREATE INDEX device_by_owner ON device (owner);"
	"CREATE INDEX device_by_state ON device (state);"
	"CREATE TABLE state_count (state INTEGER PRIMARY KEY, devices INTEGER NOT NULL) STRICT;"
	"CREATE TABLE seen (device INTEGER PRIMARY KEY REFERENCES device, at_s INTEGER NOT NULL) "
	"STRICT;"

	"CREATE TABLE issuer (row INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE) STRICT;"

	"CREATE TABLE certificate (row INTEGER PRIMARY KEY, kind INTEGER NOT NULL,"
	" status INTEGER NOT NULL, authority INTEGER REFERENCES authority, number INTEGER,"
	" device INTEGER REFERENCES device, owner INTEGER REFERENCES owner,"
	" issuer INTEGER NOT NULL REFERENCES issuer, serial BLOB NOT NULL CHECK (length(serial) > "
	"0),"
	" fingerprint BLOB NOT NULL CHECK (length(fingerprint) = 32),"
	" key_hash BLOB NOT NULL CHECK (length(key_hash) = 32), request_hash BLOB,"
	" not_before_s INTEGER NOT NULL, not_after_s INTEGER NOT NULL, issued_s INTEGER NOT NULL,"
	" first_used_s INTEGER NOT NULL, revoked_s INTEGER NOT NULL, reason INTEGER NOT NULL,"
	" level INTEGER NOT NULL, slot INTEGER NOT NULL, der BLOB NOT NULL,"
	" UNIQUE (issuer, serial)) STRICT;"
	"CREATE UNIQUE INDEX certificate_by_number ON certificate (authority, number)"
	" WHERE number IS NOT NULL;"
	"CREATE UNIQUE INDEX certificate_by_fingerprint ON certificate (substr(fingerprint, 1, 8));"
	"CREATE UNIQUE INDEX certificate_by_operational_key ON certificate (substr(key_hash, 1, 8))"
	" WHERE kind = 1;"
	"CREATE INDEX certificate_by_other_key ON certificate (substr(key_hash, 1, 8))"
	" WHERE kind <> 1;"
	"CREATE INDEX certificate_by_device ON certificate (device) WHERE device IS NOT NULL;"
	"CREATE INDEX certificate_revoked ON certificate (authority, number) WHERE status >= 2;"
	"CREATE INDEX certificate_pending ON certificate (not_before_s)"
	" WHERE kind = 1 AND status = 0;"

	"CREATE TABLE offer (row INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE CHECK (length(id) = "
	"16),"
	" device INTEGER NOT NULL REFERENCES device, from_owner INTEGER REFERENCES owner,"
	" to_owner INTEGER REFERENCES owner, code_hash BLOB, code_salt BLOB,"
	" expires_s INTEGER NOT NULL, status INTEGER NOT NULL, created_s INTEGER NOT NULL) STRICT;"
	"CREATE UNIQUE INDEX offer_open ON offer (device) WHERE status = 0;"
	"CREATE INDEX offer_open_from ON offer (from_owner) WHERE status = 0;"
	"CREATE INDEX offer_open_to ON offer (to_owner) WHERE status = 0;"
	"CREATE INDEX offer_open_until ON offer (expires_s) WHERE status = 0;"

	"CREATE TABLE claim_code (device INTEGER PRIMARY KEY REFERENCES device, salt BLOB, hash "
	"BLOB,"
	" created_s INTEGER NOT NULL, burnt_s INTEGER NOT NULL, failures INTEGER NOT NULL,"
	" locked_until_s INTEGER NOT NULL) STRICT;"

	"CREATE TABLE challenge (challenge BLOB PRIMARY KEY, expires_s INTEGER NOT NULL)"
	" STRICT, WITHOUT ROWID;"
	"CREATE INDEX challenge_until ON challenge (expires_s);"

	"CREATE TABLE warranty (row INTEGER PRIMARY KEY,"
	" id BLOB NOT NULL UNIQUE CHECK (length(id) = 16),"
	" device INTEGER NOT NULL REFERENCES device, owner INTEGER REFERENCES owner,"
	" consent INTEGER NOT NULL, reason TEXT NOT NULL, note TEXT NOT NULL,"
	" opened_s INTEGER NOT NULL, closed_s INTEGER NOT NULL) STRICT;"
	"CREATE UNIQUE INDEX warranty_open ON warranty (device) WHERE closed_s = 0;"

	"CREATE TABLE ledger (sequence INTEGER PRIMARY KEY, device INTEGER REFERENCES device,"
	" at_s INTEGER NOT NULL, entry BLOB NOT NULL) STRICT;"
	"CREATE INDEX ledger_by_device ON ledger (device) WHERE device IS NOT NULL;"

	"CREATE TABLE deny (sequence INTEGER PRIMARY KEY, issuer INTEGER NOT NULL REFERENCES "
	"issuer,"
	" action INTEGER NOT NULL, fingerprint BLOB NOT NULL, serial BLOB NOT NULL,"
	" authority INTEGER, number INTEGER, device INTEGER REFERENCES device,"
	" reason INTEGER NOT NULL, at_s INTEGER NOT NULL, expires_s INTEGER NOT NULL) STRICT;"

	"CREATE TABLE outbox (row INTEGER PRIMARY KEY AUTOINCREMENT, point TEXT NOT NULL,"
	" action TEXT NOT NULL, device INTEGER REFERENCES device, body BLOB NOT NULL,"
	" at_s INTEGER NOT NULL) STRICT;"

	"CREATE TABLE idempotency (operator INTEGER NOT NULL, name TEXT NOT NULL, request_hash "
	"BLOB,"
	" http_status INTEGER NOT NULL, body BLOB NOT NULL, at_s INTEGER NOT NULL,"
	" UNIQUE (operator, name)) STRICT;"
	"CREATE INDEX idempotency_since ON idempotency (at_s);";

/* Version 2: wrong codes are counted by what they were tried on and by who tried. */
static const char version_2[] =
	"CREATE TABLE attempt (subject TEXT PRIMARY KEY, failures INTEGER NOT NULL,"
	" locked_until_s INTEGER NOT NULL) STRICT, WITHOUT ROWID;";

/*
 * Version 3: the evidence that a certificate was issued on is kept, so that it can be checked again. Its row is its
 * certificate's, which comes behind it in the same change: therefore no foreign key.
 */
static const char version_3[] =
	"ALTER TABLE element ADD COLUMN is_vendors_word INTEGER NOT NULL DEFAULT 0;"
	"CREATE TABLE evidence (certificate INTEGER PRIMARY KEY,"
	" element INTEGER NOT NULL REFERENCES element, slot_is_locked INTEGER NOT NULL,"
	" der BLOB NOT NULL) STRICT;";

/* Version 4: how EST treats a fleet's devices, and through whom a certificate was asked for. */
static const char version_4[] =
	"ALTER TABLE fleet ADD COLUMN est_pending INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE fleet ADD COLUMN est_retry_after_s INTEGER NOT NULL DEFAULT 60;"
	"ALTER TABLE fleet ADD COLUMN est_link INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE fleet ADD COLUMN est_lines INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE fleet ADD COLUMN est_makes_keys INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE fleet ADD COLUMN est_ra INTEGER REFERENCES operator;"
	"ALTER TABLE certificate ADD COLUMN via INTEGER REFERENCES operator;";

static const char *const migrations[] = { version_1, version_2, version_3, version_4 };
const int64_t migration_latest = COUNT_OF(migrations);

static status
check_owner_of_file(struct connection *c, int64_t version, struct diag *d)
{
	int64_t application = 0;
	int64_t objects = 0;
	status s = connection_number(c, "PRAGMA application_id", &application, d);
	if (s == OK) {
		s = connection_number(c, "SELECT count(*) FROM sqlite_schema", &objects, d);
	}
	if (s != OK) {
		return s;
	}
	if (application != APPLICATION_ID && (objects > 0 || version > 0)) {
		return diag_set(d, IO, NULL, "%s: is no database of Tenure",
			sqlite3_db_filename(c->db, "main"));
	}
	return OK;
}

static status
step(struct connection *c, int64_t version, struct diag *d)
{
	char marks[128];
	snprintf(marks, sizeof(marks), "PRAGMA application_id = %d; PRAGMA user_version = %" PRId64,
		APPLICATION_ID, version + 1);
	status s = connection_run(c, "BEGIN EXCLUSIVE", d);
	if (s == OK) {
		s = connection_run(c, migrations[version], d);
	}
	if (s == OK) {
		s = connection_run(c, marks, d);
	}
	if (s == OK) {
		s = connection_run(c, "COMMIT", d);
	}
	if (s != OK) {
		diag_prefix(d, "migration to version %" PRId64 ": ", version + 1);
		(void)sqlite3_exec(c->db, "ROLLBACK", NULL, NULL, NULL);
	}
	return s;
}

status
migration_run(struct connection *c, enum migration_mode mode, struct diag *d)
{
	int64_t version = 0;
	status s = connection_number(c, "PRAGMA user_version", &version, d);
	if (s == OK) {
		s = check_owner_of_file(c, version, d);
	}
	if (s != OK) {
		return s;
	}
	if (version < 0 || version > migration_latest) {
		return diag_set(d, CONFLICT, NULL,
			"%s: is of version %" PRId64 ", this program knows %" PRId64
			"; use the newer program",
			sqlite3_db_filename(c->db, "main"), version, migration_latest);
	}
	if (version == 0 && mode != MIGRATION_CREATE) {
		return diag_set(d, NOT_FOUND, NULL, "%s: is empty; restore it, or run tenure init",
			sqlite3_db_filename(c->db, "main"));
	}
	if (version < migration_latest && mode == MIGRATION_CHECK) {
		return diag_set(d, CONFLICT, NULL,
			"%s: is of the older version %" PRId64
			"; start the server once to bring it up",
			sqlite3_db_filename(c->db, "main"), version);
	}
	while (s == OK && version < migration_latest) {
		s = step(c, version++, d);
	}
	return s;
}
