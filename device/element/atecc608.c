#include "device/element/atecc608.h"

#include <string.h>

/* Word addresses: what a write is for. */
#define WORD_RESET 0x00
#define WORD_SLEEP 0x01
#define WORD_IDLE 0x02
#define WORD_COMMAND 0x03

#define WAKE_DELAY_US 1500
#define WAKE_FRAME_LEN 4
#define POLL_FIRST_US 200 /* most parts are at work much longer, a virtual one is not */
#define POLL_MOST_US 4000
#define SETTLE_US 1000 /* between two tries of the same */
#define WAKE_TRIES \
	9 /* half a second: it may still be at work for somebody who was killed meanwhile */
#define LATE_MARGIN_MS 10 /* the clock of a part is not exact */
#define TRIES 3

#define CHIP_AFTER_WAKE 0x11
#define CHIP_WATCHDOG 0xEE
#define CHIP_CRC 0xFF

const char *
atecc608_status_text(enum atecc608_status s)
{
	static const char *const texts[] = { [ATECC608_OK] = "done",
		[ATECC608_MISCOMPARE] = "the signature or MAC does not match",
		[ATECC608_PARSE] = "the part knows no such command, mode or length",
		[ATECC608_ECC_FAULT] = "the part cannot compute with these numbers",
		[ATECC608_SELF_TEST] = "the part's self-test fails",
		[ATECC608_HEALTH_TEST] = "the part's random numbers fail its health test",
		[ATECC608_REFUSED] = "the part's policy or a lock forbids it",
		[ATECC608_WATCHDOG] = "the part's watchdog runs out again and again",
		[ATECC608_OTHER_WORD] = "the part answers with a status that is not known",
		[ATECC608_GARBLED] =
			"its answers are garbled: noise on the bus, or two parts at one address",
		[ATECC608_LATE] = "the part does not answer in time",
		[ATECC608_VANISHED] = "the part vanished in the middle of a command",
		[ATECC608_NO_PART] = "no part answers at this address",
		[ATECC608_OTHER_PART] = "a part with another serial number answers",
		[ATECC608_ASLEEP] = "the part falls asleep before it can be asked",
		[ATECC608_BUS] = "the bus is broken",
		[ATECC608_BAD_CALL] = "no part could take these arguments" };

	return (unsigned)s < sizeof(texts) / sizeof(texts[0]) ? texts[s] : "";
}

void
atecc608_init(struct atecc608 *a, const struct bus *bus, uint8_t address)
{
	memset(a, 0, sizeof(*a));
	a->bus = bus;
	a->address = address;
}

static void
pause_us(const struct atecc608 *a, uint32_t us)
{
	a->bus->pause_us(a->bus->context, us);
}

static enum bus_result
write_word(const struct atecc608 *a, uint8_t word)
{
	return a->bus->write(a->bus->context, a->address, &word, 1);
}

static enum atecc608_status
status_of_word(uint8_t word)
{
	static const uint8_t words[][2] = { { 0x00, ATECC608_OK }, { 0x01, ATECC608_MISCOMPARE },
		{ 0x03, ATECC608_PARSE }, { 0x05, ATECC608_ECC_FAULT },
		{ 0x07, ATECC608_SELF_TEST }, { 0x08, ATECC608_HEALTH_TEST },
		{ 0x0F, ATECC608_REFUSED }, { CHIP_WATCHDOG, ATECC608_WATCHDOG },
		{ CHIP_CRC, ATECC608_GARBLED } };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (words[i][0] == word) {
			return (enum atecc608_status)words[i][1];
		}
	}
	return ATECC608_OTHER_WORD;
}

/* The answer to one wake. Anything unexpected from somebody who is there: it was awake already, or it is noise. */
static enum atecc608_status
wake_once(struct atecc608 *a, bool *is_there)
{
	uint8_t frame[WAKE_FRAME_LEN];
	const uint8_t *data;
	size_t len;
	enum bus_result r = a->bus->wake(a->bus->context);

	if (r != BUS_GONE) {
		pause_us(a, WAKE_DELAY_US);
		r = a->bus->read(a->bus->context, a->address, frame, sizeof(frame));
	}
	*is_there = r == BUS_OK;
	if (r != BUS_OK) {
		return r == BUS_GONE ? ATECC608_BUS : ATECC608_NO_PART;
	}
	if (atecc608_answer_read(frame, sizeof(frame), &data, &len) != ATECC608_ANSWER_WORD) {
		return ATECC608_GARBLED;
	}
	a->word = data[0];
	/* A part that failed its own test says so here, and still answers SelfTest. */
	return data[0] == CHIP_AFTER_WAKE || data[0] == 0x07 ? ATECC608_OK : ATECC608_GARBLED;
}

