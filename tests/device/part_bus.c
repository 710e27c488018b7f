#include "part_bus.h"

#include "support.h"

static enum bus_result
begin(void *context)
{
	(void)context;
	return BUS_OK;
}

static void
end(void *context)
{
	(void)context;
}

static int64_t
now_ms(const struct part_bus *b)
{
	return (int64_t)(b->now_us / 1000);
}

static enum bus_result
wake(void *context)
{
	struct part_bus *b = context;

	(void)wire_wake(&b->wire, now_ms(b));
	return BUS_OK;
}

static enum bus_result
write_to(void *context, uint8_t address, const uint8_t *bytes, size_t len)
{
	struct part_bus *b = context;

	return wire_write(&b->wire, address, span_of(bytes, len), now_ms(b)) ? BUS_OK
									     : BUS_NO_ACKNOWLEDGE;
}

static enum bus_result
read_from(void *context, uint8_t address, uint8_t *bytes, size_t len)
{
	struct part_bus *b = context;

	return wire_read(&b->wire, address, bytes, len, now_ms(b)) ? BUS_OK : BUS_NO_ACKNOWLEDGE;
}

static void
pause_us(void *context, uint32_t us)
{
	((struct part_bus *)context)->now_us += us;
}

void
part_bus_sleep(void *context)
{
	part_sleep(&((struct part_bus *)context)->wire.part);
}

void
part_bus_init(struct part_bus *b, const char *profile)
{
	static const uint8_t serial[9] = { 0x01, 0x23, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x01 };
	struct diag d = { 0 };

	*b = (struct part_bus){ .bus = { .context = b,
					.begin = begin,
					.end = end,
					.wake = wake,
					.write = write_to,
					.read = read_from,
					.pause_us = pause_us } };
	assert_non_null(part_profile_find(profile));
	assert_ok(part_make(part_profile_find(profile), serial, &b->wire.part, &d), d);
}
