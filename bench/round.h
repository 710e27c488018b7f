#pragma once
/* A round of issuance: devices of a crowd enrol, each on a mutual TLS connection that is open already. */
#include "crowd.h"

struct round {
	double cpu_s; /* of all threads of tenured and its signer, a certificate, with what they put off */
	double rate; /* certificates a second */
};

/* The `count` devices behind *next, which goes on by as many. */
struct round round_enrol(struct crowd *c, size_t *next, size_t count, size_t in_flight);
