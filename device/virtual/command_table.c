/* Every command: its opcode, its name, the chip maker's wait time for it, and who carries it out. */
#include "base/check.h"
#include "device/virtual/commands.h"

static const struct part_command commands[] = {
	{ 0x02, "Read", 5, part_read },
	{ 0x08, "MAC", 55, part_mac },
	{ 0x12, "Write", 45, part_write },
	{ 0x15, "GenDig", 25, part_gen_dig },
	{ 0x16, "Nonce", 20, part_nonce },
	{ 0x17, "Lock", 35, part_lock },
	{ 0x1B, "Random", 23, part_random_command },
	{ 0x1C, "DeriveKey", 50, part_derive_key },
	{ 0x20, "UpdateExtra", 10, part_update_extra },
	{ 0x24, "Counter", 25, part_counter },
	{ 0x28, "CheckMac", 40, part_check_mac },
	{ 0x30, "Info", 5, part_info },
	{ 0x40, "GenKey", 115, part_gen_key },
	{ 0x41, "Sign", 115, part_sign },
	{ 0x43, "ECDH", 75, part_ecdh },
	{ 0x45, "Verify", 105, part_verify },
	{ 0x46, "PrivWrite", 50, part_priv_write },
	{ 0x47, "SHA", 36, part_sha_command },
	{ 0x51, "AES", 27, part_aes },
	{ 0x56, "KDF", 165, part_kdf },
	{ 0x77, "SelfTest", 250, part_self_test },
	{ 0x80, "SecureBoot", 80, part_secure_boot },
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
