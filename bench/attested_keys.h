#pragma once
/* The virtual element's side of attestation, for bench_attestation. */
#include "bench.h"

/* Adds its rows. argv0: the benchmark's, which lies in the build's bench folder. */
void bench_attested_keys(struct bench *b, const char *argv0);
