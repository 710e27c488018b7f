#pragma once
/*
 * The handlers without sockets: a founded home with the real store and the real signer, an operator of each role, and
 * requests that go through the reader of requests and the router to their handler. Each answer is held against
 * docs/openapi.json: its status must be one that the operation names, its body must fit the schema.
 */
#include "../lifecycle/home.h"

#include "api/count.h"
#include "api/routes.h"
#include "http/service.h"
#include "lifecycle/registry.h"
#include "proto/routes.h"

/* Who asks: an operator role, or one of these. */
enum asker {
	ASK_ADMIN = OPERATOR_ADMIN,
	ASK_MAKER = OPERATOR_MAKER,
	ASK_SUPPORT = OPERATOR_SUPPORT,
	ASK_OWNER = OPERATOR_OWNER, /* of "anna" */
	ASK_AUDITOR = OPERATOR_AUDITOR,
	ASK_WATCH = OPERATOR_WATCH,
	ASK_OTHER_OWNER, /* of "bert" */
	ASK_NOBODY,	 /* no token */
	ASK_STRANGER,	 /* a token of nobody's */
	ASKER_COUNT
};

#define STAGE_ANSWERS_MAX 4096

struct stage {
	struct home home;
	struct configuration configuration;
	struct sequencer *sequencer;
	struct service service;
	const struct route *tables[7];
	struct router router;
	cJSON *document;
	char tokens[ASKER_COUNT][TOKEN_TEXT_MAX];
	struct owner maker, anna, bert;
	struct fleet fleet; /* "lamps" */
	struct authority issuing;
	status ready;			/* what service.ready answers */
	unsigned worker;		/* whose reader is used */
	struct arena *arena;		/* of the answers; emptied by stage_forget */
	cJSON *seen[STAGE_ANSWERS_MAX]; /* documents of answers, until they are forgotten */
	size_t seen_count;
};

struct answer_seen {
	int status;
	const char *content_type, *headers; /* NUL-ended */
	span body;
	cJSON *json; /* NULL for what is not one JSON document; freed by stage_forget */
};

/* What is asked. Members that are absent are NULL. */
struct question {
	enum asker who;
	const char *method, *target;
	const char *body;
	span bytes;	  /* instead of body */
	const char *type; /* of the body; NULL: application/json */
	const char *key;  /* Idempotency-Key */
};

void stage_open(struct stage *s);
void stage_close(struct stage *s);
/* Another worker on the same stage, for a thread of its own; beside it the first may go on. */
#define STAGE_WORKERS 2
struct stage *stage_fork(struct stage *s, unsigned worker);
void stage_join(struct stage *s);

struct answer_seen stage_ask(struct stage *s, const struct question *q);
/* The usual ones. Ends the test when the status is another. */
struct answer_seen stage_get(struct stage *s, enum asker who, const char *target, int status);
struct answer_seen stage_post(
	struct stage *s, enum asker who, const char *target, const char *body, int status);
/* Answers before this are gone. */
void stage_forget(struct stage *s);

/* A member of an answer, as text. Ends the test when it is not there, or no text. */
const char *answer_text(const struct answer_seen *a, const char *member);
int64_t answer_number(const struct answer_seen *a, const char *member);
bool answer_is_null(const struct answer_seen *a, const char *member);

/* A device of the fleet in this state, of this owner, with serial 0123<number>01. */
struct device stage_device(
	struct stage *s, unsigned number, enum device_state state, const struct owner *owner);
/* Its claim code. */
void stage_code(struct stage *s, const struct device *d, char code[CLAIM_CODE_TEXT_MAX]);
/* printf into the stage's arena. */
const char *stage_text(struct stage *s, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
