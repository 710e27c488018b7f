#include "signer/client_call.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "signer/channel.h"

/*
 * Invariant, under `lock`: a channel is `busy` while one call uses it. A call that meets a
 * broken channel marks the signer broken; when the last busy channel has
 * come back, the next call starts a new signer with new channels.
 */
#define REPLY_LIMIT_S 60

static void
close_channels(struct signer *s)
{
	for (unsigned i = 0; i < s->count; i++) {
		if (s->channels[i].fd >= 0) {
			close(s->channels[i].fd);
		}
		s->channels[i].fd = -1;
	}
}

/* In the child: the other ends of the channels survive the exec, everything else closes. */
static void __attribute__((noreturn)) become_signer(const struct signer *s, const int *ends)
{
	char list[CHANNELS_MAX * 8] = "";
	const char *argv[16];
	size_t n = 0, at = 0;

	for (unsigned i = 0; i < s->count; i++) {
		fcntl(ends[i], F_SETFD, 0);
		at += (size_t)snprintf(
			list + at, sizeof(list) - at, "%s%d", i > 0 ? "," : "", ends[i]);
	}
	argv[n++] = "tenure-signer";
	argv[n++] = "--keys";
	argv[n++] = s->keys;
	argv[n++] = "--channels";
	argv[n++] = list;
	if (s->profiles[0] != '\0') {
		argv[n++] = "--profiles";
		argv[n++] = s->profiles;
	}
	if (s->passphrase_file[0] != '\0') {
		argv[n++] = "--passphrase-file";
		argv[n++] = s->passphrase_file;
	}
	if (s->create) {
		argv[n++] = "--create";
	}
	argv[n] = NULL;
	execv(s->program, (char *const *)(uintptr_t)argv);
	_exit(127);
}

status
client_nonsense(struct diag *d)
{
	return diag_set(d, UNAVAILABLE, NULL, "the signer answered nonsense");
}

status
client_take_refusal(struct wire_reader *w, status s, struct diag *d)
{
	span text = wire_bytes(w, 512), clause = wire_bytes(w, 128);
	char copy[64];

	if (w->failed || s >= STATUS_COUNT) {
		return client_nonsense(d);
	}
	snprintf(copy, sizeof(copy), "%.*s", (int)clause.len, (const char *)clause.data);
	return diag_set(d, s, copy, "%.*s", (int)text.len, (const char *)text.data);
}

static status
await_ready(struct signer *s, struct diag *d)
{
	struct buffer frame;
	struct wire_reader w;
	status result;

	buffer_init(&frame, 4096);
	if (!channel_read(s->channels[0].fd, &frame)) {
		buffer_wipe(&frame);
		return diag_set(d, UNAVAILABLE, NULL, "%s did not start", s->program);
	}
	w = (struct wire_reader){ .rest = buffer_span(&frame) };
	result = (status)wire_u8(&w);
	if (result != OK) {
		result = client_take_refusal(&w, result, d);
	}
	buffer_wipe(&frame);
	return result;
}

static void
reap(struct signer *s, int signal_number)
{
	if (s->pid > 0) {
		if (signal_number != 0) {
			kill(s->pid, signal_number);
		}
		while (waitpid(s->pid, NULL, 0) < 0 && errno == EINTR) {
			continue;
		}
		s->pid = 0;
	}
}

/* Under the lock, with no channel busy. */
static status
spawn(struct signer *s, struct diag *d)
{
	const struct timeval limit = { .tv_sec = REPLY_LIMIT_S };
	int ends[CHANNELS_MAX];
	status result;

	if (access(s->program, X_OK) != 0) {
		return diag_set(d, UNAVAILABLE, NULL, "the signer %s cannot be run: %s", s->program,
			strerror(errno));
	}
	for (unsigned i = 0; i < s->count; i++) {
		int pair[2];

		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
			for (unsigned k = 0; k < i; k++) {
				close(ends[k]);
			}
			close_channels(s);
			return diag_set(
				d, IO, NULL, "no channel to the signer: %s", strerror(errno));
		}
		s->channels[i] = (struct channel){ .fd = pair[0] };
		ends[i] = pair[1];
		(void)setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	}
	s->pid = fork();
	if (s->pid == 0) {
		become_signer(s, ends);
	}
	for (unsigned i = 0; i < s->count; i++) {
		close(ends[i]);
	}
	result = s->pid > 0 ? await_ready(s, d)
			    : diag_set(d, IO, NULL, "cannot start the signer: %s", strerror(errno));
	s->is_broken = result != OK;
	if (result != OK) {
		close_channels(s);
		reap(s, SIGKILL);
	}
	return result;
}

static status
restart(struct signer *s, struct diag *d)
{
	close_channels(s);
	reap(s, SIGKILL);
	if (!s->can_restart) {
		return diag_set(d, UNAVAILABLE, NULL,
			"the signer has ended; its passphrase was typed in and is not kept: start "
			"the "
			"server again");
	}
	diag_clear(&s->why);
	if (spawn(s, &s->why) != OK) {
		return diag_set(d, UNAVAILABLE, NULL, "the signer does not start: %s", s->why.text);
	}
	log_event(LOG_WARNING, "signer_restarted", "pid=%d", (int)s->pid);
	return OK;
}

/* It died between two requests: nobody need hear of it. The signer says nothing unasked, so that what can be read is the end. */
static bool
has_gone(int fd)
{
	uint8_t byte;

	return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 || errno != EAGAIN;
}

