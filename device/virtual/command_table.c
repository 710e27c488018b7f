/* Every command: its opcode, its name, the chip maker's wait time for it, and who carries it out. */
#include "base/check.h"
#include "device/virtual/commands.h"

static const struct part_command commands[] = {
	{ 0x16, "Nonce", 20, part_nonce },
	{ 0x1B, "Random", 23, part_random_command },
	{ 0x24, "Counter", 25, part_counter },
	{ 0x30, "Info", 5, part_info },
};

const struct part_command *
part_command_at(size_t i)
{
	return i < COUNT_OF(commands) ? &commands[i] : NULL;
}

const struct part_command *
part_command_find(uint8_t opcode)
{
	for (size_t i = 0; i < COUNT_OF(commands); i++) {
		if (commands[i].opcode == opcode) {
			return &commands[i];
		}
	}
	return NULL;
}
