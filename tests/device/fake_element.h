#pragma once
/* tenure-element beside a test: one part with the serial number of the fake server's device. */
#include "support.h"

struct fake_element {
	struct spawned program;
	char *folder;
	char address[300]; /* as element_open takes it */
};

void fake_element_start(struct fake_element *e, const char *profile);
void fake_element_stop(struct fake_element *e);
