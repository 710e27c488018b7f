/*
 * The ATECC608's driver, its bus answered by the input: whatever comes, every operation ends soon, the bus is given back,
 * and nothing but the part's own serial number is remembered. And a packet that was written reads as the same bytes.
 */
#define FUZZ_MAX_LEN 4096
#include "device/element/atecc608.h"
#include "fuzz.h"

#define TIME_LIMIT_US 120000000u /* attest, with every wait at its longest and every try taken */
#define CALLS_LIMIT 200000u

static span input;
static uint64_t waited_us;
static unsigned calls;
static int holders;

static uint8_t
take(void)
{
	uint8_t byte = input.len > 0 ? input.data[0] : 0xFF;

	input = span_slice(input, 1, SIZE_MAX);
	return byte;
}

static enum bus_result
result(void)
{
	uint8_t byte;

	HOLDS(holders == 1);
	HOLDS(++calls < CALLS_LIMIT);
	if (input.len == 0) {
		return BUS_NO_ACKNOWLEDGE;
	}
	byte = take();
	return byte >= 0xF8 ? BUS_GONE : byte >= 0xC0 ? BUS_NO_ACKNOWLEDGE : BUS_OK;
}

static enum bus_result
begin(void *context)
{
	(void)context;
	holders++;
	return BUS_OK;
}

static void
end(void *context)
{
	(void)context;
	holders--;
}

static enum bus_result
wake(void *context)
{
	(void)context;
	return result();
}

static enum bus_result
write_to(void *context, uint8_t address, const uint8_t *bytes, size_t len)
{
	(void)context, (void)address;
	HOLDS(len == 1 || (len >= 8 && bytes[0] == 0x03 && bytes[1] == len - 1));
	return result();
}

/* Bytes of the input; every other time with a count and a CRC that fit, so that what they hold is looked at. */
static enum bus_result
read_from(void *context, uint8_t address, uint8_t *bytes, size_t len)
{
	enum bus_result r = result();
	uint16_t crc;
	size_t count;

	(void)context, (void)address;
	if (r != BUS_OK) {
		return r;
	}
	for (size_t i = 0; i < len; i++) {
		bytes[i] = take();
	}
	if ((bytes[len - 1] & 1) == 0) {
		count = bytes[0] % 3 == 0 ? 4 : len;
		bytes[0] = (uint8_t)count;
		crc = atecc608_crc(bytes, count - 2);
		bytes[count - 2] = (uint8_t)crc;
		bytes[count - 1] = (uint8_t)(crc >> 8);
	}
	return BUS_OK;
}

static void
pause_us(void *context, uint32_t us)
{
	(void)context;
	waited_us += us;
}

static void
digest(const uint8_t *bytes, size_t len, uint8_t out[32])
{
	memset(out, len > 0 ? bytes[0] : 0, 32);
}

static void
operate(struct atecc608 *a, unsigned which)
{
	static const uint8_t key[64];
	const struct atecc608_access_key access = { 6, key, key };
	struct atecc608_attestation attestation;
	uint8_t out[ATECC608_CONFIG_LEN];
	uint32_t value;

	switch (which) {
	case 0:
		(void)atecc608_config(a, out);
		break;
	case 1:
		(void)atecc608_attest(a, 2, key, &attestation);
		break;
	case 2:
		(void)atecc608_sign(a, 0, key, out);
		break;
	case 3:
		(void)atecc608_counter(a, 1, true, &value);
		break;
	case 4:
		(void)atecc608_update_extra(a, 1, 0x70);
		break;
	case 5:
		(void)atecc608_lock_slot(a, 3);
		break;
	case 6:
		(void)atecc608_write_encrypted(a, 5, 0, &access, key);
		break;
	case 7:
		(void)atecc608_read_encrypted(a, 5, 0, &access, out);
		break;
	case 8:
		(void)atecc608_sha(a, key, 64, out);
		break;
	default:
		(void)atecc608_self_test(a, 0x3B, out);
		break;
	}
}

static void
check_operation(void)
{
	const struct bus bus = { .begin = begin,
		.end = end,
		.wake = wake,
		.write = write_to,
		.read = read_from,
		.pause_us = pause_us };
	unsigned which = fuzz_choice(&input, 10);
	struct atecc608 a;
	uint8_t serial[ATECC608_SERIAL_LEN];

	waited_us = calls = 0;
	atecc608_init(&a, &bus, 0x6C);
	a.sha256 = digest;
	for (unsigned i = 0; i < 2; i++) {
		bool was_known = a.serial_is_known;

		memcpy(serial, a.serial, sizeof(serial));
		if (atecc608_begin(&a) == ATECC608_OK) {
			HOLDS(holders == 1);
			operate(&a, which);
			atecc608_end(&a);
		}
		HOLDS(holders == 0 && !a.is_begun);
		HOLDS(!was_known || memcmp(serial, a.serial, sizeof(serial)) == 0);
	}
	HOLDS(waited_us < TIME_LIMIT_US);
}

static void
check_packet(void)
{
	uint8_t packet[ATECC608_PACKET_MAX];
	struct atecc608_packet p = { .opcode = take(), .param1 = take(), .param2 = take() };
	const uint8_t *data;
	size_t len, cut = take(), data_len;

	p.data[0] = (struct atecc608_piece){ input.data, cut < input.len ? cut : input.len };
	p.data[1].bytes = input.data + p.data[0].len;
	p.data[1].len = input.len - p.data[0].len;
	len = atecc608_packet_write(&p, packet);
	HOLDS((len == 0) == (input.len > ATECC608_DATA_MAX));
	if (len > 0) {
		HOLDS(atecc608_answer_read(packet, len, &data, &data_len) == ATECC608_ANSWER_DATA);
		HOLDS(data_len == 4 + input.len && data[0] == p.opcode);
		HOLDS(input.len == 0 || memcmp(data + 4, input.data, input.len) == 0);
		packet[len / 2] ^= 0x20;
		HOLDS(atecc608_answer_read(packet, len, &data, &data_len) ==
			ATECC608_ANSWER_GARBLED);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	if (len == 0 || len > FUZZ_MAX_LEN) {
		return 0;
	}
	input = span_of(bytes, len);
	check_operation();
	input = span_of(bytes, len);
	check_packet();
	return 0;
}
