#pragma once
/*
 * What every target has. A target is one function that takes any bytes and asserts what must hold
 * for them. With -Dfuzz=true libFuzzer calls it; else replay.c calls it on the corpus, as a test.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/span.h"
#include "base/status.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* Ends the process where a property does not hold: libFuzzer keeps the input. */
#define HOLDS(condition)                                                                  \
	do {                                                                              \
		if (!(condition)) {                                                       \
			fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, \
				#condition);                                              \
			abort();                                                          \
		}                                                                         \
	} while (0)

/* The first byte of the input, as a choice among `count`; the input goes on behind it. */
static inline unsigned
fuzz_choice(span *input, unsigned count)
{
	unsigned chosen = input->len > 0 ? input->data[0] % count : 0;

	*input = span_slice(*input, 1, SIZE_MAX);
	return chosen;
}