/* `word`: how to quieten a part that is awake already: idle where TempKey counts. */
static enum atecc608_status
wake(struct atecc608 *a, uint8_t word)
{
	enum atecc608_status s = ATECC608_NO_PART;
	uint32_t settle_us = SETTLE_US;
	bool is_there = false, was_there = false;

	for (unsigned i = 0; i < WAKE_TRIES; i++) {
		s = wake_once(a, &is_there);
		if (s == ATECC608_OK || s == ATECC608_BUS) {
			return s;
		}
		was_there |= is_there;
		if (is_there) {
			(void)write_word(a, word);
		}
		pause_us(a, settle_us);
		settle_us *= 2;
	}
	if (was_there) {
		return ATECC608_GARBLED;
	}
	return a->was_seen ? ATECC608_VANISHED : ATECC608_NO_PART;
}

static enum atecc608_status
send(struct atecc608 *a, const struct atecc608_packet *p)
{
	uint8_t bytes[1 + ATECC608_PACKET_MAX] = { WORD_COMMAND };
	size_t len = atecc608_packet_write(p, bytes + 1);

	for (unsigned i = 0; i < TRIES; i++) {
		enum bus_result r = a->bus->write(a->bus->context, a->address, bytes, 1 + len);

		if (r != BUS_NO_ACKNOWLEDGE) {
			return r == BUS_OK ? ATECC608_OK : ATECC608_BUS;
		}
		pause_us(a, SETTLE_US);
	}
	return ATECC608_ASLEEP; /* it was awake a moment ago, and sleeps now */
}

/* A busy part does not acknowledge: asked again until it does, a little longer than it may take. */
static enum atecc608_status
poll(struct atecc608 *a, uint8_t opcode, size_t len)
{
	uint32_t wait_us = atecc608_wait_ms(opcode) * 1000, step_us = POLL_FIRST_US, waited_us = 0;

	wait_us += wait_us / 2 + LATE_MARGIN_MS * 1000;
	for (;;) {
		enum bus_result r = a->bus->read(a->bus->context, a->address, a->frame, len);

		if (r != BUS_NO_ACKNOWLEDGE) {
			return r == BUS_OK ? ATECC608_OK : ATECC608_BUS;
		}
		if (waited_us >= wait_us) {
			return ATECC608_LATE;
		}
		pause_us(a, step_us);
		waited_us += step_us;
		step_us = step_us < POLL_MOST_US ? step_us * 2 : step_us;
	}
}

/* What was read, if it can be an answer to this request. */
static enum atecc608_status
judge(struct atecc608 *a, struct atecc608_request *r, size_t len)
{
	const uint8_t *data;
	size_t data_len;
	enum atecc608_answer kind = atecc608_answer_read(a->frame, len, &data, &data_len);

	if (kind == ATECC608_ANSWER_GARBLED) {
		return ATECC608_GARBLED;
	}
	if (kind == ATECC608_ANSWER_WORD) {
		a->word = data[0];
		/* "Done", where data was asked for. */
		return a->word == 0 && r->out_len > 0 ? ATECC608_GARBLED : status_of_word(a->word);
	}
	if (data_len != r->out_len) {
		return ATECC608_GARBLED;
	}
	memcpy(r->out, data, data_len);
	memset(a->frame, 0, sizeof(a->frame)); /* it may be a secret */
	a->word = 0;
	return ATECC608_OK;
}

/* The answer stays in the part until its next command: it can be read once more. */
static enum atecc608_status
receive(struct atecc608 *a, struct atecc608_request *r)
{
	size_t len = r->out_len + 3 < WAKE_FRAME_LEN ? WAKE_FRAME_LEN : r->out_len + 3;
	enum atecc608_status s = ATECC608_GARBLED;

	for (unsigned i = 0; i < TRIES; i++) {
		if (i > 0 && write_word(a, WORD_RESET) == BUS_GONE) {
			return ATECC608_BUS;
		}
		a->word = 0;
		s = poll(a, r->packet.opcode, len);
		if (s == ATECC608_OK) {
			s = judge(a, r, len);
		}
		/* A word FF is the part's own: it could not read the command. */
		if (s != ATECC608_GARBLED || a->word == CHIP_CRC) {
			return s;
		}
	}
	return s;
}

