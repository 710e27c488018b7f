/*
 * Manifest import against what its signatures alone cost.
 *
 * The measure is the rate at which both cores verify P-256 signatures over ready digests, keys set up before:
 * two an entry, nothing else. Measured in turns with the thing itself, so that whatever else the machine does
 * hits both.
 *
 *   bench_manifest [ENTRIES [OUT.json]]
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
#include "lifecycle/issued.h"
#include "lifecycle/onboard.h"
#include "manifest_set.h"

#define TURNS 5
#define THREADS 2
#define PIECE 16	/* entries a worker takes at once, as the import does */
#define PIECES_AHEAD 16 /* read ahead of the workers; also what the floor is cut into */

static char folder[] = "/tmp/tenure-bench-XXXXXX";

static double
now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double
cpu_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
must(status s, const char *what, const struct diag *d)
{
	if (s != OK) {
		fprintf(stderr, "%s: %s: %s\n", what, status_name(s), d != NULL ? d->text : "");
		exit(2);
	}
}

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

		must(private_key_sign(
			     keys[i % 2], message, one->signature, &one->signature_len, NULL),
			"signing", NULL);
		sha256(message, one->digest);
	}
}

/* Seconds of wall and of CPU for two verifications an entry. */
static void
run_floor(struct manifest_set *s, struct pool *pool, unsigned entries, double *wall, double *cpu)
{
	struct floor_job job = { .keys = { s->signer_key.key, s->factory_key.key },
		.entries = entries / THREADS / 8 };
	double begin = now_s(), begin_cpu = cpu_s();

	/* In eighths, so that a thread that was held up does not keep the other one waiting. */
	for (unsigned i = 0; i < THREADS * 8; i++) {
		must(pool_run(pool, verify_digests, &job), "queueing", NULL);
	}
	pool_drain(pool);
	*wall = now_s() - begin;
	*cpu = cpu_s() - begin_cpu;
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

		must(manifest_entry_verify(p->arena, p->entries[i], &trust, caches[worker], &e, &d),
			"an entry", &d);
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
		must(s, "reading", &d);
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
	double begin = now_s(), begin_cpu = cpu_s();
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct manifest_reader *r;
	bool is_over = false;

	atomic_store(&verified, 0);
	must(manifest_reader_new(read_file, &fd, &r, NULL), "reading", NULL);
	for (size_t turn = 0; !is_over; turn = (turn + 1) % PIECES_AHEAD) {
		struct piece *p = &pieces[turn];

		while (sem_wait(&p->free) != 0) {
		}
		fill_piece(p, r, &is_over);
		must(pool_run(pool, verify_piece, p), "queueing", NULL);
	}
	pool_drain(pool);
	manifest_reader_free(r);
	close(fd);
	if (atomic_load(&verified) != entries) {
		fprintf(stderr, "%u entries of %u\n", atomic_load(&verified), entries);
		exit(2);
	}
	*wall = now_s() - begin;
	*cpu = cpu_s() - begin_cpu;
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
	must(id_new(&clock_system, &a->id), "an id", NULL);
	must(authority_measure(der, a, NULL), "an authority", NULL);
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
	char path[300];
	struct store_options o = { .location = path, .create = true, .cache_bytes = 4 << 20 };
	struct diag d = { 0 };

	*p = (struct place){ 0 };
	snprintf(path, sizeof(path), "%s/%s.db", folder, name);
	must(store_open(&o, &p->store, &d), "the store", &d);
	must(reader_open(p->store, &p->reader, &d), "the store", &d);
	add_authority(c, &root, s->root, "root", AUTHORITY_ROOT);
	add_authority(c, &factory, s->factory, "factory", AUTHORITY_FACTORY_SIGNER);
	memcpy(pin.kid, s->pin.kid, sizeof(pin.kid));
	memcpy(pin.x5t_sha256, s->pin.x5t_sha256, sizeof(pin.x5t_sha256));
	change_pin_add(c, &pin);
	must(id_new(&clock_system, &p->maker.id), "an id", NULL);
	must(id_new(&clock_system, &p->fleet.id), "an id", NULL);
	snprintf(p->maker.name, sizeof(p->maker.name), "maker");
	p->maker.salt[0] = 1;
	change_owner_add(c, &p->maker);
	snprintf(p->fleet.name, sizeof(p->fleet.name), "lamps");
	p->fleet.phase = PHASE_PRODUCTION;
	change_fleet_add(c, &p->fleet);
	change_link(c, &p->fleet.maker, CHANGE_REF(&p->maker));
	must(store_commit(p->store, c, NULL, &d), "the store", &d);
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
	double begin = now_s();

	s.actor.operator.role = OPERATOR_MAKER;
	must(manifest_import(&s, &r, &counts, &d), "the import", &d);
	begin = now_s() - begin;
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

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double
median(double *values, size_t count)
{
	qsort(values, count, sizeof(*values), by_value);
	return values[count / 2];
}

struct row {
	const char *name, *unit, *what;
	double value, target; /* target 0: for information */
	bool is_upper;	      /* the target is the most, not the least */
};

static bool
is_met(const struct row *r)
{
	return r->target == 0 || (r->is_upper ? r->value <= r->target : r->value >= r->target);
}

static void
print_rows(const struct row *rows, size_t count, FILE *json)
{
	for (size_t i = 0; i < count; i++) {
		const struct row *r = &rows[i];
		char target[48] = "";

		if (r->target != 0) {
			snprintf(target, sizeof(target), "%s %.2f: %s",
				r->is_upper ? "<=" : ">=", r->target, is_met(r) ? "met" : "MISSED");
		}
		printf("%-28s %12.2f %-12s %s\n", r->name, r->value, r->unit, target);
		if (json != NULL) {
			fprintf(json,
				"%s\n  "
				"{\"name\":\"%s\",\"value\":%.4f,\"unit\":\"%s\",\"target\":%.4f,"
				"\"met\":%s,\"what\":\"%s\"}",
				i > 0 ? "," : "", r->name, r->value, r->unit, r->target,
				is_met(r) ? "true" : "false", r->what);
		}
	}
}

struct measured {
	double floor_rate, rate, ratio, cpu_ratio; /* entries a second */
	double import_rate, code_ms, growth_mib;
};

static void
measure_verification(struct manifest_set *s, const char *path, unsigned entries, struct measured *m)
{
	double floors[TURNS], rates[TURNS], ratios[TURNS], cpu_ratios[TURNS];
	struct pool *pool;

	trust = (struct manifest_trust){
		.pins = &s->pin, .pin_count = 1, .roots = s->roots, .wants_serial_name = true
	};
	must(pool_new(THREADS, PIECES_AHEAD, &pool), "the pool", NULL);
	sign_digests(s);
	for (size_t i = 0; i < THREADS; i++) {
		must(manifest_cache_new(&caches[i]), "a cache", NULL);
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
	m->floor_rate = median(floors, TURNS);
	m->rate = median(rates, TURNS);
	m->ratio = median(ratios, TURNS);
	m->cpu_ratio = median(cpu_ratios, TURNS);
	for (size_t i = 0; i < THREADS; i++) {
		manifest_cache_free(caches[i]);
	}
	for (size_t i = 0; i < PIECES_AHEAD; i++) {
		arena_free(pieces[i].arena);
	}
	pool_free(pool);
}

static void
measure_import(struct manifest_set *s, const char *few, const char *many, unsigned entries,
	struct measured *m)
{
	struct place p;
	double plain;
	long peak;

	open_place(&p, s, "plain");
	(void)run_import(&p, few, false, entries / 10);
	peak = resident_peak_kib();
	m->import_rate = entries / run_import(&p, many, false, entries);
	m->growth_mib = (double)(resident_peak_kib() - peak) / 1024;
	close_place(&p);
	/* What a code costs: the same entries once without, once with. */
	open_place(&p, s, "without");
	plain = run_import(&p, few, false, entries / 10);
	close_place(&p);
	open_place(&p, s, "with");
	m->code_ms = (run_import(&p, few, true, entries / 10) - plain) * 1000 / (entries / 10.0);
	close_place(&p);
}

static void
remove_folder(void)
{
	static const char *const names[] = { "few.json", "many.json", "plain.db", "without.db",
		"with.db" };
	static const char *const tails[] = { "", "-wal", "-shm" };
	char path[300];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		for (size_t k = 0; k < 3; k++) {
			snprintf(path, sizeof(path), "%s/%s%s", folder, names[i], tails[k]);
			unlink(path);
		}
	}
	rmdir(folder);
}

int
main(int argc, char **argv)
{
	unsigned entries = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 100000;
	char few[300], many[300];
	struct manifest_set s;
	struct measured m;
	FILE *json = NULL;

	if (entries < 1000 || mkdtemp(folder) == NULL) {
		fprintf(stderr, "usage: %s [ENTRIES, at least 1000 [OUT.json]]\n", argv[0]);
		return 2;
	}
	snprintf(few, sizeof(few), "%s/few.json", folder);
	snprintf(many, sizeof(many), "%s/many.json", folder);
	set_open(&s);
	set_write(&s, few, 0, entries / 10);
	set_write(&s, many, entries / 10, entries / 10 + entries);
	measure_import(&s, few, many, entries, &m);
	measure_verification(&s, many, entries, &m);
	set_close(&s);
	remove_folder();

	const struct row rows[] = {
		{ "verified over floor", "ratio",
			"entries verified from a file over two P-256 verifications an entry, both "
			"cores",
			m.ratio, 0.85, false },
		{ "verified over floor, CPU", "ratio", "the same by CPU time", m.cpu_ratio, 0,
			false },
		{ "floor", "entries/s", "two P-256 verifications of ready digests an entry",
			m.floor_rate, 0, false },
		{ "verified", "entries/s", "read, split, judged by every rule", m.rate, 0, false },
		{ "imported", "entries/s", "verified, looked up, recorded with ledger entries",
			m.import_rate, 0, false },
		{ "claim code", "ms/entry", "what a new code adds (scrypt), both cores", m.code_ms,
			0, false },
		{ "memory growth", "MiB", "peak, from a tenth of the entries to eleven tenths",
			m.growth_mib, 8, true },
	};
	size_t count = sizeof(rows) / sizeof(rows[0]);

	if (argc > 2 && (json = fopen(argv[2], "w")) == NULL) {
		perror(argv[2]);
		return 2;
	}
	if (json != NULL) {
		fprintf(json, "{\"area\":\"manifest\",\"entries\":%u,\"rows\":[", entries);
	}
	print_rows(rows, count, json);
	if (json != NULL) {
		fprintf(json, "\n]}\n");
		fclose(json);
	}
	for (size_t i = 0; i < count; i++) {
		if (!is_met(&rows[i])) {
			return 1;
		}
	}
	return 0;
}
