#pragma once
/* The demo's world: folders, programs, the server, the fleet; and how its steps run commands as a person would. */
#include <sys/types.h>

#include "base/arena.h"
#include "base/json.h"
#include "demo/child.h"
#include "demo/report.h"

#define WORLD_DEVICES_MAX 1000
#define PATH_ROOM 1024
#define LANES 4 /* programs at a time: two cores, and most of the time is waiting */

struct world {
	struct arena *arena;
	char programs[PATH_ROOM]; /* the build folder */
	char folder[PATH_ROOM];	  /* everything that the demo makes */
	char home[PATH_ROOM], devices[PATH_ROOM];
	char client[PATH_ROOM]; /* client.conf of the first operator */
	char ca[PATH_ROOM];
	char address[64];	  /* of the TLS port */
	char plain[64];		  /* of the plain port */
	char elements[PATH_ROOM]; /* the socket of the virtual elements */
	pid_t server, element;
	struct report report;
	size_t count;
	char serial[WORLD_DEVICES_MAX][24];
	char code[WORLD_DEVICES_MAX][32]; /* from the sheet */
	size_t coded;
};

/* A path below the demo's folder, in the arena. */
const char *world_path(struct world *w, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
const char *program_tenure(struct world *w);
const char *program_agent(struct world *w);
const char *device_folder(struct world *w, size_t at);
const char *element_of(struct world *w, size_t at); /* the address of its part */

/*
 * `tenure ARGUMENTS...` (ended by NULL) as the operator whose client.conf is given (NULL: the first one). The exit status;
 * output in `r`, which the caller wipes.
 */
int run_tenure(struct world *w, const char *client, struct child_result *r, ...)
	__attribute__((sentinel));
/* `tenure-agent --dir DIR ARGUMENTS...` of one device. */
int run_agent(struct world *w, size_t device, struct child_result *r, ...)
	__attribute__((sentinel));
int run_program(struct world *w, struct child_result *r, const char *program, ...)
	__attribute__((sentinel));

/* A check of the report: the command ended with this status; shows its words where not. */
bool check_exit(struct world *w, const struct child_result *r, int expected, const char *name);
/* ... and its output or error holds the text. */
bool check_says(struct world *w, const struct child_result *r, int expected, const char *text,
	const char *name);

/* The devices [from, to) run `command` with their agents, LANES at a time; how many ended with 0. */
size_t agents_run(struct world *w, size_t from, size_t to, const char *command);
/* The same for `tenure NOUN VERB SERIAL [more...]`. */
struct tenure_many {
	const char *client;
	/* Noun, verb and the rest, ended by NULL, for device `at`. */
	void (*arguments)(struct world *w, size_t at, const char **argv, size_t room);
};
size_t tenure_run(struct world *w, size_t from, size_t to, const struct tenure_many *m);

/* A member of a command's JSON output; "" where there is none. In the arena. */
const char *json_of(struct world *w, const struct child_result *r, const char *member);
/* Devices of the fleet in this state, by `tenure status --json`. */
int64_t devices_in(struct world *w, const char *state);
/* Devices whose certificate in use is of an attested key, by `tenure device list --json`. */
size_t devices_attested(struct world *w);
/* Writes a small secret for a command to read (0600); its path. */
const char *secret_file(struct world *w, const char *name, const char *text);