/* One try: awake, out, back, idle. */
static enum atecc608_status
exchange(struct atecc608 *a, struct atecc608_request *r, bool *was_sent)
{
	enum atecc608_status s = wake(a, WORD_IDLE);

	*was_sent = false;
	if (s != ATECC608_OK) {
		return s;
	}
	s = send(a, &r->packet);
	if (s == ATECC608_OK) {
		*was_sent = true;
		s = receive(a, r);
	}
	if (s != ATECC608_BUS) {
		(void)write_word(a, WORD_IDLE); /* asleep by itself: the next command finds out */
	}
	/* Its own words for "not done": no time left, not understood. */
	if (s == ATECC608_WATCHDOG || (s == ATECC608_GARBLED && a->word == CHIP_CRC)) {
		*was_sent = false;
	}
	return s;
}

static bool
may_try_again(const struct atecc608_request *r, enum atecc608_status s, bool was_sent)
{
	if (s == ATECC608_ASLEEP) {
		return !r->uses_temp_key;
	}
	if (s != ATECC608_GARBLED && s != ATECC608_LATE && s != ATECC608_WATCHDOG) {
		return false;
	}
	return !was_sent || (!r->is_once && !r->uses_temp_key);
}

enum atecc608_status
atecc608_command(struct atecc608 *a, struct atecc608_request *r)
{
	enum atecc608_status s = ATECC608_BAD_CALL;
	bool was_sent;

	if (!a->is_begun || r->out_len > ATECC608_ANSWER_MAX ||
		r->packet.data[0].len > ATECC608_DATA_MAX ||
		r->packet.data[1].len > ATECC608_DATA_MAX - r->packet.data[0].len ||
		r->packet.data[2].len >
			ATECC608_DATA_MAX - r->packet.data[0].len - r->packet.data[1].len) {
		return s;
	}
	for (unsigned i = 0; i < TRIES; i++) {
		s = exchange(a, r, &was_sent);
		if (!may_try_again(r, s, was_sent)) {
			break;
		}
		pause_us(a, SETTLE_US);
	}
	/* Slow, or gone? */
	if (s == ATECC608_LATE && wake(a, WORD_IDLE) == ATECC608_VANISHED) {
		return ATECC608_VANISHED;
	}
	if (s == ATECC608_LATE) {
		(void)write_word(a, WORD_IDLE);
	}
	return s;
}

static enum atecc608_status
meet(struct atecc608 *a)
{
	uint8_t block[ATECC608_BLOCK_LEN], serial[ATECC608_SERIAL_LEN];
	enum atecc608_status s = wake(a, WORD_SLEEP);

	if (s == ATECC608_OK) {
		a->was_seen = true;
		s = atecc608_read(a, (struct atecc608_place){ .zone = ATECC608_CONFIG }, block,
			sizeof(block));
	}
	if (s != ATECC608_OK) {
		return s;
	}
	memcpy(serial, block, 4);
	memcpy(serial + 4, block + 8, 5);
	if (a->serial_is_known && memcmp(serial, a->serial, sizeof(serial)) != 0) {
		return ATECC608_OTHER_PART;
	}
	memcpy(a->serial, serial, sizeof(serial));
	memcpy(a->revision, block + 4, sizeof(a->revision));
	a->serial_is_known = true;
	return ATECC608_OK;
}

enum atecc608_status
atecc608_begin(struct atecc608 *a)
{
	enum bus_result r;
	enum atecc608_status s;

	if (a->is_begun) {
		return ATECC608_BAD_CALL;
	}
	r = a->bus->begin(a->bus->context);
	if (r != BUS_OK) {
		return r == BUS_GONE ? ATECC608_BUS : ATECC608_NO_PART;
	}
	a->is_begun = true;
	a->was_seen = false;
	s = meet(a);
	if (s != ATECC608_OK) {
		atecc608_end(a);
	}
	return s;
}

void
atecc608_end(struct atecc608 *a)
{
	bool is_there;

	if (!a->is_begun) {
		return;
	}
	/* Only who is awake hears that it should sleep. */
	if (a->was_seen && wake_once(a, &is_there) != ATECC608_BUS) {
		(void)write_word(a, WORD_SLEEP);
	}
	a->bus->end(a->bus->context);
	a->is_begun = false;
}
