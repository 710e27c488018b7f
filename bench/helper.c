#include "helper.h"

#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

void
helper_ready(int in, int out, const void *said, size_t len)
{
	char byte;

	bench_check(write(out, said, len) == (ssize_t)len && read(in, &byte, 1) == 0,
		"a helping process was left alone");
}

void
helper_open(struct helper *h, helper_run *run, void *context, void *said, size_t len)
{
	int to[2] = { -1, -1 }, from[2] = { -1, -1 };

	fflush(stdout);
	bench_check(pipe(to) == 0 && pipe(from) == 0 && (h->pid = fork()) >= 0,
		"no process for a helper");
	if (h->pid == 0) {
		close(to[1]);
		close(from[0]);
		_exit(run(context, to[0], from[1]));
	}
	close(to[0]);
	close(from[1]);
	h->pipe = to[1];
	bench_check(read(from[0], said, len) == (ssize_t)len, "a helping process ended");
	close(from[0]);
}

int
helper_close(struct helper *h)
{
	int how = 0;

	close(h->pipe);
	return waitpid(h->pid, &how, 0) == h->pid && WIFEXITED(how) ? WEXITSTATUS(how) : -1;
}
