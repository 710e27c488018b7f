#include "device/element/sequence.h"

#define OP_READ 0x02
#define OP_WRITE 0x12
#define OP_LOCK 0x17
#define OP_UPDATE_EXTRA 0x20
#define OP_COUNTER 0x24

#define WORD_LEN 4
#define ZONE_IS_BLOCK 0x80
#define LOCK_SLOT 0x02
#define USER_EXTRA_AT 84
#define LOCK_VALUE_AT 86
#define SLOT_LOCKED_AT 88
#define TRIES 3

unsigned
atecc608_slot_len(unsigned slot)
{
	return slot < 8 ? 36 : slot == 8 ? 416 : 72;
}

static size_t
zone_len(struct atecc608_place at)
{
	return at.zone == ATECC608_CONFIG ? ATECC608_CONFIG_LEN
	       : at.zone == ATECC608_OTP  ? 64
					  : atecc608_slot_len(at.slot);
}

static bool
is_inside(struct atecc608_place at, size_t len)
{
	return at.slot < ATECC608_SLOTS && at.offset % WORD_LEN == 0 && len % WORD_LEN == 0 &&
	       at.offset <= zone_len(at) && len <= zone_len(at) - at.offset;
}

/* A block where one begins and is wanted whole, else a word. */
static size_t
step_len(unsigned offset, size_t len)
{
	return offset % ATECC608_BLOCK_LEN == 0 && len >= ATECC608_BLOCK_LEN ? ATECC608_BLOCK_LEN
									     : WORD_LEN;
}

static struct atecc608_packet
packet_at(uint8_t opcode, struct atecc608_place at, size_t len)
{
	unsigned block = at.offset / ATECC608_BLOCK_LEN;
	unsigned word = at.offset % ATECC608_BLOCK_LEN / WORD_LEN;
	unsigned address =
		at.zone == ATECC608_DATA ? block << 8 | at.slot << 3 | word : block << 3 | word;

	return (struct atecc608_packet){ .opcode = opcode,
		.param1 = (uint8_t)((unsigned)at.zone |
				    (len == ATECC608_BLOCK_LEN ? ZONE_IS_BLOCK : 0u)),
		.param2 = (uint16_t)address };
}

enum atecc608_status
atecc608_read(struct atecc608 *a, struct atecc608_place at, uint8_t *out, size_t len)
{
	if (!is_inside(at, len)) {
		return ATECC608_BAD_CALL;
	}
	while (len > 0) {
		size_t step = step_len(at.offset, len);
		struct atecc608_request r = {
			.packet = packet_at(OP_READ, at, step), .out = out, .out_len = step
		};
		enum atecc608_status s = atecc608_command(a, &r);

		if (s != ATECC608_OK) {
			return s;
		}
		out += step;
		at.offset += (unsigned)step;
		len -= step;
	}
	return ATECC608_OK;
}

enum atecc608_status
atecc608_write(struct atecc608 *a, struct atecc608_place at, const uint8_t *bytes, size_t len)
{
	if (!is_inside(at, len)) {
		return ATECC608_BAD_CALL;
	}
	while (len > 0) {
		size_t step = step_len(at.offset, len);
		struct atecc608_request r = { .packet = packet_at(OP_WRITE, at, step) };
		enum atecc608_status s;

		r.packet.data[0] = piece(bytes, step);
		s = atecc608_command(a, &r);
		if (s != ATECC608_OK) {
			return s;
		}
		bytes += step;
		at.offset += (unsigned)step;
		len -= step;
	}
	return ATECC608_OK;
}

enum atecc608_status
atecc608_config(struct atecc608 *a, uint8_t out[ATECC608_CONFIG_LEN])
{
	return atecc608_read(
		a, (struct atecc608_place){ .zone = ATECC608_CONFIG }, out, ATECC608_CONFIG_LEN);
}

/* --- for good ---------------------------------------------------------------- */

static enum atecc608_status
read_config_word(struct atecc608 *a, unsigned offset, uint8_t out[WORD_LEN])
{
	return atecc608_read(a,
		(struct atecc608_place){ .zone = ATECC608_CONFIG, .offset = offset }, out,
		WORD_LEN);
}

