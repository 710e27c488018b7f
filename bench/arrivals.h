#pragma once
/*
 * Devices that come at once, as after a power cut: each connects anew, asks once and goes. `in_flight` of them are under way
 * at any time, each where its own handshake is, driven by one thread.
 */
#include "crowd.h"

struct arrivals {
	struct crowd *crowd;
	size_t first, count; /* its units */
	size_t in_flight;
	span request; /* what each asks; empty: its enrolment */
};

/* Every answer must be 200. A unit that enrolled shows its new certificate from then on. */
void arrivals_drive(const struct arrivals *a);
