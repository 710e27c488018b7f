#include "attestation_check.h"

#include <stdio.h>
#include <stdlib.h>

#include <openssl/evp.h>
#include <openssl/rand.h>

#include "bench.h"
#include "base/clock.h"
#include "base/text.h"
#include "element/attestation.h"
#include "lifecycle/challenge.h"
#include "pki/csr.h"

/*
 * One enrolment's check: the request is read and its proof of possession verified, the evidence read, the challenge's MAC
 * checked, what the chip signed rebuilt and verified. The floor is the two signatures alone, over ready digests with
 * keys set up before; what the check does beside them, setting up the two keys that it meets for the
 * first time included, is what the ratio shows. CPU time, in turns with the floor.
 */
#define CHIPS 256 /* each with keys of its own */
#define TURNS 9
#define PASSES 8 /* over all chips, a turn */

struct unit {
	struct private_key slot1, key;
	uint8_t point1[64];
	char serial[19];
	id device;
	span request; /* in the arena */
	struct signed_digest {
		uint8_t digest[32], signature[SIGNATURE_MAX_LEN];
		size_t len;
		EVP_PKEY_CTX *context; /* ready to verify */
	} signed_digests[2];
};

static struct unit units[CHIPS];
static struct life life;
static struct session session;
static struct arena *arena;

/* --- what devices send --- */

static void
point_of(const struct private_key *key, uint8_t point[64])
{
	struct public_key public;
	struct diag d = { 0 };
	uint8_t spki[600];

	bench_must(private_key_public(key, spki, sizeof(spki), &public, &d), &d);
	memcpy(point, public.point, 64);
}

/* ECDSA over a digest: what slot 1 does. */
static void
sign_digest(const struct private_key *key, struct signed_digest *s)
{
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(key->key, NULL);

	s->len = sizeof(s->signature);
	bench_check(c != NULL && EVP_PKEY_sign_init(c) == 1 &&
			    EVP_PKEY_sign(c, s->signature, &s->len, s->digest, 32) == 1,
		"a digest cannot be signed");
	EVP_PKEY_CTX_free(c);
	s->context = EVP_PKEY_CTX_new(key->key, NULL);
	bench_check(s->context != NULL && EVP_PKEY_verify_init(s->context) == 1, "no context");
}

static void
write_request(struct unit *u, const struct evidence *e, const uint8_t point[64])
{
	const struct csr_signer by = { csr_sign_by_key, &u->key };
	const struct simple_name nobody = { 0 };
	struct public_key public;
	struct diag d = { 0 };
	struct buffer value, der;

	buffer_init(&value, EVIDENCE_MAX);
	buffer_init(&der, CSR_SIZE_MAX);
	bench_must(public_key_of_point(point, &public, &d), &d);
	bench_must(evidence_write(e, &value, &d), &d);
	bench_must(
		csr_write(&nobody, &public, OID_EVIDENCE, buffer_span(&value), &by, &der, &d), &d);
	u->request = arena_copy(arena, buffer_span(&der));
	bench_check(u->request.data != NULL, "no memory");
	buffer_wipe(&value);
	buffer_wipe(&der);
}

static void
make_unit(struct unit *u, unsigned number, bool is_locked)
{
	const struct part_profile *profile = part_profile_find("trustflex-tls");
	struct atecc608_claim claim = { .slot = 2, .slot_is_locked = is_locked };
	struct evidence e = { .kind = EVIDENCE_ATECC608 };
	uint8_t point[64], challenge[CHALLENGE_LEN], num_in[NUM_IN_LEN];
	struct diag d = { 0 };
	int64_t expires_s;

	bench_check(profile != NULL, "no profile");
	claim.slot_config = part_slot_config(profile->config, 2);
	claim.key_config = part_key_config(profile->config, 2);
	bench_must(private_key_generate(KEY_P256, &u->slot1, &d), &d);
	bench_must(private_key_generate(KEY_P256, &u->key, &d), &d);
	point_of(&u->slot1, u->point1);
	point_of(&u->key, point);
	snprintf(u->serial, sizeof(u->serial), "0123%012x01", number);
	bench_check(hex_decode(span_text(u->serial), claim.serial, 9) == OK, "no serial");
	bench_must(id_new(&clock_system, &u->device), &d);
	bench_must(
		challenge_new(&session, &u->device, CHALLENGE_KEY, challenge, &expires_s, &d), &d);
	e.challenge = SPAN_ARRAY(challenge);
	e.atecc608.slot = 2;
	bench_check(RAND_bytes(e.atecc608.random, 32) == 1, "no randomness");
	evidence_num_in(e.challenge, num_in);
	atecc608_attestation_digest(
		&claim, num_in, e.atecc608.random, point, u->signed_digests[0].digest);
	sign_digest(&u->slot1, &u->signed_digests[0]);
	bench_check(signature_der_to_raw(
			    span_of(u->signed_digests[0].signature, u->signed_digests[0].len),
			    e.atecc608.signature) == OK,
		"no signature");
	sha256(span_of(point, 64), u->signed_digests[1].digest);
	sign_digest(&u->key, &u->signed_digests[1]);
	write_request(u, &e, point);
}

