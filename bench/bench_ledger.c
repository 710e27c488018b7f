/*
 * The ledger: how many entries a second become durable in its files, alone and behind the store; how long an
 * auditor's full check of a million entries takes. The floor beside both is SHA-256 itself: each entry's leaf and
 * the nodes above, in memory, by the same libcrypto.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "base/arena.h"
#include "base/file.h"
#include "base/text.h"
#include "bench.h"
#include "ledger/checkpoint.h"
#include "ledger/entry.h"
#include "ledger/sequencer.h"
#include "ledger/tile.h"
#include "ledger/verify.h"
#include "pki/key.h"

#define ORIGIN "bench.test/ledger"
#define TIME_S INT64_C(1795435200)
#define RUNS 5
#define TARGET 100000	/* entries a second, durable */
#define APPENDED 200000 /* entries in one run of appending */
#define COMMITTED 100000
#define CHECKED 1000000
#define ROOM 4096

static struct private_key key;
static struct note_key log_key;

/* --- the entries, as lifecycle/ writes them --- */

static span
write_entry(uint64_t n, struct buffer *out)
{
	uint8_t fingerprint[32] = { 0 };
	char device[27];
	struct ledger_entry e = { .event = "prove",
		.at_s = TIME_S + (int64_t)(n / 1000),
		.actor = "device",
		.device = device,
		.fleet = "thermostats",
		.from = "AWAITING_DEVICE",
		.to = "ACTIVE",
		.level = "attested",
		.certificate = fingerprint };
	struct diag d = { 0 };

	snprintf(device, sizeof(device), "01k%023" PRIu64, n % 100000000);
	memcpy(fingerprint, &n, sizeof(n));
	buffer_clear(out);
	bench_must(ledger_entry_write(&e, out, &d), &d);
	return buffer_span(out);
}

/* Many different ones, made beforehand: what is measured is the ledger. */
#define KINDS 4096
static span entries[KINDS];

static void
make_entries(struct arena *a)
{
	struct buffer b;

	buffer_init(&b, ROOM);
	for (uint64_t n = 0; n < KINDS; n++) {
		entries[n] = arena_copy(a, write_entry(n * 7919, &b));
	}
	buffer_wipe(&b);
}

static span
entry(uint64_t n)
{
	return entries[n % KINDS];
}

/* --- signing --- */

static void
make_key(void)
{
	uint8_t spki[600];
	struct public_key p;
	struct diag d = { 0 };

	bench_must(private_key_generate(KEY_ED25519, &key, &d), &d);
	bench_must(private_key_public(&key, spki, sizeof(spki), &p, &d), &d);
	note_key_make(ORIGIN, 1, p.point, &log_key);
}

static status
sign(void *context, const char *origin, uint64_t size, const hash *root, struct buffer *note,
	struct diag *d)
{
	uint8_t line[68], signature[SIGNATURE_MAX_LEN];
	struct arena *a = arena_new(65536);
	size_t begin = note->len, len;
	status s;

	(void)context;
	buffer_printf(note, "%s\n%" PRIu64 "\n%s\n", origin, size,
		base64_encode(a, SPAN_ARRAY(root->bytes)));
	s = private_key_sign(
		&key, span_of(note->data + begin, note->len - begin), signature, &len, d);
	memcpy(line, log_key.id, 4);
	memcpy(line + 4, signature, 64);
	buffer_printf(note, "\n\xe2\x80\x94 %s %s\n", origin, base64_encode(a, SPAN_ARRAY(line)));
	arena_free(a);
	return s;
}

/* --- the floor --- */

/* Seconds for the hashes that `count` entries need at the least: a leaf each and a node each. */
static double
hash_floor(uint64_t count)
{
	static const uint8_t prefix[2] = { 0x00, 0x01 };
	EVP_MD *md = EVP_MD_fetch(NULL, "SHA256", NULL);
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	uint8_t leaf[32] = { 0 }, pair[64] = { 0 };
	double began = bench_seconds();
	bool ok = md != NULL && c != NULL;

	for (uint64_t n = 0; n < count && ok; n++) {
		ok = EVP_DigestInit_ex2(c, md, NULL) == 1 && EVP_DigestUpdate(c, prefix, 1) == 1 &&
		     EVP_DigestUpdate(c, entry(n).data, entry(n).len) == 1 &&
		     EVP_DigestFinal_ex(c, leaf, NULL) == 1;
		memcpy(pair, leaf, 32);
		ok = ok && EVP_DigestInit_ex2(c, md, NULL) == 1 &&
		     EVP_DigestUpdate(c, prefix + 1, 1) == 1 &&
		     EVP_DigestUpdate(c, pair, sizeof(pair)) == 1 &&
		     EVP_DigestFinal_ex(c, leaf, NULL) == 1;
	}
	EVP_MD_CTX_free(c);
	EVP_MD_free(md);
	if (!ok) {
		fprintf(stderr, "bench: libcrypto cannot hash\n");
		exit(1);
	}
	return bench_seconds() - began;
}

