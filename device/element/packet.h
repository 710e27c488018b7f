#pragma once
/*
 * The packets of an ATECC608, built and taken apart. No I/O, no allocation.
 *
 *	command   count | opcode | param1 | param2 LE | data | CRC LE     count: all of it, itself included
 *	answer    count | data, or one status byte | CRC LE
 *
 * CRC: polynomial 8005 from 0000, each byte's lowest bit first, low byte first on the wire.
 */
#include <stddef.h>
#include <stdint.h>

#define ATECC608_PACKET_MAX 155 /* the chip's own input buffer */
#define ATECC608_DATA_MAX (ATECC608_PACKET_MAX - 7)
#define ATECC608_ANSWER_MAX 128 /* bytes of data: SHA's context, the longest, has 99 */
#define ATECC608_PIECES 3

/* Data goes out as it lies: a signature and a key need not be put together first. */
struct atecc608_piece {
	const uint8_t *bytes;
	size_t len;
};

uint16_t atecc608_crc(const uint8_t *bytes, size_t len);

/* How long the chip maker lets a command take; the longest of all for one that is not known. */
uint32_t atecc608_wait_ms(uint8_t opcode);

struct atecc608_packet {
	uint8_t opcode, param1;
	uint16_t param2;
	struct atecc608_piece data[ATECC608_PIECES];
};
/* The whole command; its length, 0: more data than fits. */
size_t atecc608_packet_write(const struct atecc608_packet *p, uint8_t out[ATECC608_PACKET_MAX]);

enum atecc608_answer {
	ATECC608_ANSWER_GARBLED, /* a count that cannot be, or a wrong CRC */
	ATECC608_ANSWER_WORD,	 /* one byte: `*data` is the status */
	ATECC608_ANSWER_DATA
};
/* Of `len` bytes as they were read; what follows the answer is not looked at. `*data` points into them. */
enum atecc608_answer atecc608_answer_read(
	const uint8_t *frame, size_t len, const uint8_t **data, size_t *data_len);
