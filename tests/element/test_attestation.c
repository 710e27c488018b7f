#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "chip_model.h"

#include "base/check.h"
#include "base/file.h"
#include "element/attestation.h"
#include "pki/pem.h"

/*
 * An emulated chip's attestation, its message recomputed by the chip maker's host-side functions: slot 2, serial number
 * 01235a17c0ffee4201, unlocked.
 */
#define VECTOR_KEY                                                         \
	"086b99125141f4f87126f2010060065f1c009367d1c930962cdab73afdf3a7ab" \
	"f1fc42f38cb4ae6d44e2bdd0448d09ba885c6b23c37675700433165fc0ce3931"
#define VECTOR_NUM_IN "030a11181f262d343b424950575e656c737a8188"
#define VECTOR_RANDOM "fcc35e250644f4d6df5f1e4b43f59b0e3aa5ed834819aef1e5a204d047c6a445"
#define VECTOR_POINT                                                       \
	"d29e5f3e04539f4896515f5723b352fccb2680694b74bb4b7e3c25cbc139c97a" \
	"845446b71a69a2a342cb613cbf64f7d3c32e0b5ccec2784f4e62c53cdc454a14"
#define VECTOR_SIGNATURE                                                   \
	"a3bf858117a32128351c44b376079b72174c1bb454c6f35eb2d4d07756a44669" \
	"9d1055bc5eecec0a6a9099c558d468a4e299efdc922e3dd8a05a642df371fc37"
#define VECTOR_MESSAGE                                                     \
	"b4b2e75e19792671c7c74c4d74a554c344bbcb954f4c046d7560d80b7f80bc77" \
	"414001008520730042000001c0ffee4201235a17010000"
#define VECTOR_DIGEST "be7163e1936db97b2eae7e496a9735ad42a0dd598bc60ac2cde75cf478910153"

#define SERIAL "0123a1b2c3d4e5f601"
#define CHALLENGE "a challenge of forty-two bytes, as ours are"

static struct arena *a;
static struct chip chip, other;

static int
set_up(void **state)
{
	(void)state;
	a = arena_new(8 << 20);
	chip_open(&chip, SERIAL);
	chip_open(&other, "0123a1b2c3d4e5f701");
	for (unsigned slot = 2; slot <= 4; slot++) {
		chip_make_key(&chip, slot);
		chip_make_key(&other, slot);
	}
	chip_make_key(&chip, 13);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	chip_close(&chip);
	chip_close(&other);
	arena_free(a);
	return 0;
}

static struct attestation_anchor
anchor_of(const struct chip *c)
{
	struct attestation_anchor anchor = { .kind = EVIDENCE_ATECC608,
		.serial = c->serial_text,
		.model = "ATECC608B",
		.profile = "trustflex-tls" };

	memcpy(anchor.key, c->points[1], sizeof(anchor.key));
	return anchor;
}

/* --- the vector --- */

static void
the_vector(void **state)
{
	struct atecc608_claim claim = { .slot = 2, .slot_config = 0x2085, .key_config = 0x0073 };
	span message = bytes_of_hex(a, VECTOR_MESSAGE);
	uint8_t digest[32];

	(void)state;
	memcpy(claim.serial, bytes_of_hex(a, "01235a17c0ffee4201").data, 9);
	atecc608_attestation_digest(&claim, bytes_of_hex(a, VECTOR_NUM_IN).data,
		bytes_of_hex(a, VECTOR_RANDOM).data, bytes_of_hex(a, VECTOR_POINT).data, digest);
	assert_memory_equal(bytes_of_hex(a, VECTOR_DIGEST).data, digest, 32);
	sha256(message, digest);
	assert_memory_equal(bytes_of_hex(a, VECTOR_DIGEST).data, digest, 32);
	assert_int_equal(OK, signature_verify_raw(bytes_of_hex(a, VECTOR_KEY).data, message,
				     bytes_of_hex(a, VECTOR_SIGNATURE).data));
}

