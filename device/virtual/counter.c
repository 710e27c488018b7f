/*
 * The two counters. Each is four big-endian numbers of 16 bits in the configuration zone:
 *
 *	linA linB binA binB       for v:  linA = FFFF >> v mod 32         linB = FFFF >> (v mod 32 - 16), FFFF below 16
 *	                                  binA = v / 32                   binB = (v - 16) / 32, 0 below 16
 *
 * so that a count changes few bits at a time, and one half stands while the other is written.
 */
#include "device/virtual/commands.h"

#define MODE_READ 0
#define MODE_INCREMENT 1
#define COUNTERS 2

static uint8_t *
counter_at(struct part *p, unsigned counter)
{
	return p->memory.config + 52 + 8 * (size_t)counter;
}

static void
put16(uint8_t *at, unsigned value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static unsigned
get16(const uint8_t *at)
{
	return (unsigned)at[0] << 8 | at[1];
}

/* How many of its highest bits have been shifted out. */
static unsigned
shifted(unsigned linear)
{
	unsigned n = 0;

	while (n < 16 && (linear & 0x8000u >> n) == 0) {
		n++;
	}
	return n;
}

uint32_t
part_counter_get(const struct part *p, unsigned counter)
{
	const uint8_t *at = p->memory.config + 52 + 8 * (size_t)counter;

	return 32 * get16(at + 4) + shifted(get16(at)) + shifted(get16(at + 2));
}

void
part_counter_put(struct part *p, unsigned counter, uint32_t value)
{
	uint8_t *at = counter_at(p, counter);
	unsigned low = value % 32;

	put16(at, 0xFFFFu >> low);
	put16(at + 2, low >= 16 ? 0xFFFFu >> (low - 16) : 0xFFFF);
	put16(at + 4, value / 32);
	put16(at + 6, value >= 16 ? (value - 16) / 32 : 0);
	p->is_changed = true;
}

enum part_status
part_counter(struct part *p, const struct part_call *c, struct part_answer *out)
{
	uint32_t value;

	if (c->data_len != 0 || c->param1 > MODE_INCREMENT || c->param2 >= COUNTERS) {
		return PART_PARSE;
	}
	value = part_counter_get(p, c->param2);
	if (c->param1 == MODE_INCREMENT) {
		if (value >= PART_COUNTER_MAX) {
			return PART_EXECUTION;
		}
		value++;
		part_counter_put(p, c->param2, value);
	}
	out->len = 4;
	for (unsigned i = 0; i < 4; i++) {
		out->data[i] = (uint8_t)(value >> 8 * i);
	}
	return PART_OK;
}
