#include "lifecycle/onboard.h"

#include <stdlib.h>

#include "lifecycle/import.h"

const char *
import_verdict_name(enum import_verdict v)
{
	static const char *const names[IMPORT_VERDICT_COUNT] = { "accepted", "known", "refused" };

	return (unsigned)v < IMPORT_VERDICT_COUNT ? names[v] : "unknown";
}

/* --- parts --- */

static void
batch_free(struct import_batch *b)
{
	if (b == NULL) {
		return;
	}
	free(b->text);
	arena_free(b->arena);
	for (size_t i = 0; i < IMPORT_PIECES; i++) {
		arena_free(b->pieces[i]);
	}
	explicit_bzero(b->items, sizeof(b->items)); /* claim codes in clear */
	free(b);
}

static struct import_batch *
batch_new(struct import *im)
{
	struct import_batch *b = calloc(1, sizeof(*b));
	bool is_whole = b != NULL;

	if (b == NULL) {
		return NULL;
	}
	b->import = im;
	b->text = malloc(IMPORT_TEXT_ROOM);
	b->arena = arena_new(IMPORT_CHANGES_BYTES);
	for (size_t i = 0; i < IMPORT_PIECES; i++) {
		b->pieces[i] = arena_new(IMPORT_PIECE_BYTES);
		is_whole = is_whole && b->pieces[i] != NULL;
	}
	if (!is_whole || b->text == NULL || b->arena == NULL) {
		batch_free(b);
		return NULL;
	}
	return b;
}

static status
open_workers(struct import *im, struct diag *d)
{
	unsigned threads = im->session->life->threads > 0 ? im->session->life->threads : 1;
	status st = OK;

	im->workers = calloc(threads, sizeof(*im->workers));
	if (im->workers == NULL) {
		return diag_set(d, NO_MEMORY, NULL, "no memory for an import");
	}
	for (im->worker_count = 0; st == OK && im->worker_count < threads; im->worker_count++) {
		struct import_worker *w = &im->workers[im->worker_count];

		st = manifest_cache_new(&w->cache);
		if (st == OK) {
			st = reader_open(im->session->life->store, &w->reader, d);
		}
	}
	if (st == OK) {
		st = pool_new(threads, IMPORT_PIECES, &im->pool);
	}
	return st == OK ? OK : diag_set(d, st, NULL, "the import's threads cannot be started");
}

static status
open_parts(struct import *im, struct diag *d)
{
	status st = import_trust_read(im, d);

	if (st == OK) {
		st = manifest_reader_new(
			im->request->source, im->request->source_context, &im->reader, d);
	}
	for (size_t i = 0; st == OK && i < 2; i++) {
		im->batches[i] = batch_new(im);
		if (im->batches[i] == NULL) {
			st = diag_set(d, NO_MEMORY, NULL, "no memory for an import");
		}
	}
	return st == OK ? open_workers(im, d) : st;
}

static void
close_parts(struct import *im)
{
	pool_free(im->pool);
	for (unsigned i = 0; i < im->worker_count; i++) {
		manifest_cache_free(im->workers[i].cache);
		reader_close(im->workers[i].reader);
	}
	free(im->workers);
	batch_free(im->batches[0]);
	batch_free(im->batches[1]);
	manifest_reader_free(im->reader);
	import_trust_wipe(im);
}

/* --- the pipeline --- */

struct piece {
	struct import_batch *batch;
	size_t index;
};

static void
judge_piece(void *argument, unsigned worker)
{
	struct piece *p = argument;
	struct import_batch *b = p->batch;
	struct import *im = b->import;
	struct arena *a = b->pieces[p->index];
	size_t end = (p->index + 1) * IMPORT_PIECE;

	arena_reset(a);
	for (size_t i = p->index * IMPORT_PIECE; i < end && i < b->count; i++) {
		import_judge(im, &im->workers[worker], a, &b->items[i]);
	}
}

static status
start_judging(struct import *im, struct import_batch *b, struct piece *pieces, struct diag *d)
{
	for (size_t i = 0; i * IMPORT_PIECE < b->count; i++) {
		pieces[i] = (struct piece){ b, i };
		if (pool_run(im->pool, judge_piece, &pieces[i]) != OK) {
			return diag_set(d, BUG, NULL, "the import's queue is too short");
		}
	}
	return OK;
}

/*
 * Reads batch n+1 while n is judged, commits n while n+1 is judged. `*end` is what ended the file; what stood
 * before it is committed all the same.
 */
static status
run(struct import *im, status *end, struct diag *end_diag, struct diag *d)
{
	struct piece pieces[2][IMPORT_PIECES];
	size_t turn = 0;
	status st;

	*end = import_batch_read(im, im->batches[0], end_diag);
	st = start_judging(im, im->batches[0], pieces[0], d);
	while (st == OK) {
		struct import_batch *judged = im->batches[turn], *next = im->batches[1 - turn];
		bool has_next = *end == OK;

		next->count = 0;
		if (has_next) {
			*end = import_batch_read(im, next, end_diag);
		}
		pool_drain(im->pool);
		st = start_judging(im, next, pieces[1 - turn], d);
		if (st == OK) {
			st = import_batch_settle(im, judged, d);
		}
		if (next->count == 0) {
			break;
		}
		turn = 1 - turn;
	}
	pool_drain(im->pool);
	return st;
}

status
manifest_import(struct session *s, const struct import_request *r, struct import_counts *counts,
	struct diag *d)
{
	struct import im = { .session = s, .request = r, .counts = counts };
	struct diag end_diag;
	status end = OK, st = session_need_maker(s, "importing a manifest", d);

	*counts = (struct import_counts){ 0 };
	if (st != OK) {
		return st;
	}
	diag_clear(&end_diag);
	st = open_parts(&im, d);
	if (st == OK) {
		st = run(&im, &end, &end_diag, d);
	}
	if (st == OK) {
		st = import_finish(&im, end == NOT_FOUND, d);
	}
	close_parts(&im);
	if (st == OK && end != NOT_FOUND) {
		st = diag_set(d, end, end_diag.clause, "%s", end_diag.text);
	}
	return st;
}
