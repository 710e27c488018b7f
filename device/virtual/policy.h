#pragma once
/* What of SlotConfig and KeyConfig secrets are judged by, beyond memory.h, and the options of the whole chip. */
#include "device/virtual/memory.h"

/* SlotConfig */
#define SLOT_NO_MAC 0x0010
#define SLOT_DERIVE_OF_PARENT 0x1000 /* parent is WriteKey's slot, not the slot itself */
#define SLOT_DERIVE 0x2000
#define SLOT_WRITE_ENCRYPTED 0x4000 /* of a private key: PrivWrite */
#define SLOT_DERIVE_NEEDS_MAC 0x8000
/* Configuration zone */
#define CONFIG_AES_ENABLE_AT 13
#define CONFIG_SECURE_BOOT_AT 70
#define CONFIG_KDF_IV_AT 72
#define CONFIG_OPTIONS_AT 90
#define OPTION_IO_KEY 0x0002
#define OPTION_KDF_AES 0x0004
/* What a slot number in param2 says when TempKey is meant. */
#define SLOT_IS_TEMP_KEY 0xFFFF

static inline bool
slot_policy_has(const struct part *p, unsigned slot, uint16_t bits)
{
	return (part_slot_config(p->memory.config, slot) & bits) == bits;
}

static inline bool
key_policy_has(const struct part *p, unsigned slot, uint16_t bits)
{
	return (part_key_config(p->memory.config, slot) & bits) == bits;
}

static inline unsigned
slot_write_key(const struct part *p, unsigned slot)
{
	return SLOT_WRITE_KEY(part_slot_config(p->memory.config, slot));
}

static inline unsigned
slot_key_type(const struct part *p, unsigned slot)
{
	return PART_KEY_TYPE(part_key_config(p->memory.config, slot));
}

static inline uint16_t
config_u16(const struct part *p, size_t at)
{
	return (uint16_t)(p->memory.config[at] | p->memory.config[at + 1] << 8);
}
