/*
 * The seeds that our own encoders make: seeds FOLDER writes into FOLDER/NAME/. The others are openssl's, see make-seeds.
 */
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "element/compressed.h"
#include "element/evidence.h"
#include "fuzz.h"
#include "ledger/checkpoint.h"
#include "ledger/entry.h"
#include "pki/csr.h"
#include "signer/message.h"
#include "signer/serve.h"
#include "signer_home.h"

static const char *base;
static struct arena *a;

static void
save(const char *target, const char *name, span content)
{
	struct diag d = { 0 };
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s", base, target);
	HOLDS(folder_make(path, 0755, &d) == OK);
	snprintf(path, sizeof(path), "%s/%s/%s", base, target, name);
	HOLDS(file_replace(path, content, 0644, &d) == OK);
}

static void
save_buffer(const char *target, const char *name, struct buffer *b)
{
	HOLDS(!buffer_failed(b));
	save(target, name, buffer_span(b));
	buffer_wipe(b);
}

/* --- certificates and requests --- */

static void
save_request(enum key_kind kind, const char *name, span evidence)
{
	const struct simple_name subject = { .common_name = "sn0123ABCDEF",
		.organization = "Acme" };
	struct private_key key;
	struct public_key public;
	const struct csr_signer by = { csr_sign_by_key, &key };
	uint8_t spki[600];
	struct buffer b;

	HOLDS(private_key_generate(kind, &key, NULL) == OK);
	HOLDS(private_key_public(&key, spki, sizeof(spki), &public, NULL) == OK);
	buffer_init(&b, CSR_SIZE_MAX);
	HOLDS(csr_write(&subject, &public, OID_EVIDENCE, evidence, &by, &b, NULL) == OK);
	save("der", name, buffer_span(&b));
	save_buffer("csr", name, &b);
	private_key_wipe(&key);
}

static void
save_keys_certificates(void)
{
	struct issuer *home = signer_home();

	for (size_t i = 0; i < key_store_count(home->keys); i++) {
		const struct signing_key *k = key_store_at(home->keys, i);

		if (k->role != KEY_ROLE_LEDGER) {
			save("certificate", k->name, k->certificate);
		}
	}
}

/* --- evidence --- */

static void
save_statement(const char *name, const struct evidence *e)
{
	struct buffer b;

	buffer_init(&b, EVIDENCE_MAX);
	HOLDS(evidence_write(e, &b, NULL) == OK);
	save_buffer("evidence", name, &b);
}

static void
save_evidence(void)
{
	static const uint8_t part[8] = { 0, 1, 2, 3, 4, 5, 6, 7 };
	span p = SPAN_ARRAY(part);
	struct evidence e = { .kind = EVIDENCE_ATECC608, .challenge = p };

	e.atecc608.slot = 2;
	save_statement("atecc608", &e);
	e.kind = EVIDENCE_TPM2;
	e.tpm2 = (struct evidence_tpm2){ p, p, p, p, p, p, p };
	save_statement("tpm2", &e);
	e.kind = EVIDENCE_TOKEN;
	e.token = (struct evidence_token){ .model = span_text("TA100"),
		.serial = span_text("0123"),
		.is_local = true,
		.is_never_extractable = true };
	save_statement("token", &e);
}

/* --- messages --- */

static struct buffer
message(uint8_t type)
{
	struct buffer b;

	buffer_init(&b, 1 << 20);
	buffer_put_byte(&b, type);
	if (message_is_batch(type)) {
		wire_put_u16(&b, 1);
		(void)wire_begin_bytes(&b);
	}
	return b;
}

/* The one request of a batch is written. */
static void
end_batch(struct buffer *b)
{
	wire_end_bytes(b, 1 + 2 + 4);
}

/* The one certificate of a batch's answer: status, status, length, DER. */
static void
save_issued(const char *name, uint8_t type, const struct buffer *request)
{
	struct buffer answer;

	buffer_init(&answer, 1 << 20);
	HOLDS(serve_frame(
		signer_home(), type, span_slice(buffer_span(request), 1, SIZE_MAX), &answer));
	HOLDS(answer.len > 6 && answer.data[1] == OK);
	save("certificate", name, span_slice(buffer_span(&answer), 6, SIZE_MAX));
	buffer_wipe(&answer);
}

