/* What EST does by its fleet's policy. */
#include "stand.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "pki/cms.h"
#include "pki/csr.h"
#include "pki/pem.h"
#include "talk.h"

#define PKCS10 "application/pkcs10"

static struct stand s;

static int
set_up(void **state)
{
	(void)state;
	stand_open(&s);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	stand_close(&s);
	return 0;
}

/* The fleet's policy, changed by the server itself. */
static void
set_policy(const struct est_policy *p, enum attestation_level level)
{
	struct diag d = { 0 };

	assert_int_equal(OK, read_fleet(s.home.reader, s.fleet.row, &s.fleet));
	s.fleet.est = *p;
	s.fleet.required_level = level;
	s.home.session.actor = (struct actor){ .kind = ACTOR_SERVER };
	assert_ok(fleet_set(&s.home.session, &s.fleet, &d), d);
}

static struct seen
ask(const char *operation, const char *identity, const char *type, span body)
{
	struct asked a = { .identity = identity, .type = type, .body = body };

	a.url = arena_printf(s.home.arena, "%s/.well-known/est/lamps/%s", s.tls, operation);
	return stand_ask(&s, &a);
}

/* --- csrattrs --- */

/* As openssl reads it, one element a line: "depth:tag:value". */
static const char *
outline(const struct seen *r)
{
	struct buffer out;
	span der, text, line;
	const char *kept;

	assert_int_equal(200, r->status);
	assert_string_equal("application/csrattrs", seen_header(&s, r, "Content-Type"));
	assert_int_equal(OK, base64_decode(s.home.arena, r->body, &der));
	home_write(&s.home, "attributes.der", der);
	assert_int_equal(0, home_run(&s.home, "text",
				    (const char *[]){ "openssl", "asn1parse", "-inform", "DER",
					    "-in", home_path(&s.home, "attributes.der"), NULL }));
	text = bytes_of_file(s.home.arena, home_path(&s.home, "text"));
	buffer_init(&out, 1 << 16);
	while (span_take_line(&text, &line)) {
		const char *row = arena_string(s.home.arena, line);
		const char *depth = strstr(row, "d="), *tag = strstr(row, "prim: ");
		const char *value = strrchr(row, ':');

		if (depth == NULL) {
			continue;
		}
		tag = tag != NULL ? tag : strstr(row, "cons: ");
		assert_non_null(tag);
		buffer_printf(&out, "%c %.*s%s\n", depth[2], (int)strcspn(tag + 6, " \n"), tag + 6,
			strncmp(tag, "prim", 4) == 0 ? value : "");
	}
	kept = arena_string(s.home.arena, buffer_span(&out));
	buffer_wipe(&out);
	return kept;
}

#define KEY_AND_SIGNATURE           \
	"0 SEQUENCE\n"              \
	"1 SEQUENCE\n"              \
	"2 OBJECT:id-ecPublicKey\n" \
	"2 SET\n"                   \
	"3 OBJECT:prime256v1\n"     \
	"1 OBJECT:ecdsa-with-SHA256\n"
#define TEMPLATE                                \
	"1 SEQUENCE\n"                          \
	"2 OBJECT:1.2.840.113549.1.9.16.2.61\n" \
	"2 SET\n"                               \
	"3 SEQUENCE\n"                          \
	"4 INTEGER:00\n"                        \
	"4 cont\n"                              \
	"5 SEQUENCE\n"                          \
	"6 OBJECT:id-ecPublicKey\n"             \
	"6 OBJECT:prime256v1\n"                 \
	"4 cont\n"
#define EVIDENCE "OBJECT:1.2.840.113549.1.9.16.2.59\n"

