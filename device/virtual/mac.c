/*
 * MAC: SHA-256 over a secret or TempKey, a challenge or TempKey, and what identifies the call and the chip.
 *
 *	mode  b0 the second 32 bytes are TempKey's   b1 the first are   b2 TempKey's SourceFlag   b4 11 OTP bytes   b5 8 of them
 *	      b6 the whole serial number
 *
 * Inferred: a TempKey that went in is used up; without a slot's key param2 is only hashed.
 */
#include "device/virtual/commands.h"
#include "device/virtual/layouts.h"
#include "device/virtual/policy.h"

#define MODE_SECOND_TEMP 0x01
#define MODE_FIRST_TEMP 0x02
#define MODE_SOURCE_INPUT 0x04
#define MODE_OTP_11 0x10
#define MODE_OTP_8 0x20
#define MODE_WHOLE_SERIAL 0x40
#define MODE_NONE 0x88

static bool
is_well_formed(const struct part_call *c)
{
	if ((c->param1 & MODE_NONE) != 0 ||
		c->data_len != ((c->param1 & MODE_SECOND_TEMP) != 0 ? 0 : 32)) {
		return false;
	}
	return (c->param1 & MODE_FIRST_TEMP) != 0 || c->param2 < PART_SLOTS;
}

static void
fill(const struct part *p, const struct part_call *c, struct layout_mac *m)
{
	uint8_t serial[9];

	layout_head(c, m->head);
	if ((c->param1 & MODE_OTP_11) != 0) {
		memcpy(m->otp, p->memory.otp, 11);
	} else if ((c->param1 & MODE_OTP_8) != 0) {
		memcpy(m->otp, p->memory.otp, 8);
	}
	if ((c->param1 & MODE_WHOLE_SERIAL) != 0) {
		part_serial(p, serial);
		memcpy(m->middle, serial + 4, 4);
		memcpy(m->end, serial + 2, 2);
	}
}

enum part_status
part_mac(struct part *p, const struct part_call *c, struct part_answer *out)
{
	const struct part_temp_key *t = &p->live.temp;
	bool uses_temp = (c->param1 & (MODE_FIRST_TEMP | MODE_SECOND_TEMP)) != 0;
	struct layout_mac m = { .first = t->value, .second = t->value };
	uint8_t message[LAYOUT_MAC_LEN];
	enum part_status s = PART_OK;

	if (!is_well_formed(c)) {
		return PART_PARSE;
	}
	if (!part_data_is_locked(p) ||
		(uses_temp &&
			(!t->is_valid || t->is_private || t->no_mac ||
				t->source_is_input != ((c->param1 & MODE_SOURCE_INPUT) != 0)))) {
		return PART_EXECUTION;
	}
	if ((c->param1 & MODE_SECOND_TEMP) == 0) {
		m.second = c->data;
	}
	if ((c->param1 & MODE_FIRST_TEMP) == 0) {
		m.first = slot_policy_has(p, c->param2, SLOT_NO_MAC)
				  ? NULL
				  : part_secret_use(p, c->param2, &s);
	}
	if (m.first == NULL) {
		return PART_EXECUTION;
	}
	fill(p, c, &m);
	layout_mac(p, &m, message);
	layout_digest(message, sizeof(message), out->data);
	out->len = 32;
	if (uses_temp) {
		part_temp_forget(p);
	}
	return s;
}
