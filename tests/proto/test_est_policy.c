/* What EST does by its fleet's policy. */
#include "stand.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

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

static status
sign_by(void *context, span message, uint8_t *out, size_t *len, struct diag *d)
{
	return private_key_sign(context, message, out, len, d);
}

/* A request whose challengePassword is base64 of `link`; none for an empty one. */
static span
linked_request(span link)
{
	struct simple_name nobody = { 0 };
	uint8_t spki[SPKI_P256_LEN], room[256];
	struct private_key key;
	struct public_key public;
	struct csr_signer signer = { .sign = sign_by, .context = &key };
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
