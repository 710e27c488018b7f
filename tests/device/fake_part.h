#pragma once
/*
 * A part made for tests of the wire: just enough commands to see what a fault does to them, and counts of how often
 * each was carried out. Its signatures are marks that say what they were made of; the virtual element makes real ones.
 */
#include <stdbool.h>

#include "device/element/bus.h"

struct fake_part {
	struct bus bus;
	uint8_t address, config[128];
	uint32_t counter;
	bool is_awake, is_begun, has_temp_key;
	uint8_t temp_key[32];
	uint8_t key[64];	/* of every slot: the last that was made, or of slot 0 */
	unsigned done[256];	/* commands by opcode, those that were carried out */
	unsigned refused_words; /* so many commands are answered with `word` first */
	uint8_t word;
	uint32_t busy_us; /* how long a command takes */
	uint64_t now_us, awake_until_us, ready_us;
	uint8_t answer[160];
	size_t answer_len, read_at;
};

void fake_part_init(struct fake_part *p, uint8_t serial_last);
void fake_part_sleep(void *context); /* of its bus */