/* Entries a second where a batch is one write and one fdatasync of one file: what the disk itself allows. */
static double
disk_floor(const char *path, uint64_t count, uint64_t batch)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	struct diag d = { 0 };
	double began, seconds;
	struct buffer b;

	buffer_init(&b, SIZE_MAX);
	began = bench_seconds();
	for (uint64_t n = 0; n < count; n++) {
		buffer_put(&b, entry(n));
		if ((n + 1) % batch == 0) {
			bench_must(write_all(fd, buffer_span(&b), &d), &d);
			if (fdatasync(fd) != 0) {
				perror(path);
				exit(1);
			}
			buffer_clear(&b);
		}
	}
	seconds = bench_seconds() - began;
	buffer_wipe(&b);
	close(fd);
	return (double)count / seconds;
}

/* --- appending --- */

/* Entries a second, each batch durable before the next. */
static double
append(const char *folder, uint64_t count, uint64_t batch)
{
	struct tile_writer *w;
	struct diag d = { 0 };
	double began, seconds;

	bench_must(folder_make(folder, 0755, &d), &d);
	bench_must(tile_writer_open(folder, 0, &w, &d), &d);
	began = bench_seconds();
	for (uint64_t n = 0; n < count; n++) {
		bench_must(tile_writer_append(w, entry(n), &d), &d);
		if ((n + 1) % batch == 0 || n + 1 == count) {
			bench_must(tile_writer_flush(w, &d), &d);
		}
	}
	seconds = bench_seconds() - began;
	tile_writer_close(w);
	return (double)count / seconds;
}

static void
bench_append(
	struct bench *b, const char *name, const char *ratio_name, uint64_t batch, double target)
{
	double values[RUNS], ratios[RUNS];
	char path[ROOM];

	for (size_t run = 0; run < RUNS; run++) {
		uint64_t count = batch < 1000 ? APPENDED / 10 : APPENDED;

		snprintf(path, sizeof(path), "%s/append", bench_folder());
		values[run] = append(path, count, batch);
		bench_remove(path);
		ratios[run] = disk_floor(path, count, batch) / values[run];
		bench_remove(path);
	}
	bench_add(b,
		&(struct bench_metric){ name, "entries/s", target, BENCH_HIGHER,
			"tile_writer, each batch flushed to the disk" },
		values, RUNS);
	bench_add(b,
		&(struct bench_metric){ ratio_name, "ratio", 0, BENCH_LOWER,
			"time over one write and one fdatasync a batch, same run" },
		ratios, RUNS);
}

/* --- behind the store --- */

static void
commit_batch(struct store *store, uint64_t from, size_t count)
{
	struct arena *a = arena_new(16 << 20);
	struct change **changes = arena_array(a, count, sizeof(*changes));
	struct commit_result *results = arena_array(a, count, sizeof(*results));
	struct diag d = { 0 };

	for (size_t i = 0; i < count; i++) {
		changes[i] = change_new(a);
		change_ledger(changes[i], entry(from + i), NULL, TIME_S);
	}
	bench_must(store_commit_batch(store, changes, count, results, &d), &d);
	for (size_t i = 0; i < count; i++) {
		bench_must(results[i].status, &results[i].diag);
	}
	arena_free(a);
}

/* Entries a second from the first commit until a published checkpoint covers the last entry. */
static double
commit_and_publish(size_t batch)
{
	char database[ROOM], folder[ROOM], guard[ROOM];
	struct store_options so = { .location = database, .create = true };
	struct sequencer_options qo = { .folder = folder,
		.guard = guard,
		.origin = ORIGIN,
		.signer = { sign, NULL },
		.publish_every_ms = 10 };
	struct sequencer *q;
	struct store *store;
	struct diag d = { 0 };
	double began, seconds;

	snprintf(database, sizeof(database), "%s/home/db", bench_folder());
	snprintf(folder, sizeof(folder), "%s/home/ledger", bench_folder());
	snprintf(guard, sizeof(guard), "%s/guard", bench_folder());
	bench_must(folder_make(folder, 0755, &d), &d);
	bench_must(store_open(&so, &store, &d), &d);
	qo.store = store;
	bench_must(sequencer_start(&qo, &q, &d), &d);
	began = bench_seconds();
	for (uint64_t n = 0; n < COMMITTED; n += batch) {
		commit_batch(store, n, batch);
		sequencer_wake(q);
	}
	bench_must(sequencer_wait(q, COMMITTED - 1, 60000, &d), &d);
	seconds = bench_seconds() - began;
	sequencer_stop(q);
	store_close(store);
	snprintf(folder, sizeof(folder), "%s/home", bench_folder());
	bench_remove(folder);
	bench_remove(guard);
	return COMMITTED / seconds;
}