static void
free_unit(struct unit *u)
{
	EVP_PKEY_CTX_free(u->signed_digests[0].context);
	EVP_PKEY_CTX_free(u->signed_digests[1].context);
	private_key_wipe(&u->slot1);
	private_key_wipe(&u->key);
	*u = (struct unit){ 0 };
}

/* --- the two sides --- */

static void
verify_floor(void)
{
	for (unsigned i = 0; i < CHIPS; i++) {
		for (unsigned k = 0; k < 2; k++) {
			const struct signed_digest *s = &units[i].signed_digests[k];

			bench_check(EVP_PKEY_verify(
					    s->context, s->signature, s->len, s->digest, 32) == 1,
				"the floor does not verify");
		}
	}
}

static status
check(const struct unit *u, const uint8_t point1[64])
{
	struct attestation_anchor anchor = { .kind = EVIDENCE_ATECC608,
		.serial = u->serial,
		.model = "ATECC608B",
		.profile = "trustflex-tls" };
	struct attestation found;
	struct evidence e;
	struct diag d = { 0 };
	struct csr csr;
	int64_t expires_s;
	status s = csr_read(u->request, &csr, &d);

	memcpy(anchor.key, point1, 64);
	if (s == OK) {
		s = evidence_read(csr_attribute(&csr, OID_EVIDENCE), &e, &d);
	}
	if (s == OK) {
		s = challenge_check(
			&session, &u->device, CHALLENGE_KEY, e.challenge, &expires_s, &d);
	}
	return s == OK ? attestation_check(&e, &anchor, csr.key.point, &found, &d) : s;
}

static void
check_all(status expected)
{
	for (unsigned i = 0; i < CHIPS; i++) {
		const struct unit *signer = &units[expected == OK ? i : (i + 1) % CHIPS];

		bench_check(check(&units[i], signer->point1) == expected,
			"a check says something else");
	}
}

/* CPU seconds an enrolment, and the ratio to the floor of the same turn. */
static void
measure(status expected, double *ratios, double *seconds)
{
	for (unsigned turn = 0; turn < TURNS; turn++) {
		double floor_s, begin = bench_cpu_seconds();

		for (unsigned i = 0; i < PASSES; i++) {
			verify_floor();
		}
		floor_s = bench_cpu_seconds() - begin;
		begin = bench_cpu_seconds();
		for (unsigned i = 0; i < PASSES; i++) {
			check_all(expected);
		}
		seconds[turn] = (bench_cpu_seconds() - begin) / PASSES / CHIPS;
		ratios[turn] = seconds[turn] * PASSES * CHIPS / floor_s;
	}
}

static void
make_units(bool is_locked)
{
	for (unsigned i = 0; i < CHIPS; i++) {
		make_unit(&units[i], i, is_locked);
	}
}

static void
free_units(void)
{
	for (unsigned i = 0; i < CHIPS; i++) {
		free_unit(&units[i]);
	}
}

void
bench_attestation_check(struct bench *b)
{
	double ratios[TURNS], seconds[TURNS];

	arena = arena_new(64 << 20);
	bench_check(arena != NULL, "no memory");
	life = (struct life){ .clock = &clock_system, .challenge_key = { 1 } };
	session = (struct session){
		.life = &life, .arena = arena, .now_s = clock_now_s(&clock_system), .request = ""
	};
	make_units(false);
	measure(OK, ratios, seconds);
	bench_add(b,
		&(struct bench_metric){ .name = "check_over_two_signatures",
			.unit = "ratio",
			.target = 1.25,
			.better = BENCH_LOWER,
			.beside = "two P-256 verifications, digests and keys ready, same turn" },
		ratios, TURNS);
	for (unsigned i = 0; i < TURNS; i++) {
		seconds[i] = 1 / seconds[i];
	}
	bench_add(b,
		&(struct bench_metric){ .name = "checks",
			.unit = "checks/s",
			.better = BENCH_HIGHER,
			.beside = "of one core, request included" },
		seconds, TURNS);
	measure(CRYPTO, ratios, seconds);
	bench_add(b,
		&(struct bench_metric){ .name = "refusal_over_two_signatures",
			.unit = "ratio",
			.better = BENCH_LOWER,
			.beside = "evidence of another chip, the reason searched for" },
		ratios, TURNS);
	free_units();
	make_units(true);
	measure(OK, ratios, seconds);
	bench_add(b,
		&(struct bench_metric){ .name = "check_of_locked_slot_over_two_signatures",
			.unit = "ratio",
			.better = BENCH_LOWER,
			.beside = "both values of the lock bit tried" },
		ratios, TURNS);
	free_units();
	arena_free(arena);
}
