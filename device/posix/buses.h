#pragma once
/*
 * The buses of Linux that an ATECC608 hangs on. Each is held between begin and end only, against other processes too.
 * A struct posix_bus moves nowhere while it is open.
 */
#include "base/status.h"
#include "device/element/bus.h"

#define BUS_PATH_MAX 107 /* of a Unix socket's address */

struct posix_bus {
	struct bus bus;
	char path[BUS_PATH_MAX + 1];
	char fault[512];   /* why the bus is BUS_GONE; "" else */
	int fd;		   /* -1: closed */
	uint8_t serial[9]; /* a socket's part, if has_serial */
	bool has_serial, has_just_woken;
};

/* /dev/i2c-N. NOT_FOUND, IO, LIMIT. Held by flock: processes of other makes that do the same respect it. */
MUST_USE status bus_i2c_open(struct posix_bus *b, const char *path, struct diag *d);
/*
 * The virtual element's socket (device/element/bus.h). `serial`: which part, 9 bytes; NULL: the only one. Nothing is opened until
 * begin. LIMIT.
 */
MUST_USE status bus_socket_init(
	struct posix_bus *b, const char *path, const uint8_t *serial, struct diag *d);
void bus_close(struct posix_bus *b);	       /* fine twice */
void bus_pause_us(void *context, uint32_t us); /* either bus's; `context` does not count */
/* The serial numbers of every part behind a virtual element's socket, 9 bytes each; free *out. UNAVAILABLE, LIMIT. */
#define BUS_PARTS_MAX 1000000
MUST_USE status bus_socket_list(
	const char *path, uint8_t (**out)[9], size_t *count, struct diag *d);
