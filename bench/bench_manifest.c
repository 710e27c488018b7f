/*
 * Manifest import against what its signatures alone cost.
 *
 * The floor is the rate at which both cores verify P-256 signatures over ready digests with keys set up before: two an
 * entry, nothing else. It is measured in turns with the thing itself, so that whatever else the machine does
 * hits both; by CPU time too, which it hits less.
 *
 * MANIFEST_ENTRIES: how many the file has (100,000).
 */
#include <fcntl.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "base/clock.h"
#include "base/pool.h"
#include "bench.h"
#include "lifecycle/issued.h"
#include "lifecycle/onboard.h"
#include "manifest_set.h"

#define PATH_ROOM 4096
#define TURNS 5
#define THREADS 2
#define PIECE 16	/* entries a worker takes at once, as the import does */
#define PIECES_AHEAD 16 /* read ahead of the workers; also what the floor is cut into */

/* The most memory that this process ever had resident. */
static long
resident_peak_kib(void)
{
	char line[256];
	long kib = 0;
	FILE *f = fopen("/proc/self/status", "r");

	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		if (sscanf(line, "VmHWM: %ld kB", &kib) == 1) {
			break;
		}
	}
	if (f != NULL) {
		fclose(f);
	}
	return kib;
}

/* --- the floor --- */

/* Many different signatures by the two keys in turn, as in a manifest: one alone would be learnt by heart. */
#define SIGNED 512

struct signed_digest {
	uint8_t digest[32], signature[SIGNATURE_MAX_LEN];
	size_t signature_len;
};
static struct signed_digest signed_digests[2][SIGNED];

struct floor_job {
	EVP_PKEY *keys[2];
	unsigned entries;
};

static void
verify_digests(void *argument, unsigned worker)
{
	const struct floor_job *j = argument;
	EVP_PKEY_CTX *contexts[2];

	(void)worker;
	for (size_t k = 0; k < 2; k++) {
		contexts[k] = EVP_PKEY_CTX_new(j->keys[k], NULL);
		if (contexts[k] == NULL || EVP_PKEY_verify_init(contexts[k]) != 1) {
			abort();
		}
	}
	for (unsigned i = 0; i < 2 * j->entries; i++) {
		const struct signed_digest *s = &signed_digests[i % 2][i / 2 % SIGNED];

		if (EVP_PKEY_verify(contexts[i % 2], s->signature, s->signature_len, s->digest,
			    sizeof(s->digest)) != 1) {
			abort();
		}
	}
	EVP_PKEY_CTX_free(contexts[0]);
	EVP_PKEY_CTX_free(contexts[1]);
}

static void
sign_digests(struct manifest_set *s)
{
	const struct private_key *keys[2] = { &s->signer_key, &s->factory_key };

	for (unsigned i = 0; i < 2 * SIGNED; i++) {
		struct signed_digest *one = &signed_digests[i % 2][i / 2];
		span message = span_of(&i, sizeof(i));

		bench_must(private_key_sign(
				   keys[i % 2], message, one->signature, &one->signature_len, NULL),
			&(struct diag){ 0 });
		sha256(message, one->digest);
	}
}

/* Seconds of wall and of CPU for two verifications an entry. */
static void
run_floor(struct manifest_set *s, struct pool *pool, unsigned entries, double *wall, double *cpu)
{
	struct floor_job job = { .keys = { s->signer_key.key, s->factory_key.key },
		.entries = entries / THREADS / 8 };
	double begin = bench_seconds(), begin_cpu = bench_cpu_seconds();

	/* In eighths, so that a thread that was held up does not keep the other one waiting. */
	for (unsigned i = 0; i < THREADS * 8; i++) {
		bench_must(pool_run(pool, verify_digests, &job), &(struct diag){ 0 });
	}
	pool_drain(pool);
	*wall = bench_seconds() - begin;
	*cpu = bench_cpu_seconds() - begin_cpu;
}

