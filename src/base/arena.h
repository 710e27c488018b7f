#pragma once
/*
 * Per-request memory: allocate, never free one by one, drop all at the end.
 *
 * An arena has a cap; an allocation over it returns NULL, which callers turn
 * into LIMIT or NO_MEMORY. Not shared between threads. Zero-filled memory.
 */
#include "base/span.h"
#include <stdarg.h>
#include <stddef.h>

struct arena;

/* `cap` bytes in all at the most. NULL when memory is out. Free with arena_free. */
struct arena *arena_new(size_t cap);
void arena_free(struct arena *a);

/* Forget every allocation, keep the first block and up to 192 KiB more for reuse. */
void arena_reset(struct arena *a);

/* Aligned for any type. NULL at the cap or when memory is out. */
void *arena_alloc(struct arena *a, size_t size);
void *arena_array(struct arena *a, size_t count, size_t size); /* overflow-checked */

/* Copies that live as long as the arena. `.data == NULL` with len > 0 asked = failed. */
span arena_copy(struct arena *a, span s);
char *arena_string(struct arena *a, span s); /* NUL-ended copy; NULL on failure */
char *arena_printf(struct arena *a, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define ARENA_NEW(a, type) ((type *)arena_alloc((a), sizeof(type)))
