/*
 * CRLs: the time from "publish" to the files in place, for an authority with 100,000 revoked certificates: numbers and
 * entries from the store, shards, the full list, the bundle, signed by the real signer, written to the disk.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "bench.h"
#include "lifecycle/authority.h"
#include "pki/key.h"

#define ROOM 4096
#define ENTRIES 100000
#define BATCH 2000 /* certificates a change */
#define RUNS 7
#define DER_BYTES 600 /* what a certificate's record carries besides */

struct scene {
	char programs[ROOM], database[ROOM], passphrase[ROOM], keys[ROOM], crl[ROOM];
	struct arena *arena;
	struct clock clock;
	struct store *store;
	struct signer *signer;
	struct life life;
	struct session session;
	struct authority root, issuing;
};

static void
scene_open(struct scene *s, const char *argv0)
{
	const char *slash = strrchr(argv0, '/'), *folder = bench_folder();
	struct diag d = { 0 };
	const struct store_options store = { .location = s->database, .create = true };
	const struct signer_options signer = { .program = s->programs,
		.keys = s->keys,
		.passphrase_file = s->passphrase,
		.channels = 2,
		.create = true };

	snprintf(s->programs, sizeof(s->programs), "%.*s/../src/signer/tenure-signer",
		(int)(slash ? slash - argv0 : 0), slash ? argv0 : "");
	snprintf(s->database, sizeof(s->database), "%s/tenure.db", folder);
	snprintf(s->passphrase, sizeof(s->passphrase), "%s/passphrase", folder);
	snprintf(s->keys, sizeof(s->keys), "%s/keys", folder);
	snprintf(s->crl, sizeof(s->crl), "%s/crl", folder);
	bench_must(file_replace(s->passphrase, span_text("a passphrase\n"), 0600, &d), &d);
	bench_must(store_open(&store, &s->store, &d), &d);
	bench_must(signer_start(&signer, &s->signer, &d), &d);
	s->arena = arena_new(1 << 30);
	s->clock = clock_system;
	s->life = (struct life){ .store = s->store,
		.signer = s->signer,
		.clock = &s->clock,
		.plain_url = "http://pki.test",
		.crl_folder = s->crl,
		.crl_lifetime_s = 86400,
		.threads = 1 };
	s->session = (struct session){
		.life = &s->life, .arena = s->arena, .now_s = clock_now_s(&s->clock), .request = ""
	};
	bench_must(reader_open(s->store, &s->session.reader, &d), &d);
}

static void
scene_close(struct scene *s)
{
	reader_close(s->session.reader);
	signer_stop(s->signer);
	store_close(s->store);
	arena_free(s->arena);
}

static void
make_authorities(struct scene *s)
{
	struct authority_request r = { .name = "root",
		.hierarchy = "bench",
		.organization = "Bench",
		.kind = AUTHORITY_ROOT,
		.phase = PHASE_PRODUCTION };
	struct diag d = { 0 };

	bench_must(authority_create(&s->session, &r, &s->root, &d), &d);
	snprintf(r.name, sizeof(r.name), "issuing");
	snprintf(r.parent, sizeof(r.parent), "root");
	r.kind = AUTHORITY_ISSUING;
	bench_must(authority_create(&s->session, &r, &s->issuing, &d), &d);
}

/* A serial of the length and the order that the signer gives: the index in front, then what cannot be guessed. */
static void
fill(const struct scene *s, struct certificate *k, int64_t index)
{
	static uint8_t der[DER_BYTES] = { 0x30 };
	uint8_t digest[32];

	*k = (struct certificate){ .kind = CERTIFICATE_OPERATIONAL,
		.status = CERTIFICATE_REVOKED,
		.authority = s->issuing.row,
		.index = index,
		.serial_len = 16,
		.not_before_s = s->session.now_s - 86400,
		.not_after_s = s->session.now_s + 86400 * 90,
		.issued_s = s->session.now_s - 86400,
		.revoked_s = s->session.now_s - index % 86400,
		.reason = index % 3 == 0 ? REASON_KEY_COMPROMISE : REASON_CESSATION_OF_OPERATION,
		.slot = -1,
		.der = span_of(der, sizeof(der)) };
	memcpy(der + 4, &index, sizeof(index));
	sha256(k->der, digest);
	memcpy(k->fingerprint, digest, sizeof(digest));
	memcpy(k->serial, digest, k->serial_len);
	k->serial[0] = 0x41;
	for (int i = 0; i < 7; i++) {
		k->serial[1 + i] = (uint8_t)((uint64_t)index >> (48 - 8 * i));
	}
	sha256(SPAN_ARRAY(k->fingerprint), k->key_hash);
	sha256(SPAN_ARRAY(k->key_hash), k->request_hash);
	memcpy(k->issuer_hash, s->issuing.name_hash, sizeof(k->issuer_hash));
}

