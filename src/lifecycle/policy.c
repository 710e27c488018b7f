#include "lifecycle/policy.h"

status
policy_lists_superseded(struct session *s, int64_t authority, bool *out, struct diag *d)
{
	size_t count = LIST_PAGE_MAX;
	struct fleet *fleets;
	int64_t after = 0;

	*out = false;
	while (count == LIST_PAGE_MAX && !*out) {
		status st = list_fleets(s->reader, s->arena, after, LIST_PAGE_MAX, &fleets, &count);

		if (st != OK) {
			return diag_set(d, st, NULL, "the fleets cannot be read");
		}
		for (size_t k = 0; k < count; k++) {
			*out = *out ||
			       (fleets[k].authority == authority && fleets[k].crl_lists_superseded);
			after = fleets[k].row;
		}
	}
	return OK;
}
