#pragma once
/*
 * Issuance with a large fleet in the store beside issuance with a small one: two stages, rounds in turn. The large one has BENCH_DEVICES
 * devices (environment; default 1,000,000).
 */
#include "bench.h"

/* Adds its rows. Stages 1 and 2; not 0 where they did not end well. */
int scale_measure(struct bench *b, const char *argv0, size_t in_flight);
