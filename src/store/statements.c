#include "store/statements.h"

/* Columns in the order of rows.c, each list used by writing and reading alike. */
#define OWNER "row, id, name, title, kind, salt, created_s"
#define AUTHORITY                                                                                  \
	"row, id, name, hierarchy, kind, phase, parent, has_key, fingerprint, key_id, name_hash, " \
	"name_hash_sha1, key_hash_sha1, key_hash_sha256, not_before_s, not_after_s, crl_number, "  \
	"created_s, der"
#define FLEET_REST                                                                         \
	"id, name, phase, authority, profile, lifetime_s, renew_after_percent, "           \
	"required_level, crl_lists_superseded, offer_lifetime_s, est_pending, "            \
	"est_retry_after_s, est_link, est_lines, est_makes_keys, est_ra, maker, version, " \
	"created_s"
#define FLEET "row, " FLEET_REST
#define OPERATOR_REST \
	"id, name, role, owner, token_hash, certificate_fingerprint, is_disabled, created_s"
#define OPERATOR "row, " OPERATOR_REST
#define MANIFEST "row, id, fleet, phase, file_hash, accepted, refused, known, is_complete, at_s"
#define PIN "row, name, kid, x5t_sha256, der, trust, fleet, phase, created_s"
#define ELEMENT                                                                              \
	"row, serial, model, part_number, profile, attestation, attestation_key, manifest, " \
	"entry_hash, phase, device, is_vendors_word"
#define DEVICE                                                                                 \
	"row, id, serial, fleet, element, phase, state, state_before, suspend_rank, marks, "   \
	"owner, offer, birth_certificate, birth_is_denied, current_certificate, "              \
	"pending_certificate, last_good_certificate, key_generation, renew_after_s, version, " \
	"created_s, "                                                                          \
	"changed_s"
/* An update of an indexed column costs an index even where the value stays. */
#define DEVICE_INDEXED "serial, fleet, owner, state"
#define DEVICE_UNINDEXED                                                                     \
	"element, phase, state_before, suspend_rank, marks, offer, birth_certificate, "      \
	"birth_is_denied, current_certificate, pending_certificate, last_good_certificate, " \
	"key_generation, renew_after_s, version, changed_s"
#define CERTIFICATE_REST                                                                       \
	"kind, status, authority, number, device, owner, serial, fingerprint, key_hash, "      \
	"request_hash, not_before_s, not_after_s, issued_s, first_used_s, revoked_s, reason, " \
	"level, slot, via, der"
#define CERTIFICATE "row, issuer, " CERTIFICATE_REST
#define SELECT_CERTIFICATE                        \
	"SELECT c.row, i.hash, " CERTIFICATE_REST \
	" FROM certificate AS c JOIN issuer AS i ON i.row = c.issuer "
#define OFFER                                                                              \
	"row, id, device, from_owner, to_owner, code_hash, code_salt, expires_s, status, " \
	"created_s"
#define CASE "row, id, device, owner, consent, reason, note, opened_s, closed_s"
#define DENY_REST                                                                          \
	"sequence, action, fingerprint, serial, authority, number, device, reason, at_s, " \
	"expires_s"
#define PAGE " ORDER BY row LIMIT ?2"