/* The model of the chip composes the vector's message, too: it is no mirror of the code under test. */
static void
the_model_is_the_vectors_chip(void **state)
{
	struct chip_attest how = chip_honest(&chip, 2, span_text(CHALLENGE));
	uint8_t message[55];

	(void)state;
	memcpy(how.num_in, bytes_of_hex(a, VECTOR_NUM_IN).data, NUM_IN_LEN);
	memcpy(how.random, bytes_of_hex(a, VECTOR_RANDOM).data, 32);
	how.point = bytes_of_hex(a, VECTOR_POINT).data;
	how.serial = bytes_of_hex(a, "01235a17c0ffee4201").data;
	chip_message(&chip, &how, message);
	assert_memory_equal(bytes_of_hex(a, VECTOR_MESSAGE).data, message, sizeof(message));
}

/* --- good ones --- */

static status
check_as(const struct attestation_anchor *anchor, span der, const uint8_t *point,
	struct attestation *out, struct diag *d)
{
	struct evidence e;

	diag_clear(d);
	assert_int_equal(OK, evidence_read(der, &e, NULL));
	return attestation_check(&e, anchor, point, out, d);
}

static status
check(span der, const uint8_t *point, struct attestation *out, struct diag *d)
{
	struct attestation_anchor anchor = anchor_of(&chip);

	return check_as(&anchor, der, point, out, d);
}

static void
honest(void **state)
{
	(void)state;
	for (unsigned slot = 2; slot <= 4; slot++) {
		for (int is_locked = 0; is_locked < 2; is_locked++) {
			struct chip_attest how = chip_honest(&chip, slot, span_text(CHALLENGE));
			struct attestation found;
			struct diag d;

			how.is_locked = is_locked != 0;
			assert_ok(check(chip_attest(a, &chip, &how), chip.points[slot], &found, &d),
				d);
			assert_true(found.is_proven);
			assert_int_equal(slot, found.slot);
			assert_int_equal(is_locked, found.slot_is_locked);
			assert_null(d.kind);
		}
	}
}

/* --- the attacker's --- */

static struct chip_attest
good(void)
{
	return chip_honest(&chip, 2, span_text(CHALLENGE));
}

static void
refused(const struct chip_attest *how, const uint8_t *point, status expected, const char *kind)
{
	struct attestation found;
	struct diag d;
	status s = check(chip_attest(a, &chip, how), point, &found, &d);

	if (s != expected || d.kind == NULL || strcmp(d.kind, kind) != 0) {
		fail_msg("%s wanted, got %s %s \"%s\"", kind, status_name(s), d.kind, d.text);
	}
	assert_false(found.is_proven);
	assert_true(strstr(d.text, SERIAL) != NULL || expected == BAD_INPUT);
}

static void
of_another_chip(void **state)
{
	struct chip_attest how = good();

	(void)state;
	how.signer = &other; /* another's slot 1, our serial number */
	refused(&how, chip.points[2], CRYPTO, ATTESTATION_FAILED);
	how = chip_honest(&other, 2, span_text(CHALLENGE)); /* all of it another's */
	refused(&how, other.points[2], CRYPTO, ATTESTATION_FAILED);
	refused(&how, chip.points[2], CRYPTO, ATTESTATION_FAILED);
	how = good(); /* our key, another's serial number */
	how.serial = other.serial;
	refused(&how, chip.points[2], CRYPTO, ATTESTATION_FAILED);
}

static void
of_another_key(void **state)
{
	struct chip_attest how = good();
	uint8_t point[64];

	(void)state;
	refused(&how, chip.points[3], CRYPTO, ATTESTATION_FAILED);
	memcpy(point, chip.points[2], 64);
	point[63] ^= 1;
	refused(&how, point, BAD_INPUT, ATTESTATION_NOT_THIS_KEY);
	memset(point, 0, sizeof(point));
	refused(&how, point, BAD_INPUT, ATTESTATION_NOT_THIS_KEY);
	memset(point, 0xff, sizeof(point));
	refused(&how, point, BAD_INPUT, ATTESTATION_NOT_THIS_KEY);
}

