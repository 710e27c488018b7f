#pragma once
/* tenure-element as a program, and one connection to it. What the environment variable TENURE_ELEMENT names is started. */
#include "support.h"

#define LINE_ADDRESS 0x6c

struct element_program {
	struct spawned process;
	char socket[100];
};
/* With these options behind --socket (NULL-ended, at most 8); returns when it listens. */
void element_start(struct element_program *e, const char *folder, const char *const options[]);
/* Its exit status, or 128 + the signal that ended it. */
int element_end(struct element_program *e, int signal);

/* A connection; -1: nobody listens. */
int line_open(const struct element_program *e);
/* One frame without waiting for its answer. False: the connection is gone. */
bool line_send(int fd, char kind, uint16_t length, const void *bytes, size_t len);
/* The answer: its result, its bytes into `out`. -1: the connection has ended. */
int line_take(int fd, uint8_t *out, size_t room, size_t *len);
/* Both, for answers without bytes. */
int line_ask(int fd, char kind, const void *bytes, size_t len);
/* Chooses (serial NULL: the only one) and wakes. */
void line_begin(int fd, const uint8_t *serial);
/* A command and its answer: the length of its data, which is in `out`; -status where it is a status frame other than 0;
 * -1000: the connection has ended. */
int line_command(int fd, uint8_t opcode, uint8_t param1, uint16_t param2, uint8_t out[99]);
