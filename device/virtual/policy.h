#pragma once
/* The bits of SlotConfig and KeyConfig that keys and secrets are judged by, and the options of the whole chip. */
#include "device/virtual/part.h"

/* SlotConfig of what is no private key */
#define SLOT_NO_MAC 0x0010
#define SLOT_ENC_READ 0x0040
#define SLOT_SECRET 0x0080
#define SLOT_DERIVE_OF_PARENT 0x1000 /* parent is WriteKey's slot, not the slot itself */
#define SLOT_DERIVE 0x2000
#define SLOT_WRITE_ENCRYPTED 0x4000 /* of a private key: PrivWrite */
#define SLOT_DERIVE_NEEDS_MAC 0x8000
/* KeyConfig */
#define KEY_PRIVATE 0x0001
#define KEY_PUB_INFO \
	0x0002 /* private: its public key may be had; public: it is validated; other: KDF may write it */
#define KEY_REQ_RANDOM 0x0040
#define KEY_TYPE_P256 4
#define KEY_TYPE_AES 6
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
slot_read_key(const struct part *p, unsigned slot)
{
	return part_slot_config(p->memory.config, slot) & 15;
}

static inline unsigned
slot_write_key(const struct part *p, unsigned slot)
{
	return part_slot_config(p->memory.config, slot) >> 8 & 15;
}

static inline unsigned
slot_key_type(const struct part *p, unsigned slot)
{
	return part_key_config(p->memory.config, slot) >> 2 & 7;
}

static inline uint16_t
config_u16(const struct part *p, size_t at)
{
	return (uint16_t)(p->memory.config[at] | p->memory.config[at + 1] << 8);
}
