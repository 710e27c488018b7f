#include "lifecycle/policy.h"

status
policy_each_superseded(struct session *s, void (*each)(void *context, int64_t authority),
	void *context, struct diag *d)
{
	size_t count = LIST_PAGE_MAX;
	struct fleet *fleets;
	int64_t after = 0;

	while (count == LIST_PAGE_MAX) {
		status st = list_fleets(s->reader, s->arena, after, LIST_PAGE_MAX, &fleets, &count);

		if (st != OK) {
			return diag_set(d, st, NULL, "the fleets cannot be read");
		}
		for (size_t k = 0; k < count; k++) {
			if (fleets[k].crl_lists_superseded) {
				each(context, fleets[k].authority);
			}
			after = fleets[k].row;
		}
	}
	return OK;
}

struct wanted {
	int64_t authority;
	bool is_found;
};

static void
compare(void *context, int64_t authority)
{
	struct wanted *w = context;

	w->is_found = w->is_found || w->authority == authority;
}

status
policy_lists_superseded(struct session *s, int64_t authority, bool *out, struct diag *d)
{
	struct wanted w = { .authority = authority };
	status st = policy_each_superseded(s, compare, &w, d);

	*out = w.is_found;
	return st;
}