const char *const statement_sql[STATEMENT_COUNT] = {
	[WRITE_OWNER] = "INSERT INTO owner (" OWNER ") VALUES (?, ?, ?, ?, ?, ?, ?)",
	[WRITE_AUTHORITY] = "INSERT INTO authority (" AUTHORITY
			    ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	[WRITE_FLEET] = "INSERT INTO fleet (" FLEET
			") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	[WRITE_OPERATOR] = "INSERT INTO operator (" OPERATOR ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
	[WRITE_MANIFEST] =
		"INSERT INTO manifest (" MANIFEST ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	[WRITE_PIN] = "INSERT INTO pin (" PIN ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
	[WRITE_ELEMENT] =
		"INSERT INTO element (" ELEMENT ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	[WRITE_DEVICE] =
		"INSERT INTO device (" DEVICE
		") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	[WRITE_CERTIFICATE] =
		"INSERT INTO certificate (" CERTIFICATE
		") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	[WRITE_OFFER] = "INSERT INTO offer (" OFFER ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	[WRITE_CASE] = "INSERT INTO warranty (" CASE ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
	[WRITE_ISSUER] = "INSERT INTO issuer (hash) VALUES (?)",
	[SET_FLEET] =
		"UPDATE fleet SET (" FLEET_REST
		") = (?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, "
		"?19, ?20) WHERE row = ?1",
	[SET_AUTHORITY_CRL_NUMBER] = "UPDATE authority SET crl_number = ?2 WHERE row = ?1",
	[SET_OPERATOR] =
		"UPDATE operator SET (" OPERATOR_REST ") = (?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) "
		"WHERE row = ?1 AND is_disabled = 0",
	[SET_ELEMENT_DEVICE] = "UPDATE element SET device = ?2 WHERE row = ?1",
	[SET_DEVICE] = "UPDATE device SET (" DEVICE_UNINDEXED
		       ") = (?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16) "
		       "WHERE row = ?1",
	[SET_DEVICE_INDEXED] =
		"UPDATE device SET (" DEVICE_INDEXED ") = (?2, ?3, ?4, ?5) WHERE row = ?1",
	[SET_CERTIFICATE_STATUS] =
		"UPDATE certificate SET status = ?3, revoked_s = ?4, reason = ?5 "
		"WHERE row = ?1 AND ((1 << status) & ?2) <> 0",
	[SET_CERTIFICATE_REASON] =
		"UPDATE certificate SET reason = ?3 WHERE row = ?1 AND status = 3 AND reason = ?2",
	[SET_CERTIFICATE_DEVICE] = "UPDATE certificate SET device = ?2 WHERE row = ?1",
	[SET_CERTIFICATE_USED] =
		"UPDATE certificate SET first_used_s = ?2 WHERE row = ?1 AND first_used_s = 0",
	[SET_CERTIFICATES_OF_DEVICE] =
		"UPDATE certificate SET status = ?2, revoked_s = ?3, reason = ?4 "
		"WHERE device = ?1 AND kind = 1 AND status IN (0, 1)",
	[SET_CERTIFICATES_LIST_ENDED] =
		"UPDATE certificate SET status = 3 "
		"WHERE device = ?1 AND kind = 1 AND status IN (2, 4) AND not_after_s >= ?2",
	[SET_OFFER_STATUS] = "UPDATE offer SET status = ?3 WHERE row = ?1 AND status = ?2",
	[SET_CLAIM_CODE] = "INSERT OR REPLACE INTO claim_code (device, salt, hash, created_s, "
			   "burnt_s, failures, "
			   "locked_until_s) VALUES (?, ?, ?, ?, ?, ?, ?)",
	[SET_CLAIM_CODE_TRIED] = "UPDATE claim_code SET failures = ?3, locked_until_s = ?4 "
				 "WHERE device = ?1 AND salt = ?2 AND failures = ?5",
	[SET_ATTEMPT] =
		"INSERT INTO attempt (subject, failures, locked_until_s) VALUES (?1, ?2, ?3) "
		"ON CONFLICT (subject) DO UPDATE SET failures = ?2, locked_until_s = ?3 "
		"WHERE failures = ?4",
	[SET_CASE_CLOSED] = "UPDATE warranty SET closed_s = ?2 WHERE row = ?1 AND closed_s = 0",
	[SET_MANIFEST_COUNTS] =
		"UPDATE manifest SET accepted = ?2, refused = ?3, known = ?4, is_complete = ?5 "
		"WHERE row = ?1",
	[SET_SETTING] = "INSERT OR REPLACE INTO setting (name, value) VALUES (?, ?)",
	[SET_STATE_COUNT] = "INSERT OR REPLACE INTO state_count (state, devices) VALUES (?, ?)",
	[SET_SEEN] = "INSERT INTO seen (device, at_s) VALUES (?1, ?2) "
		     "ON CONFLICT (device) DO UPDATE SET at_s = max(at_s, ?2)",
	[WRITE_CHALLENGE] = "INSERT INTO challenge (challenge, expires_s) VALUES (?, ?)",
	[WRITE_EVIDENCE] = "INSERT INTO evidence (certificate, element, slot_is_locked, der) "
			   "VALUES (?, ?, ?, ?)",
	[WRITE_LEDGER] = "INSERT INTO ledger (sequence, device, at_s, entry) VALUES (?, ?, ?, ?)",
	[WRITE_DENY] =
		"INSERT INTO deny (issuer, " DENY_REST ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	[WRITE_OUTBOX] = "INSERT INTO outbox (row, point, action, device, body, at_s) VALUES (?, "
			 "?, ?, ?, ?, ?)",
	[WRITE_IDEMPOTENCY] =
		"INSERT INTO idempotency (operator, name, request_hash, http_status, body, at_s) "
		"VALUES (?, ?, ?, ?, ?, ?)",
	[DROP_OUTBOX] = "DELETE FROM outbox WHERE row = ?",
	[DROP_CHALLENGES] = "DELETE FROM challenge WHERE expires_s < ?",
	[DROP_IDEMPOTENCY] = "DELETE FROM idempotency WHERE at_s < ?",
	[BEGIN_WRITING] = "BEGIN IMMEDIATE",
	[END_WRITING] = "COMMIT",
	[BEGIN_READING] = "BEGIN",
	[END_READING] = "COMMIT",
	[READ_DATA_VERSION] = "PRAGMA data_version",
	[READ_DEVICE] = "SELECT " DEVICE " FROM device WHERE row = ?",
	[READ_DEVICE_BY_ID] = "SELECT " DEVICE " FROM device WHERE id = ?",
	[READ_DEVICE_BY_SERIAL] =
		"SELECT " DEVICE " FROM device "
		"WHERE element = (SELECT row FROM element WHERE serial = ?1) UNION ALL "
		"SELECT " DEVICE " FROM device WHERE element IS NULL AND serial = ?1",
	[READ_DEVICE_VERSION] =
		"SELECT version, serial, fleet, owner, state FROM device WHERE row = ?",
	[READ_ELEMENT] = "SELECT " ELEMENT " FROM element WHERE row = ?",
	[READ_ELEMENT_BY_SERIAL] = "SELECT " ELEMENT " FROM element WHERE serial = ?",
	[READ_CERTIFICATE] = SELECT_CERTIFICATE "WHERE c.row = ?",
	[READ_CERTIFICATE_BY_FINGERPRINT] = SELECT_CERTIFICATE
	"WHERE substr(fingerprint, 1, 8) = substr(?1, 1, 8) AND fingerprint = ?1",
	[READ_CERTIFICATE_BY_INDEX] = SELECT_CERTIFICATE "WHERE authority = ? AND number = ?",
	[READ_CERTIFICATE_BY_SERIAL] = SELECT_CERTIFICATE
	"WHERE c.issuer = (SELECT row FROM issuer WHERE hash = ?) AND serial = ?",
	[READ_CERTIFICATE_BY_REQUEST] = SELECT_CERTIFICATE
	"WHERE device = ? AND request_hash = ? ORDER BY c.row DESC LIMIT 1",
	[READ_KEY_IS_KNOWN] = "SELECT EXISTS (SELECT 1 FROM certificate WHERE kind = 1 AND "
			      "substr(key_hash, 1, 8) = substr(?1, 1, 8) AND key_hash = ?1) "
			      "OR EXISTS (SELECT 1 FROM certificate WHERE kind <> 1 AND "
			      "substr(key_hash, 1, 8) = substr(?1, 1, 8) AND key_hash = ?1)",
	[READ_CHALLENGE_IS_BURNT] = "SELECT EXISTS (SELECT 1 FROM challenge WHERE challenge = ?)",
	[READ_EVIDENCE] = "SELECT certificate, element, slot_is_locked, der FROM evidence "
			  "WHERE certificate = ?",
	[READ_ISSUER] = "SELECT row FROM issuer WHERE hash = ?",
	[READ_FLEET] = "SELECT " FLEET " FROM fleet WHERE row = ?",
	[READ_FLEET_BY_NAME] = "SELECT " FLEET " FROM fleet WHERE name = ?",
	[READ_FLEET_VERSION] = "SELECT version FROM fleet WHERE row = ?",
	[READ_OWNER] = "SELECT " OWNER " FROM owner WHERE row = ?",
	[READ_OWNER_BY_NAME] = "SELECT " OWNER " FROM owner WHERE name = ?",
	[READ_AUTHORITY] = "SELECT " AUTHORITY " FROM authority WHERE row = ?",
	[READ_AUTHORITY_BY_NAME] = "SELECT " AUTHORITY " FROM authority WHERE name = ?",
	[READ_OPERATOR] = "SELECT " OPERATOR " FROM operator WHERE row = ?",
	[READ_OPERATOR_BY_NAME] = "SELECT " OPERATOR " FROM operator WHERE name = ?",
	[READ_OPERATOR_BY_TOKEN] = "SELECT " OPERATOR " FROM operator WHERE token_hash = ?",
	/* Few operators are there, and fewer are removed: the other admins are looked for one by one. */
	[READ_IS_LAST_ADMIN] =
		"SELECT 1 FROM operator WHERE row = ?1 AND role = ?2 AND is_disabled = 0 AND "
		"NOT EXISTS (SELECT 1 FROM operator WHERE role = ?2 AND is_disabled = 0 AND row <> "
		"?1)",
	[READ_OPERATOR_BY_CERTIFICATE] =
		"SELECT " OPERATOR " FROM operator WHERE certificate_fingerprint = ?",
	[READ_OFFER] = "SELECT " OFFER " FROM offer WHERE row = ?",
	[READ_OFFER_BY_ID] = "SELECT " OFFER " FROM offer WHERE id = ?",
	[READ_CLAIM_CODE] =
		"SELECT device, salt, hash, created_s, burnt_s, failures, locked_until_s "
		"FROM claim_code WHERE device = ?",
	[READ_ATTEMPT] = "SELECT subject, failures, locked_until_s FROM attempt WHERE subject = ?",
	[READ_OPEN_CASE] = "SELECT " CASE " FROM warranty WHERE device = ? AND closed_s = 0",
	[READ_SEEN] = "SELECT at_s FROM seen WHERE device = ?",
	[READ_MANIFEST_BY_HASH] =
		"SELECT " MANIFEST " FROM manifest WHERE file_hash = ? AND fleet = ?",
	[READ_IDEMPOTENCY] =
		"SELECT operator, name, request_hash, http_status, body, at_s FROM idempotency "
		"WHERE operator = ? AND name = ?",
	[READ_SETTING] = "SELECT value FROM setting WHERE name = ?",
	[READ_LAST_INDEX] =
		"SELECT number FROM certificate "
		"WHERE authority = ? AND number IS NOT NULL ORDER BY number DESC LIMIT 1",
	[READ_STATE_COUNTS] = "SELECT state, devices FROM state_count",
	[READ_NEXT_ROWS] =
		"SELECT "
		"(SELECT coalesce(max(row), 0) FROM owner), "
		"(SELECT coalesce(max(row), 0) FROM authority), "
		"(SELECT coalesce(max(row), 0) FROM fleet), "
		"(SELECT coalesce(max(row), 0) FROM operator), "
		"(SELECT coalesce(max(row), 0) FROM manifest), "
		"(SELECT coalesce(max(row), 0) FROM pin), "
		"(SELECT coalesce(max(row), 0) FROM element), "
		"(SELECT coalesce(max(row), 0) FROM device), "
		"(SELECT coalesce(max(row), 0) FROM certificate), "
		"(SELECT coalesce(max(row), 0) FROM offer), "
		"(SELECT coalesce(max(row), 0) FROM warranty), "
		"(SELECT coalesce(max(sequence), -1) FROM ledger), "
		"(SELECT coalesce(max(sequence), 0) FROM deny), "
		"(SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'outbox')",
	[LIST_DEVICES] = "SELECT " DEVICE " FROM device WHERE row > ?1" PAGE,
	[LIST_DEVICES_OF_OWNER] =
		"SELECT " DEVICE " FROM device WHERE row > ?1 AND owner = ?3 AND (?4 = 0 OR fleet "
		"= ?4) AND (?5 < 0 OR state = ?5)" PAGE,
	[LIST_DEVICES_OF_FLEET] =
		"SELECT " DEVICE
		" FROM device WHERE row > ?1 AND fleet = ?3 AND (?4 < 0 OR +state = ?4)" PAGE,
	[LIST_DEVICES_IN_STATE] =
		"SELECT " DEVICE " FROM device WHERE row > ?1 AND state = ?3" PAGE,
	[LIST_CERTIFICATES_OF_DEVICE] =
		SELECT_CERTIFICATE "WHERE device = ?3 AND c.row > ?1 ORDER BY c.row LIMIT ?2",
	[LIST_CERTIFICATES_PENDING_BEFORE] = SELECT_CERTIFICATE
	"WHERE kind = 1 AND status = 0 AND not_before_s < ?1 ORDER BY not_before_s LIMIT ?2",
	[LIST_FLEETS] = "SELECT " FLEET " FROM fleet WHERE row > ?1" PAGE,
	[LIST_OWNERS] = "SELECT " OWNER " FROM owner WHERE row > ?1" PAGE,
	[LIST_AUTHORITIES] = "SELECT " AUTHORITY " FROM authority WHERE row > ?1" PAGE,
	[LIST_OPERATORS] = "SELECT " OPERATOR " FROM operator WHERE row > ?1" PAGE,
	[LIST_PINS] = "SELECT " PIN " FROM pin WHERE row > ?1" PAGE,
	[LIST_OFFERS] = "SELECT " OFFER " FROM offer WHERE status = 0 AND row > ?1" PAGE,
	[LIST_OFFERS_OF_DEVICE] =
		"SELECT " OFFER " FROM offer WHERE status = 0 AND device = ?3 AND row > ?1 "
		"AND (?4 = 0 OR from_owner = ?4 OR to_owner = ?4)" PAGE,
	[LIST_OFFERS_OF_OWNER] =
		"SELECT " OFFER " FROM offer WHERE status = 0 AND from_owner = ?3 AND row > ?1 "
		"UNION SELECT " OFFER
		" FROM offer WHERE status = 0 AND to_owner = ?3 AND row > ?1" PAGE,
	[LIST_OFFERS_EXPIRED] = "SELECT " OFFER " FROM offer WHERE status = 0 AND expires_s <= ?1 "
				"ORDER BY expires_s LIMIT ?2",
	[LIST_REVOKED] =
		"SELECT row, number, serial, revoked_s, reason FROM certificate "
		"WHERE authority = ?1 AND number >= ?2 AND number < ?3 AND not_after_s > ?4 "
		"AND (status = 3 OR (?5 AND status IN (2, 4))) AND status >= 2 ORDER BY number "
		"LIMIT ?6",
	[LIST_REVOKED_UNNUMBERED] =
		"SELECT row, number, serial, revoked_s, reason FROM certificate "
		"WHERE authority = ?1 AND number IS NULL AND row > ?2 AND not_after_s > ?3 "
		"AND status = 3 AND status >= 2 ORDER BY row LIMIT ?4",
	[LIST_LEDGER] = "SELECT sequence, device, at_s, entry FROM ledger WHERE sequence >= ?1 "
			"ORDER BY sequence LIMIT ?2",
	[LIST_LEDGER_OF_DEVICE] = "SELECT sequence, device, at_s, entry FROM ledger WHERE device = "
				  "?3 AND sequence > ?1 "
				  "ORDER BY sequence LIMIT ?2",
	[LIST_DENY] =
		"SELECT i.hash, " DENY_REST " FROM deny JOIN issuer AS i ON i.row = deny.issuer "
		"WHERE sequence >= ?1 ORDER BY sequence LIMIT ?2",
	[LIST_OUTBOX] =
		"SELECT row, point, action, device, body, at_s FROM outbox WHERE row > ?1" PAGE,
};