static void
bench_store(struct bench *b)
{
	const struct bench_metric m = { "commit_and_publish_batch_1000", "entries/s", TARGET,
		BENCH_HIGHER,
		"1,000 changes of one entry in a transaction; sequencer; published checkpoint" };
	double values[3];

	for (size_t run = 0; run < 3; run++) {
		values[run] = commit_and_publish(1000);
	}
	bench_add(b, &m, values, 3);
}

/* --- the full check --- */

static void
publish(const char *folder, uint64_t count)
{
	struct tile_writer *w;
	struct diag d = { 0 };
	struct buffer note;
	char path[ROOM + 16];
	hash root;

	bench_must(folder_make(folder, 0755, &d), &d);
	bench_must(tile_writer_open(folder, 0, &w, &d), &d);
	for (uint64_t n = 0; n < count; n++) {
		bench_must(tile_writer_append(w, entry(n), &d), &d);
	}
	bench_must(tile_writer_flush(w, &d), &d);
	root = tile_writer_root(w);
	tile_writer_close(w);
	buffer_init(&note, CHECKPOINT_MAX);
	bench_must(sign(NULL, ORIGIN, count, &root, &note, &d), &d);
	snprintf(path, sizeof(path), "%s/checkpoint", folder);
	bench_must(file_replace(path, buffer_span(&note), 0644, &d), &d);
	buffer_wipe(&note);
}

static void
bench_verify(struct bench *b, uint64_t count)
{
	double seconds[RUNS], ratio[RUNS], cpu[RUNS];
	struct verify_result r;
	struct diag d = { 0 };
	char path[ROOM];

	snprintf(path, sizeof(path), "%s/verify", bench_folder());
	publish(path, count);
	for (size_t run = 0; run < RUNS; run++) {
		double began = bench_seconds(), cpu_began = bench_cpu_seconds();

		bench_must(ledger_verify(path, &log_key, &r, &d), &d);
		seconds[run] = bench_seconds() - began;
		cpu[run] = bench_cpu_seconds() - cpu_began;
		if (r.size != count || !r.is_signed) {
			fprintf(stderr, "bench: the check saw %" PRIu64 " entries\n", r.size);
			exit(1);
		}
		ratio[run] = seconds[run] / hash_floor(count);
	}
	bench_remove(path);
	bench_add(b,
		&(struct bench_metric){ "verify_a_million", "s", 10, BENCH_LOWER,
			"every bundle, tile and the signature of 1,000,000 entries" },
		seconds, RUNS);
	bench_add(b, &(struct bench_metric){ "verify_a_million_cpu", "s", 0, BENCH_LOWER, NULL },
		cpu, RUNS);
	bench_add(b,
		&(struct bench_metric){ "verify_over_sha256_floor", "ratio", 0, BENCH_LOWER,
			"a leaf and a node hash for each entry, in memory, same run" },
		ratio, RUNS);
}

static void
bench_floor(struct bench *b, uint64_t count)
{
	double values[RUNS];

	for (size_t run = 0; run < RUNS; run++) {
		values[run] = (double)count / hash_floor(count);
	}
	bench_add(b,
		&(struct bench_metric){ "sha256_floor", "entries/s", 0, BENCH_HIGHER,
			"a leaf and a node hash for each entry, in memory, one thread" },
		values, RUNS);
}

int
main(void)
{
	struct arena *a = arena_new(16 << 20);
	struct bench b;

	make_key();
	make_entries(a);
	bench_begin(&b, "ledger");
	bench_floor(&b, APPENDED);
	bench_append(&b, "append_batch_100", "append_batch_100_over_disk_floor", 100, 0);
	bench_append(&b, "append_batch_1000", "append_batch_1000_over_disk_floor", 1000, TARGET);
	bench_append(&b, "append_batch_10000", "append_batch_10000_over_disk_floor", 10000, TARGET);
	bench_store(&b);
	bench_verify(&b, CHECKED);
	arena_free(a);
	private_key_wipe(&key);
	return bench_end(&b);
}
