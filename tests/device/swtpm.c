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

#include "base/file.h"

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

static void
write_text(const char *folder, const char *name, const char *text)
{
	struct diag d = { 0 };
	char path[200];

	snprintf(path, sizeof(path), "%.100s/%s", folder, name);
	assert_ok(file_replace(path, span_text(text), 0600, &d), d);
}

/* A TPM with a certificate in it, its authority's in `folder`. False: swtpm-tools is not installed. */
static bool
manufacture(const char *folder)
{
	char state[200], config[200], text[900];
	const char *arguments[] = { "/usr/bin/swtpm_setup", "--tpm2", "--tpmstate", folder,
		"--config", config, "--create-ek-cert", "--lock-nvram", "--vmid", "unit-1",
		geteuid() == 0 ? "--runas" : NULL, "root", NULL };
	struct spawned p;
	char line[400];

	if (access(arguments[0], X_OK) != 0 || access("/usr/bin/swtpm_localca", X_OK) != 0) {
		return false;
	}
	snprintf(config, sizeof(config), "%.100s/setup.conf", folder);
	snprintf(text, sizeof(text),
		"create_certs_tool = /usr/bin/swtpm_localca\n"
		"create_certs_tool_config = %.100s/localca.conf\n"
		"create_certs_tool_options = %.100s/localca.options\n",
		folder, folder);
	write_text(folder, "setup.conf", text);
	snprintf(text, sizeof(text),
		"statedir = %.100s\nsigningkey = %.100s/signkey.pem\n"
		"issuercert = %.100s/issuercert.pem\ncertserial = %.100s/certserial\n",
		folder, folder, folder, folder);
	write_text(folder, "localca.conf", text);
	write_text(folder, "localca.options",
		"--platform-manufacturer Acme\n--platform-version 1\n--platform-model Unit\n");
	snprintf(state, sizeof(state), "%s", folder);
	arguments[3] = state;
	spawn_program(&p, arguments);
	while (spawned_line(&p, line, sizeof(line), 60000)) {
		continue;
	}
	assert_int_equal(spawned_end(&p, 0, 60000), 0);
	return true;
}

bool
swtpm_start_manufactured(struct swtpm *t)
{
	*t = (struct swtpm){ .folder = temporary_folder() };
	if (!manufacture(t->folder)) {
		temporary_folder_remove(t->folder);
		t->folder = NULL;
		return false;
	}
	swtpm_again(t);
	return true;
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
