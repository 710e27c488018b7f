#include "swtpm.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define START_LIMIT_MS 10000
#define RUNNING_MAX 4

/* What a failed assertion leaves behind. */
static struct swtpm *running[RUNNING_MAX];

bool
swtpm_is_there(void)
{
	return access("/usr/bin/swtpm", X_OK) == 0;
}

static void
note(const struct swtpm *was, struct swtpm *is)
{
	for (size_t i = 0; i < RUNNING_MAX; i++) {
		if (running[i] == was) {
			running[i] = is;
			return;
		}
	}
	fail_msg("more TPMs than the test has room for");
}

static bool
answers(const char *path)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool is_there;

	assert_true(fd >= 0);
	assert_true(strlen(path) < sizeof(at.sun_path));
	memcpy(at.sun_path, path, strlen(path) + 1);
	is_there = connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0;
	close(fd);
	return is_there;
}

void
swtpm_again(struct swtpm *t)
{
	char state[200], server[200], control[200], log[200], path[80];
	const char *const arguments[] = { "/usr/bin/swtpm", "socket", "--tpm2", "--tpmstate", state,
		"--server", server, "--ctrl", control, "--flags", "not-need-init,startup-clear",
		"--log", log, NULL };

	snprintf(state, sizeof(state), "dir=%s", t->folder);
	assert_true(snprintf(path, sizeof(path), "%s/tpm", t->folder) < (int)sizeof(path));
	snprintf(server, sizeof(server), "type=unixio,path=%s", path);
	snprintf(control, sizeof(control), "type=unixio,path=%s.ctrl", path);
	snprintf(t->tcti, sizeof(t->tcti), "swtpm:path=%s", path);
	snprintf(log, sizeof(log), "file=%s/log", t->folder);
	(void)unlink(path);
	spawn_program(&t->process, arguments);
	t->is_running = true;
	note(NULL, t);
	for (int waited = 0; !answers(path); waited += 5) {
		const struct timespec moment = { .tv_nsec = 5000000 };

		assert_true(waited < START_LIMIT_MS);
		nanosleep(&moment, NULL);
	}
}

void
swtpm_start(struct swtpm *t)
{
	*t = (struct swtpm){ .folder = temporary_folder() };
	swtpm_again(t);
}

void
swtpm_kill(struct swtpm *t)
{
	if (t->is_running) {
		spawned_end(&t->process, SIGKILL, 5000);
		t->is_running = false;
		note(t, NULL);
	}
}

void
swtpm_end(struct swtpm *t)
{
	swtpm_kill(t);
	if (t->folder != NULL) {
		temporary_folder_remove(t->folder);
	}
}

int
swtpm_end_all(void **state)
{
	(void)state;
	for (size_t i = 0; i < RUNNING_MAX; i++) {
		if (running[i] != NULL) {
			spawned_end(&running[i]->process, SIGKILL, 5000);
			running[i] = NULL;
		}
	}
	return 0;
}
