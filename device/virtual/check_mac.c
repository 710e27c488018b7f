/*
 * CheckMac: whether another chip's MAC, or a host's, is of the same secret. data = challenge32 | response32 | other13,
 * where `other` stands for what the other chip put in of itself: head, OTP, serial number.
 *
 *	mode  b0 the second 32 bytes are TempKey's   b1 the first are   b2 TempKey's SourceFlag   b5 8 OTP bytes of ours
 *
 * Right by a slot's key: that slot has authorised what ReqAuth and the latch ask for.
 * Inferred: TempKey that went in is used up, right or wrong. The copy of a secret into TempKey that elder chips do after a
 * check is not made.
 */
#include <openssl/crypto.h>

#include "device/virtual/commands.h"
#include "device/virtual/layouts.h"
#include "device/virtual/policy.h"

#define MODE_SECOND_TEMP 0x01
#define MODE_FIRST_TEMP 0x02
#define MODE_SOURCE_INPUT 0x04
#define MODE_OTP_8 0x20
#define MODE_ALL 0x27
#define OTHER_LEN 13
#define DATA_LEN (32 + 32 + OTHER_LEN)

static void
fill(const struct part *p, const struct part_call *c, struct layout_mac *m)
{
	const uint8_t *other = c->data + 64;

	memcpy(m->head, other, 4);
	if ((c->param1 & MODE_OTP_8) != 0) {
		memcpy(m->otp, p->memory.otp, 8);
	}
	memcpy(m->otp + 8, other + 4, 3);
	memcpy(m->middle, other + 7, 4);
	memcpy(m->end, other + 11, 2);
}

enum part_status
part_check_mac(struct part *p, const struct part_call *c, struct part_answer *out)
{
	const struct part_temp_key *t = &p->live.temp;
	bool uses_slot = (c->param1 & MODE_FIRST_TEMP) == 0;
	bool uses_temp = (c->param1 & (MODE_FIRST_TEMP | MODE_SECOND_TEMP)) != 0, is_right;
	struct layout_mac m = { .first = t->value, .second = t->value };
	uint8_t message[LAYOUT_MAC_LEN], expected[32];
	enum part_status s = PART_OK;

	(void)out;
	if ((c->param1 & ~MODE_ALL) != 0 || c->data_len != DATA_LEN || c->param2 >= PART_SLOTS) {
		return PART_PARSE;
	}
	if (!part_data_is_locked(p) ||
		(uses_temp &&
			(!t->is_valid || t->is_private ||
				t->source_is_input != ((c->param1 & MODE_SOURCE_INPUT) != 0)))) {
		return PART_EXECUTION;
	}
	if ((c->param1 & MODE_SECOND_TEMP) == 0) {
		m.second = c->data;
	}
	if (uses_slot) {
		m.first = part_secret_use(p, c->param2, &s);
	}
	if (m.first == NULL) {
		return s;
	}
	fill(p, c, &m);
	layout_mac(p, &m, message);
	layout_digest(message, sizeof(message), expected);
	is_right = span_equal_secret(SPAN_ARRAY(expected), span_of(c->data + 32, 32));
	OPENSSL_cleanse(expected, sizeof(expected));
	if (uses_temp) {
		part_temp_forget(p);
	}
	if (is_right && uses_slot) {
		part_authorize(p, c->param2);
	}
	return is_right ? PART_OK : PART_MISCOMPARE;
}
