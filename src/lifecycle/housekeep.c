#include "lifecycle/housekeep.h"

status
housekeep(struct session *s, struct diag *d)
{
	struct change *c = change_new(s->arena);

	if (c == NULL) {
		return diag_set(d, NO_MEMORY, NULL, "no memory for housekeeping");
	}
	change_expire(c, s->now_s);
	return session_commit(s, c, NULL, d);
}
