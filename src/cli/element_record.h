#pragma once
/* The server's record of what was done to an element: at once, or later by tenure device note-element. */
#include "cli/command.h"

/* As the API has it (docs/api.md). Numbers that do not apply: slots 0, the others -1. */
struct element_record {
	const char *change; /* "lock-slots" */
	unsigned slots;	    /* a bit each */
	int64_t counter, before, after;
};

command_run device_note_element;

#define RECORD_FLAG                                                                      \
	{                                                                                \
		"no-record", VALUE_NONE, NULL, "do not record it on the server", NULL, 0 \
	}

/*
 * Records what was done, in this order, where a server is known (client file, environment, --server); `*is_recorded` says whether it was.
 * Without one, or with --no-record, OK all the same; standard error says how to do it later. A fault says that it was done, but not
 * recorded, why, and how.
 */
MUST_USE status record_done(struct call *c, const char *serial,
	const struct element_record *records, size_t count, bool *is_recorded, struct diag *d);
