#pragma once
/*
 * One call of the API, from the request to its answer. Every handler has the same shape:
 *
 *	struct call c;
 *	if (!call_begin(&c, x, BY_MAKER) || !body_read(&c, fields, count, &body) ||
 *		!call_once(&c, 201, show_owner, &owner)) {
 *		return; // the reply is there
 *	}
 *	call_end(&c, USE_OWNER_ADD, owner_add(&c.session, ...));
 *
 * that is: who asks, what is asked, was it asked before, ONE call of lifecycle/, the answer.
 */
#include "api/count.h"
#include "base/check.h"
#include "http/service.h"
#include "lifecycle/authority.h"
#include "lifecycle/registry.h"

/* Who may call at all, a bit each: an admin always may. What lifecycle/ says comes on top of it. */
#define BY(operator_role) (1u << (operator_role))
#define BY_ADMIN BY(OPERATOR_ADMIN)
#define BY_MAKER BY(OPERATOR_MAKER)
#define BY_SUPPORT BY(OPERATOR_SUPPORT)
#define BY_OWNER BY(OPERATOR_OWNER)
#define BY_AUDITOR BY(OPERATOR_AUDITOR)
#define BY_WATCH BY(OPERATOR_WATCH)
#define BY_ALL (BY_MAKER | BY_SUPPORT | BY_OWNER | BY_AUDITOR | BY_WATCH)

struct call;

/* Writes one JSON document. Not OK: c->diag says why, and nothing of it is sent. */
typedef status call_write(struct call *c, struct json_writer *w, void *context);

/* The last name that was looked up: most objects of a page share theirs. */
struct known_name {
	int64_t row;
	char name[NAME_MAX_LEN + 1];
};

struct call {
	struct exchange *x;
	struct session session;
	struct diag diag;

	/* The answer to a write. */
	int http_status;
	call_write *write;
	void *write_context;
	struct answer answer; /* kept for its repetition, where the request brought a key */
	bool is_copy;	      /* the answer is being written to be kept: without codes */

	struct known_name fleet, owner, authority;
};

/* Session and operator. False: a 401, 403 (not in `by`), 500 or 503 is the reply. */
MUST_USE bool call_begin(struct call *c, struct exchange *x, unsigned by);
static inline enum operator_role
call_role(const struct call *c)
{
	return c->session.actor.account.role;
}
/* The row of the owner for whom the operator speaks; 0 where he sees everybody's. */
static inline int64_t
call_owner(const struct call *c)
{
	return call_role(c) == OPERATOR_OWNER ? c->session.actor.account.owner : 0;
}

/* Refuses with c->diag; where it says nothing yet, with the status' own words. Always false. */
bool call_refuse(struct call *c, status s);
/* Refuses with "there is no <what> <name>". Always false. */
bool call_missing(struct call *c, const char *what, span name);

/* Parameter `at` of the path as a name, NUL-ended. False: a 404 is the reply, as nothing is called so. */
MUST_USE bool call_name(struct call *c, size_t at, const char *what, char out[NAME_MAX_LEN + 1]);

/* --- reading ----------------------------------------------------------------- */

/* Answers with what `write` writes, out of one snapshot of the store. */
void call_show(struct call *c, int http_status, call_write *write, void *context);

/* --- writing ----------------------------------------------------------------- */

/*
 * Before a use case: what will answer it, and the Idempotency-Key. False: the same request was answered
 * before and its answer is repeated, the key was used for another one (409), or it is malformed (400).
 */
MUST_USE bool call_once(struct call *c, int http_status, call_write *write, void *context);
/* The same for a use case whose answer cannot be kept: the header is refused. */
MUST_USE bool call_without_key(struct call *c, int http_status, call_write *write, void *context);
/* After it: counts, and answers. */
void call_end(struct call *c, enum use_case use, status s);
