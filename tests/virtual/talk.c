#include "talk.h"

const uint8_t talk_serial[9] = { 0x01, 0x23, 0x5a, 0x17, 0xc0, 0xff, 0xee, 0x42, 0x01 };

void
talk_make_with(const char *profile, void (*change)(struct part_profile *), struct part *out)
{
	const struct part_profile *known = part_profile_find(profile);
	struct part_profile own;
	struct diag d = { 0 };

	assert_non_null(known);
	own = *known;
	if (change != NULL) {
		change(&own);
	}
	assert_ok(part_make(&own, talk_serial, out, &d), d);
	part_wake(out, 0);
}

void
talk_make(const char *profile, struct part *out)
{
	talk_make_with(profile, NULL, out);
}

size_t
talk_packet(const struct part_call *c, uint8_t packet[255])
{
	size_t len = c->data_len + 7;
	uint16_t crc;

	assert_true(len <= 255);
	packet[0] = (uint8_t)len;
	packet[1] = c->opcode;
	packet[2] = c->param1;
	packet[3] = (uint8_t)c->param2;
	packet[4] = (uint8_t)(c->param2 >> 8);
	if (c->data_len > 0) {
		memcpy(packet + 5, c->data, c->data_len);
	}
	crc = part_crc(packet, len - 2);
	packet[len - 2] = (uint8_t)crc;
	packet[len - 1] = (uint8_t)(crc >> 8);
	return len;
}

static struct reply
ask(struct part *p, const struct part_call *c)
{
	uint8_t packet[255], answer[PART_ANSWER_MAX];
	size_t len = part_execute(p, packet, talk_packet(c, packet), 0, answer);
	struct reply r = { .status = PART_OK };
	uint16_t crc;

	assert_in_range(len, 4, PART_ANSWER_MAX);
	assert_int_equal(answer[0], len);
	crc = part_crc(answer, len - 2);
	assert_int_equal(answer[len - 2], crc & 0xFF);
	assert_int_equal(answer[len - 1], crc >> 8);
	if (len == 4) {
		r.status = (enum part_status)answer[1];
	} else {
		r.len = len - 3;
		memcpy(r.data, answer + 1, r.len);
	}
	return r;
}

struct reply
talk(struct part *p, uint8_t opcode, uint8_t param1, uint16_t param2, const void *data, size_t len)
{
	return ask(p, &(struct part_call){ opcode, param1, param2, data, len });
}

struct reply
talk_expect(struct part *p, enum part_status expected, const struct part_call *c)
{
	struct part before = *p;
	struct reply r = ask(p, c);

	if (r.status != expected) {
		fail_msg("opcode %02x mode %02x param2 %04x with %zu bytes: %02x, expected %02x",
			c->opcode, c->param1, c->param2, c->data_len, r.status, expected);
	}
	if (expected != PART_OK && expected != PART_MISCOMPARE) {
		assert_memory_equal(&before, p, sizeof(before));
	}
	return r;
}
