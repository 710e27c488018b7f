#include "base/confine.h"

#include <errno.h>
#include <string.h>
#include <sys/prctl.h>

#include <seccomp.h>

status
confine(const char *const *allowed, size_t count, struct diag *d)
{
	scmp_filter_ctx filter;
	status s = OK;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
		return diag_set(d, UNAVAILABLE, NULL, "no_new_privs: %s", strerror(errno));
	}
	filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	if (filter == NULL) {
		return diag_set(d, UNAVAILABLE, NULL, "seccomp is not there");
	}
	for (size_t i = 0; i < count && s == OK; i++) {
		int number = seccomp_syscall_resolve_name(allowed[i]);

		if (number >= 0 && seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 0) != 0) {
			s = diag_set(
				d, UNAVAILABLE, NULL, "seccomp takes no rule for %s", allowed[i]);
		}
	}
	/* All threads at once, those that were started before included. */
	if (s == OK && seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1) != 0) {
		s = diag_set(d, UNAVAILABLE, NULL, "seccomp cannot bind all threads");
	}
	if (s == OK && seccomp_load(filter) != 0) {
		s = diag_set(d, UNAVAILABLE, NULL, "seccomp refuses the filter");
	}
	seccomp_release(filter);
	return s;
}
