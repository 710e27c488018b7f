#include "bench.h"

#include <stdlib.h>

const struct conformance *bench_how;

int
bench_set_up(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));
	b->arena = arena_new(32 << 20);
	b->store = bench_how->open_empty();
	assert_non_null(b->store);
	assert_status(OK, sample_base_store(b->store, &b->base, &b->d));
	assert_status(OK, reader_open(b->store, &b->reader, &b->d));
	*state = b;
	return 0;
}

int
bench_tear_down(void **state)
{
	struct bench *b = *state;
	reader_close(b->reader);
	store_close(b->store);
	arena_free(b->arena);
	free(b);
	return 0;
}

void
bench_reopen(struct bench *b)
{
	reader_close(b->reader);
	store_close(b->store);
	b->store = bench_how->open_again();
	assert_non_null(b->store);
	assert_status(OK, reader_open(b->store, &b->reader, &b->d));
}

status
bench_commit(struct bench *b, struct change *c)
{
	diag_clear(&b->d);
	return store_commit(b->store, c, NULL, &b->d);
}

struct change *
bench_change(struct bench *b)
{
	struct change *c = change_new(b->arena);
	assert_non_null(c);
	return c;
}

struct sample_unit *
bench_onboard(struct bench *b, unsigned number)
{
	struct sample_unit *u = ARENA_NEW(b->arena, struct sample_unit);
	assert_non_null(u);
	sample_unit_fill(u, &b->base, number);
	assert_status(OK, bench_commit(b, sample_unit_change(b->arena, u)));
	return u;
}

struct certificate *
bench_issue(struct bench *b, int64_t device, unsigned number)
{
	struct certificate *k = ARENA_NEW(b->arena, struct certificate);
	assert_non_null(k);
	sample_operational(k, &b->base, number);
	k->device = device;
	struct change *c = bench_change(b);
	change_certificate_add(c, k);
	assert_status(OK, bench_commit(b, c));
	return k;
}

struct device
bench_device(struct bench *b, int64_t row)
{
	struct device d;
	assert_status(OK, read_device(b->reader, row, &d));
	return d;
}

struct certificate
bench_certificate(struct bench *b, int64_t row)
{
	struct certificate k;
	assert_status(OK, read_certificate(b->reader, b->arena, row, &k));
	return k;
}

int64_t
bench_ledger_size(struct bench *b)
{
	int64_t size = -1;
	assert_status(OK, read_ledger_size(b->reader, &size));
	return size;
}

/* All but the DER, which lies elsewhere. */
void
assert_same_certificate(const struct certificate *a, struct certificate b)
{
	assert_span(a->der, b.der);
	b.der = a->der;
	assert_same(a, &b);
}
