#include <stdlib.h>

#include <openssl/objects.h>

#include "support.h"

#include "base/check.h"
#include "element/evidence.h"

/* The type without its last arc, and the statements by hand: the encoding is the contract with devices. */
#define ARC "6983cafae28295aac285d9b884d9b4a99b91db4f"
#define RANDOM "fcc35e250644f4d6df5f1e4b43f59b0e3aa5ed834819aef1e5a204d047c6a445"
#define SIGNATURE                                                          \
	"a3bf858117a32128351c44b376079b72174c1bb454c6f35eb2d4d07756a44669" \
	"9d1055bc5eecec0a6a9099c558d468a4e299efdc922e3dd8a05a642df371fc37"
/* Tags with their content in brackets: `der_of` puts the lengths in. Challenge 010203, slot 2. */
#define CHALLENGE "04(010203)"
#define REST "04(" RANDOM ") 04(" SIGNATURE ")"
#define TYPE "06(" ARC "01)"
#define STATEMENT "30(" TYPE "30(" CHALLENGE "02(02)" REST "))"
#define ATECC608 "30(30(" STATEMENT "))"

static struct arena *a;

static int
set_up(void **state)
{
	(void)state;
	a = arena_new(8 << 20);
	return a == NULL;
}

static int
tear_down(void **state)
{
	(void)state;
	arena_free(a);
	return 0;
}

static unsigned
digit(char c)
{
	const char *at = c != '\0' ? strchr("0123456789abcdef", c) : NULL;

	assert_non_null(at);
	return (unsigned)(at - "0123456789abcdef");
}

static span
der_of(const char *text)
{
	uint8_t *room = arena_alloc(a, 8192), byte;
	struct diag d = { 0 };
	struct der_writer w;
	span der;

	assert_non_null(room);
	der_writer_init(&w, room, 8192);
	for (; *text != '\0'; text++) {
		if (*text == ')') {
			der_close(&w);
		} else if (*text != ' ') {
			byte = (uint8_t)(digit(text[0]) << 4 | digit(text[1]));
			text++;
			if (text[1] == '(') {
				der_open(&w, byte);
				text++;
			} else {
				der_put_raw(&w, span_of(&byte, 1));
			}
		}
	}
	assert_ok(der_writer_finish(&w, &der, &d), d);
	return der;
}

static span
write_whole(const struct evidence *e)
{
	struct diag d = { 0 };
	struct buffer b;
	span copy;

	buffer_init(&b, EVIDENCE_MAX);
	assert_ok(evidence_write(e, &b, &d), d);
	copy = arena_copy(a, buffer_span(&b));
	buffer_wipe(&b);
	return copy;
}

static void
atecc608_to_the_byte(void **state)
{
	span der = der_of(ATECC608);
	struct diag d = { 0 };
	struct evidence e;

	(void)state;
	assert_memory_equal(
		bytes_of_hex(a, "30818b 308188 308185 0615" ARC "01 306c 0403010203").data,
		der.data, 37);
	assert_ok(evidence_read(der, &e, &d), d);
	assert_int_equal(EVIDENCE_ATECC608, e.kind);
	assert_true(span_equal(bytes_of_hex(a, "010203"), e.challenge));
	assert_int_equal(2, e.atecc608.slot);
	assert_memory_equal(bytes_of_hex(a, RANDOM).data, e.atecc608.random, 32);
	assert_memory_equal(bytes_of_hex(a, SIGNATURE).data, e.atecc608.signature, 64);
	assert_true(span_equal(der, write_whole(&e)));
}

/* The arc as libcrypto reads it. */
static void
types_are_ours(void **state)
{
	const span der = der_of(TYPE);
	const uint8_t *p = der.data;
	ASN1_OBJECT *o = d2i_ASN1_OBJECT(NULL, &p, (long)der.len);
	char text[80];

	(void)state;
	assert_non_null(o);
	OBJ_obj2txt(text, sizeof(text), o, 1);
	assert_string_equal("2.25.305030647290410459873825239964802379215.1", text);
	ASN1_OBJECT_free(o);
}