static void
save_issue(const char *name, const char *profile, bool has_names)
{
	uint8_t spki[SPKI_P256_LEN];
	struct private_key key;
	struct public_key public;
	struct issue_request r = { .authority = "ca",
		.phase = PHASE_PRODUCTION,
		.subject = { .common_name = "sn0123ABCDEF", .organization = "Acme" },
		.not_before_s = FUZZ_TIME_S,
		.not_after_s = FUZZ_TIME_S + 86400 * 30 - 1,
		.index = 20001,
		.url_base = "http://pki.test" };
	struct buffer b = message(MESSAGE_ISSUE);
	uint8_t whole[600];

	HOLDS(private_key_generate(KEY_P256, &key, NULL) == OK);
	HOLDS(private_key_public(&key, whole, sizeof(whole), &public, NULL) == OK);
	spki_of_point(public.point, spki);
	r.spki = SPAN_ARRAY(spki);
	snprintf(r.profile, sizeof(r.profile), "%s", profile);
	if (has_names) {
		r.alt_name_count = 2;
		r.alt_names[0].kind = ALT_DNS;
		snprintf(r.alt_names[0].text, sizeof(r.alt_names[0].text), "server.test");
		r.alt_names[1].kind = ALT_IP;
		r.alt_names[1].address_len = 4;
		memcpy(r.alt_names[1].address, "\x7f\0\0\1", 4);
	}
	message_put_issue(&b, &r);
	end_batch(&b);
	save_issued(name, MESSAGE_ISSUE, &b);
	save_buffer("signer_message", name, &b);
	private_key_wipe(&key);
}

static void
save_birth(void)
{
	struct birth_request r = { .authority = "factory",
		.phase = PHASE_PRODUCTION,
		.unique_id = "0123456789abcdef01",
		.organization = "Acme",
		.not_before_s = FUZZ_TIME_S,
		.years = 20 };
	struct buffer b = message(MESSAGE_BIRTH);
	struct private_key key;
	struct public_key public;
	uint8_t whole[600];

	HOLDS(private_key_generate(KEY_P256, &key, NULL) == OK);
	HOLDS(private_key_public(&key, whole, sizeof(whole), &public, NULL) == OK);
	memcpy(r.point, public.point, sizeof(r.point));
	message_put_birth(&b, &r);
	end_batch(&b);
	save_issued("birth", MESSAGE_BIRTH, &b);
	save_buffer("signer_message", "birth", &b);
	private_key_wipe(&key);
}

static void
put_choice(struct buffer *b, uint8_t choice, span rest)
{
	buffer_init(b, 1 << 16);
	buffer_put_byte(b, choice);
	buffer_put(b, rest);
}

/* A birth, to be compressed, and what it is rebuilt from. */
static void
save_compressed(void)
{
	static const uint8_t chip[CHIP_SERIAL_LEN] = { 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd,
		0xef, 0x01 };
	struct birth_request r = { .authority = "factory",
		.phase = PHASE_PRODUCTION,
		.unique_id = "0123456789abcdef01",
		.organization = "Acme",
		.not_before_s = FUZZ_TIME_S,
		.years = 20 };
	uint8_t compressed[COMPRESSED_LEN], whole[600];
	struct buffer birth, template, b;
	struct certificate_view c;
	struct private_key key;
	struct public_key public;

	HOLDS(private_key_generate(KEY_P256, &key, NULL) == OK);
	HOLDS(private_key_public(&key, whole, sizeof(whole), &public, NULL) == OK);
	memcpy(r.point, public.point, sizeof(r.point));
	buffer_init(&birth, CERTIFICATE_SIZE_MAX);
	buffer_init(&template, COMPRESSED_TEMPLATE_MAX);
	HOLDS(issue_birth(signer_home(), &r, &birth, NULL) == OK);
	HOLDS(compressed_template_of(buffer_span(&birth), &template, NULL) == OK);
	HOLDS(compressed_write(buffer_span(&birth), buffer_span(&template),
		      (struct compressed_ids){ 3, 0 }, compressed, NULL) == OK);
	HOLDS(certificate_read(buffer_span(&birth), &c, NULL) == OK);
	put_choice(&b, 0, buffer_span(&birth));
	save_buffer("compressed", "birth", &b);
	put_choice(&b, 1, SPAN_ARRAY(compressed));
	buffer_put(&b, span_of(r.point, sizeof(r.point)));
	buffer_put(&b, SPAN_ARRAY(chip));
	buffer_put(&b, c.authority_key_id);
	buffer_put(&b, buffer_span(&template));
	save_buffer("compressed", "rebuild", &b);
	buffer_wipe(&birth);
	buffer_wipe(&template);
	private_key_wipe(&key);
}