static void
of_another_time(void **state)
{
	struct chip_attest how = good();

	(void)state;
	memset(how.num_in, 0, sizeof(how.num_in)); /* as keySTREAM's agent does */
	refused(&how, chip.points[2], CRYPTO, ATTESTATION_FAILED);
	how = good();
	how.challenge = span_text("another challenge");
	refused(&how, chip.points[2], CRYPTO, ATTESTATION_FAILED);
}

static void
by_other_commands(void **state)
{
	struct chip_attest how = good();

	(void)state;
	how.genkey[0] = 0x08;
	refused(&how, chip.points[2], CRYPTO, ATTESTATION_OLD_KEY);
	how.genkey[0] = 0x04;
	refused(&how, chip.points[2], CRYPTO, ATTESTATION_FAILED);
	how = good();
	how.sign_mode = 0x00;
	refused(&how, chip.points[2], CRYPTO, ATTESTATION_SHORT_SERIAL);
	how.sign_mode = 0x60; /* from the message digest buffer */
	refused(&how, chip.points[2], CRYPTO, ATTESTATION_FAILED);
	how = good();
	how.flags = 0x62; /* GenDig's too */
	refused(&how, chip.points[2], CRYPTO, ATTESTATION_FAILED);
	how.flags = 0x52; /* a nonce of the caller's */
	refused(&how, chip.points[2], CRYPTO, ATTESTATION_FAILED);
	how.flags = 0x02;
	refused(&how, chip.points[2], CRYPTO, ATTESTATION_FAILED);
}

static void
of_another_slot(void **state)
{
	struct chip_attest how = chip_honest(&chip, 3, span_text(CHALLENGE));

	(void)state;
	how.claimed_slot = 2;
	refused(&how, chip.points[3], CRYPTO, ATTESTATION_OTHER_SLOT);
	how = chip_honest(&chip, 0, span_text(CHALLENGE));
	refused(&how, chip.points[0], BAD_INPUT, ATTESTATION_MALFORMED);
	how.claimed_slot = 2;
	refused(&how, chip.points[0], CRYPTO, ATTESTATION_FAILED);
	how = chip_honest(&chip, 1, span_text(CHALLENGE));
	refused(&how, chip.points[1], BAD_INPUT, ATTESTATION_MALFORMED);
	how = good();
	how.claimed_slot = 5;
	refused(&how, chip.points[2], BAD_INPUT, ATTESTATION_MALFORMED);
	how.claimed_slot = 15;
	refused(&how, chip.points[2], BAD_INPUT, ATTESTATION_MALFORMED);
}

/* A software key, written into slot 13 in the clear; GenKey mode 10 digests it with three bytes of the attacker's. */
static void
of_a_stored_key(void **state)
{
	struct chip_attest how = chip_honest(&chip, 13, span_text(CHALLENGE));

	(void)state;
	refused(&how, chip.points[13], BAD_INPUT, ATTESTATION_MALFORMED);
	how.claimed_slot = 2;
	how.genkey[0] = 0x10;
	refused(&how, chip.points[13], CRYPTO, ATTESTATION_FAILED);
	how.genkey[0] = 0x0c;
	how.genkey[1] = 2;
	refused(&how, chip.points[13], CRYPTO, ATTESTATION_STORED_KEY);
	/* and if the slot in the flags could be ours, the policy would still be its own */
	how.flags = 0x42;
	refused(&how, chip.points[13], CRYPTO, ATTESTATION_FAILED);
}

/* Any bit of the slot's policy: with PrivWrite allowed the key could have come from outside. */
static void
of_another_policy(void **state)
{
	(void)state;
	for (unsigned bit = 0; bit < 32; bit++) {
		uint8_t *policy = &chip.config[(bit < 16 ? 20u : 96u) + 2u * 2 + bit / 8 % 2];
		struct chip_attest how = good();

		*policy ^= (uint8_t)(1u << bit % 8);
		refused(&how, chip.points[2], CRYPTO, ATTESTATION_FAILED);
		*policy ^= (uint8_t)(1u << bit % 8);
	}
}