/* --- verification --- */

static status
read_file(void *context, uint8_t *out, size_t room, size_t *len, struct diag *d)
{
	ssize_t n = read(*(int *)context, out, room);

	if (n < 0) {
		return diag_set(d, IO, NULL, "the file cannot be read");
	}
	*len = (size_t)n;
	return OK;
}

struct piece {
	struct arena *arena;	    /* what the entries decode to */
	uint8_t text[PIECE * 8192]; /* entries, one behind the other: this set's have 4 KiB */
	span entries[PIECE];
	size_t count;
	sem_t free; /* nobody works on it */
};

static struct piece pieces[PIECES_AHEAD];
static struct manifest_cache *caches[THREADS];
static struct manifest_trust trust;
static atomic_uint verified;

static void
verify_piece(void *argument, unsigned worker)
{
	struct piece *p = argument;

	arena_reset(p->arena);
	for (size_t i = 0; i < p->count; i++) {
		struct manifest_entry e;
		struct diag d = { 0 };

		bench_must(manifest_entry_verify(
				   p->arena, p->entries[i], &trust, caches[worker], &e, &d),
			&d);
	}
	atomic_fetch_add(&verified, (unsigned)p->count);
	sem_post(&p->free);
}

static void
fill_piece(struct piece *p, struct manifest_reader *r, bool *is_over)
{
	struct diag d = { 0 };
	uint64_t number;
	size_t used = 0;
	span entry;

	for (p->count = 0; p->count < PIECE; p->count++) {
		status s = manifest_reader_next(r, &entry, &number, &d);

		if (s == NOT_FOUND) {
			*is_over = true;
			return;
		}
		bench_must(s, &d);
		if (entry.len > sizeof(p->text) - used) {
			abort();
		}
		memcpy(p->text + used, entry.data, entry.len);
		p->entries[p->count] = span_of(p->text + used, entry.len);
		used += entry.len;
	}
}

/* The whole file, read here, verified on the pool. */
static void
run_verification(const char *path, struct pool *pool, unsigned entries, double *wall, double *cpu)
{
	double begin = bench_seconds(), begin_cpu = bench_cpu_seconds();
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct manifest_reader *r;
	bool is_over = false;

	atomic_store(&verified, 0);
	bench_must(manifest_reader_new(read_file, &fd, &r, NULL), &(struct diag){ 0 });
	for (size_t turn = 0; !is_over; turn = (turn + 1) % PIECES_AHEAD) {
		struct piece *p = &pieces[turn];

		while (sem_wait(&p->free) != 0) {
		}
		fill_piece(p, r, &is_over);
		bench_must(pool_run(pool, verify_piece, p), &(struct diag){ 0 });
	}
	pool_drain(pool);
	manifest_reader_free(r);
	close(fd);
	if (atomic_load(&verified) != entries) {
		fprintf(stderr, "%u entries of %u\n", atomic_load(&verified), entries);
		exit(2);
	}
	*wall = bench_seconds() - begin;
	*cpu = bench_cpu_seconds() - begin_cpu;
}

/* --- import --- */

struct place {
	struct store *store;
	struct reader *reader;
	struct life life;
	struct owner maker;
	struct fleet fleet;
};

static void
add_authority(
	struct change *c, struct authority *a, span der, const char *name, enum authority_kind kind)
{
	snprintf(a->name, sizeof(a->name), "%s", name);
	snprintf(a->hierarchy, sizeof(a->hierarchy), "bench");
	a->kind = kind;
	a->phase = PHASE_PRODUCTION;
	bench_must(id_new(&clock_system, &a->id), &(struct diag){ 0 });
	bench_must(authority_measure(der, a, NULL), &(struct diag){ 0 });
	change_authority_add(c, a);
}

