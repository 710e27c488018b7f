#pragma once
/*
 * One connection, moved by its loop:
 *
 *   [PROXY -->] HANDSHAKE --> HEADER --> CONTINUE --> BODY --> WORK --> REPLY --> HEADER ...
 *                   \------------------------------^          \--> LINGER --> CLOSED
 *
 * Requests of one connection run one after the other, so pipelined ones are answered in order. While
 * one runs nothing is read. Between requests the connection holds no buffer.
 */
#include "http/chunk.h"
#include "http/internal.h"
#include "http/transport.h"
#include "http/wheel.h"

enum connection_state {
	CONNECTION_PROXY,
	CONNECTION_HANDSHAKE,
	CONNECTION_HEADER,
	CONNECTION_CONTINUE,
	CONNECTION_BODY,
	CONNECTION_WORK,
	CONNECTION_REPLY,
	CONNECTION_LINGER,
	CONNECTION_CLOSED,
	CONNECTION_STATE_COUNT
};

/* Who holds the work of a connection in WORK (or CLOSED). */
enum work_place {
	WORK_HERE,
	WORK_AWAY,  /* in the pool, at a worker, or in the mail */
	WORK_WAITS, /* on the list of those that its loop is to run again */
	WORK_PARKED /* on a topic's list; a wake makes it AWAY, which shows when leaving the list fails */
};

struct connection {
	struct source source;
	struct loop *loop;
	const struct listener *listener;
	struct connection *older, *newer; /* of the loop's connections */
	struct connection *next;	  /* on one of the loop's short lists */
	struct connection *next_waiting;
	struct connection *longer_idle, *shorter_idle; /* see crowd.h */
	bool is_idle;
	int64_t idle_since_ms;
	uint32_t crowd_slot;
	bool is_again; /* on the list of those whose turn was up */
	enum connection_state state;
	struct transport transport;
	bool watches_write; /* since the socket first took less than it was given */
	struct timer timer;
	struct http_peer peer;
	uint8_t *peer_block;

	uint8_t *input;	   /* INPUT_ROOM, or NULL */
	size_t input_len;  /* bytes in it */
	size_t input_used; /* of them belong to the present request */
	bool is_new_input; /* a look at it may tell more than the last one */
	bool is_fresh;	   /* no request yet */

	struct work *work;
	enum work_place place;
	size_t header_len;  /* of the present request, in `input` */
	uint64_t body_left; /* of Content-Length */
	struct chunk_reader chunk;
	int64_t moving_since_ms; /* a body, either way */
	uint64_t moved;
};

/* On the loop's thread. Takes the descriptor. */
void connection_begin(struct connection *c);
/* Does what can be done now, at most for one turn. */
void connection_turn(struct connection *c);
void connection_event(struct connection *c, uint32_t events);
/* Its work has come back in the mail. */
void connection_mail(struct connection *c, struct work *w);
/* It is first in the list of those to be run again. False: the workers' queue is full, it stays first. */
bool connection_rerun(struct connection *c);
void connection_timeout(struct connection *c);
/* The server stops: ends now if nothing is under way. */
void connection_stop(struct connection *c);
void connection_drop(struct connection *c);
/* NULL: no memory; the descriptor is closed. */
struct connection *connection_new(int fd, const struct listener *from, const char *address);

/* --- between connection.c and connection_request.c --- */

enum step {
	STEP_ON,   /* the state has changed, or more can be done */
	STEP_WAIT, /* for an event, the mail or the time */
	STEP_CLOSE
};
enum step step_header(struct connection *c);
enum step step_continue(struct connection *c);
enum step step_body(struct connection *c);
/* The request ends here with this status; what follows on the connection is not read. */
enum step request_refuse(struct connection *c, int http_status, const struct diag *d);
/* The body comes next. */
enum step request_body(struct connection *c);
/* To a worker; or, when the queue is full, to REPLY with a 503. */
enum step request_submit(struct connection *c);
/* Time for the bytes of a body (either way): the idle time, but no slower than the slowest rate. */
void body_timer_set(struct connection *c);
