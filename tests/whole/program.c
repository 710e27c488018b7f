#include "program.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <curl/curl.h>

#define BODY_MAX (4 << 20)
#define ASK_LIMIT_S 60L

static int
exit_of(int wait_status)
{
	return WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 128 + WTERMSIG(wait_status);
}

int
program_wait(int pid, int limit_ms)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0), told = 0;
	struct pollfd wait = { .fd = fd, .events = POLLIN };

	if (fd < 0) {
		fail_msg("process %d: %s", pid, strerror(errno));
	}
	while (poll(&wait, 1, limit_ms) < 0 && errno == EINTR) {
		continue;
	}
	close(fd);
	if (waitpid(pid, &told, WNOHANG) != pid) {
		return -1;
	}
	return exit_of(told);
}

int
program_end(int pid, int signal, int limit_ms)
{
	int code;

	if (signal != 0) {
		kill(pid, signal);
	}
	code = program_wait(pid, limit_ms);
	if (code < 0) {
		kill(pid, SIGKILL);
		(void)program_wait(pid, 60000);
		return 124;
	}
	return code;
}

bool
program_runs(int pid)
{
	siginfo_t about = { 0 };

	return waitid(P_PID, (id_t)pid, &about, WEXITED | WNOHANG | WNOWAIT) == 0 &&
	       about.si_pid == 0;
}

static char *
take_text(struct arena *a, int fd)
{
	off_t len = lseek(fd, 0, SEEK_END);
	char *text = arena_alloc(a, (size_t)len + 1);

	if (text == NULL || pread(fd, text, (size_t)len, 0) != len) {
		fail_msg("a program's output cannot be read");
	}
	close(fd);
	return text;
}

struct ran
program_run(struct arena *a, const char *const argv[], int limit_ms)
{
	int out = memfd_create("out", MFD_CLOEXEC), err = memfd_create("err", MFD_CLOEXEC);
	struct ran r;
	int pid = fork();

	if (pid < 0 || out < 0 || err < 0) {
		fail_msg("cannot run %s", argv[0]);
	}
	if (pid == 0) {
		int nothing = open("/dev/null", O_RDONLY);

		dup2(nothing, STDIN_FILENO);
		dup2(out, STDOUT_FILENO);
		dup2(err, STDERR_FILENO);
		execv(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	r.exit = program_end(pid, 0, limit_ms);
	r.out = take_text(a, out);
	r.err = take_text(a, err);
	return r;
}

int
program_start(const char *const argv[], const char *const environment[], const char *log)
{
	int to = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	int pid = fork();

	if (pid < 0 || to < 0) {
		fail_msg("cannot start %s: %s", argv[0], strerror(errno));
	}
	if (pid == 0) {
		int nothing = open("/dev/null", O_RDWR);

		prctl(PR_SET_PDEATHSIG,
			SIGKILL); /* a test that is broken off leaves nothing behind */

		dup2(nothing, STDIN_FILENO);
		dup2(nothing, STDOUT_FILENO);
		dup2(to, STDERR_FILENO);
		for (size_t i = 0; environment != NULL && environment[i] != NULL; i++) {
			putenv((char *)(uintptr_t)environment[i]);
		}
		execv(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	close(to);
	return pid;
}

int
program_child(int parent, const char *name)
{
	DIR *folder = opendir("/proc");
	struct dirent *entry;
	int found = 0;

	while (folder != NULL && found == 0 && (entry = readdir(folder)) != NULL) {
		char path[300], short_name[64], state;
		int pid, above;
		FILE *f;

		if (!isdigit((unsigned char)entry->d_name[0])) {
			continue;
		}
		snprintf(path, sizeof(path), "/proc/%s/stat", entry->d_name);
		f = fopen(path, "r");
		if (f == NULL) {
			continue;
		}
		if (fscanf(f, "%d (%63[^)]) %c %d", &pid, short_name, &state, &above) == 4 &&
			above == parent && state != 'Z' && strcmp(short_name, name) == 0) {
			found = pid;
		}
		fclose(f);
	}
	if (folder != NULL) {
		closedir(folder);
	}
	return found;
}

/* --- the API --- */

static size_t
take_body(char *data, size_t size, size_t count, void *context)
{
	struct buffer *b = context;

	buffer_put(b, span_of(data, size * count));
	return buffer_failed(b) ? 0 : size * count;
}

static bool
prepare(CURL *h, const struct asking *q, struct buffer *body, struct curl_slist *headers)
{
	return curl_easy_setopt(h, CURLOPT_URL, q->url) == CURLE_OK &&
	       curl_easy_setopt(h, CURLOPT_CAINFO, q->ca) == CURLE_OK &&
	       curl_easy_setopt(h, CURLOPT_PROXY, "") == CURLE_OK &&
	       curl_easy_setopt(h, CURLOPT_TIMEOUT, ASK_LIMIT_S) == CURLE_OK &&
	       curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
	       curl_easy_setopt(h, CURLOPT_HTTPHEADER, headers) == CURLE_OK &&
	       curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, take_body) == CURLE_OK &&
	       curl_easy_setopt(h, CURLOPT_WRITEDATA, body) == CURLE_OK &&
	       (q->identity == NULL ||
		       (curl_easy_setopt(h, CURLOPT_SSLCERT, q->identity) == CURLE_OK &&
			       curl_easy_setopt(h, CURLOPT_SSLKEY, q->identity) == CURLE_OK)) &&
	       (q->body == NULL ||
		       curl_easy_setopt(h, CURLOPT_COPYPOSTFIELDS, q->body) == CURLE_OK);
}

struct asked
program_ask(struct arena *a, const struct asking *q)
{
	struct curl_slist *headers = NULL;
	CURL *h = curl_easy_init();
	struct asked answer = { 0 };
	CURLcode result;
	struct buffer body;
	long code = 0;

	buffer_init(&body, BODY_MAX);
	if (q->token != NULL) {
		headers = curl_slist_append(
			headers, arena_printf(a, "Authorization: Bearer %s", q->token));
	}
	headers =
		curl_slist_append(headers, arena_printf(a, "Content-Type: %s",
						   q->type != NULL ? q->type : "application/json"));
	if (q->key != NULL) {
		headers =
			curl_slist_append(headers, arena_printf(a, "Idempotency-Key: %s", q->key));
	}
	if (h == NULL || !prepare(h, q, &body, headers)) {
		fail_msg("libcurl cannot be set up");
	}
	result = curl_easy_perform(h);
	answer.was_refused = result == CURLE_COULDNT_CONNECT || result == CURLE_SSL_CONNECT_ERROR;
	answer.fault = curl_easy_strerror(result);
	if (result == CURLE_OK) {
		(void)curl_easy_getinfo(h, CURLINFO_RESPONSE_CODE, &code);
	}
	answer.status = (int)code;
	answer.body = arena_string(a, buffer_span(&body));
	curl_slist_free_all(headers);
	curl_easy_cleanup(h);
	buffer_wipe(&body);
	return answer;
}

const char *
json_member(struct arena *a, const char *json, const char *name)
{
	cJSON *o = cJSON_Parse(json);
	const cJSON *m = cJSON_GetObjectItemCaseSensitive(o, name);
	const char *text = "";

	if (cJSON_IsString(m)) {
		text = arena_string(a, span_text(m->valuestring));
	} else if (cJSON_IsNumber(m)) {
		text = arena_printf(a, "%.0f", m->valuedouble);
	}
	cJSON_Delete(o);
	return text;
}
