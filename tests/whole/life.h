#pragma once
/*
 * A device's life as a table of use cases, from its CA to its end. Each can be run again after whatever became of the
 * first try, and each can be asked whether what it wants has happened.
 */
#include "stage.h"

struct life {
	struct stage *stage;
	unsigned number; /* names and keys are its own */
	const char *authority, *fleet, *operator_name, *line;
	const char *token; /* of the owner's operator */
	const char *units[3], *codes[3];
	int64_t device[3]; /* rows */
};

struct act {
	const char *name;
	/* True: it was acknowledged (exit status 0, 2xx). */
	bool (*run)(struct life *l);
	/* What is wanted stands. */
	bool (*holds)(struct life *l);
	bool revokes;	 /* relying parties must hear of it */
	bool has_device; /* unit 0 can be asked with */
};

extern const struct act life_acts[];
extern const size_t life_act_count;

/* What all lives share: owners. Once a home. */
void life_prepare(struct stage *s);
void life_begin(struct life *l, struct stage *s, unsigned number);
/* Words of the last refusal, for a failed test. */
const char *life_words(void);
