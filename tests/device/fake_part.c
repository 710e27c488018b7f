#include "fake_part.h"

#include <string.h>

#include "device/element/packet.h"

#define WATCHDOG_US 1300000
#define REFUSED 0x0F
#define PARSE 0x03

static void
answer(struct fake_part *p, const uint8_t *data, size_t len)
{
	uint16_t crc;

	p->answer[0] = (uint8_t)(len + 3);
	memcpy(p->answer + 1, data, len);
	crc = atecc608_crc(p->answer, len + 1);
	p->answer[len + 1] = (uint8_t)crc;
	p->answer[len + 2] = (uint8_t)(crc >> 8);
	p->answer_len = len + 3;
	p->read_at = 0;
}

static void
answer_word(struct fake_part *p, uint8_t word)
{
	answer(p, &word, 1);
}

static void
read_config(struct fake_part *p, uint8_t zone, unsigned address)
{
	size_t at = address * 4, len = (zone & 0x80) != 0 ? 32 : 4;

	if ((zone & 3) != 0 || at + len > sizeof(p->config)) {
		answer_word(p, PARSE);
		return;
	}
	answer(p, p->config + at, len);
}

static void
count(struct fake_part *p, bool is_step)
{
	uint8_t value[4];

	p->counter += is_step;
	for (size_t i = 0; i < 4; i++) {
		value[i] = (uint8_t)(p->counter >> 8 * i);
	}
	answer(p, value, 4);
}

static void
nonce(struct fake_part *p, uint8_t mode, const uint8_t *data)
{
	uint8_t random[32];

	memset(random, (int)p->done[0x16], sizeof(random));
	memcpy(p->temp_key, mode == 3 ? data : random, 32);
	p->has_temp_key = true;
	if (mode == 3) {
		answer_word(p, 0);
	} else {
		answer(p, random, 32);
	}
}

/* The key is a number that says how many were made; with 0C TempKey becomes its mark. */
static void
gen_key(struct fake_part *p, uint8_t mode)
{
	if (mode == 0x0C && !p->has_temp_key) {
		answer_word(p, REFUSED);
		return;
	}
	if (mode != 0) {
		memset(p->key, (int)(0x40 + p->done[0x40]), sizeof(p->key));
	}
	if (mode == 0x0C) {
		memcpy(p->temp_key + 16, p->key, 16);
	}
	answer(p, p->key, 64);
}

static void
sign(struct fake_part *p)
{
	uint8_t mark[64];

	if (!p->has_temp_key) {
		answer_word(p, REFUSED);
		return;
	}
	memcpy(mark, p->temp_key, 32);
	memcpy(mark + 32, p->temp_key, 32);
	p->has_temp_key = false;
	answer(p, mark, 64);
}

static void
update_extra(struct fake_part *p, uint8_t which, uint8_t value)
{
	if (p->config[84 + which] != 0) {
		answer_word(p, REFUSED);
		return;
	}
	p->config[84 + which] = value;
	answer_word(p, 0);
}

static void
lock_slot(struct fake_part *p, unsigned slot)
{
	if ((p->config[88 + slot / 8] >> slot % 8 & 1) == 0) {
		answer_word(p, REFUSED);
		return;
	}
	p->config[88 + slot / 8] &= (uint8_t) ~(1u << slot % 8);
	answer_word(p, 0);
}

static void
carry_out(struct fake_part *p, const uint8_t *c)
{
	p->done[c[1]]++;
	switch (c[1]) {
	case 0x02:
		read_config(p, c[2], c[3]);
		break;
	case 0x16:
		nonce(p, c[2], c + 5);
		break;
	case 0x17:
		lock_slot(p, c[2] >> 2);
		break;
	case 0x20:
		update_extra(p, c[2], c[3]);
		break;
	case 0x24:
		count(p, c[2] == 1);
		break;
	case 0x40:
		gen_key(p, c[2]);
		break;
	case 0x41:
		sign(p);
		break;
	default:
		p->done[c[1]]--;
		answer_word(p, PARSE);
	}
}

static void
command(struct fake_part *p, const uint8_t *c, size_t len)
{
	uint16_t crc = len >= 7 ? atecc608_crc(c, len - 2) : 0;

	if (len < 7 || c[0] != len || c[len - 2] != (uint8_t)crc || c[len - 1] != crc >> 8) {
		answer_word(p, 0xFF);
		return;
	}
	if (p->refused_words > 0) {
		p->refused_words--;
		answer_word(p, p->word);
		return;
	}
	carry_out(p, c);
	p->ready_us = p->now_us + p->busy_us;
}

void
fake_part_sleep(void *context)
{
	struct fake_part *p = context;

	p->is_awake = p->has_temp_key = false;
}

static bool
is_there(struct fake_part *p, uint8_t address)
{
	if (p->is_awake && p->now_us >= p->awake_until_us) {
		fake_part_sleep(p);
	}
	return p->is_begun && p->is_awake && address == p->address && p->now_us >= p->ready_us;
}

static enum bus_result
part_begin(void *context)
{
	struct fake_part *p = context;

	p->is_begun = true;
	return BUS_OK;
}

static void
part_end(void *context)
{
	struct fake_part *p = context;

	p->is_begun = false;
}

static enum bus_result
part_wake(void *context)
{
	struct fake_part *p = context;

	if (!p->is_awake) {
		p->is_awake = true;
		p->awake_until_us = p->now_us + WATCHDOG_US;
		p->address = p->config[85] != 0 ? p->config[85] : p->config[16];
		answer_word(p, 0x11);
	}
	return BUS_OK;
}

static enum bus_result
part_write(void *context, uint8_t address, const uint8_t *bytes, size_t len)
{
	struct fake_part *p = context;

	if (!is_there(p, address)) {
		return BUS_NO_ACKNOWLEDGE;
	}
	switch (bytes[0]) {
	case 0:
		p->read_at = 0;
		break;
	case 1:
		fake_part_sleep(p);
		break;
	case 2:
		p->is_awake = false;
		break;
	default:
		command(p, bytes + 1, len - 1);
	}
	return BUS_OK;
}

static enum bus_result
part_read(void *context, uint8_t address, uint8_t *bytes, size_t len)
{
	struct fake_part *p = context;

	if (!is_there(p, address)) {
		return BUS_NO_ACKNOWLEDGE;
	}
	for (size_t i = 0; i < len; i++) {
		bytes[i] = p->read_at < p->answer_len ? p->answer[p->read_at++] : 0xFF;
	}
	return BUS_OK;
}

static void
part_pause(void *context, uint32_t us)
{
	((struct fake_part *)context)->now_us += us;
}

void
fake_part_init(struct fake_part *p, uint8_t serial_last)
{
	static const uint8_t first[] = { 0x01, 0x23, 0x11, 0x22, 0x00, 0x00, 0x60, 0x03, 0x33, 0x44,
		0x55, 0x66 };

	*p = (struct fake_part){ .address = 0x6C };
	memcpy(p->config, first, sizeof(first));
	p->config[12] = serial_last;
	p->config[16] = 0x6C;
	p->config[88] = p->config[89] = 0xFF;
	p->bus = (struct bus){ .context = p,
		.begin = part_begin,
		.end = part_end,
		.wake = part_wake,
		.write = part_write,
		.read = part_read,
		.pause_us = part_pause };
}
