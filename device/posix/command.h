#pragma once
/* The commands of tenure-agent, one function each. Results go to standard output; faults to the diag. */
#include "device/posix/agent.h"

struct command_options {
	struct agent_options agent;
	bool as_json, with_key, once;
	const char *until;	/* a state, or NULL */
	const char *roots;	/* PEM file of TPM makers' authorities, or NULL */
	int64_t start_spread_s; /* of `run`: at most so long before the first request */
};

typedef status command_run(const struct command_options *o, struct diag *d);

struct command {
	const char *name;
	command_run *run;
	const char *help; /* one line */
	bool is_offline;  /* asks no server: needs neither its address nor a fleet */
};

/* unit.c: the factory's bench. */
status command_unit(const struct command_options *o, struct diag *d);

/* NULL: no such command. */
const struct command *command_find(const char *name);
/* By number, NULL at the end. */
const struct command *command_at(size_t i);
/* Whether it is one of the states of docs/lifecycle.md. */
bool command_is_state(const char *name);
