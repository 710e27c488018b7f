#pragma once
/* Talks to a part as a host would, packet by packet. */
#include "device/virtual/part.h"
#include "support.h"

/* What came back: the status of a status frame, or PART_OK and data. The frame itself has been checked. */
struct reply {
	enum part_status status;
	uint8_t data[PART_ANSWER_DATA_MAX];
	size_t len;
};

extern const uint8_t talk_serial[9]; /* of the parts made here */

/* A part of a built-in profile, awake at time 0; fails the test where it cannot be made. */
void talk_make(const char *profile, struct part *out);
/* The same with this configuration instead of the profile's own. */
void talk_make_with(const char *profile, void (*change)(struct part_profile *), struct part *out);
/* One command at time 0. */
struct reply talk(struct part *p, uint8_t opcode, uint8_t param1, uint16_t param2, const void *data,
	size_t len);
/* The same, and it must answer this status; with other than OK and MISCOMPARE, nothing may have changed. */
struct reply talk_expect(struct part *p, enum part_status expected, const struct part_call *c);
/* The packet of a command; its length returned. */
size_t talk_packet(const struct part_call *c, uint8_t packet[255]);

#define CALL(op, p1, p2, bytes, length)                \
	(&(struct part_call){ .opcode = (uint8_t)(op), \
		.param1 = (uint8_t)(p1),               \
		.param2 = (uint16_t)(p2),              \
		.data = (const uint8_t *)(bytes),      \
		.data_len = (length) })