/* Each bit of the evidence counts. */
static void
every_bit(void **state)
{
	struct chip_attest how = good();
	span der = chip_attest(a, &chip, &how);
	struct attestation_anchor anchor = anchor_of(&chip);
	struct attestation found;
	struct evidence e;

	(void)state;
	for (size_t i = 0; i < 96 * 8; i += 3) {
		assert_int_equal(OK, evidence_read(der, &e, NULL));
		if (i < 32 * 8) {
			e.atecc608.random[i / 8] ^= (uint8_t)(1u << i % 8);
		} else {
			e.atecc608.signature[i / 8 - 32] ^= (uint8_t)(1u << i % 8);
		}
		assert_int_equal(
			CRYPTO, attestation_check(&e, &anchor, chip.points[2], &found, NULL));
	}
	assert_int_equal(OK, evidence_read(der, &e, NULL));
	memset(e.atecc608.signature, 0, 64);
	assert_int_equal(CRYPTO, attestation_check(&e, &anchor, chip.points[2], &found, NULL));
	memset(e.atecc608.signature, 0xff, 64);
	assert_int_equal(CRYPTO, attestation_check(&e, &anchor, chip.points[2], &found, NULL));
}

/* --- elements that cannot --- */

static void
elements_that_cannot(void **state)
{
	struct chip_attest how = good();
	span der = chip_attest(a, &chip, &how);
	struct attestation_anchor good_anchor = anchor_of(&chip);
	struct attestation found;
	struct diag d;

	(void)state;
	for (int row = 0; row < 7; row++) {
		struct attestation_anchor anchor = good_anchor;

		switch (row) {
		case 0:
			anchor.kind = EVIDENCE_TOKEN; /* no key in its manifest */
			break;
		case 1:
			anchor.kind = EVIDENCE_TPM2;
			break;
		case 2:
			anchor.profile = "";
			break;
		case 3:
			anchor.profile = "trustmanager";
			break;
		case 4:
			anchor.profile = "blank"; /* its slots take keys from outside */
			break;
		case 5:
			anchor.serial = "token 17";
			break;
		default:
			memset(anchor.key, 0, sizeof(anchor.key)); /* no point */
			break;
		}
		assert_int_equal(DENIED, check_as(&anchor, der, chip.points[2], &found, &d));
		assert_string_equal(ATTESTATION_IMPOSSIBLE, d.kind);
		assert_false(found.is_proven);
		if (row == 0) {
			assert_non_null(strstr(d.text, "TrustMANAGER"));
		}
	}
	assert_ok(check_as(&good_anchor, der, chip.points[2], &found, &d), d);
}

/* --- a token's own word --- */

struct word {
	const char *model, *serial;
	bool is_local, is_never_extractable, is_sensitive;
};

static status
say(const struct word *w, const struct attestation_anchor *anchor, struct attestation *found,
	struct diag *d)
{
	struct evidence e = { .kind = EVIDENCE_TOKEN, .challenge = span_text(CHALLENGE) };

	e.token = (struct evidence_token){ span_text(w->model), span_text(w->serial), w->is_local,
		w->is_never_extractable, w->is_sensitive };
	diag_clear(d);
	return attestation_check(&e, anchor, chip.points[2], found, d);
}