static void
both_styles_say_the_same(void **state)
{
	struct seen r = ask("csrattrs", NULL, NULL, span_of(NULL, 0));

	(void)state;
	assert_string_equal(KEY_AND_SIGNATURE TEMPLATE, outline(&r));
	set_policy(
		&(struct est_policy){ .retry_after_s = 60, .link = EST_LINK_REQUIRED }, LEVEL_NONE);
	r = ask("csrattrs", NULL, NULL, span_of(NULL, 0));
	assert_string_equal(KEY_AND_SIGNATURE "1 OBJECT:challengePassword\n" TEMPLATE
					      "5 SEQUENCE\n6 OBJECT:challengePassword\n6 SET\n",
		outline(&r));
	set_policy(&(struct est_policy){ .retry_after_s = 60 }, LEVEL_ATTESTED);
	r = ask("csrattrs", NULL, NULL, span_of(NULL, 0));
	assert_string_equal(KEY_AND_SIGNATURE "1 " EVIDENCE TEMPLATE "5 SEQUENCE\n6 " EVIDENCE
					      "6 SET\n",
		outline(&r));
	set_policy(&(struct est_policy){ .retry_after_s = 60, .link = EST_LINK_REQUIRED },
		LEVEL_VENDOR_UNVERIFIED);
	r = ask("csrattrs", NULL, NULL, span_of(NULL, 0));
	assert_string_equal(KEY_AND_SIGNATURE "1 OBJECT:challengePassword\n1 " EVIDENCE TEMPLATE
					      "5 SEQUENCE\n6 OBJECT:challengePassword\n6 SET\n"
					      "5 SEQUENCE\n6 " EVIDENCE "6 SET\n",
		outline(&r));
}

/* --- 202 --- */

static void
assert_later(const struct seen *r, long at_least, long at_most)
{
	const char *text = seen_header(&s, r, "Retry-After");
	char *end;
	long seconds;

	assert_int_equal(202, r->status);
	assert_non_null(text);
	seconds = strtol(text, &end, 10);
	assert_string_equal("", end);
	assert_in_range(seconds, at_least, at_most);
	assert_string_equal("0", seen_header(&s, r, "Content-Length"));
}

static void
claim(struct device *device)
{
	struct change *c = change_new(s.home.arena);
	struct diag d = { 0 };

	*device = stand_device_now(&s, device->row);
	device->state = DEVICE_AWAITING_DEVICE;
	change_device_set(c, device);
	assert_ok(store_commit(s.home.store, c, NULL, &d), d);
}

static void
a_held_device_may_be_told_to_wait(void **state)
{
	struct device device = stand_device(&s, "held", 1, DEVICE_HELD);
	span csr = stand_base64(&s, stand_csr(&s, "first", "/"));
	struct store_counts before, after;
	struct seen r;

	(void)state;
	/* Not unless the fleet wants it. */
	assert_int_equal(403, ask("simpleenroll", "held", PKCS10, csr).status);
	set_policy(&(struct est_policy){ .retry_after_s = 400, .pending = EST_PENDING_WAIT },
		LEVEL_NONE);
	assert_int_equal(OK, read_counts(s.home.reader, &before));
	r = ask("simpleenroll", "held", PKCS10, csr);
	assert_later(&r, 400, 500);
	r = ask("simplereenroll", "held", PKCS10, csr); /* as strongSwan asks */
	assert_later(&r, 400, 500);
	/* What never can be granted is refused at once. */
	assert_int_equal(415, ask("simpleenroll", "held", "text/plain", csr).status);
	assert_int_equal(400, ask("simpleenroll", "held", PKCS10, span_text("!!")).status);
	/* Nothing is kept. */
	assert_int_equal(OK, read_counts(s.home.reader, &after));
	assert_memory_equal(&before, &after, sizeof(before));
	assert_int_equal(device.version, stand_device_now(&s, device.row).version);
	claim(&device);
	r = ask("simpleenroll", "held", PKCS10, csr);
	(void)stand_keep_issued(&s, "first", &r);
	assert_null(seen_header(&s, &r, "Retry-After"));
}

static void
who_is_refused_for_good_does_not_wait(void **state)
{
	static const struct {
		const char *name;
		enum device_state in;
	} rows[] = {
		{ "suspended", DEVICE_SUSPENDED },
		{ "returned", DEVICE_RETURNED },
		{ "retired", DEVICE_RETIRED },
		{ "unknown", DEVICE_MANUFACTURED },
	};
	span csr = stand_base64(&s, stand_csr(&s, "x", "/"));

	(void)state;
	set_policy(&(struct est_policy){ .retry_after_s = 1, .pending = EST_PENDING_WAIT },
		LEVEL_NONE);
	for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
		struct seen r;

		(void)stand_device(&s, rows[k].name, (unsigned)k + 1, rows[k].in);
		r = ask("simpleenroll", rows[k].name, PKCS10, csr);
		assert_int_equal(403, r.status);
		assert_null(seen_header(&s, &r, "Retry-After"));
	}
	assert_int_equal(401, ask("simpleenroll", NULL, PKCS10, csr).status);
}

