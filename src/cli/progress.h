#pragma once
/* How far a long job is: one line that is written over on a terminal, a line every few seconds elsewhere. On stderr. */
#include <stdbool.h>
#include <stdint.h>

struct progress {
	const char *what; /* "device" */
	uint64_t total;	  /* 0: not known */
	int64_t started_ms, last_ms;
	bool is_terminal, has_line;
};

void progress_begin(struct progress *p, const char *what, uint64_t total);
/* Cheap: prints at most a few times a second. Nothing within the first second. */
void progress_step(struct progress *p, uint64_t done);
/* Takes the line off the terminal again. */
void progress_end(struct progress *p);
