#pragma once
/* A bus with one virtual part on it, in this process; time passes by pauses only. */
#include "device/element/bus.h"
#include "device/virtual/wire.h"

struct part_bus {
	struct bus bus;
	struct wire wire;
	uint64_t now_us;
};

/* Of a built-in profile, "trustflex-tls". */
void part_bus_init(struct part_bus *b, const char *profile);
void part_bus_sleep(void *context); /* of its bus: what a watchdog does */