/* --- lines --- */

static size_t
longest_line(span text)
{
	size_t longest = 0;
	span line;

	assert_int_equal('\n', text.data[text.len - 1]);
	while (span_take_line(&text, &line)) {
		longest = line.len > longest ? line.len : longest;
	}
	return longest;
}

static void
lines_by_the_fleets_wish(void **state)
{
	static const struct {
		enum est_lines lines;
		bool one, one_for_libest;
	} rows[] = {
		{ EST_LINES_AUTO, true, false },
		{ EST_LINES_ONE, true, true },
		{ EST_LINES_WRAPPED, false, false },
	};

	(void)state;
	for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
		struct asked a = { .options = { "-A", "libest 1.0" } };
		struct seen r;

		set_policy(&(struct est_policy){ .retry_after_s = 1, .lines = rows[k].lines },
			LEVEL_NONE);
		r = ask("cacerts", NULL, NULL, span_of(NULL, 0));
		assert_int_equal(rows[k].one, longest_line(r.body) > 64);
		a.url = stand_url(&s, s.tls, "/.well-known/est/lamps/cacerts");
		r = stand_ask(&s, &a);
		assert_int_equal(rows[k].one_for_libest, longest_line(r.body) > 64);
	}
}

/* --- the link --- */

/* A request whose challengePassword is base64 of `link`; none for an empty one. */
static span
linked_request(span link)
{
	struct simple_name nobody = { 0 };
	uint8_t spki[SPKI_P256_LEN], room[256];
	struct private_key key;
	struct public_key public;
	struct csr_signer signer = { .sign = csr_sign_by_key, .context = &key };
	struct diag d = { 0 };
	struct der_writer w;
	struct buffer der;
	span value = { NULL, 0 }, kept;

	assert_ok(private_key_generate(KEY_P256, &key, &d), d);
	assert_ok(private_key_public(&key, spki, sizeof(spki), &public, &d), d);
	if (link.len > 0) {
		der_writer_init(&w, room, sizeof(room));
		der_put_string(&w, DER_UTF8_STRING, span_text(base64_encode(s.home.arena, link)));
		assert_ok(der_writer_finish(&w, &value, &d), d);
	}
	buffer_init(&der, CSR_SIZE_MAX);
	assert_ok(csr_write(&nobody, &public, OID_CHALLENGE_PASSWORD, value, &signer, &der, &d), d);
	kept = span_text(base64_encode(s.home.arena, buffer_span(&der)));
	buffer_wipe(&der);
	private_key_wipe(&key);
	return kept;
}

static int
enrol_linked(int version, enum talk_link link, const char **answer)
{
	struct talk t;
	uint8_t binding[64];
	size_t len;
	int http_status;

	talk_open(&t, &s, "birth", version);
	len = talk_binding(&t, link, binding);
	http_status = talk_post(&t, "/.well-known/est/lamps/simpleenroll", PKCS10,
		linked_request(span_of(binding, len)), answer);
	talk_close(&t);
	return http_status;
}