static void
revoke_many(struct scene *s)
{
	struct arena *a = arena_new(64 << 20);
	struct diag d = { 0 };

	for (int64_t done = 0; done < ENTRIES; done += BATCH) {
		struct change *c = change_new(a);
		struct certificate *k = arena_alloc(a, BATCH * sizeof(*k));

		if (c == NULL || k == NULL) {
			fprintf(stderr, "bench: no memory\n");
			exit(1);
		}
		for (int64_t i = 0; i < BATCH; i++) {
			fill(s, &k[i], 1 + done + i);
			change_certificate_add(c, &k[i]);
		}
		bench_must(store_commit(s->store, c, NULL, &d), &d);
		arena_reset(a);
	}
	arena_free(a);
}

static double
publish_seconds(struct scene *s)
{
	struct diag d = { 0 };
	double began = bench_seconds();

	bench_must(crl_publish(&s->session, s->issuing.row, &d), &d);
	return bench_seconds() - began;
}

/* The list alone: encoded, linted and signed by the signer, entries given. */
static double
sign_seconds(struct scene *s, size_t *bytes)
{
	struct crl_entry *entries = arena_alloc(s->arena, ENTRIES * sizeof(*entries));
	struct crl_request r = { .authority = "issuing",
		.number = 1000,
		.this_update_s = s->session.now_s,
		.next_update_s = s->session.now_s + 86400,
		.scope = CRL_FULL,
		.entries = entries,
		.count = ENTRIES };
	struct diag d = { 0 };
	struct buffer out;
	double began, used;

	if (entries == NULL) {
		fprintf(stderr, "bench: no memory\n");
		exit(1);
	}
	memset(entries, 0, ENTRIES * sizeof(*entries));
	for (size_t i = 0; i < ENTRIES; i++) {
		struct certificate k;

		fill(s, &k, (int64_t)i + 1);
		memcpy(entries[i].serial, k.serial, k.serial_len);
		entries[i].serial_len = (uint8_t)k.serial_len;
		entries[i].revoked_s = k.revoked_s;
		entries[i].reason = (uint8_t)k.reason;
	}
	buffer_init(&out, 64 << 20);
	began = bench_seconds();
	bench_must(signer_crl(s->signer, &r, &out, &d), &d);
	used = bench_seconds() - began;
	*bytes = out.len;
	buffer_wipe(&out);
	return used;
}

int
main(int argc, char **argv)
{
	static struct scene s;
	double publish[RUNS], sign[RUNS];
	size_t bytes = 0;
	struct bench b;

	(void)argc;
	log_set_level(LOG_WARNING);
	scene_open(&s, argv[0]);
	make_authorities(&s);
	revoke_many(&s);
	bench_begin(&b, "crl");
	for (size_t i = 0; i < RUNS; i++) {
		publish[i] = publish_seconds(&s);
		sign[i] = sign_seconds(&s, &bytes);
	}
	bench_add(&b,
		&(struct bench_metric){ .name = "publish_100000",
			.unit = "s",
			.target = 0.3,
			.better = BENCH_LOWER,
			.beside = "from the store to the disk: shards, full list and bundle" },
		publish, RUNS);
	bench_add(&b,
		&(struct bench_metric){ .name = "sign_100000",
			.unit = "s",
			.better = BENCH_LOWER,
			.beside = "of it one full list by the signer, entries given" },
		sign, RUNS);
	bench_add_one(&b,
		&(struct bench_metric){ .name = "bytes_100000",
			.unit = "bytes",
			.better = BENCH_LOWER,
			.beside = "the full list" },
		(double)bytes);
	scene_close(&s);
	return bench_end(&b);
}