/* A store with what the import asks for. */
static void
open_place(struct place *p, struct manifest_set *s, const char *name)
{
	struct arena *a = arena_new(1 << 20);
	struct change *c = change_new(a);
	struct authority root = { 0 }, factory = { 0 };
	struct pinned_signer pin = {
		.name = "manifest", .der = s->signer, .trust = PIN_SELF, .phase = PHASE_PRODUCTION
	};
	char path[PATH_ROOM];
	struct store_options o = { .location = path, .create = true, .cache_bytes = 4 << 20 };
	struct diag d = { 0 };

	*p = (struct place){ 0 };
	snprintf(path, sizeof(path), "%s/%s.db", bench_folder(), name);
	bench_must(store_open(&o, &p->store, &d), &d);
	bench_must(reader_open(p->store, &p->reader, &d), &d);
	add_authority(c, &root, s->root, "root", AUTHORITY_ROOT);
	add_authority(c, &factory, s->factory, "factory", AUTHORITY_FACTORY_SIGNER);
	memcpy(pin.kid, s->pin.kid, sizeof(pin.kid));
	memcpy(pin.x5t_sha256, s->pin.x5t_sha256, sizeof(pin.x5t_sha256));
	change_pin_add(c, &pin);
	bench_must(id_new(&clock_system, &p->maker.id), &(struct diag){ 0 });
	bench_must(id_new(&clock_system, &p->fleet.id), &(struct diag){ 0 });
	snprintf(p->maker.name, sizeof(p->maker.name), "maker");
	p->maker.salt[0] = 1;
	change_owner_add(c, &p->maker);
	snprintf(p->fleet.name, sizeof(p->fleet.name), "lamps");
	p->fleet.phase = PHASE_PRODUCTION;
	change_fleet_add(c, &p->fleet);
	change_link(c, &p->fleet.maker, CHANGE_REF(&p->maker));
	bench_must(store_commit(p->store, c, NULL, &d), &d);
	p->life = (struct life){ .store = p->store, .clock = &clock_system, .threads = THREADS };
	arena_free(a);
}

static void
close_place(struct place *p)
{
	reader_close(p->reader);
	store_close(p->store);
}

static double
run_import(struct place *p, const char *path, bool wants_codes, unsigned entries)
{
	struct session s = { .life = &p->life,
		.reader = p->reader,
		.arena = arena_new(4 << 20),
		.now_s = SET_TIME_S,
		.request = "",
		.actor = { .kind = ACTOR_OPERATOR } };
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct import_request r = { .fleet = p->fleet.row,
		.source = read_file,
		.source_context = &fd,
		.wants_codes = wants_codes };
	struct import_counts counts;
	struct diag d = { 0 };
	double begin = bench_seconds();

	s.actor.account.role = OPERATOR_MAKER;
	bench_must(manifest_import(&s, &r, &counts, &d), &d);
	begin = bench_seconds() - begin;
	if (counts.accepted != entries) {
		fprintf(stderr, "%llu accepted of %u\n", (unsigned long long)counts.accepted,
			entries);
		exit(2);
	}
	close(fd);
	arena_free(s.arena);
	return begin;
}

/* --- rows --- */

