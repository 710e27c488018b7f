#pragma once
/* The server's side of attestation, for bench_attestation. */
#include "bench.h"

/* Adds its rows. */
void bench_attestation_check(struct bench *b);