static struct evidence
tpm2(void)
{
	struct evidence e = { .kind = EVIDENCE_TPM2, .challenge = span_text("challenge") };

	e.tpm2 = (struct evidence_tpm2){ span_text("public"), span_text("certify"),
		span_text("certify signature"), span_text("creation"), span_text("quote"),
		span_text("quote signature"), span_text("ak") };
	return e;
}

static struct evidence
token(void)
{
	struct evidence e = { .kind = EVIDENCE_TOKEN, .challenge = span_text("challenge") };

	e.token = (struct evidence_token){ .model = span_text("TA100"),
		.serial = span_text("g\xc3\xa4r\xc3\xa4t"),
		.is_never_extractable = true };
	return e;
}

static void
tpm2_there_and_back(void **state)
{
	struct evidence e = tpm2(), again;
	struct diag d = { 0 };

	(void)state;
	assert_ok(evidence_read(write_whole(&e), &again, &d), d);
	assert_int_equal(EVIDENCE_TPM2, again.kind);
	assert_true(span_is(again.challenge, "challenge"));
	assert_true(span_is(again.tpm2.public, "public"));
	assert_true(span_is(again.tpm2.certify, "certify"));
	assert_true(span_is(again.tpm2.certify_signature, "certify signature"));
	assert_true(span_is(again.tpm2.creation, "creation"));
	assert_true(span_is(again.tpm2.quote, "quote"));
	assert_true(span_is(again.tpm2.quote_signature, "quote signature"));
	assert_true(span_is(again.tpm2.ak_public, "ak"));
}

static void
token_there_and_back(void **state)
{
	struct evidence e = token(), again;
	struct diag d = { 0 };

	(void)state;
	assert_ok(evidence_read(write_whole(&e), &again, &d), d);
	assert_int_equal(EVIDENCE_TOKEN, again.kind);
	assert_true(span_is(again.token.model, "TA100"));
	assert_true(span_is(again.token.serial, "g\xc3\xa4r\xc3\xa4t"));
	assert_false(again.token.is_local);
	assert_true(again.token.is_never_extractable);
	assert_false(again.token.is_sensitive);
}

static void
cut_or_longer(void **state)
{
	struct evidence kinds[] = { tpm2(), token(), tpm2() }, out;
	span der;

	(void)state;
	assert_int_equal(OK, evidence_read(der_of(ATECC608), &kinds[2], NULL));
	for (size_t k = 0; k < COUNT_OF(kinds); k++) {
		uint8_t longer[EVIDENCE_MAX];

		der = write_whole(&kinds[k]);
		for (size_t n = 0; n < der.len; n++) {
			struct diag d = { 0 };

			assert_int_equal(BAD_INPUT, evidence_read(span_slice(der, 0, n), &out, &d));
			assert_true(d.text[0] != '\0' && d.clause[0] != '\0');
		}
		memcpy(longer, der.data, der.len);
		longer[der.len] = 0;
		assert_int_equal(
			BAD_INPUT, evidence_read(span_of(longer, der.len + 1), &out, NULL));
	}
}

