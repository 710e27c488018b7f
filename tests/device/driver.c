#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support.h"

#include <openssl/ssl.h>

#include "base/log.h"
#include "driver.h"

#define STEPS_MAX 200
#define CHILD_LIMIT_S 30

/* --- the acts at which a child can be killed: the linker puts these in the place of the real ones --- */

static int acts, kill_at_act;

static void
act(void)
{
	if (kill_at_act != 0 && ++acts == kill_at_act) {
		kill(getpid(), SIGKILL);
	}
}

/* clang-format off */
#define WRAPPED(name, parameters, arguments) \
	int __wrap_##name parameters; \
	int __wrap_##name parameters \
	{ \
		int result; \
\
		act(); \
		result = __real_##name arguments; \
		act(); \
		return result; \
	}
/* clang-format on */

int __real_rename(const char *from, const char *to);
int __real_unlink(const char *path);
int __real_mkostemp(char *path, int flags);
int __real_SSL_write(SSL *tls, const void *data, int len);
int __real_SSL_read(SSL *tls, void *data, int len);
int __real_connect(int fd, const struct sockaddr *to, socklen_t len);

/* Nothing is synced: what a killed process has written stands, and the disk would take a minute. */
static int
__real_fsync(int fd)
{
	(void)fd;
	return 0;
}

WRAPPED(fsync, (int fd), (fd))
WRAPPED(rename, (const char *from, const char *to), (from, to))
WRAPPED(unlink, (const char *path), (path))
WRAPPED(mkostemp, (char *path, int flags), (path, flags))
WRAPPED(SSL_write, (SSL * tls, const void *data, int len), (tls, data, len))
WRAPPED(SSL_read, (SSL * tls, void *data, int len), (tls, data, len))
/* Of the server, and of an element on a socket: each of its operations begins with it. */
WRAPPED(connect, (int fd, const struct sockaddr *to, socklen_t len), (fd, to, len))

/* --- driving --- */

void
driver_open(struct fake_server *s, const char *folder, struct agent *a)
{
	char ca[600];
	struct agent_options o = { .folder = folder,
		.server = s->url,
		.ca = ca,
		.fleet = "lamps",
		.element = s->element,
		.clock = &clock_system,
		.limits = { .poll_s = 5,
			.retry_least_ms = 1,
			.retry_most_ms = 8,
			.retry_honoured_s = 1 } };
	struct diag d = { 0 };

	snprintf(ca, sizeof(ca), "%s/ca.pem", folder);
	log_set_level(LOG_ERROR);
	signal(SIGPIPE, SIG_IGN);
	assert_ok(agent_open(a, &o, &d), d);
}

static bool
is_active(const struct agent *a)
{
	return a->plan.seen.is_known && a->plan.seen.by == WHO_OPERATIONAL &&
	       a->plan.seen.access == ADMITTED_FULL && !a->plan.seen.renew_now &&
	       !a->plan.held.has_request && !a->plan.held.has_next;
}

static status
steps(struct agent *a, int patience, struct diag *d)
{
	int failures = 0;

	for (int i = 0; i < STEPS_MAX; i++) {
		struct plan_step step = agent_next(a);
		status s;

		diag_clear(d);
		s = agent_do(a, &step, d);
		failures = s == OK ? (step.action == PLAN_WAIT ? failures : 0) : failures + 1;
		if (failures >= patience) {
			return s;
		}
		if (is_active(a)) {
			return OK;
		}
	}
	return diag_set(d, BUG, NULL, "not active after %d steps", STEPS_MAX);
}

status
drive_until_active(struct fake_server *s, const char *folder, int patience, struct diag *d)
{
	struct agent a;
	status st;

	driver_open(s, folder, &a);
	st = steps(&a, patience, d);
	agent_close(&a);
	return st;
}

status
drive_once(struct fake_server *s, const char *folder, struct diag *d)
{
	struct agent a;
	status st = OK;

	driver_open(s, folder, &a);
	for (int i = 0; i < STEPS_MAX; i++) {
		struct plan_step step = agent_next(&a);

		if (step.action == PLAN_WAIT || step.wait_s > 0) {
			break;
		}
		diag_clear(d);
		st = agent_do(&a, &step, d);
	}
	agent_close(&a);
	return st;
}

bool
drive_killed(struct fake_server *s, const char *folder, int kill_at)
{
	struct diag d = { 0 };
	int how = 0, pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		alarm(CHILD_LIMIT_S);
		acts = 0;
		kill_at_act = kill_at;
		_exit(drive_until_active(s, folder, 50, &d) == OK ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &how, 0), pid);
	if (WIFSIGNALED(how) && WTERMSIG(how) == SIGKILL) {
		return true;
	}
	if (!WIFEXITED(how) || WEXITSTATUS(how) != 0) {
		fail_msg("killed at act %d: the agent did not come to an end: %x", kill_at, how);
	}
	return false;
}
