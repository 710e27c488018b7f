#include "base/arena.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"

/*
 * A chain of blocks, newest first. Every block is zero-filled where it has not been handed out yet.
 * A reset keeps a few of the usual size for later: giving them back to the system and having them
 * cleared by it again costs more than what most requests do with them.
 */
#define FIRST_BLOCK 4096
#define BLOCK 65536
#define SPARE_MAX 3 /* blocks: 192 KiB beside what is in use */
#define ALIGNMENT _Alignof(max_align_t)

struct block {
	struct block *older;
	size_t room, used;
	_Alignas(max_align_t) uint8_t bytes[];
};

struct arena {
	struct block *newest;
	size_t cap, held;    /* bytes of all blocks in use */
	struct block *spare; /* of BLOCK bytes each, zero-filled */
	size_t spare_count;
};

static struct block *
block_new(size_t room)
{
	struct block *b = calloc(1, sizeof(*b) + room);

	if (b != NULL) {
		b->room = room;
	}
	return b;
}

static struct block *
take_spare(struct arena *a)
{
	struct block *b = a->spare;

	a->spare = b->older;
	a->spare_count--;
	return b;
}

static void
put_away(struct arena *a, struct block *b)
{
	if (b->room != BLOCK || a->spare_count == SPARE_MAX) {
		free(b);
		return;
	}
	memset(b->bytes, 0, b->used);
	b->used = 0;
	b->older = a->spare;
	a->spare = b;
	a->spare_count++;
}

static bool
add_block(struct arena *a, size_t at_least)
{
	size_t room = at_least > BLOCK ? at_least : BLOCK;
	struct block *b;

	if (room > a->cap - a->held) {
		room = a->cap - a->held;
	}
	if (room < at_least) {
		return false;
	}
	b = room == BLOCK && a->spare != NULL ? take_spare(a) : block_new(room);
	if (b == NULL) {
		return false;
	}
	b->older = a->newest;
	a->newest = b;
	a->held += room;
	return true;
}

void *
arena_alloc(struct arena *a, size_t size)
{
	size_t rounded;
	struct block *b = a->newest;
	uint8_t *p;

	if (!size_add(size > 0 ? size : 1, ALIGNMENT - 1, &rounded)) {
		return NULL;
	}
	rounded -= rounded % ALIGNMENT;
	if (b == NULL || rounded > b->room - b->used) {
		if (!add_block(a, rounded)) {
			return NULL;
		}
		b = a->newest;
	}
	p = b->bytes + b->used;
	b->used += rounded;
	return p;
}

void *
arena_array(struct arena *a, size_t count, size_t size)
{
	size_t total;

	return size_mul(count, size, &total) ? arena_alloc(a, total) : NULL;
}

span
arena_copy(struct arena *a, span s)
{
	uint8_t *p = arena_alloc(a, s.len);

	if (p == NULL) {
		return (span){ NULL, 0 };
	}
	if (s.len > 0) {
		memcpy(p, s.data, s.len);
	}
	return span_of(p, s.len);
}

char *
arena_string(struct arena *a, span s)
{
	size_t room;
	char *p;

	if (!size_add(s.len, 1, &room) || (p = arena_alloc(a, room)) == NULL) {
		return NULL;
	}
	if (s.len > 0) {
		memcpy(p, s.data, s.len);
	}
	return p;
}

char *
arena_printf(struct arena *a, const char *format, ...)
{
	va_list list;
	int n;
	char *p;

	va_start(list, format);
	n = vsnprintf(NULL, 0, format, list);
	va_end(list);
	if (n < 0 || (p = arena_alloc(a, (size_t)n + 1)) == NULL) {
		return NULL;
	}
	va_start(list, format);
	vsnprintf(p, (size_t)n + 1, format, list);
	va_end(list);
	return p;
}

void
arena_reset(struct arena *a)
{
	struct block *first = a->newest;

	while (first != NULL && first->older != NULL) {
		struct block *older = first->older;

		put_away(a, first);
		first = older;
	}
	if (first != NULL) {
		memset(first->bytes, 0, first->used);
		first->used = 0;
	}
	a->newest = first;
	a->held = first != NULL ? first->room : 0;
}

struct arena *
arena_new(size_t cap)
{
	struct arena *a = calloc(1, sizeof(*a));
	size_t first = cap < FIRST_BLOCK ? cap : FIRST_BLOCK;

	if (a == NULL) {
		return NULL;
	}
	a->cap = cap;
	a->newest = block_new(first);
	if (a->newest == NULL) {
		free(a);
		return NULL;
	}
	a->held = first;
	return a;
}

static void
free_chain(struct block *b)
{
	while (b != NULL) {
		struct block *older = b->older;

		free(b);
		b = older;
	}
}

void
arena_free(struct arena *a)
{
	if (a == NULL) {
		return;
	}
	free_chain(a->newest);
	free_chain(a->spare);
	free(a);
}