static const struct {
	const char *hex, *words;
} wrong[] = {
	{ "", "EvidenceBundle" },
	{ "30()", "evidences: missing" },
	{ "30(30())", "EvidenceStatement: missing" },
	{ "31(30(" STATEMENT "))", "EvidenceBundle: tag 31" },
	{ "308030800000", "indefinite" },
	/* two statements; certificates behind them, which the draft knows and we do not */
	{ "30(30(" STATEMENT STATEMENT "))", "one is taken" },
	{ "30(30(" STATEMENT ") 30())", "EvidenceBundle: more" },
	/* types: our arc's 0 and 4, one arc more, the arc itself, another's */
	{ "30(30(30(06(" ARC "00) 30(" CHALLENGE "02(02)" REST "))))", "not known" },
	{ "30(30(30(06(" ARC "04) 30(" CHALLENGE "02(02)" REST "))))", "not known" },
	{ "30(30(30(06(" ARC "0100) 30(" CHALLENGE "02(02)" REST "))))", "not known" },
	{ "30(30(30(06(" ARC ") 30(" CHALLENGE "02(02)" REST "))))", "not known" },
	{ "30(30(30(06(2a0304) 30(" CHALLENGE "02(02)" REST "))))", "1.2.3.4 is not" },
	{ "30(30(30(06() 30(" CHALLENGE "02(02)" REST "))))", "type" },
	{ "30(30(30(" TYPE ")))", "stmt: missing" },
	{ "30(30(30(" TYPE "31(" CHALLENGE "02(02)" REST "))))", "stmt: tag 31" },
	/* the challenge */
	{ "30(30(30(" TYPE "30(04() 02(02)" REST "))))", "challenge: 0 bytes" },
	{ "30(30(30(" TYPE "30(02(02)" REST "))))", "challenge: tag 02" },
	{ "30(30(30(" TYPE "30(24(04(010203)) 02(02)" REST "))))", "challenge: tag 24" },
	{ "30(30(30(" TYPE "30(04(" RANDOM RANDOM "00) 02(02)" REST "))))", "challenge: 65 bytes" },
	/* the slot */
	{ "30(30(30(" TYPE "30(" CHALLENGE REST "))))", "slot: tag 04" },
	{ "30(30(30(" TYPE "30(" CHALLENGE "02(10)" REST "))))", "slot: over 15" },
	{ "30(30(30(" TYPE "30(" CHALLENGE "02(ff)" REST "))))", "slot" },
	{ "30(30(30(" TYPE "30(" CHALLENGE "02(0002)" REST "))))", "minimal" },
	{ "30(30(30(" TYPE "30(" CHALLENGE "02()" REST "))))", "without content" },
	{ "30(30(30(" TYPE "30(" CHALLENGE "02(0100000002)" REST "))))", "slot" },
	{ "30(30(30(" TYPE "30(" CHALLENGE "02(7fffffff)" REST "))))", "slot: over 15" },
	/* random, signature */
	{ "30(30(30(" TYPE "30(" CHALLENGE "02(02) 04(" SIGNATURE ") 04(" SIGNATURE ")))))",
		"random: 64 bytes" },
	{ "30(30(30(" TYPE "30(" CHALLENGE "02(02) 04() 04(" SIGNATURE ")))))", "random: 0" },
	{ "30(30(30(" TYPE "30(" CHALLENGE "02(02) 04(" RANDOM ") 04(" RANDOM ")))))",
		"signature: 32 bytes" },
	{ "30(30(30(" TYPE "30(" CHALLENGE "02(02) 04(" RANDOM ") 04(" SIGNATURE "00)))))",
		"signature: 65 bytes" },
	/* more in the statement, and behind it */
	{ "30(30(30(" TYPE "30(" CHALLENGE "02(02)" REST "05()))))", "stmt: more" },
	{ "30(30(30(" TYPE "30(" CHALLENGE "02(02)" REST ") 05())))", "EvidenceStatement: more" },
	/* a token's: what is no boolean, no printable text, no UTF8String */
	{ "30(30(30(06(" ARC "03) 30(" CHALLENGE "0c(41) 0c(42) 01(01) 01(00) 01(ff)))))",
		"isLocal" },
	{ "30(30(30(06(" ARC "03) 30(" CHALLENGE "0c(41) 0c(42) 01(ff) 01(00)))))",
		"isSensitive: missing" },
	{ "30(30(30(06(" ARC "03) 30(" CHALLENGE "0c(41) 0c(07) 01(ff) 01(00) 01(ff)))))",
		"serial: not a printable" },
	{ "30(30(30(06(" ARC "03) 30(" CHALLENGE "0c(c0) 0c(42) 01(ff) 01(00) 01(ff)))))",
		"model: not a printable" },
	{ "30(30(30(06(" ARC "03) 30(" CHALLENGE "16(41) 0c(42) 01(ff) 01(00) 01(ff)))))",
		"model: tag 16" },
	{ "30(30(30(06(" ARC "03) 30(" CHALLENGE "0c(" SIGNATURE
	  "00) 0c(42) 01(ff) 01(00) 01(ff)))))",
		"model: not a printable" },
	/* one kind's statement under another's name */
	{ "30(30(30(06(" ARC "02) 30(" CHALLENGE "02(02)" REST "))))", "public: tag 02" },
	{ "30(30(30(06(" ARC "03) 30(" CHALLENGE "02(02)" REST "))))", "model: tag 02" },
};