static void
the_link_is_required(void **state)
{
	static const struct {
		int version;
		enum talk_link link;
		int optional, required; /* HTTP statuses */
	} rows[] = {
		{ TLS1_2_VERSION, LINK_NONE, 200, 400 },
		{ TLS1_2_VERSION, LINK_UNIQUE, 200, 200 },
		{ TLS1_2_VERSION, LINK_WRONG, 400, 400 },
		{ TLS1_2_VERSION, LINK_EXPORTER, 400, 400 },
		{ TLS1_3_VERSION, LINK_NONE, 200, 400 },
		{ TLS1_3_VERSION, LINK_EXPORTER, 200, 200 },
		{ TLS1_3_VERSION, LINK_WRONG, 200, 400 },
		{ TLS1_3_VERSION, LINK_UNIQUE, 200, 400 },
	};

	(void)state;
	(void)stand_device(&s, "birth", 1, DEVICE_AWAITING_DEVICE);
	for (size_t k = 0; k < 2 * sizeof(rows) / sizeof(rows[0]); k++) {
		bool is_required = k & 1;
		const char *answer;
		int wanted = is_required ? rows[k / 2].required : rows[k / 2].optional;

		set_policy(&(struct est_policy){ .retry_after_s = 60, .link = is_required },
			LEVEL_NONE);
		if (enrol_linked(rows[k / 2].version, rows[k / 2].link, &answer) != wanted) {
			fail_msg("row %zu, required %d: %s", k / 2, is_required, answer);
		}
		assert_true(wanted == 200 || strstr(answer, "RFC 7030 3.5") != NULL);
	}
}

/* --- serverkeygen --- */

/* What stands between two lines; NULL: they do not stand there. */
static const char *
between(const char *text, const char *from, const char *to)
{
	const char *begin = strstr(text, from);
	const char *end = begin != NULL ? strstr(begin + strlen(from), to) : NULL;

	if (end == NULL) {
		return NULL;
	}
	begin += strlen(from);
	return arena_string(s.home.arena, span_of(begin, (size_t)(end - begin)));
}

#define PART(type)                      \
	"--estServerKeyGenBoundary\r\n" \
	"Content-Type: " type "\r\n"    \
	"Content-Transfer-Encoding: base64\r\n\r\n"

/* Takes the answer apart, strictly; keeps NAME.key and NAME.pem. The key's DER. */
static span
keep_made(const struct seen *r, const char *name)
{
	const char *text = arena_string(s.home.arena, r->body);
	const char *secret = between(text, PART("application/pkcs8"), "\r\n--");
	const char *certs =
		between(text, PART("application/pkcs7-mime; smime-type=certs-only"), "\r\n--");
	span der, cms, list[CMS_CERTIFICATES_MAX];
	struct diag d = { 0 };
	struct buffer pem;
	size_t count;

	assert_int_equal(200, r->status);
	assert_string_equal("multipart/mixed; boundary=estServerKeyGenBoundary",
		seen_header(&s, r, "Content-Type"));
	assert_string_equal("no-store", seen_header(&s, r, "Cache-Control"));
	assert_int_equal(0, strncmp(text, "--estServerKeyGenBoundary\r\n", 27));
	assert_non_null(secret);
	assert_non_null(certs);
	assert_string_equal("\r\n--estServerKeyGenBoundary--\r\n", text + r->body.len - 31);
	for (size_t k = 0; k < r->body.len; k++) {
		assert_true(text[k] != '\n' || (k > 0 && text[k - 1] == '\r'));
	}
	assert_int_equal(OK, base64_decode(s.home.arena, span_text(secret), &der));
	assert_int_equal(OK, base64_decode(s.home.arena, span_text(certs), &cms));
	assert_ok(cms_certificates_read(cms, list, &count, &d), d);
	assert_int_equal(1, count);
	home_write_pem(&s.home, arena_printf(s.home.arena, "%s.pem", name), list[0]);
	buffer_init(&pem, 1 << 16);
	pem_write(&pem, "PRIVATE KEY", der);
	home_write(&s.home, arena_printf(s.home.arena, "%s.key", name), buffer_span(&pem));
	buffer_wipe(&pem);
	return der;
}

static span
made_key(const char *name)
{
	span body = stand_base64(&s, stand_csr(&s, "thrown-away", "/"));
	struct seen r = ask("serverkeygen", "birth", PKCS10, body);

	return keep_made(&r, name);
}

