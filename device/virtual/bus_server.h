#pragma once
/*
 * The socket of device/element/bus.h, for all the parts of a shelf: one thread, which moves bytes and runs the commands.
 * A bus belongs to one connection at a time; the others wait in the order in which they came.
 */
#include "base/clock.h"
#include "device/virtual/shelf.h"

struct bus_server;

/* Makes the socket, mode 0600; one that a killed process left behind is replaced. CONFLICT: somebody listens there. */
MUST_USE status bus_server_new(const char *path, struct shelf *shelf, const struct clock *clock,
	struct bus_server **out, struct diag *d);
/* Serves until `stop_fd` can be read. */
MUST_USE status bus_server_run(struct bus_server *s, int stop_fd, struct diag *d);
/* Ends every connection, removes the socket. */
void bus_server_free(struct bus_server *s);
