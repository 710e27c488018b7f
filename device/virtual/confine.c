#include "device/virtual/confine.h"

#include <errno.h>
#include <string.h>
#include <sys/prctl.h>

#include <seccomp.h>

#include "base/check.h"

/* Grouped by what they are for; a name that a kernel or C library does not know is passed over. */
static const char *const allowed[] = {
	/* connections and log */
	"accept4",
	"recvfrom",
	"sendto",
	"read",
	"write",
	"readv",
	"writev",
	"close",
	"epoll_wait",
	"epoll_pwait",
	"epoll_ctl",
	"poll",
	"ppoll",
	/* memory */
	"mmap",
	"munmap",
	"mremap",
	"mprotect",
	"madvise",
	"brk",
	"mlock",
	"munlock",
	"futex",
	"sched_yield",
	"exit",
	"exit_group",
	/* time, randomness, signals */
	"clock_gettime",
	"gettimeofday",
	"getrandom",
	"rt_sigreturn",
	"rt_sigprocmask",
	"rt_sigaction",
	"sigaltstack",
	"tgkill",
	"getpid",
	"gettid",
	"restart_syscall",
	/* the parts' files, and the socket's end */
	"openat",
	"fsync",
	"rename",
	"renameat",
	"renameat2",
	"unlink",
	"unlinkat",
	"fchmod",
	"fstat",
	"newfstatat",
	"lseek",
	"fcntl",
};

status
confine(struct diag *d)
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
	for (size_t i = 0; i < COUNT_OF(allowed) && s == OK; i++) {
		int number = seccomp_syscall_resolve_name(allowed[i]);

		if (number >= 0 && seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 0) != 0) {
			s = diag_set(
				d, UNAVAILABLE, NULL, "seccomp takes no rule for %s", allowed[i]);
		}
	}
	if (s == OK && seccomp_load(filter) != 0) {
		s = diag_set(d, UNAVAILABLE, NULL, "seccomp refuses the filter");
	}
	seccomp_release(filter);
	return s;
}