static void
bench_verification(struct bench *b, struct manifest_set *s, const char *path, unsigned entries)
{
	double floors[TURNS], rates[TURNS], ratios[TURNS], cpu_ratios[TURNS];
	struct pool *pool;

	trust = (struct manifest_trust){
		.pins = &s->pin, .pin_count = 1, .roots = s->roots, .wants_serial_name = true
	};
	bench_must(pool_new(THREADS, PIECES_AHEAD, &pool), &(struct diag){ 0 });
	sign_digests(s);
	for (size_t i = 0; i < THREADS; i++) {
		bench_must(manifest_cache_new(&caches[i]), &(struct diag){ 0 });
	}
	for (size_t i = 0; i < PIECES_AHEAD; i++) {
		pieces[i].arena = arena_new(64 << 20);
		sem_init(&pieces[i].free, 0, 1);
	}
	for (size_t i = 0; i < TURNS; i++) {
		double floor_wall, floor_cpu, wall, cpu;

		run_floor(s, pool, entries, &floor_wall, &floor_cpu);
		run_verification(path, pool, entries, &wall, &cpu);
		floors[i] = entries / floor_wall;
		rates[i] = entries / wall;
		ratios[i] = floor_wall / wall;
		cpu_ratios[i] = floor_cpu / cpu;
	}
	for (size_t i = 0; i < THREADS; i++) {
		manifest_cache_free(caches[i]);
	}
	for (size_t i = 0; i < PIECES_AHEAD; i++) {
		arena_free(pieces[i].arena);
		sem_destroy(&pieces[i].free);
	}
	pool_free(pool);
	bench_add(b,
		&(struct bench_metric){ "two_verifications_floor", "entries/s", 0, BENCH_HIGHER,
			"P-256 over ready digests, two an entry, both cores" },
		floors, TURNS);
	bench_add(b,
		&(struct bench_metric){ "verified", "entries/s", 0, BENCH_HIGHER,
			"read from a file, split, judged by every rule, both cores" },
		rates, TURNS);
	bench_add(b,
		&(struct bench_metric){ "verified_over_floor", "ratio", 0.85, BENCH_HIGHER,
			"two P-256 verifications an entry, same run" },
		ratios, TURNS);
	bench_add(b,
		&(struct bench_metric){ "verified_over_floor_cpu", "ratio", 0.85, BENCH_HIGHER,
			"the same by CPU time" },
		cpu_ratios, TURNS);
}

static void
bench_import(struct bench *b, struct manifest_set *s, const char *few, const char *many,
	unsigned entries)
{
	double rate, plain, code_ms;
	struct place p;
	long peak, growth;

	open_place(&p, s, "plain");
	(void)run_import(&p, few, false, entries / 10);
	peak = resident_peak_kib();
	rate = entries / run_import(&p, many, false, entries);
	growth = resident_peak_kib() - peak;
	close_place(&p);
	/* What a code costs: the same entries once without, once with. */
	open_place(&p, s, "without");
	plain = run_import(&p, few, false, entries / 10);
	close_place(&p);
	open_place(&p, s, "with");
	code_ms = (run_import(&p, few, true, entries / 10) - plain) * 1000 / (entries / 10.0);
	close_place(&p);
	bench_add_one(b,
		&(struct bench_metric){ "imported", "entries/s", 0, BENCH_HIGHER,
			"verified, looked up, recorded with device, certificate and ledger entry" },
		rate);
	bench_add_one(b,
		&(struct bench_metric){ "claim_code", "ms/entry", 0, BENCH_LOWER,
			"what a new code adds (scrypt N = 1024), both cores" },
		code_ms);
	bench_add_one(b,
		&(struct bench_metric){ "memory_growth", "MiB", 8, BENCH_LOWER,
			"peak, from a tenth of the entries to eleven tenths" },
		(double)growth / 1024);
}

int
main(void)
{
	const char *given = getenv("MANIFEST_ENTRIES");
	unsigned entries = given != NULL ? (unsigned)strtoul(given, NULL, 10) : 100000;
	char few[PATH_ROOM], many[PATH_ROOM];
	struct manifest_set s;
	struct bench b;

	entries = entries < 1000 ? 1000 : entries;
	snprintf(few, sizeof(few), "%s/few.json", bench_folder());
	snprintf(many, sizeof(many), "%s/many.json", bench_folder());
	set_open(&s);
	set_write(&s, few, 0, entries / 10);
	set_write(&s, many, entries / 10, entries / 10 + entries);
	bench_begin(&b, "manifest");
	bench_import(&b, &s, few, many, entries);
	bench_verification(&b, &s, many, entries);
	set_close(&s);
	return bench_end(&b);
}
