#include "demo/child.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "demo/report.h"

#define OUTPUT_MAX (4 << 20)
#define WIDTH_MAX 16
#define ARGUMENTS_MAX 32

struct running {
	pid_t pid;
	int out, err; /* pipes, -1 when at their end */
	size_t at;
	double deadline;
	bool is_active, is_late;
	struct child_result result;
};

void
child_result_init(struct child_result *r)
{
	r->exit_status = -1;
	buffer_init(&r->out, OUTPUT_MAX);
	buffer_init(&r->err, OUTPUT_MAX);
}

void
child_result_wipe(struct child_result *r)
{
	buffer_wipe(&r->out);
	buffer_wipe(&r->err);
}

static int
exit_status_of(int wait_status)
{
	if (WIFEXITED(wait_status)) {
		return WEXITSTATUS(wait_status);
	}
	return 128 + WTERMSIG(wait_status);
}

static void __attribute__((noreturn)) become(const char *const argv[], int in, int out, int err)
{
	dup2(in, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	dup2(err, STDERR_FILENO);
	execv(argv[0], (char *const *)(uintptr_t)argv);
	dprintf(STDERR_FILENO, "%s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

static status
spawn(const char *const argv[], struct running *c, unsigned limit_s, struct diag *d)
{
	int out[2] = { -1, -1 }, err[2] = { -1, -1 };
	int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (nothing < 0 || pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0) {
		return diag_set(d, IO, NULL, "no pipe for %s: %s", argv[0], strerror(errno));
	}
	c->pid = fork();
	if (c->pid == 0) {
		become(argv, nothing, out[1], err[1]);
	}
	close(nothing);
	close(out[1]);
	close(err[1]);
	c->out = out[0];
	c->err = err[0];
	c->is_active = c->pid > 0;
	c->is_late = false;
	c->deadline = seconds_now() + limit_s;
	child_result_init(&c->result);
	if (c->pid < 0) {
		close(out[0]);
		close(err[0]);
		return diag_set(d, IO, NULL, "cannot start %s: %s", argv[0], strerror(errno));
	}
	return OK;
}

static void
drain(int *fd, struct buffer *into)
{
	uint8_t chunk[8192];
	ssize_t n = read(*fd, chunk, sizeof(chunk));

	if (n > 0) {
		buffer_put(into, span_of(chunk, (size_t)n));
	} else if (n == 0 || errno != EINTR) {
		close(*fd);
		*fd = -1;
	}
}

/* Waits for output of any of the running programs and takes it in. */
static void
take_output(struct running *all, size_t count)
{
	struct pollfd wait[2 * WIDTH_MAX];
	int *fds[2 * WIDTH_MAX];
	struct buffer *into[2 * WIDTH_MAX];
	nfds_t n = 0;

	for (size_t i = 0; i < count; i++) {
		if (!all[i].is_active) {
			continue;
		}
		if (!all[i].is_late && seconds_now() > all[i].deadline) {
			all[i].is_late = true;
			kill(all[i].pid, SIGKILL);
		}
		fds[n] = &all[i].out, into[n] = &all[i].result.out;
		wait[n] = (struct pollfd){ .fd = all[i].out, .events = POLLIN };
		n += all[i].out >= 0;
		fds[n] = &all[i].err, into[n] = &all[i].result.err;
		wait[n] = (struct pollfd){ .fd = all[i].err, .events = POLLIN };
		n += all[i].err >= 0;
	}
	if (n == 0 || poll(wait, n, 200) <= 0) {
		return;
	}
	for (nfds_t i = 0; i < n; i++) {
		if (wait[i].revents != 0) {
			drain(fds[i], into[i]);
		}
	}
}

/* True when the program has closed its output; then its exit status is in the result. */
static bool
has_ended(struct running *c)
{
	int wait_status;

	if (c->out >= 0 || c->err >= 0) {
		return false;
	}
	while (waitpid(c->pid, &wait_status, 0) < 0 && errno == EINTR) {
		continue;
	}
	c->result.exit_status = c->is_late ? 124 : exit_status_of(wait_status);
	c->is_active = false;
	return true;
}

struct single {
	const char *const *argv;
	struct child_result *result;
};

static void
single_arguments(void *context, size_t at, size_t lane, const char **argv, size_t room)
{
	const struct single *s = context;

	(void)at;
	(void)lane;
	for (size_t i = 0; i < room; i++) {
		argv[i] = s->argv[i];
		if (argv[i] == NULL) {
			return;
		}
	}
	abort(); /* more arguments than ARGUMENTS_MAX: a mistake in the demo */
}

static void
single_ended(void *context, size_t at, const struct child_result *r)
{
	const struct single *s = context;

	(void)at;
	s->result->exit_status = r->exit_status;
	buffer_put(&s->result->out, buffer_span(&r->out));
	buffer_put(&s->result->err, buffer_span(&r->err));
}

status
child_run(const char *const argv[], unsigned limit_s, struct child_result *r, struct diag *d)
{
	struct single one = { argv, r };
	struct child_batch b = {
		.arguments = single_arguments,
		.ended = single_ended,
		.context = &one,
		.count = 1,
		.width = 1,
		.limit_s = limit_s,
	};

	return child_run_many(&b, d);
}

static status
fill_lanes(const struct child_batch *b, struct running *all, size_t *next, struct diag *d)
{
	const char *argv[ARGUMENTS_MAX];
	status s;

	for (size_t lane = 0; lane < b->width && *next < b->count; lane++) {
		if (all[lane].is_active) {
			continue;
		}
		b->arguments(b->context, *next, lane, argv, ARGUMENTS_MAX);
		s = spawn(argv, &all[lane], b->limit_s, d);
		if (s != OK) {
			return s;
		}
		all[lane].at = (*next)++;
	}
	return OK;
}

status
child_run_many(const struct child_batch *b, struct diag *d)
{
	struct running all[WIDTH_MAX] = { 0 };
	size_t next = 0, ended = 0;
	status s = OK;

	if (b->width == 0 || b->width > WIDTH_MAX) {
		return diag_set(d, BUG, NULL, "%zu programs at a time", b->width);
	}
	while (ended < b->count && s == OK) {
		s = fill_lanes(b, all, &next, d);
		take_output(all, b->width);
		for (size_t lane = 0; lane < b->width; lane++) {
			if (all[lane].is_active && has_ended(&all[lane])) {
				b->ended(b->context, all[lane].at, &all[lane].result);
				child_result_wipe(&all[lane].result);
				ended++;
			}
		}
	}
	for (size_t lane = 0; lane < b->width; lane++) {
		if (all[lane].is_active) {
			child_stop(all[lane].pid, SIGKILL, 5);
			child_result_wipe(&all[lane].result);
		}
	}
	return s;
}

status
child_start(const char *const argv[], const char *log, pid_t *pid, struct diag *d)
{
	int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int out = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);

	if (nothing < 0 || out < 0) {
		return diag_set(d, IO, NULL, "%s: %s", log, strerror(errno));
	}
	*pid = fork();
	if (*pid == 0) {
		become(argv, nothing, out, out);
	}
	close(nothing);
	close(out);
	if (*pid < 0) {
		return diag_set(d, IO, NULL, "cannot start %s: %s", argv[0], strerror(errno));
	}
	return OK;
}

int
child_stop(pid_t pid, int signal, unsigned limit_s)
{
	double deadline = seconds_now() + limit_s;
	const struct timespec nap = { .tv_nsec = 10000000 };
	int wait_status;

	if (signal != 0) {
		kill(pid, signal);
	}
	for (;;) {
		pid_t ended = waitpid(pid, &wait_status, WNOHANG);

		if (ended == pid) {
			return exit_status_of(wait_status);
		}
		if (ended < 0 && errno != EINTR) {
			return -1;
		}
		if (seconds_now() > deadline) {
			kill(pid, SIGKILL);
			deadline = seconds_now() + 60;
		}
		nanosleep(&nap, NULL);
	}
}

unsigned
child_free_port(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	unsigned port = 0;

	if (fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0 &&
		getsockname(fd, (struct sockaddr *)&at, &len) == 0) {
		port = ntohs(at.sin_port);
	}
	if (fd >= 0) {
		close(fd);
	}
	return port;
}