/* Under the lock. The calls on the other channels must come back too, whatever became of it. */
static void
break_down(struct signer *s)
{
	s->is_broken = true;
	if (s->pid > 0) {
		kill(s->pid, SIGKILL);
	}
}

static status
take_channel(struct signer *s, unsigned *out, struct diag *d)
{
	status result = OK;

	pthread_mutex_lock(&s->lock);
	for (;;) {
		if (s->is_stopping) {
			result = diag_set(d, UNAVAILABLE, NULL, "the server is stopping");
			break;
		}
		if (s->is_broken && s->busy == 0) {
			result = restart(s, d);
			if (result != OK) {
				break;
			}
		}
		if (!s->is_broken && s->busy < s->count) {
			for (*out = 0; s->channels[*out].is_busy; (*out)++) {
				continue;
			}
			if (has_gone(s->channels[*out].fd)) {
				break_down(s);
				continue;
			}
			s->channels[*out].is_busy = true;
			s->busy++;
			break;
		}
		pthread_cond_wait(&s->freed, &s->lock);
	}
	pthread_mutex_unlock(&s->lock);
	return result;
}

static void
give_channel(struct signer *s, unsigned number, bool is_sound)
{
	pthread_mutex_lock(&s->lock);
	s->channels[number].is_busy = false;
	s->busy--;
	if (!is_sound && !s->is_broken) {
		break_down(s);
	}
	pthread_cond_broadcast(&s->freed);
	pthread_mutex_unlock(&s->lock);
}

status
client_call(struct signer *s, enum message_type type, const struct buffer *body,
	struct buffer *answer, struct wire_reader *w, struct diag *d)
{
	uint8_t head[6];
	uint32_t len = (uint32_t)body->len + 2;
	unsigned number = 0;
	bool is_sound;
	status result;

	if (buffer_fault(body) == NO_MEMORY) {
		return diag_set(d, NO_MEMORY, NULL, "no memory for a request to the signer");
	}
	if (buffer_failed(body) || body->len > message_rule(type)->body_max) {
		return diag_set(d, LIMIT, NULL, "a request to the signer of %zu bytes", body->len);
	}
	result = take_channel(s, &number, d);
	if (result != OK) {
		return result;
	}
	for (int k = 0; k < 4; k++) {
		head[k] = (uint8_t)(len >> 8 * k);
	}
	head[4] = (uint8_t)type;
	head[5] = 0;
	is_sound = channel_send(s->channels[number].fd, SPAN_ARRAY(head), buffer_span(body)) &&
		   channel_read(s->channels[number].fd, answer);
	give_channel(s, number, is_sound);
	if (!is_sound) {
		return diag_set(
			d, UNAVAILABLE, NULL, "the signer ended during the request; try again");
	}
	*w = (struct wire_reader){ .rest = buffer_span(answer) };
	result = (status)wire_u8(w);
	return result == OK ? OK : client_take_refusal(w, result, d);
}

status
signer_health(struct signer *s, struct diag *d)
{
	struct buffer body, answer;
	struct wire_reader w;
	status result;

	buffer_init(&body, 64);
	buffer_init(&answer, SIGNER_FRAME_MAX + 16);
	result = client_call(s, MESSAGE_KEYS, &body, &answer, &w, d);
	buffer_wipe(&answer);
	buffer_wipe(&body);
	return result;
}

int
signer_pid(struct signer *s)
{
	int pid;

	pthread_mutex_lock(&s->lock);
	pid = s->is_broken ? 0 : (int)s->pid;
	pthread_mutex_unlock(&s->lock);
	return pid;
}

void
signer_stop(struct signer *s)
{
	if (s == NULL) {
		return;
	}
	pthread_mutex_lock(&s->lock);
	s->is_stopping = true;
	while (s->busy > 0) {
		pthread_cond_wait(&s->freed, &s->lock);
	}
	close_channels(s); /* it ends by itself when they are gone */
	reap(s, 0);
	pthread_mutex_unlock(&s->lock);
	pthread_mutex_destroy(&s->queue_lock);
	pthread_mutex_destroy(&s->lock);
	pthread_cond_destroy(&s->freed);
	free(s);
}

status
signer_start(const struct signer_options *o, struct signer **out, struct diag *d)
{
	struct signer *s = calloc(1, sizeof(*s));
	const char *credentials = getenv("CREDENTIALS_DIRECTORY");
	status result;

	if (s == NULL) {
		return diag_set(d, NO_MEMORY, NULL, "no memory for the signer");
	}
	pthread_mutex_init(&s->queue_lock, NULL);
	s->end = &s->first;
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->freed, NULL);
	s->count = o->channels > 0 && o->channels <= CHANNELS_MAX ? o->channels : 2;
	for (unsigned i = 0; i < s->count; i++) {
		s->channels[i].fd = -1;
	}
	snprintf(s->program, sizeof(s->program), "%s", o->program);
	snprintf(s->keys, sizeof(s->keys), "%s", o->keys);
	snprintf(s->profiles, sizeof(s->profiles), "%s", o->profiles != NULL ? o->profiles : "");
	snprintf(s->passphrase_file, sizeof(s->passphrase_file), "%s",
		o->passphrase_file != NULL ? o->passphrase_file : "");
	s->create = o->create;
	s->can_restart = s->passphrase_file[0] != '\0' || credentials != NULL;
	result = spawn(s, d);
	if (result != OK) {
		signer_stop(s);
		return result;
	}
	*out = s;
	return OK;
}
