#pragma once
/*
 * The client's two halves: client_process.c keeps the signer running, with its channels, and takes one frame there and its answer back;
 * client.c says what is in them. Inside signer/ only.
 */
#include <pthread.h>
#include <sys/types.h>

#include "signer/message.h"

#define CHANNELS_MAX 64

struct channel {
	int fd;
	bool is_busy;
};

struct asking; /* client.c: somebody who waits for certificates */

struct signer {
	pthread_mutex_t queue_lock; /* guards `first`, `end` and `senders` */
	struct asking *first, **end;
	unsigned senders;

	pthread_mutex_t lock;
	pthread_cond_t freed;
	struct channel channels[CHANNELS_MAX];
	unsigned count, busy;
	pid_t pid;
	bool is_broken, is_stopping;
	bool can_restart; /* the passphrase can be read again */
	struct diag why;  /* of the last failed start */
	char program[4096], keys[4096], profiles[4096], passphrase_file[4096];
	bool create;
};

/*
 * One request, one answer: `answer` gets the frame; `w` stands behind its status byte, which is OK; else the signer's own words, or
 * UNAVAILABLE, LIMIT, NO_MEMORY.
 */
MUST_USE status client_call(struct signer *s, enum message_type type, const struct buffer *body,
	struct buffer *answer, struct wire_reader *w, struct diag *d);
/* A refusal's words into the diag; returns its status. */
status client_take_refusal(struct wire_reader *w, status s, struct diag *d);
status client_nonsense(struct diag *d); /* UNAVAILABLE */
