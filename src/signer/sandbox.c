#include "signer/sandbox.h"

#include <errno.h>
#include <string.h>
#include <sys/prctl.h>

#include <seccomp.h>

#include "base/check.h"
#include "base/secret.h"

/* Grouped by what they are for; a name that a kernel or C library does not know is passed over. */
static const char *const allowed[] = {
	/* channels and log */
	"read",
	"write",
	"readv",
	"writev",
	"close",
	"poll",
	"ppoll",
	/* memory and threads */
	"mmap",
	"munmap",
	"mremap",
	"mprotect",
	"madvise",
	"brk",
	"mlock",
	"munlock",
	"futex",
	"set_robust_list",
	"rseq",
	"sched_yield",
	"exit",
	"exit_group",
	/* time, randomness, signals */
	"clock_gettime",
	"clock_nanosleep",
	"nanosleep",
	"gettimeofday",
	"getrandom",
	"rt_sigreturn",
	"rt_sigprocmask",
	"rt_sigaction",
	"tgkill",
	"getpid",
	"gettid",
	"restart_syscall",
	/* key files and the last signed head */
	"openat",
	"fsync",
	"fdatasync",
	"rename",
	"renameat",
	"renameat2",
	"unlink",
	"unlinkat",
	"fchmod",
	"fstat",
	"stat",
	"newfstatat",
	"lseek",
	"fcntl",
	"getuid",
	"geteuid",
	"getgid",
	"getegid",
};

status
sandbox_enter(struct diag *d)
{
	scmp_filter_ctx filter;
	status s = OK;

	secret_harden_process();
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
	/* All threads at once, those of the channels included. */
	if (s == OK && seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1) != 0) {
		s = diag_set(d, UNAVAILABLE, NULL, "seccomp cannot bind all threads");
	}
	if (s == OK && seccomp_load(filter) != 0) {
		s = diag_set(d, UNAVAILABLE, NULL, "seccomp refuses the filter");
	}
	seccomp_release(filter);
	return s;
}
