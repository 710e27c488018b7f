#pragma once
/*
 * Who may come, and who must go, when the server is full.
 *
 * A connection is idle when no request is under way on it: its handshake or its header section is not complete, or it
 * is kept between two requests. For a new connection over the limit the one goes that has been idle for the longest,
 * whichever loop has it; a request under way, and one that is parked, never goes. The loop ends it at the end of its
 * round, when all that has arrived by then was read; so for a moment there may be up to CROWD_OVER more than the limit.
 */
#include <sys/socket.h>

#include "http/connection.h"

#define CROWD_OVER 64
#define CROWD_NOBODY UINT32_MAX /* the slot of whose address is not known */

void crowd_init(struct http_server *s);
/* A new connection counts as open from now on; `from` NULL: its address is still to be said. False: no room for it. The loop
 * that accepts. */
bool crowd_enter(struct http_server *s, const struct sockaddr_storage *from, uint32_t *slot);
/* Its address is known now. False: that one has too many; `*slot` is as it was. Any loop. */
bool crowd_name(struct http_server *s, const struct sockaddr_storage *from, uint32_t *slot);
void crowd_leave(struct http_server *s, uint32_t slot);

/* On the thread of the connection's loop, as is what follows. It is idle from now on; it stays so if it was. */
void crowd_idle(struct connection *c);
void crowd_busy(struct connection *c);
/* Ends the idle connections that loop_evict asked for, unless there is room by now. */
void crowd_evict(struct loop *l);