static void
a_key_is_made_once(void **state)
{
	struct asked use = { .url = stand_url(&s, s.tls, "/device/v1/state") };
	struct device device = stand_device(&s, "birth", 1, DEVICE_AWAITING_DEVICE);
	span csr = stand_base64(&s, stand_csr(&s, "thrown-away", "/"));
	struct certificate k;
	struct seen r;
	span first, second;

	(void)state;
	r = ask("serverkeygen", "birth", PKCS10, csr);
	assert_int_equal(501, r.status);
	assert_true(seen_says(&r, "RFC 7030 4.4"));
	set_policy(&(struct est_policy){ .retry_after_s = 60, .makes_keys = true }, LEVEL_NONE);
	r = ask("serverkeygen", "birth", PKCS10, csr);
	first = keep_made(&r, "first");
	/* The same again is another key, and another certificate. */
	r = ask("serverkeygen", "birth", PKCS10, csr);
	second = keep_made(&r, "second");
	assert_false(span_equal(first, second));
	/* The newer one counts; key and certificate belong together, which the handshake proves. */
	use.identity = "second";
	r = stand_ask(&s, &use);
	assert_int_equal(200, r.status);
	assert_true(seen_says(&r, "\"access\":\"full\""));
	use.identity = "first";
	assert_int_equal(403, stand_ask(&s, &use).status);
	device = stand_device_now(&s, device.row);
	assert_int_equal(
		OK, read_certificate(s.home.reader, s.home.arena, device.current_certificate, &k));
	assert_int_equal(LEVEL_NONE, k.level);
	assert_int_equal(0, k.via);
	(void)made_key("third");
}

static void
a_made_key_is_nowhere_here(void **state)
{
	size_t total = 0;
	span der, file;

	(void)state;
	(void)stand_device(&s, "birth", 1, DEVICE_AWAITING_DEVICE);
	set_policy(&(struct est_policy){ .retry_after_s = 60, .makes_keys = true }, LEVEL_NONE);
	der = made_key("first");
	/* ECPrivateKey begins behind the version and the algorithm: 32 bytes of the number itself. */
	der = span_slice(der, 36, 32);
	assert_int_equal(32, der.len);
	for (size_t k = 0; k < 2; k++) {
		file = bytes_of_file(s.home.arena,
			arena_printf(s.home.arena, "%s%s", s.home.database, k == 0 ? "" : "-wal"));
		total += file.len;
		assert_null(memmem(file.data, file.len, der.data, der.len));
	}
	assert_true(total > 4096);
}

static span
request_with(enum oid_known attribute, span value, bool breaks)
{
	struct simple_name nobody = { 0 };
	uint8_t spki[SPKI_P256_LEN];
	struct private_key key;
	struct public_key public;
	struct csr_signer signer = { .sign = csr_sign_by_key, .context = &key };
	struct diag d = { 0 };
	struct buffer der;
	span kept;

	assert_ok(private_key_generate(KEY_P256, &key, &d), d);
	assert_ok(private_key_public(&key, spki, sizeof(spki), &public, &d), d);
	buffer_init(&der, CSR_SIZE_MAX);
	assert_ok(csr_write(&nobody, &public, attribute, value, &signer, &der, &d), d);
	if (breaks) {
		der.data[der.len - 1] ^= 1;
	}
	kept = span_text(base64_encode(s.home.arena, buffer_span(&der)));
	buffer_wipe(&der);
	private_key_wipe(&key);
	return kept;
}

