/* Lock and UpdateExtra: what changes once, and never back. */
#include "device/virtual/commands.h"
#include "device/virtual/memory.h"

#define MODE_NO_CRC 0x80
#define MODE_ZONE 0x03
#define MODE_SLOT 0x3C
#define LOCK_CONFIG 0
#define LOCK_DATA 1
#define LOCK_SLOT 2

#define AT_USER_EXTRA 84
#define AT_LOCK_VALUE 86
#define AT_LOCK_CONFIG 87
#define AT_SLOT_LOCKED 88

static enum part_status
lock_config(struct part *p, bool has_crc, uint16_t crc)
{
	if (part_config_is_locked(p) ||
		(has_crc && crc != part_crc(p->memory.config, PART_CONFIG_LEN))) {
		return PART_EXECUTION;
	}
	p->memory.config[AT_LOCK_CONFIG] = 0;
	p->is_changed = true;
	return PART_OK;
}

/* The CRC covers the data zone, then OTP. */
static enum part_status
lock_data(struct part *p, bool has_crc, uint16_t crc)
{
	uint8_t content[PART_DATA_LEN + PART_OTP_LEN];

	memcpy(content, p->memory.data, PART_DATA_LEN);
	memcpy(content + PART_DATA_LEN, p->memory.otp, PART_OTP_LEN);
	if (!part_config_is_locked(p) || part_data_is_locked(p) ||
		(has_crc && crc != part_crc(content, sizeof(content)))) {
		return PART_EXECUTION;
	}
	p->memory.config[AT_LOCK_VALUE] = 0;
	p->is_changed = true;
	return PART_OK;
}

static enum part_status
lock_slot(struct part *p, unsigned slot)
{
	uint8_t *locked = p->memory.config + AT_SLOT_LOCKED + slot / 8;

	if (!part_config_is_locked(p) || part_slot_is_locked(p->memory.config, slot) ||
		(part_key_config(p->memory.config, slot) & PART_KEY_IS_LOCKABLE) == 0) {
		return PART_EXECUTION;
	}
	*locked = (uint8_t)(*locked & ~(1u << slot % 8));
	p->is_changed = true;
	return PART_OK;
}

enum part_status
part_lock(struct part *p, const struct part_call *c, struct part_answer *out)
{
	bool has_crc = (c->param1 & MODE_NO_CRC) == 0;
	unsigned zone = c->param1 & MODE_ZONE, slot = (c->param1 & MODE_SLOT) >> 2;

	(void)out;
	if (c->data_len != 0 || (c->param1 & ~(MODE_NO_CRC | MODE_ZONE | MODE_SLOT)) != 0 ||
		(zone != LOCK_SLOT && slot != 0) || (!has_crc && c->param2 != 0)) {
		return PART_PARSE;
	}
	switch (zone) {
	case LOCK_CONFIG:
		return lock_config(p, has_crc, c->param2);
	case LOCK_DATA:
		return lock_data(p, has_crc, c->param2);
	case LOCK_SLOT:
		return c->param2 == 0 ? lock_slot(p, slot) : PART_PARSE;
	default:
		return PART_PARSE;
	}
}

/* UserExtra and UserExtraAdd: each once, while it is 00. */
enum part_status
part_update_extra(struct part *p, const struct part_call *c, struct part_answer *out)
{
	uint8_t *extra = p->memory.config + AT_USER_EXTRA + c->param1;

	(void)out;
	if (c->data_len != 0 || c->param1 > 1 || c->param2 > 0xFF) {
		return PART_PARSE;
	}
	if (*extra != 0) {
		return PART_EXECUTION;
	}
	*extra = (uint8_t)c->param2;
	p->is_changed = true;
	return PART_OK;
}
