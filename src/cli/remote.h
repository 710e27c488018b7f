#pragma once
/* Commands that are one question to the server: run by their row of the table. */
#include "base/json.h"
#include "cli/client.h"
#include "cli/command.h"
#include "cli/view.h"

/* GET of a list: all pages (or --limit), as a table or one JSON array. */
command_run remote_list;
/* GET of one object. */
command_run remote_show;
/* A write: members from arguments and flags; shows what comes back. */
command_run remote_act;

/* --- the parts, for commands that do more --- */

/* The row's path with its {ARGUMENTS}, percent-encoded, in the call's arena. NULL: no memory. */
const char *remote_path(struct call *c, const char *pattern);
/* One segment or query value, percent-encoded. */
const char *remote_encode(struct arena *a, const char *text);
/* Members of arguments and flags that were given. */
MUST_USE status remote_body(struct call *c, struct json_writer *w, struct diag *d);
/* Sends, parses, gives the object (free with cJSON_Delete). `body` may be NULL. */
MUST_USE status remote_get(struct client *c, const char *path, cJSON **out, struct diag *d);
MUST_USE status remote_send(struct client *c, const char *method, const char *path, span body,
	struct client_reply *reply, struct diag *d);
/* The object of an answer on standard output: as it came with --json, else by the view. */
MUST_USE status remote_print(
	struct call *c, const struct view *v, const struct client_reply *reply, struct diag *d);

/* As remote_show, of this path and by this view. */
MUST_USE status remote_show_as(
	struct call *c, const char *pattern, const struct view *v, struct diag *d);

/* Calls `take` with each item of a paged list, from --after on where the call has it, at most `max` (0: all). */
struct paging {
	struct client *client;
	const char *path; /* may have a query already */
	const char *after;
	int64_t max;
	status (*take)(void *context, const cJSON *item, struct diag *d);
	status (*page)(void *context, struct diag *d); /* after each page; may be NULL */
	void *context;
	const char *next; /* set: where a cut list goes on, in `arena`; NULL at its end */
	struct arena *arena;
};
MUST_USE status remote_pages(struct paging *p, struct diag *d);