static void
save_crl(const char *name, enum crl_scope scope)
{
	const struct crl_entry entries[] = { { { 0x41, 0, 0, 0, 0, 1, 9, 9 }, 8, 4, FUZZ_TIME_S },
		{ { 0x41, 0, 0, 0, 0, 2, 9, 9 }, 8, 0, FUZZ_TIME_S + 1 } };
	struct crl_request r = { .authority = "ca",
		.number = 7,
		.this_update_s = FUZZ_TIME_S,
		.next_update_s = FUZZ_TIME_S + 86400,
		.scope = scope,
		.entries = entries,
		.count = 2 };
	struct buffer b = message(MESSAGE_CRL);

	if (scope == CRL_SHARD) {
		snprintf(r.shard_url, sizeof(r.shard_url), "http://pki.test/crl/ca/0.crl");
	}
	message_put_crl(&b, &r);
	save_buffer("signer_message", name, &b);
}

static void
save_ocsp(void)
{
	static const uint8_t certificate_id[] = { 0x30, 0x09, 0x30, 0x07, 0x06, 0x05, 0x2b, 0x0e,
		0x03, 0x02, 0x1a };
	static const uint8_t nonce[] = { 0x04, 0x04, 1, 2, 3, 4 };
	struct ocsp_sign_request r = { .responder = "ca.ocsp" };
	struct buffer b = message(MESSAGE_OCSP);

	r.draft.produced_s = r.draft.this_update_s = FUZZ_TIME_S;
	r.draft.next_update_s = FUZZ_TIME_S + 3600;
	r.draft.count = 2;
	r.draft.singles[0] =
		(struct ocsp_single){ .id = SPAN_ARRAY(certificate_id), .status = OCSP_GOOD };
	r.draft.singles[1] = (struct ocsp_single){ .id = SPAN_ARRAY(certificate_id),
		.status = OCSP_REVOKED,
		.revoked_s = FUZZ_TIME_S,
		.reason = 1 };
	r.draft.nonce = SPAN_ARRAY(nonce);
	message_put_ocsp(&b, &r);
	end_batch(&b);
	save_buffer("signer_message", "ocsp", &b);
}

static void
save_other_messages(void)
{
	struct create_request c = { .name = "other",
		.role = KEY_ROLE_ISSUING,
		.key_kind = KEY_P256,
		.parent = "root",
		.subject = { .common_name = "Other" },
		.not_before_s = FUZZ_TIME_S,
		.not_after_s = FUZZ_TIME_S + 86400 };
	struct manifest_entry_request e = { .signer = "manifest",
		.unique_id = "0123456789abcdef01",
		.model = "ATECC608B",
		.part_number = "ATECC608B-TFLXTLS",
		.manufacturer = "Acme",
		.provisioned_s = FUZZ_TIME_S,
		.point_count = 2 };
	struct buffer b = message(MESSAGE_CREATE);

	message_put_create(&b, &c);
	save_buffer("signer_message", "create", &b);
	b = message(MESSAGE_MANIFEST_ENTRY);
	memset(e.points, 0x5a, sizeof(e.points));
	message_put_manifest_entry(&b, &e);
	save_buffer("signer_message", "manifest_entry", &b);
	b = message(MESSAGE_CHECKPOINT);
	wire_put_text(&b, "log.test/x");
	wire_put_i64(&b, 1);
	buffer_put(&b, span_of("0123456789abcdef0123456789abcdef", 32));
	save_buffer("signer_message", "checkpoint", &b);
	b = message(MESSAGE_KEYS);
	save_buffer("signer_message", "keys", &b);
}

