#include "lifecycle/tries.h"

#include <inttypes.h>
#include <stdio.h>

void
tries_subject(char out[NAME_MAX_LEN + 1], const char *kind, int64_t row)
{
	snprintf(out, NAME_MAX_LEN + 1, "%s:%" PRId64, kind, row);
}

status
tries_check(const struct session *s, int64_t locked_until_s, struct diag *d)
{
	if (locked_until_s <= s->now_s) {
		return OK;
	}
	return diag_kind(d,
		diag_set(d, LIMIT, NULL, "too many wrong codes: wait %" PRId64 " seconds",
			locked_until_s - s->now_s),
		TRIES_TOO_MANY);
}

static int64_t
next_lock(const struct session *s, int64_t failures)
{
	int64_t lock_s = claim_lock_s(failures);

	return lock_s > 0 ? s->now_s + lock_s : 0;
}

/* Nobody's answer goes with it, and no state changes: neither ledger nor the session's kept answer. */
status
tries_count(struct session *s, const struct tries *t, struct diag *d)
{
	struct change *c = change_new(s->arena);

	if (c == NULL) {
		return diag_set(d, NO_MEMORY, NULL, "no memory to count a wrong code");
	}
	if (t->code != NULL) {
		int64_t from = t->code->failures++;

		t->code->locked_until_s = next_lock(s, t->code->failures);
		change_claim_code_tried(c, t->code, from);
	}
	if (t->attempt != NULL) {
		int64_t from = t->attempt->failures++;

		t->attempt->locked_until_s = next_lock(s, t->attempt->failures);
		change_attempt_put(c, t->attempt, from);
	}
	return store_commit(s->life->store, c, NULL, d);
}

void
tries_forget(struct change *c, struct attempt *a)
{
	int64_t from = a->failures;

	if (from > 0) {
		a->failures = 0;
		a->locked_until_s = 0;
		change_attempt_put(c, a, from);
	}
}
