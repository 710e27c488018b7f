#include "faulty_bus.h"

#include <string.h>

#define LATE_US 20000

static enum bus_result
inner_begin(void *context)
{
	struct faulty_bus *f = context;

	return f->inner.begin(f->inner.context);
}

static void
inner_end(void *context)
{
	struct faulty_bus *f = context;

	f->inner.end(f->inner.context);
}

static void
inner_pause(void *context, uint32_t us)
{
	struct faulty_bus *f = context;

	f->now_us += us;
	f->inner.pause_us(f->inner.context, us);
}

/* The fault of this call, if it has one. */
static enum bus_fault
next(struct faulty_bus *f)
{
	unsigned call = f->calls++;

	if (call == f->at && f->fault == FAULT_ASLEEP) {
		f->sleep(f->inner.context);
	}
	if (call == f->at && f->fault == FAULT_LATE) {
		f->late_until_us = f->now_us + LATE_US;
	}
	if (f->now_us < f->late_until_us) {
		return FAULT_NACK;
	}
	if (call > f->at && f->fault >= FAULT_ONCE_COUNT) {
		return f->fault;
	}
	return call == f->at ? f->fault : FAULT_NONE;
}

static enum bus_result
refusal(enum bus_fault fault)
{
	return fault == FAULT_BROKEN			    ? BUS_GONE
	       : fault == FAULT_NACK || fault == FAULT_GONE ? BUS_NO_ACKNOWLEDGE
							    : BUS_OK;
}

static enum bus_result
faulty_wake(void *context)
{
	struct faulty_bus *f = context;
	enum bus_result r = refusal(next(f));

	return r == BUS_OK ? f->inner.wake(f->inner.context) : r;
}

static enum bus_result
faulty_write(void *context, uint8_t address, const uint8_t *bytes, size_t len)
{
	struct faulty_bus *f = context;
	enum bus_fault fault = next(f);
	enum bus_result r = refusal(fault);
	uint8_t copy[256];

	if (r != BUS_OK || len > sizeof(copy)) {
		return r != BUS_OK ? r : BUS_GONE;
	}
	memcpy(copy, bytes, len);
	if (fault == FAULT_CRC && len > 1) {
		copy[len / 2] ^= 0x10;
	}
	return f->inner.write(f->inner.context, address, copy, len);
}

static enum bus_result
faulty_read(void *context, uint8_t address, uint8_t *bytes, size_t len)
{
	struct faulty_bus *f = context;
	enum bus_fault fault = next(f);
	enum bus_result r = refusal(fault);

	if (r == BUS_OK) {
		r = f->inner.read(f->inner.context, address, bytes, len);
	}
	if (r != BUS_OK) {
		return r;
	}
	if (fault == FAULT_CRC || fault == FAULT_ALWAYS_CRC) {
		bytes[len / 2] ^= 0x04;
	} else if (fault == FAULT_SHORT) {
		memset(bytes + 1, 0xFF, len - 1);
	} else if (fault == FAULT_NOISE) {
		for (size_t i = 0; i < len; i++) {
			bytes[i] = (uint8_t)(i * 37 + f->calls);
		}
	}
	return r;
}

void
faulty_bus_init(struct faulty_bus *f, const struct bus *inner, void (*sleep)(void *))
{
	*f = (struct faulty_bus){ .inner = *inner, .sleep = sleep };
	f->bus = (struct bus){ .context = f,
		.begin = inner_begin,
		.end = inner_end,
		.wake = faulty_wake,
		.write = faulty_write,
		.read = faulty_read,
		.pause_us = inner_pause };
}

void
faulty_bus_plan(struct faulty_bus *f, enum bus_fault fault, unsigned at)
{
	f->fault = fault;
	f->at = at;
	f->calls = 0;
	f->late_until_us = 0;
}
