#pragma once
/* Arithmetic that cannot wrap unseen. Each returns false on overflow and leaves *out alone. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline bool
size_add(size_t a, size_t b, size_t *out)
{
	size_t sum;
	if (__builtin_add_overflow(a, b, &sum)) {
		return false;
	}
	*out = sum;
	return true;
}

static inline bool
size_mul(size_t a, size_t b, size_t *out)
{
	size_t product;
	if (__builtin_mul_overflow(a, b, &product)) {
		return false;
	}
	*out = product;
	return true;
}

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