/* --- the ledger --- */

static void
save_bundle(const char *name, unsigned count)
{
	struct buffer b;

	buffer_init(&b, 1 << 20);
	buffer_put_byte(&b, (uint8_t)(count - 1));
	for (unsigned i = 0; i < count; i++) {
		struct ledger_entry e = { .event = i % 2 == 0 ? "prove" : "suspend",
			.at_s = FUZZ_TIME_S + i,
			.actor = "maker",
			.from = "ACTIVE",
			.to = "SUSPENDED" };
		struct buffer entry;

		buffer_init(&entry, LEDGER_ENTRY_MAX);
		HOLDS(ledger_entry_write(&e, &entry, NULL) == OK);
		save("json", "entry", buffer_span(&entry));
		buffer_put_byte(&b, (uint8_t)(entry.len >> 8));
		buffer_put_byte(&b, (uint8_t)entry.len);
		buffer_put(&b, buffer_span(&entry));
		buffer_wipe(&entry);
	}
	save_buffer("bundle", name, &b);
}

static span
note(uint64_t size, unsigned signatures)
{
	uint8_t line[68] = { 1, 2, 3, 4 };
	hash root = tree_leaf(span_text("x"));
	struct buffer b;
	span copy;

	buffer_init(&b, CHECKPOINT_MAX);
	buffer_printf(&b, "log.test/x\n%llu\n%s\n\n", (unsigned long long)size,
		base64_encode(a, SPAN_ARRAY(root.bytes)));
	for (unsigned i = 0; i < signatures; i++) {
		line[0] = (uint8_t)i;
		buffer_printf(
			&b, "\xe2\x80\x94 log.test/%u %s\n", i, base64_encode(a, SPAN_ARRAY(line)));
	}
	copy = arena_copy(a, buffer_span(&b));
	buffer_wipe(&b);
	return copy;
}

static void
save_notes(void)
{
	struct log_proof p = { .index = 5, .count = 3, .checkpoint = note(8, 1) };
	struct note_key key;
	uint8_t zero[32] = { 9 };
	char text[400];
	struct buffer b;

	save("checkpoint", "one", note(1, 1));
	save("checkpoint", "many", note(UINT64_C(123456789012), 20));
	buffer_init(&b, 65536);
	for (size_t i = 0; i < p.count; i++) {
		p.hashes[i] = tree_leaf(span_of(&i, sizeof(i)));
	}
	proof_write(&p, &b);
	save_buffer("checkpoint", "proof", &b);
	buffer_init(&b, 65536);
	p.count = 0;
	p.checkpoint = note(1, 2);
	p.index = 0;
	proof_write(&p, &b);
	save_buffer("checkpoint", "proof_of_one", &b);
	for (uint8_t type = 1; type <= 4; type += 3) {
		note_key_make("log.test/x", type, zero, &key);
		save("checkpoint", type == 1 ? "key" : "witness_key",
			span_text(note_key_text(text, sizeof(text), &key)));
	}
}

int
main(int argc, char **argv)
{
	static const uint8_t evidence[] = { 0x30, 0x06, 0x04, 0x01, 0x07, 0x02, 0x01, 0x05 };

	if (argc != 2) {
		fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
		return 2;
	}
	base = argv[1];
	a = arena_new(1 << 20);
	HOLDS(a != NULL);
	save_request(KEY_P256, "p256_evidence", SPAN_ARRAY(evidence));
	save_request(KEY_P384, "p384_plain", (span){ NULL, 0 });
	save_evidence();
	save_keys_certificates();
	save_issue("operational", "operational", false);
	save_issue("server", "server", true);
	save_birth();
	save_compressed();
	save_crl("crl_full", CRL_FULL);
	save_crl("crl_shard", CRL_SHARD);
	save_ocsp();
	save_other_messages();
	save_bundle("one", 1);
	save_bundle("seven", 7);
	save_notes();
	arena_free(a);
	return 0;
}