enum atecc608_status
atecc608_lock_slot(struct atecc608 *a, unsigned slot)
{
	enum atecc608_status s = ATECC608_BAD_CALL, look;
	uint8_t word[WORD_LEN];

	for (unsigned i = 0; i < TRIES && slot < ATECC608_SLOTS; i++) {
		struct atecc608_request r = { .packet = { .opcode = OP_LOCK,
						      .param1 = (uint8_t)(LOCK_SLOT | slot << 2) },
			.is_once = true };

		s = atecc608_command(a, &r);
		if (!is_uncertain(s)) {
			return s;
		}
		look = read_config_word(a, SLOT_LOCKED_AT, word);
		if (look != ATECC608_OK) {
			return look;
		}
		if ((word[slot / 8] >> slot % 8 & 1) == 0) {
			return ATECC608_OK;
		}
	}
	return s;
}

enum atecc608_status
atecc608_lock_zone(struct atecc608 *a, enum atecc608_zone zone, uint16_t crc)
{
	const bool is_config = zone == ATECC608_CONFIG;
	enum atecc608_status s = ATECC608_OK, look;
	uint8_t word[WORD_LEN];

	for (unsigned i = 0; i < TRIES; i++) {
		struct atecc608_request r = {
			.packet = { .opcode = OP_LOCK, .param1 = is_config ? 0 : 1, .param2 = crc },
			.is_once = true
		};

		s = atecc608_command(a, &r);
		if (!is_uncertain(s)) {
			return s;
		}
		look = read_config_word(a, USER_EXTRA_AT, word);
		if (look != ATECC608_OK) {
			return look;
		}
		if (word[LOCK_VALUE_AT - USER_EXTRA_AT + is_config] == 0) {
			return ATECC608_OK;
		}
	}
	return s;
}

/*
 * UserExtra or UserExtraAdd as it stands, wherever the part answers now: a new address holds from its next waking or
 * power-up, and one that was awake still is moved by our own asking.
 */
static enum atecc608_status
look_for_extra(struct atecc608 *a, unsigned which, uint8_t value, uint8_t *now)
{
	const uint8_t places[] = { value, a->address, value };
	enum atecc608_status s = ATECC608_VANISHED;
	uint8_t word[WORD_LEN] = { 0 };

	for (size_t i = 0; i < sizeof(places) && s == ATECC608_VANISHED; i++) {
		if (which == 1) {
			a->address = places[i];
		}
		s = read_config_word(a, USER_EXTRA_AT, word);
	}
	if (s != ATECC608_OK) {
		a->address = places[1];
	}
	*now = word[which];
	return s;
}

enum atecc608_status
atecc608_update_extra(struct atecc608 *a, unsigned which, uint8_t value)
{
	enum atecc608_status s = ATECC608_BAD_CALL, look;
	uint8_t now;

	if (which > 1 || value == 0) {
		return s;
	}
	for (unsigned i = 0; i < TRIES; i++) {
		struct atecc608_request r = { .packet = { .opcode = OP_UPDATE_EXTRA,
						      .param1 = (uint8_t)which,
						      .param2 = value },
			.is_once = true };

		s = atecc608_command(a, &r);
		/* Vanished: perhaps to its new address. */
		if (s != ATECC608_OK && !is_uncertain(s) && s != ATECC608_VANISHED) {
			return s;
		}
		look = look_for_extra(a, which, value, &now);
		if (look != ATECC608_OK) {
			return look;
		}
		if (now == value) {
			return ATECC608_OK;
		}
	}
	return s == ATECC608_OK ? ATECC608_REFUSED : s;
}

static enum atecc608_status
counter_command(struct atecc608 *a, unsigned which, bool is_step, uint32_t *value)
{
	uint8_t out[4];
	struct atecc608_request r = {
		.packet = { .opcode = OP_COUNTER, .param1 = is_step, .param2 = (uint16_t)which },
		.out = out,
		.out_len = sizeof(out),
		.is_once = is_step
	};
	enum atecc608_status s = atecc608_command(a, &r);

	if (s == ATECC608_OK) {
		*value = (uint32_t)out[0] | (uint32_t)out[1] << 8 | (uint32_t)out[2] << 16 |
			 (uint32_t)out[3] << 24;
	}
	return s;
}

enum atecc608_status
atecc608_counter(struct atecc608 *a, unsigned which, bool is_step, uint32_t *value)
{
	enum atecc608_status s, look;
	uint32_t before;

	if (which > 1) {
		return ATECC608_BAD_CALL;
	}
	s = counter_command(a, which, false, value);
	if (s != ATECC608_OK || !is_step) {
		return s;
	}
	before = *value;
	for (unsigned i = 0; i < TRIES; i++) {
		s = counter_command(a, which, true, value);
		if (!is_uncertain(s)) {
			return s;
		}
		look = counter_command(a, which, false, value);
		if (look != ATECC608_OK || *value != before) {
			return look;
		}
	}
	return s;
}
