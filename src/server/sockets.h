#pragma once
/*
 * Listening sockets that come from somebody else: from the service manager (sd_listen_fds(3)), or from the server that
 * ran in this process before and went on by exec. Both say it in the same way:
 *
 *   LISTEN_PID      this process
 *   LISTEN_FDS      how many: descriptors 3, 4, ...
 *   LISTEN_FDNAMES  what they are for, by colon: "tls", "plain"; without it they are meant in this order
 */
#include "base/status.h"

struct handed_sockets {
	int tls, plain; /* -1: not among them */
};

/*
 * Takes them over: they are this process's own from now on, and what said so is taken out of the environment, so
 * that no child believes it is meant. BAD_INPUT: a name that is no listener's, one that stands twice, a number that
 * is none.
 */
MUST_USE status sockets_take(struct handed_sockets *out, struct diag *d);
/* The other way round: for the program that this process becomes by exec next. IO, NO_MEMORY. */
MUST_USE status sockets_hand_on(const struct handed_sockets *s, struct diag *d);
