#pragma once
/* Enrolments under way. Inside lifecycle/ only: enrol.c looks and decides, enrol_sign.c has what was judged signed. */
#include "lifecycle/enrol.h"
#include "lifecycle/prove.h"
#include "pki/csr.h"

struct enrolling {
	struct session *session;
	const struct enrolment *enrolment;
	struct outcome *outcome;
	status status;
	struct diag fault;
	int64_t seen_version,
		seen_policy; /* of the device and its fleet, at the look before the last */
	struct csr csr;
	uint8_t key_hash[32], request_hash[32], evidence_hash[32];
	struct proof proof;

	/* What the last look showed. */
	struct device device;
	struct fleet fleet;
	struct owner maker;
	struct authority issuer;
	struct certificate presented;
	struct certificate stored; /* of the same request; row 0: none */

	int64_t index; /* of the new certificate */
	struct certificate certificate;
	struct decision decision;
};

/* Those of the list that are still to be done, to its front. */
static inline size_t
enrolling_keep(struct enrolling **list, size_t count)
{
	size_t going = 0;

	for (size_t i = 0; i < count; i++) {
		if (list[i]->status == OK) {
			list[going++] = list[i];
		}
	}
	return going;
}

/*
 * The certificates of all, by one message to the signer, each with what its device is (never what the request says). One that gets
 * none has its status; the list is left with the others. Their number.
 */
size_t enrolling_sign(struct enrolling **list, size_t count);
