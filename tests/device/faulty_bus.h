#pragma once
/* A bus with faults: hands calls to another bus, counts them, and spoils the one that is asked for. */
#include "device/element/bus.h"

enum bus_fault {
	FAULT_NONE,
	FAULT_NACK,	  /* this call is not acknowledged */
	FAULT_CRC,	  /* a bit of what is read is wrong, or of what is written */
	FAULT_SHORT,	  /* the answer breaks off: FF from its second byte on */
	FAULT_NOISE,	  /* what is read is nothing that was sent */
	FAULT_ASLEEP,	  /* the part slept just before: watchdog, or no power for a moment */
	FAULT_LATE,	  /* not acknowledged for 20 ms from now on */
	FAULT_ONCE_COUNT, /* those above pass */
	FAULT_GONE = FAULT_ONCE_COUNT, /* nobody is there from now on */
	FAULT_BROKEN,		       /* the bus itself */
	FAULT_ALWAYS_CRC,	       /* every read from now on is wrong */
	FAULT_COUNT
};

struct faulty_bus {
	struct bus bus; /* to be used */
	struct bus inner;
	void (*sleep)(void *context); /* of the inner part: loses what a sleeping part loses */
	enum bus_fault fault;
	unsigned at;	/* the call, from 0, that it happens at */
	unsigned calls; /* so far */
	uint64_t now_us, late_until_us;
};

void faulty_bus_init(struct faulty_bus *f, const struct bus *inner, void (*sleep)(void *));
/* From here on: calls are counted anew, and time goes on. */
void faulty_bus_plan(struct faulty_bus *f, enum bus_fault fault, unsigned at);
