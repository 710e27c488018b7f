#pragma once
/* Programs run to their end, with what they said; and the API asked with a key that the test chooses. */
#include "base/json.h"
#include "support.h"

struct ran {
	int exit; /* 128 + signal where it was killed, 124 at the time limit */
	char *out, *err;
};

/* argv ends with NULL. What it said lives in the arena. */
struct ran program_run(struct arena *a, const char *const argv[], int limit_ms);
/* The program in the background: standard error to the file `log`; `environment` is NAME=VALUE, ended by NULL. */
int program_start(const char *const argv[], const char *const environment[], const char *log);
/* Its exit status as above; -1: it still runs after limit_ms. */
int program_wait(int pid, int limit_ms);
/* Ends it as it may, at the latest after limit_ms by force. */
int program_end(int pid, int signal, int limit_ms);
/* Whether `pid` is a running child of ours. */
bool program_runs(int pid);
/* A child of the process `parent` by this short name; 0: none. */
int program_child(int parent, const char *name);

struct asked {
	int status;	   /* of HTTP; 0: no answer */
	bool was_refused;  /* nobody listens, or no longer: nothing was sent */
	const char *fault; /* libcurl's words where there is no answer */
	const char *body;  /* in the arena */
};
struct asking {
	const char *url, *ca;
	const char *token;    /* or NULL */
	const char *identity; /* PEM file with key and chain of a device, or NULL */
	const char *key;      /* Idempotency-Key, or NULL */
	const char *body;     /* NULL: GET */
	const char *type;     /* of the body; NULL: application/json */
};
struct asked program_ask(struct arena *a, const struct asking *q);
/* A text or number member of a JSON object, as text in the arena; "" where there is none. */
const char *json_member(struct arena *a, const char *json, const char *name);
