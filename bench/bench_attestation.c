/* Attestation: what keys cost that virtual elements make and attest, and what the server's check costs. */
#include "attestation_check.h"
#include "attested_keys.h"

int
main(int argc, char **argv)
{
	struct bench b;

	(void)argc;
	bench_begin(&b, "attestation");
	bench_attested_keys(&b, argv[0]);
	bench_attestation_check(&b);
	return bench_end(&b);
}
