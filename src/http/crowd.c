/*
 * Invariants: a loop's list of idle connections is ordered by idle_since_ms, since each joins at its end at the loop's
 * present time. connections_open counts a connection before an eviction is asked for it, so a loop that finds room has
 * nothing more to do for those who asked before.
 */
#include "http/crowd.h"

#include <openssl/rand.h>

#include "http/loop.h"

/* --- addresses --- */

/* The finish of MurmurHash3: every bit of the key and of the seed moves every bit of the slot. */
static uint32_t
slot_of(const struct http_server *s, uint64_t key)
{
	key ^= s->crowd_seed;
	key = (key ^ key >> 33) * UINT64_C(0xff51afd7ed558ccd);
	key += s->crowd_seed;
	key = (key ^ key >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
	return (uint32_t)(key >> 33) & (CROWD_SLOTS - 1);
}

void
crowd_init(struct http_server *s)
{
	/* Without randomness slots can be guessed, and no more than that: keys would have failed long before. */
	if (RAND_bytes((unsigned char *)&s->crowd_seed, sizeof(s->crowd_seed)) != 1) {
		s->crowd_seed = (uint64_t)(uintptr_t)s;
	}
}

/* --- entering and leaving --- */

/* Of the loops that have one to give, that with the longest idle. */
static struct loop *
longest_idle(struct http_server *s)
{
	struct loop *best = NULL;

	for (unsigned i = 0; i < s->loop_count; i++) {
		struct loop *l = s->loops[i];

		if (atomic_load(&l->idle) > atomic_load(&l->evictions) &&
			(best == NULL || atomic_load(&l->idle_since_ms) <
						 atomic_load(&best->idle_since_ms))) {
			best = l;
		}
	}
	return best;
}

/* `others`: the connections that are open without the new one. */
static bool
make_room(struct http_server *s, uint64_t others)
{
	struct loop *l;

	if (others < s->options.connections_max) {
		return true;
	}
	if (others - s->options.connections_max >= CROWD_OVER || atomic_load(&s->is_stopping)) {
		return false;
	}
	l = longest_idle(s);
	if (l == NULL) {
		return false;
	}
	loop_evict(l);
	return true;
}

bool
crowd_name(struct http_server *s, const struct sockaddr_storage *from, uint32_t *slot)
{
	uint32_t at = slot_of(s, address_key(from));

	if (atomic_fetch_add(&s->crowd[at], 1) >= s->options.address_max) {
		atomic_fetch_sub(&s->crowd[at], 1);
		count_refusal(s, REFUSAL_LIMIT_ADDRESS);
		return false;
	}
	*slot = at;
	return true;
}

bool
crowd_enter(struct http_server *s, const struct sockaddr_storage *from, uint32_t *slot)
{
	uint64_t others = atomic_fetch_add(&s->counters.connections_open, 1);

	*slot = CROWD_NOBODY;
	if (from == NULL || crowd_name(s, from, slot)) {
		if (make_room(s, others)) {
			return true;
		}
		count_refusal(s, REFUSAL_LIMIT_CONNECTIONS);
	}
	crowd_leave(s, *slot);
	return false;
}

void
crowd_leave(struct http_server *s, uint32_t slot)
{
	if (slot != CROWD_NOBODY) {
		atomic_fetch_sub(&s->crowd[slot], 1);
	}
	atomic_fetch_sub(&s->counters.connections_open, 1);
}

/* --- who is idle --- */

void
crowd_idle(struct connection *c)
{
	struct loop *l = c->loop;

	if (c->is_idle) {
		return;
	}
	c->is_idle = true;
	c->idle_since_ms = l->now_ms;
	c->shorter_idle = NULL;
	c->longer_idle = l->shortest_idle;
	if (c->longer_idle != NULL) {
		c->longer_idle->shorter_idle = c;
	} else {
		l->longest_idle = c;
		atomic_store(&l->idle_since_ms, c->idle_since_ms);
	}
	l->shortest_idle = c;
	atomic_fetch_add(&l->idle, 1);
}

void
crowd_busy(struct connection *c)
{
	struct loop *l = c->loop;

	if (!c->is_idle) {
		return;
	}
	c->is_idle = false;
	if (c->shorter_idle != NULL) {
		c->shorter_idle->longer_idle = c->longer_idle;
	} else {
		l->shortest_idle = c->longer_idle;
	}
	if (c->longer_idle != NULL) {
		c->longer_idle->shorter_idle = c->shorter_idle;
	} else {
		l->longest_idle = c->shorter_idle;
		atomic_store(&l->idle_since_ms,
			l->longest_idle != NULL ? l->longest_idle->idle_since_ms : INT64_MAX);
	}
	atomic_fetch_sub(&l->idle, 1);
}

void
crowd_evict(struct loop *l)
{
	struct http_server *s = l->server;
	size_t asked;

	while ((asked = atomic_load(&l->evictions)) > 0) {
		if (atomic_load(&s->counters.connections_open) <= s->options.connections_max) {
			atomic_fetch_sub(&l->evictions, asked);
		} else if (l->longest_idle != NULL) {
			atomic_fetch_sub(&l->evictions, 1);
			count(&s->counters.connections_evicted);
			count_refusal(s, REFUSAL_LIMIT_EVICTED);
			connection_drop(l->longest_idle);
		} else {
			return; /* they have all got something to do: the first that ends goes */
		}
	}
}
