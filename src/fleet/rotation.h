#pragma once
/* When a certificate is to be renewed. */
#include "fleet/policy.h"

/*
 * The instant from which the device is told to renew: `renew_after_percent` of the life, moved later by up
 * to a tenth of the life, differently for each device and generation, so that devices
 * enrolled together do not come back together. Always before notAfter.
 */
int64_t rotation_renew_after(
	const struct fleet *f, const struct device *d, int64_t not_before_s, int64_t not_after_s);
