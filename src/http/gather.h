#pragma once
/*
 * Requests that one call of their handler answers together (route.together): they gather here, from all loops, until a
 * worker takes them up. While some are away the next ones gather, so that one message to the signer and one commit
 * serve all of them; who comes while nobody is away goes at once, and alone.
 *
 * Devices that connect anew for each request come one by one, however many they are: a handshake of TLS takes as long as
 * the call. So the first requests behind a mutual handshake, once one has come while another was away, wait for the next ones: as
 * long as one comes every GATHER_GAP_MS, and GATHER_WAIT_GAPS of these at the most. Who is alone never waits, nor who shows no certificate.
 *
 * Any thread.
 */
#include "http/work.h"

#define GATHER_AWAY_MAX 2    /* chains of one handler with workers */
#define GATHER_SECOND_AT 128 /* so many wait: a second worker is called for them */
#define GATHER_GAP_MS 2	     /* nobody in this time: nobody is coming */
#define GATHER_WAIT_GAPS 10  /* who comes in such a crowd waits longer for his handshake */

struct pool;
struct gatherings;

/* `gap_ms`: GATHER_GAP_MS, or longer. Any NO_MEMORY is the caller's to say. */
MUST_USE status gatherings_new(struct pool *pool, int64_t gap_ms, struct gatherings **out);
/* After the pool has ended: nothing gathers then. */
void gatherings_free(struct gatherings *all);

/* False: there are more such handlers than places, or the workers' queue is full; nothing has happened. */
MUST_USE bool gather(struct gatherings *all, struct work *w);
