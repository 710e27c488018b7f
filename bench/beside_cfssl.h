#pragma once
/*
 * `cfssl serve` of Debian's golang-cfssl, to stand beside us: a P-256 CA in a folder, requests for P-256 keys by its plain HTTP interface.
 * It makes certificates and nothing else: nothing is stored, no ledger, no TLS, nobody is asked who he is.
 */
#include "bench.h"

/* What ours gave in the same run. */
struct beside_ours {
	double cpu_s, rate; /* of a certificate, medians */
	size_t in_flight;
};

/* Adds its rows; says why on the screen where the program is not there. */
void cfssl_measure(struct bench *b, const struct beside_ours *ours);