static void
a_tokens_word(void **state)
{
	static const struct {
		const char *model; /* by the manifest */
		bool is_vendors_word;
		struct word word;
		status expected;
		const char *kind;
	} rows[] = {
		{ "TA100", true, { "TA100", "0123A1B2", true, true, true }, OK, NULL },
		{ "TA100", true, { "ta100", "", true, true, true }, OK, NULL },
		{ "ECC206", true, { "ECC206", SERIAL, true, true, true }, OK, NULL },
		{ "TA100", false, { "TA100", "", true, true, true }, DENIED,
			ATTESTATION_IMPOSSIBLE },
		{ "ATECC608B", true, { "ATECC608B", "", true, true, true }, DENIED,
			ATTESTATION_IMPOSSIBLE },
		{ "SoftHSM v2", true, { "SoftHSM v2", "", true, true, true }, DENIED,
			ATTESTATION_IMPOSSIBLE },
		{ "", true, { "", "", true, true, true }, DENIED, ATTESTATION_IMPOSSIBLE },
		{ "TA100", true, { "TA101", "", true, true, true }, BAD_INPUT,
			ATTESTATION_CONTRADICTION },
		{ "TA100", true, { "TA100x", "", true, true, true }, BAD_INPUT,
			ATTESTATION_CONTRADICTION },
		{ "TA100", true, { "TA100", "0123ffff", true, true, true }, BAD_INPUT,
			ATTESTATION_CONTRADICTION },
		{ "TA100", true, { "TA100", SERIAL "00", true, true, true }, BAD_INPUT,
			ATTESTATION_CONTRADICTION },
		{ "TA100", true, { "TA100", "", false, true, true }, BAD_INPUT,
			ATTESTATION_CONTRADICTION },
		{ "TA100", true, { "TA100", "", true, false, true }, BAD_INPUT,
			ATTESTATION_CONTRADICTION },
		{ "TA100", true, { "TA100", "", true, true, false }, BAD_INPUT,
			ATTESTATION_CONTRADICTION },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const struct attestation_anchor anchor = { .kind = EVIDENCE_TOKEN,
			.serial = SERIAL,
			.model = rows[i].model,
			.profile = "",
			.is_vendors_word = rows[i].is_vendors_word };
		struct attestation found;
		struct diag d;
		status s = say(&rows[i].word, &anchor, &found, &d);

		if (s != rows[i].expected || (d.kind == NULL) != (rows[i].kind == NULL) ||
			(d.kind != NULL && strcmp(d.kind, rows[i].kind) != 0)) {
			fail_msg("%zu: %s %s", i, status_name(s), d.text);
		}
		assert_false(found.is_proven);
		assert_int_equal(-1, found.slot);
	}
}

/* --- openssl has the same opinion --- */

static char *
write_file(const char *folder, const char *name, span content)
{
	char *path = arena_printf(a, "%s/%s", folder, name);
	struct diag d = { 0 };

	assert_ok(file_replace(path, content, 0600, &d), d);
	return path;
}

static void
openssl_agrees(void **state)
{
	struct chip_attest how = good();
	span der = chip_attest(a, &chip, &how);
	char *folder = temporary_folder();
	uint8_t message[55], spki[SPKI_P256_LEN], signature[72];
	struct buffer pem;
	struct evidence e;
	size_t len;
	char out[200];
	struct spawned p;

	(void)state;
	assert_int_equal(OK, evidence_read(der, &e, NULL));
	chip_message(&chip, &how, message);
	spki_of_point(chip.points[1], spki);
	buffer_init(&pem, 4096);
	pem_write(&pem, "PUBLIC KEY", SPAN_ARRAY(spki));
	signature_raw_to_der(e.atecc608.signature, signature, &len);
	const char *const argv[] = { "/usr/bin/env", "openssl", "dgst", "-sha256", "-verify",
		write_file(folder, "key.pem", buffer_span(&pem)), "-signature",
		write_file(folder, "signature", span_of(signature, len)),
		write_file(folder, "message", SPAN_ARRAY(message)), NULL };
	buffer_wipe(&pem);
	spawn_program(&p, argv);
	assert_true(spawned_line(&p, out, sizeof(out), 10000));
	assert_string_equal("Verified OK", out);
	assert_int_equal(0, spawned_end(&p, 0, 10000));
	temporary_folder_remove(folder);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_vector),
		cmocka_unit_test(the_model_is_the_vectors_chip),
		cmocka_unit_test(honest),
		cmocka_unit_test(of_another_chip),
		cmocka_unit_test(of_another_key),
		cmocka_unit_test(of_another_time),
		cmocka_unit_test(by_other_commands),
		cmocka_unit_test(of_another_slot),
		cmocka_unit_test(of_a_stored_key),
		cmocka_unit_test(of_another_policy),
		cmocka_unit_test(every_bit),
		cmocka_unit_test(elements_that_cannot),
		cmocka_unit_test(a_tokens_word),
		cmocka_unit_test(openssl_agrees),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