static void
what_no_key_is_made_for(void **state)
{
	static const enum oid_known encrypted[] = { OID_DECRYPT_KEY_ID, OID_ASYMMETRIC_KEY_ID,
		OID_EVIDENCE };
	static const uint8_t some[] = { 0x04, 0x02, 'i', 'd' };
	span csr = stand_base64(&s, stand_csr(&s, "x", "/"));
	struct device device = stand_device(&s, "birth", 1, DEVICE_AWAITING_DEVICE);
	struct seen r;

	(void)state;
	(void)stand_device(&s, "held", 2, DEVICE_HELD);
	set_policy(
		&(struct est_policy){
			.retry_after_s = 8, .makes_keys = true, .pending = EST_PENDING_WAIT },
		LEVEL_NONE);
	for (size_t k = 0; k < 3; k++) {
		r = ask("serverkeygen", "birth", PKCS10,
			request_with(encrypted[k], SPAN_ARRAY(some), false));
		assert_int_equal(400, r.status);
		assert_true(seen_says(&r, "RFC 7030 4.4.1"));
	}
	assert_int_equal(401, ask("serverkeygen", NULL, PKCS10, csr).status);
	assert_int_equal(415, ask("serverkeygen", "birth", "text/plain", csr).status);
	assert_int_equal(400, ask("serverkeygen", "birth", PKCS10, span_text("AAAA")).status);
	r = ask("serverkeygen", "held", PKCS10, csr);
	assert_later(&r, 8, 10);
	assert_int_equal(device.version, stand_device_now(&s, device.row).version);
	/* Its own signature counts for nothing: here; where the key is its own it does. */
	csr = request_with(OID_UNKNOWN, span_of(NULL, 0), true);
	assert_int_equal(400, ask("simpleenroll", "birth", PKCS10, csr).status);
	r = ask("serverkeygen", "birth", PKCS10, csr);
	(void)keep_made(&r, "first");
	/* A fleet that wants the link wants it here as well. */
	set_policy(
		&(struct est_policy){
			.retry_after_s = 8, .makes_keys = true, .link = EST_LINK_REQUIRED },
		LEVEL_NONE);
	r = ask("serverkeygen", "birth", PKCS10, csr);
	assert_int_equal(400, r.status);
	assert_true(seen_says(&r, "RFC 7030 3.5"));
}

/* --- a registration authority --- */

/* NAME.key and NAME.pem, with the purpose of an authority or without. */
static span
certificate_of(const char *name, bool is_ra)
{
	span pem, der;
	struct diag d = { 0 };
	char *path = home_path(&s.home, arena_printf(s.home.arena, "%s.pem", name));

	assert_int_equal(
		0, home_run(&s.home, NULL,
			   (const char *[]){ "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
				   "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj",
				   "/CN=gate", "-keyout",
				   home_path(&s.home, arena_printf(s.home.arena, "%s.key", name)),
				   "-addext",
				   is_ra ? "extendedKeyUsage=clientAuth,1.3.6.1.5.5.7.3.28"
					 : "extendedKeyUsage=clientAuth",
				   "-out", path, NULL }));
	pem = bytes_of_file(s.home.arena, path);
	assert_ok(pem_read(s.home.arena, pem, "CERTIFICATE", &der, &d), d);
	return der;
}

static struct operator_account
authority(const char *name)
{
	struct operator_account o;
	struct diag d = { 0 };
	span der = certificate_of(name, true);

	s.home.session.actor = (struct actor){ .kind = ACTOR_SERVER };
	assert_ok(operator_add_ra(&s.home.session, name, der, &o, &d), d);
	return o;
}

static const char *
client_cert(const char *name)
{
	span pem = bytes_of_file(
		     s.home.arena, home_path(&s.home, arena_printf(s.home.arena, "%s.pem", name))),
	     der;
	struct diag d = { 0 };

	assert_ok(pem_read(s.home.arena, pem, "CERTIFICATE", &der, &d), d);
	return arena_printf(s.home.arena, "Client-Cert: :%s:", base64_encode(s.home.arena, der));
}

/* A request with this header line. */
static struct seen
ask_with(const char *path, const char *identity, const char *header, span body)
{
	struct asked a = { .identity = identity, .options = { "-H", header } };

	a.url = stand_url(&s, s.tls, path);
	a.body = body;
	a.type = body.len > 0 ? PKCS10 : NULL;
	return stand_ask(&s, &a);
}

#define ENROL "/.well-known/est/lamps/simpleenroll"
#define RENEW "/.well-known/est/lamps/simplereenroll"
#define STATE "/device/v1/state"

static bool
ledger_says(const char *event, const char *words)
{
	struct ledger_row *rows;
	size_t count;

	assert_int_equal(
		OK, list_ledger(s.home.reader, s.home.arena, 0, LIST_PAGE_MAX, &rows, &count));
	for (size_t k = 0; k < count; k++) {
		const char *text = arena_string(s.home.arena, rows[k].entry);

		if (strstr(text, event) != NULL && strstr(text, words) != NULL) {
			return true;
		}
	}
	return false;
}

