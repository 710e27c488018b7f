/* Attestation: what the server's check costs. */
#include "attestation_check.h"

int
main(void)
{
	struct bench b;

	bench_begin(&b, "attestation");
	bench_attestation_check(&b);
	return bench_end(&b);
}
