#include "device/virtual/wire.h"

#define WORD_RESET 0x00
#define WORD_SLEEP 0x01
#define WORD_IDLE 0x02
#define WORD_COMMAND 0x03

static bool
is_kept(struct wire *w)
{
	if (w->part.is_changed && w->keep != NULL && !w->keep(w->keep_context, &w->part)) {
		return false;
	}
	w->part.is_changed = false;
	return true;
}

/* Somebody is there who listens. */
static bool
is_listening(struct wire *w, uint8_t address, int64_t now_ms)
{
	return part_is_awake(&w->part, now_ms) && now_ms >= w->busy_until_ms &&
	       (address & 0xFE) == part_address(&w->part) && !w->part.is_changed;
}

bool
wire_wake(struct wire *w, int64_t now_ms)
{
	if (!is_kept(w)) {
		return false;
	}
	if (now_ms < w->busy_until_ms) {
		return true; /* it does not notice */
	}
	part_wake(&w->part, now_ms);
	w->answer_len = (uint8_t)part_status_frame(
		w->part.live.self_test != 0 ? PART_SELF_TEST : PART_AFTER_WAKE, w->answer);
	w->answer_at = 0;
	return true;
}

static void
command(struct wire *w, span packet, int64_t now_ms)
{
	const struct part_command *c;

	w->answer_at = 0;
	w->answer_len = (uint8_t)part_execute(&w->part, packet.data, packet.len, now_ms, w->answer);
	if (!is_kept(w)) {
		w->answer_len = 0;
	}
	c = w->has_delays && packet.len > 1 ? part_command_find(packet.data[1]) : NULL;
	if (c != NULL) {
		w->busy_until_ms = now_ms + c->wait_ms;
	}
}

bool
wire_write(struct wire *w, uint8_t address, span bytes, int64_t now_ms)
{
	if (!is_listening(w, address, now_ms)) {
		return false;
	}
	if (bytes.len == 0) {
		return true; /* its address alone: it is there */
	}
	switch (bytes.data[0]) {
	case WORD_RESET:
		w->answer_at = 0;
		return true;
	case WORD_SLEEP:
		part_sleep(&w->part);
		w->answer_len = 0;
		return true;
	case WORD_IDLE:
		part_idle(&w->part);
		w->answer_len = 0;
		return true;
	case WORD_COMMAND:
		command(w, span_slice(bytes, 1, SIZE_MAX), now_ms);
		return true;
	default:
		return false;
	}
}

bool
wire_read(struct wire *w, uint8_t address, uint8_t *out, size_t len, int64_t now_ms)
{
	size_t there = w->answer_len - w->answer_at;

	if (!is_listening(w, address, now_ms)) {
		return false;
	}
	there = there < len ? there : len;
	memcpy(out, w->answer + w->answer_at, there);
	memset(out + there, 0xFF, len - there);
	w->answer_at = (uint8_t)(w->answer_at + there);
	return true;
}
