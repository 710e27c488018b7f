/* One part's bus: word addresses, what is acknowledged when, what is read, and that nothing is answered that was not kept. */
#include "device/virtual/wire.h"
#include "talk.h"

#define ADDRESS 0x6c

static size_t kept;
static bool can_keep;
static struct part_memory kept_memory;

static bool
keep(void *context, const struct part *p)
{
	assert_ptr_equal(context, &kept);
	kept_memory = p->memory;
	kept++;
	return can_keep;
}

static void
make(struct wire *w)
{
	*w = (struct wire){ .keep = keep, .keep_context = &kept };
	talk_make("trustflex-tls", &w->part);
	part_sleep(&w->part);
	w->part.is_changed = false;
	kept = 0;
	can_keep = true;
}

static bool
send(struct wire *w, const struct part_call *c, int64_t now_ms)
{
	uint8_t bytes[256] = { 0x03 };
	size_t len = talk_packet(c, bytes + 1);

	return wire_write(w, ADDRESS, span_of(bytes, len + 1), now_ms);
}

static bool
word(struct wire *w, uint8_t value, int64_t now_ms)
{
	return wire_write(w, ADDRESS, span_of(&value, 1), now_ms);
}

static void
test_wake(void **state)
{
	uint8_t bytes[8];
	struct wire w;

	make(&w);
	assert_false(wire_read(&w, ADDRESS, bytes, 4, 0)); /* asleep */
	assert_false(word(&w, 0x00, 0));
	assert_false(wire_write(&w, ADDRESS, span_of(NULL, 0), 0));
	assert_true(wire_wake(&w, 0));
	assert_true(wire_write(&w, ADDRESS, span_of(NULL, 0), 0));
	assert_false(wire_read(&w, ADDRESS + 2, bytes, 4, 0)); /* another's address */
	assert_true(wire_read(&w, ADDRESS, bytes, 8, 0));
	assert_memory_equal(bytes, "\x04\x11\x33\x43\xFF\xFF\xFF\xFF", 8);
	assert_false(word(&w, 0x04, 0));
	assert_false(word(&w, 0x77, 0));
	assert_false(wire_read(&w, ADDRESS, bytes, 4, PART_WATCHDOG_MS)); /* it fell asleep */
}

static void
test_reading(void **state)
{
	uint8_t bytes[12];
	struct wire w;

	make(&w);
	assert_true(wire_wake(&w, 0));
	assert_true(send(&w, CALL(0x30, 0, 0, NULL, 0), 0));
	assert_true(wire_read(&w, ADDRESS, bytes, 1, 0));
	assert_int_equal(bytes[0], 7);
	assert_true(wire_read(&w, ADDRESS, bytes, 8, 0)); /* goes on, then FF */
	assert_memory_equal(bytes, "\0\0\x60\x03\x83\xBB\xFF\xFF", 8);
	assert_true(wire_read(&w, ADDRESS, bytes, 2, 0));
	assert_memory_equal(bytes, "\xFF\xFF", 2);
	assert_true(word(&w, 0x00, 0)); /* again from its beginning */
	assert_true(wire_read(&w, ADDRESS, bytes, 7, 0));
	assert_memory_equal(bytes, "\x07\0\0\x60\x03\x83\xBB", 7);
	assert_int_equal(kept, 0); /* nothing was written */
}

static void
test_sleep_and_idle(void **state)
{
	uint8_t nonce[32] = { 1 }, bytes[8];
	struct wire w;

	make(&w);
	assert_true(wire_wake(&w, 0));
	assert_true(send(&w, CALL(0x16, 3, 0, nonce, 32), 0));
	assert_true(word(&w, 0x02, 0));
	assert_false(wire_read(&w, ADDRESS, bytes, 4, 0));
	assert_true(wire_wake(&w, 10000));
	assert_true(w.part.live.temp.is_valid);
	assert_true(word(&w, 0x01, 10000));
	assert_true(wire_wake(&w, 10000));
	assert_false(w.part.live.temp.is_valid);
	assert_true(wire_read(&w, ADDRESS, bytes, 4, 10000));
	assert_memory_equal(bytes, "\x04\x11\x33\x43", 4);
}

static void
test_delays(void **state)
{
	uint8_t bytes[67];
	struct wire w;

	make(&w);
	w.has_delays = true;
	assert_true(wire_wake(&w, 0));
	assert_true(send(&w, CALL(0x40, 4, 2, NULL, 0), 0));
	assert_false(wire_read(&w, ADDRESS, bytes, 67, 0));
	assert_false(send(&w, CALL(0x30, 0, 0, NULL, 0), 50));
	assert_true(wire_wake(&w, 60)); /* not noticed */
	assert_false(wire_read(&w, ADDRESS, bytes, 67, 114));
	assert_true(wire_read(&w, ADDRESS, bytes, 67, 115));
	assert_int_equal(bytes[0], 67);
}

/* What could not be kept is not answered; the part is there again when it could. */
static void
test_not_kept(void **state)
{
	uint8_t bytes[67];
	struct wire w;

	make(&w);
	assert_true(wire_wake(&w, 0));
	can_keep = false;
	assert_true(send(&w, CALL(0x40, 4, 2, NULL, 0), 0));
	assert_int_equal(kept, 1);
	assert_false(wire_read(&w, ADDRESS, bytes, 67, 0));
	assert_false(send(&w, CALL(0x30, 0, 0, NULL, 0), 0));
	assert_false(wire_wake(&w, 0));
	assert_int_equal(kept, 2);
	can_keep = true;
	assert_true(wire_wake(&w, 0));
	assert_int_equal(kept, 3);
	assert_memory_equal(&kept_memory, &w.part.memory, sizeof(kept_memory));
	assert_true(wire_read(&w, ADDRESS, bytes, 4, 0));
	assert_memory_equal(bytes, "\x04\x11\x33\x43", 4);
	assert_true(send(&w, CALL(0x40, 0, 2, NULL, 0), 0));
	assert_true(wire_read(&w, ADDRESS, bytes, 67, 0));
	assert_int_equal(kept, 3);
}

/* UserExtraAdd: from the next command on it listens there. */
static void
test_new_address(void **state)
{
	uint8_t bytes[4];
	struct wire w;

	make(&w);
	assert_true(wire_wake(&w, 0));
	assert_true(send(&w, CALL(0x20, 1, 0x40, NULL, 0), 0));
	assert_int_equal(kept, 1);
	assert_false(wire_read(&w, ADDRESS, bytes, 4, 0));
	assert_true(wire_read(&w, 0x40, bytes, 4, 0));
	assert_memory_equal(bytes, "\x04\x00\x03\x40", 4);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wake),
		cmocka_unit_test(test_reading),
		cmocka_unit_test(test_sleep_and_idle),
		cmocka_unit_test(test_delays),
		cmocka_unit_test(test_not_kept),
		cmocka_unit_test(test_new_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