static void
refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(wrong); i++) {
		struct diag d = { 0 };
		struct evidence e;
		status s = evidence_read(der_of(wrong[i].hex), &e, &d);

		if ((s != BAD_INPUT && s != LIMIT) || d.status != s ||
			strstr(d.text, wrong[i].words) == NULL) {
			fail_msg("%zu: %s \"%s\"", i, status_name(s), d.text);
		}
	}
}

static void
refused_when_written(void **state)
{
	static uint8_t many[EVIDENCE_MAX];
	struct evidence e = tpm2();
	struct buffer b;

	(void)state;
	buffer_init(&b, 1 << 16);
	e.tpm2.quote = span_of(many, TPM_STRUCTURE_MAX + 1);
	assert_int_equal(BAD_INPUT, evidence_write(&e, &b, NULL));
	e = tpm2();
	e.tpm2.creation = span_of(many, 0);
	assert_int_equal(BAD_INPUT, evidence_write(&e, &b, NULL));
	e = tpm2();
	e.challenge = span_of(many, CHALLENGE_MAX + 1);
	assert_int_equal(BAD_INPUT, evidence_write(&e, &b, NULL));
	e = tpm2();
	e.tpm2.public = e.tpm2.certify = e.tpm2.quote = e.tpm2.creation = e.tpm2.ak_public =
		span_of(many, TPM_STRUCTURE_MAX);
	assert_int_equal(BAD_INPUT, evidence_write(&e, &b, NULL));
	e = token();
	e.token.model = span_text("a\nb");
	assert_int_equal(BAD_INPUT, evidence_write(&e, &b, NULL));
	e.token.model = span_text("\xff");
	assert_int_equal(BAD_INPUT, evidence_write(&e, &b, NULL));
	e.token.model = span_of(many, TOKEN_TEXT_MAX + 1);
	assert_int_equal(BAD_INPUT, evidence_write(&e, &b, NULL));
	e = (struct evidence){ .kind = EVIDENCE_ATECC608, .challenge = span_text("c") };
	e.atecc608.slot = ATECC608_SLOTS;
	assert_int_equal(LIMIT, evidence_write(&e, &b, NULL));
	assert_int_equal(0, b.len);
	buffer_wipe(&b);
}

static void
too_much(void **state)
{
	const size_t len = 1 << 20;
	uint8_t *much = calloc(1, len);
	struct diag d = { 0 };
	struct evidence e;

	(void)state;
	assert_non_null(much);
	memset(much, 0x30, len);
	assert_int_equal(LIMIT, evidence_read(span_of(much, len), &e, &d));
	/* as deep as it is long */
	for (size_t i = 0; i < EVIDENCE_MAX; i += 4) {
		size_t inside = EVIDENCE_MAX - i - 4;

		much[i] = 0x30;
		much[i + 1] = 0x82;
		much[i + 2] = (uint8_t)(inside >> 8);
		much[i + 3] = (uint8_t)inside;
	}
	assert_int_equal(BAD_INPUT, evidence_read(span_of(much, EVIDENCE_MAX), &e, NULL));
	free(much);
}

static void
what_elements_are_given(void **state)
{
	/* SHA-256("abc") */
	span digest =
		bytes_of_hex(a, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	uint8_t num_in[NUM_IN_LEN], qualifying[32];

	(void)state;
	evidence_num_in(span_text("abc"), num_in);
	assert_memory_equal(digest.data, num_in, sizeof(num_in));
	evidence_qualifying(span_text("abc"), qualifying);
	assert_memory_equal(digest.data, qualifying, sizeof(qualifying));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(atecc608_to_the_byte),
		cmocka_unit_test(types_are_ours),
		cmocka_unit_test(tpm2_there_and_back),
		cmocka_unit_test(token_there_and_back),
		cmocka_unit_test(cut_or_longer),
		cmocka_unit_test(refused),
		cmocka_unit_test(refused_when_written),
		cmocka_unit_test(too_much),
		cmocka_unit_test(what_elements_are_given),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
