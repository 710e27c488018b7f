#pragma once
/*
 * The one table of commands. Help, completion, the manual page's list and the
 * command line's parser are all made from it, so that none of them can speak of a command that is not there.
 *
 *   tenure NOUN VERB [ARGUMENT] [--flag VALUE]
 *
 * A command that only asks the server something is a row: method, path and which members go into the
 * body. What does more has a function of its own.
 */
#include "base/arena.h"
#include "base/limits.h"
#include "base/status.h"

#define CALL_ARGUMENTS_MAX 4
#define CALL_FLAGS_MAX 64

enum value_type {
	VALUE_NONE, /* a switch: it is there or not */
	VALUE_TEXT,
	VALUE_NUMBER,	/* 0 .. 10^18 */
	VALUE_DURATION, /* "90d"; goes out as seconds */
	VALUE_CHOICE,	/* one of the words in `value`: "maker|reseller" */
	VALUE_YES_NO,	/* goes out as true or false */
	VALUE_FILE,
	VALUE_FOLDER,
	VALUE_CONTENT, /* a file ("-": standard input); its text goes out */
	/* A file ("-": standard input) with a secret in its first line; asked for on the terminal where it
	 * is not given. Never an argument itself: others can read those. */
	VALUE_SECRET,
};

enum flag_traits {
	FLAG_NEEDED = 1 << 0,
	FLAG_MANY = 1 << 1,	/* may be given several times */
	FLAG_OPTIONAL = 1 << 2, /* of an argument: it may be left out */
	FLAG_ASKED = 1 << 3,	/* VALUE_SECRET: asked for when it is absent */
};

/* A flag, or an argument (then `name` is in capitals). */
struct flag {
	const char *name;
	enum value_type type;
	const char *value; /* what stands for it in the help, or the words of a choice */
	const char *help;
	const char *member; /* of the body, or the query of a GET; NULL: the command's own matter */
	unsigned traits;
};

enum command_traits {
	COMMAND_SERVER = 1 << 0, /* talks to the server: --server, --ca, ... */
	COMMAND_JSON = 1 << 1,	 /* has --json */
	COMMAND_PAGES = 1 << 2,	 /* a listing of the server's: --limit, --after */
	COMMAND_KEYLESS =
		1 << 3, /* a write whose answer the server does not keep; see cli/client.h */
	COMMAND_REPEATABLE = 1 << 4, /* and which may be done twice */
	/* Works at the bench, and records on the server where one is known: --server, --ca, ... */
	COMMAND_RECORDS = 1 << 5,
};

struct call;
struct view;

struct remote {
	const char *method; /* "GET", "POST", ... */
	const char *path;   /* "/api/v1/devices/{DEVICE}/claim" */
	const struct view *view;
	const char *done; /* said where the answer has no body: "is removed" */
};

typedef status command_run(struct call *c, struct diag *d);

struct command {
	const char *verb; /* "" where the noun is the whole command */
	const char *summary;
	const char *details;	      /* more sentences, or NULL */
	const struct flag *arguments; /* ended by a NULL name; NULL: none */
	const struct flag *flags;     /* the same */
	unsigned traits;
	command_run *run; /* NULL ends a noun's list */
	struct remote remote;
};

struct noun {
	const char *name;
	const char *summary;
	const struct command *commands;
};

extern const struct noun *const nouns[]; /* ended by NULL */

/* The flags that every command with these traits has besides its own; NULL at the end. */
const struct flag *common_flag(unsigned traits, size_t at);
/* NULL where there is none. */
const struct noun *noun_find(const char *name);
const struct command *command_find(const struct noun *n, const char *verb);

/* --- one call ---------------------------------------------------------- */

struct call {
	const struct noun *noun;
	const struct command *command;
	const char *arguments[CALL_ARGUMENTS_MAX]; /* in the table's order; NULL: left out */
	struct {
		const struct flag *flag;
		const char *text; /* "" for a switch */
	} flags[CALL_FLAGS_MAX];
	size_t flag_count;
	bool wants_help;
	bool is_usage;	     /* the fault is one of usage: exit 2 */
	struct arena *arena; /* of the whole call */
};

/*
 * Reads the command line into `c` (whose arena is set). BAD_INPUT with `is_usage` and the nearest known word
 * when it does not fit the table. Noun and command stay NULL where help was asked for more widely.
 */
MUST_USE status call_parse(struct call *c, int argc, char *const *argv, struct diag *d);

/* By name; asking for one that is not in the table is a programming error (aborts). NULL: not given. */
const char *call_argument(const struct call *c, const char *name);
const char *call_text(const struct call *c, const char *name);
bool call_has(const struct call *c, const char *name);
int64_t call_number(const struct call *c, const char *name, int64_t fallback); /* or seconds */
/* Every value of a FLAG_MANY, at most `max`; their number. */
size_t call_all(const struct call *c, const char *name, const char **out, size_t max);

/* A fault of usage that only the command itself can see. */
status call_usage(struct call *c, struct diag *d, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The whole program; returns its exit status. */
int cli_main(int argc, char *const *argv);