static void
an_authority_speaks_for_devices(void **state)
{
	struct device device = stand_device(&s, "birth", 1, DEVICE_AWAITING_DEVICE);
	struct operator_account gate = authority("gate");
	span nothing = { NULL, 0 };
	struct certificate k;
	struct seen r;

	(void)state;
	/* The link is the authority's to see to. */
	set_policy(
		&(struct est_policy){
			.retry_after_s = 60, .link = EST_LINK_REQUIRED, .ra = gate.row },
		LEVEL_NONE);
	r = ask_with(
		ENROL, "gate", client_cert("birth"), stand_base64(&s, stand_csr(&s, "first", "/")));
	(void)stand_keep_issued(&s, "first", &r);
	device = stand_device_now(&s, device.row);
	assert_int_equal(DEVICE_AWAITING_DEVICE, device.state);
	assert_int_equal(
		OK, read_certificate(s.home.reader, s.home.arena, device.pending_certificate, &k));
	assert_int_equal(gate.row, k.via);
	assert_true(ledger_says("\"prove\"", "\"via\":\""));
	assert_true(ledger_says("\"prove\"", "\"actor\":\"device\""));
	/* Its first use, as the authority has seen it. */
	r = ask_with(STATE, "gate", client_cert("first"), nothing);
	assert_int_equal(200, r.status);
	assert_true(seen_says(&r, "\"access\":\"full\""));
	assert_int_equal(DEVICE_ACTIVE, stand_device_now(&s, device.row).state);
	r = ask_with(RENEW, "gate", client_cert("first"),
		stand_base64(&s, stand_csr(&s, "second", "/")));
	(void)stand_keep_issued(&s, "second", &r);
	/* Afterwards without it: nobody spoke for the device. */
	set_policy(&(struct est_policy){ .retry_after_s = 60, .ra = gate.row }, LEVEL_NONE);
	(void)stand_enrol(&s, "second", "simplereenroll", "third");
	device = stand_device_now(&s, device.row);
	assert_int_equal(
		OK, read_certificate(s.home.reader, s.home.arena, device.pending_certificate, &k));
	assert_int_equal(0, k.via);
}

static void
who_may_speak_for_whom(void **state)
{
	struct operator_account gate = authority("gate"), other = authority("other");
	struct device device = stand_device(&s, "birth", 1, DEVICE_AWAITING_DEVICE);
	span csr = stand_base64(&s, stand_csr(&s, "first", "/"));
	const char *birth;
	struct diag d = { 0 };
	struct seen r;

	(void)state;
	(void)certificate_of("stranger", true);
	(void)stand_device(&s, "second", 2, DEVICE_AWAITING_DEVICE);
	birth = client_cert("birth");
	/* Nobody, before the fleet names somebody. */
	r = ask_with(ENROL, "gate", birth, csr);
	assert_int_equal(403, r.status);
	assert_true(seen_says(&r, "est_ra"));
	set_policy(&(struct est_policy){ .retry_after_s = 60, .ra = gate.row }, LEVEL_NONE);
	/* Another authority; a device for another one, and for itself; somebody whom nobody knows; nobody. */
	assert_int_equal(403, ask_with(ENROL, "other", birth, csr).status);
	r = ask_with(ENROL, "second", birth, csr);
	assert_int_equal(403, r.status);
	assert_true(seen_says(&r, "RFC 9440"));
	assert_int_equal(403, ask_with(ENROL, "birth", birth, csr).status);
	assert_int_equal(403, ask_with(STATE, "birth", birth, span_of(NULL, 0)).status);
	assert_int_equal(403, ask_with(ENROL, "stranger", birth, csr).status);
	assert_int_equal(401, ask_with(ENROL, NULL, birth, csr).status);
	/* The authority for nobody: it is no device. For somebody whom nobody knows. For itself. */
	assert_int_equal(401, ask("simpleenroll", "gate", PKCS10, csr).status);
	assert_int_equal(401, ask_with(ENROL, "gate", client_cert("stranger"), csr).status);
	assert_int_equal(401, ask_with(ENROL, "gate", client_cert("gate"), csr).status);
	assert_int_equal(device.version, stand_device_now(&s, device.row).version);
	/* One that was removed. */
	s.home.session.actor = (struct actor){ .kind = ACTOR_SERVER };
	assert_ok(operator_remove(&s.home.session, "gate", &d), d);
	assert_int_equal(403, ask_with(ENROL, "gate", birth, csr).status);
	/* One whose certificate is over. */
	set_policy(&(struct est_policy){ .retry_after_s = 60, .ra = other.row }, LEVEL_NONE);
	assert_int_equal(200, ask_with(ENROL, "other", birth, csr).status);
	stand_move(&s, 31 * 86400);
	r = ask_with(ENROL, "other", birth, csr);
	assert_int_equal(403, r.status);
	assert_true(seen_says(&r, "expired"));
}

