#pragma once
/*
 * The wire to an ATECC608: what the driver needs of an I2C bus. Portable C without allocation; on Linux
 * it is /dev/i2c-N or the virtual element's socket, on a microcontroller the board's own.
 *
 * The virtual element's socket (a Unix stream) carries, little-endian:
 *
 *   to the element     kind(1) address(1) length(2) bytes
 *      'b'  choose the bus that carries this part: bytes are its 9-byte serial number, or none where there is one part
 *           only. Waits until nobody else has it. Once a connection; closing it gives the bus back.
 *      'k'  wake (SDA low for 60 us)
 *      'w'  write `bytes` to `address`
 *      'r'  read `length` bytes from `address`; no bytes follow
 *      'l'  list: the answer is the serial number of every part that can be chosen, 9 bytes each, at most 7,000 of them from
 *           the index given as 4 bytes
 *   from the element   result(1: 0 acknowledged, 1 not, 2 no such part, 3 its state is damaged: bytes say it) length(2) bytes
 *
 * Anything else ends the connection.
 */
#include <stddef.h>
#include <stdint.h>

enum bus_result {
	BUS_OK = 0,
	BUS_NO_ACKNOWLEDGE, /* nobody there, asleep, or busy */
	BUS_GONE	    /* the bus itself is broken: no use in trying again */
};

struct bus {
	void *context;
	/* The bus is ours alone between the two; a part keeps its TempKey over idle only if nobody sleeps it meanwhile. */
	enum bus_result (*begin)(void *context);
	void (*end)(void *context);
	enum bus_result (*wake)(void *context);
	/* `address` in 8-bit form. */
	enum bus_result (*write)(void *context, uint8_t address, const uint8_t *bytes, size_t len);
	enum bus_result (*read)(void *context, uint8_t address, uint8_t *bytes, size_t len);
	void (*pause_us)(void *context, uint32_t us);
};
