#include "device/virtual/sandbox.h"

#include "base/check.h"
#include "base/confine.h"

/* Grouped by what they are for. */
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
element_sandbox_enter(struct diag *d)
{
	return confine(allowed, COUNT_OF(allowed), d);
}
