#include "signer/sandbox.h"

#include "base/check.h"
#include "base/confine.h"
#include "base/secret.h"

/* Grouped by what they are for. */
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
	secret_harden_process();
	return confine(allowed, COUNT_OF(allowed), d);
}
