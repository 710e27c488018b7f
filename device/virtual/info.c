/* Info: what the part is, and the state that it is in. Always four bytes. */
#include "device/virtual/commands.h"
#include "device/virtual/memory.h"
#include "device/virtual/p256.h"

#define MODE_REVISION 0
#define MODE_KEY_VALID 1
#define MODE_STATE 2
#define MODE_GPIO 3
#define MODE_LATCH 4

#define LATCH_VALUE 0x01
#define LATCH_SET 0x02
#define PERMISSION_ENABLED 0x80

/* A P-256 key that could be used: made, or on the curve. */
static enum part_status
key_valid(const struct part *p, unsigned slot, uint8_t out[4])
{
	uint16_t key = part_key_config(p->memory.config, slot);
	uint8_t point[64];

	if (PART_KEY_TYPE(key) != PART_KEY_TYPE_P256) {
		return PART_EXECUTION;
	}
	if ((key & PART_KEY_IS_PRIVATE) != 0) {
		out[0] = part_private_key(p, slot) != NULL;
	} else if (part_slot_is_public_key(p, slot)) {
		part_public_key(p, slot, point);
		out[0] = p256_point_is_valid(point);
	}
	return PART_OK;
}

/* Set only right after an authorization by the key that VolatileKeyPermission names; cleared by anybody. */
static enum part_status
latch(struct part *p, uint16_t what, uint8_t out[4])
{
	uint8_t permission = p->memory.config[69];
	bool wants_on = (what & LATCH_VALUE) != 0;

	if ((what & ~(LATCH_VALUE | LATCH_SET)) != 0) {
		return PART_PARSE;
	}
	if ((what & LATCH_SET) != 0) {
		if ((permission & PERMISSION_ENABLED) == 0 ||
			(wants_on && (!p->live.is_authorized ||
					     p->live.authorized_by != (permission & 15)))) {
			return PART_EXECUTION;
		}
		p->live.latch_is_set = wants_on;
	}
	out[0] = p->live.latch_is_set;
	return PART_OK;
}

enum part_status
part_info(struct part *p, const struct part_call *c, struct part_answer *out)
{
	if (c->data_len != 0) {
		return PART_PARSE;
	}
	memset(out->data, 0, 4);
	out->len = 4;
	switch (c->param1) {
	case MODE_REVISION:
		memcpy(out->data, p->memory.config + 4, 4);
		return PART_OK;
	case MODE_KEY_VALID:
		return c->param2 < PART_SLOTS ? key_valid(p, c->param2, out->data) : PART_PARSE;
	case MODE_STATE:
		out->data[0] = part_temp_flags(p);
		out->data[1] = p->live.temp.is_valid ? 0x80 : 0;
		return PART_OK;
	case MODE_GPIO:
		return PART_OK; /* the pins are the bus */
	case MODE_LATCH:
		return latch(p, c->param2, out->data);
	default:
		return PART_PARSE;
	}
}
