#pragma once
/*
 * One part on its own I2C bus, without the socket: what it acknowledges and what it gives to read.
 *
 *	write    word address, then    00 read from the answer's beginning again   01 sleep   02 idle   03 command packet
 *	read     the answer's bytes; FF behind its end; 04 11 33 43 after a wake, with 07 for 11 while a self-test has failed
 *
 * Asleep, idle and (with delays) while a command runs it acknowledges nothing. What a command wrote is kept before its
 * answer can be read; where that fails the part acknowledges nothing until it could be kept.
 */
#include "device/virtual/part.h"

/* Makes the part's memory durable. False: it could not; the reason is its own to tell. */
typedef bool wire_keep(void *context, const struct part *p);

struct wire {
	struct part part;
	uint8_t answer[PART_ANSWER_MAX];
	uint8_t answer_len, answer_at;
	bool has_delays;       /* a command takes its wait time, as on a chip */
	int64_t busy_until_ms; /* with delays: the command that runs */
	wire_keep *keep;       /* NULL: nothing is kept */
	void *keep_context;
};

/* Each answers whether the part acknowledged. `now_ms`: as part.h's. */
bool wire_wake(struct wire *w, int64_t now_ms);
bool wire_write(struct wire *w, uint8_t address, span bytes, int64_t now_ms);
bool wire_read(struct wire *w, uint8_t address, uint8_t *out, size_t len, int64_t now_ms);