static void
a_header_that_is_none(void **state)
{
	static const char *const bad[] = { "Client-Cert;",
		"Client-Cert: :", "Client-Cert: ::", "Client-Cert: :!:", "Client-Cert: :AAA",
		"Client-Cert: AAAA:", "Client-Cert: :AA AA:", "Client-Cert: :AAAA:;x=1",
		"Client-Cert: :A:", "Client-Cert: \"AAAA\"" };
	struct operator_account gate = authority("gate");
	struct asked twice = { .identity = "gate", .type = PKCS10 };
	span csr = stand_base64(&s, stand_csr(&s, "first", "/"));
	struct seen r;

	(void)state;
	(void)stand_device(&s, "birth", 1, DEVICE_AWAITING_DEVICE);
	set_policy(&(struct est_policy){ .retry_after_s = 60, .ra = gate.row }, LEVEL_NONE);
	for (size_t k = 0; k < sizeof(bad) / sizeof(bad[0]); k++) {
		r = ask_with(ENROL, "gate", bad[k], csr);
		if (r.status != 400 || !seen_says(&r, "RFC 9440 2.2")) {
			fail_msg("%s: %d", bad[k], r.status);
		}
	}
	twice.url = stand_url(&s, s.tls, ENROL);
	twice.body = csr;
	twice.options[0] = twice.options[2] = "-H";
	twice.options[1] = twice.options[3] = client_cert("birth");
	assert_int_equal(400, stand_ask(&s, &twice).status);
}

static void
an_authority_is_known_by_its_purpose(void **state)
{
	span plain = certificate_of("plain", false), der = certificate_of("gate", true);
	struct operator_account o;
	struct diag d = { 0 };
	char token[TOKEN_TEXT_MAX];

	(void)state;
	s.home.session.actor = (struct actor){ .kind = ACTOR_SERVER };
	assert_int_equal(BAD_INPUT, operator_add_ra(&s.home.session, "gate", plain, &o, &d));
	assert_string_equal("RFC 6402 2.10", d.clause);
	diag_clear(&d);
	assert_int_equal(BAD_INPUT,
		operator_add_ra(&s.home.session, "gate", span_slice(der, 0, der.len - 1), &o, &d));
	diag_clear(&d);
	assert_int_equal(BAD_INPUT, operator_add_ra(&s.home.session, "none", der, &o, &d));
	diag_clear(&d);
	assert_ok(operator_add_ra(&s.home.session, "gate", der, &o, &d), d);
	assert_int_equal(EXISTS, operator_add_ra(&s.home.session, "again", der, &o, &d));
	diag_clear(&d);
	assert_int_equal(CONFLICT, operator_token(&s.home.session, "gate", token, &d));
	diag_clear(&d);
	assert_int_equal(
		BAD_INPUT, operator_add(&s.home.session, "x", OPERATOR_RA, 0, token, &o, &d));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(both_styles_say_the_same, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_held_device_may_be_told_to_wait, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			who_is_refused_for_good_does_not_wait, set_up, tear_down),
		cmocka_unit_test_setup_teardown(lines_by_the_fleets_wish, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_link_is_required, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_key_is_made_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_made_key_is_nowhere_here, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_no_key_is_made_for, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_authority_speaks_for_devices, set_up, tear_down),
		cmocka_unit_test_setup_teardown(who_may_speak_for_whom, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_header_that_is_none, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			an_authority_is_known_by_its_purpose, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
