#include "device/element/packet.h"

#include <string.h>

#define CRC_POLYNOMIAL 0x8005u
#define ANSWER_LEAST 4 /* count, status, CRC */
#define WAIT_LONGEST_MS 250

uint16_t
atecc608_crc(const uint8_t *bytes, size_t len)
{
	unsigned crc = 0;

	for (size_t i = 0; i < len; i++) {
		for (unsigned bit = 0; bit < 8; bit++) {
			unsigned differs = ((unsigned)bytes[i] >> bit ^ crc >> 15) & 1u;

			crc = (crc << 1 ^ (differs != 0 ? CRC_POLYNOMIAL : 0)) & 0xFFFFu;
		}
	}
	return (uint16_t)crc;
}

uint32_t
atecc608_wait_ms(uint8_t opcode)
{
	static const uint8_t waits[][2] = { { 0x02, 5 }, { 0x08, 55 }, { 0x12, 45 }, { 0x15, 25 },
		{ 0x16, 20 }, { 0x17, 35 }, { 0x1B, 23 }, { 0x1C, 50 }, { 0x20, 10 }, { 0x24, 25 },
		{ 0x28, 40 }, { 0x30, 5 }, { 0x40, 115 }, { 0x41, 115 }, { 0x43, 75 },
		{ 0x45, 105 }, { 0x46, 50 }, { 0x47, 36 }, { 0x51, 27 }, { 0x56, 165 },
		{ 0x77, 250 }, { 0x80, 80 } };

	for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
		if (waits[i][0] == opcode) {
			return waits[i][1];
		}
	}
	return WAIT_LONGEST_MS;
}

size_t
atecc608_packet_write(const struct atecc608_packet *p, uint8_t out[ATECC608_PACKET_MAX])
{
	size_t at = 5;
	uint16_t crc;

	out[1] = p->opcode;
	out[2] = p->param1;
	out[3] = (uint8_t)p->param2;
	out[4] = (uint8_t)(p->param2 >> 8);
	for (size_t i = 0; i < ATECC608_PIECES; i++) {
		if (p->data[i].len > ATECC608_PACKET_MAX - 2 - at) {
			return 0;
		}
		if (p->data[i].len > 0) {
			memcpy(out + at, p->data[i].bytes, p->data[i].len);
		}
		at += p->data[i].len;
	}
	out[0] = (uint8_t)(at + 2);
	crc = atecc608_crc(out, at);
	out[at] = (uint8_t)crc;
	out[at + 1] = (uint8_t)(crc >> 8);
	return at + 2;
}

enum atecc608_answer
atecc608_answer_read(const uint8_t *frame, size_t len, const uint8_t **data, size_t *data_len)
{
	size_t count = len > 0 ? frame[0] : 0;
	uint16_t crc;

	if (count < ANSWER_LEAST || count > len) {
		return ATECC608_ANSWER_GARBLED;
	}
	crc = atecc608_crc(frame, count - 2);
	if (frame[count - 2] != (uint8_t)crc || frame[count - 1] != (uint8_t)(crc >> 8)) {
		return ATECC608_ANSWER_GARBLED;
	}
	*data = frame + 1;
	*data_len = count - 3;
	return count == ANSWER_LEAST ? ATECC608_ANSWER_WORD : ATECC608_ANSWER_DATA;
}
