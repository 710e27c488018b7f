#include "signer/client.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "ledger/sequencer.h"
#include "signer/channel.h"
#include "signer/message.h"

/*
 * Invariant, under `lock`: a channel is `busy` while one call uses it. A call that meets a
 * broken channel marks the signer broken; when the last busy channel has
 * come back, the next call starts a new signer with new channels.
 */
#define CHANNELS_MAX 64
#define REPLY_LIMIT_S 60
#define GATHERED_MAX 64 /* requests of several threads in a frame: far below what one may hold */

struct channel {
	int fd;
	bool is_busy;
};

/* Certificates that a thread waits for; lives on its stack. */
struct asking {
	struct asking *next;
	struct arena *arena;
	const struct issue_request *requests;
	size_t count;
	struct issue_result *results;
	status status;
	struct diag diag;
	bool is_sender; /* woken to send the list that it begins, not with its answer */
	sem_t woken;
};

struct signer {
	pthread_mutex_t queue_lock; /* guards `first`, `end` and `senders` */
	struct asking *first, **end;
	unsigned senders;

	pthread_mutex_t lock;
	pthread_cond_t freed;
	struct channel channels[CHANNELS_MAX];
	unsigned count, busy;
	pid_t pid;
	bool is_broken, is_stopping;
	bool can_restart; /* the passphrase can be read again */
	struct diag why;  /* of the last failed start */
	char program[4096], keys[4096], profiles[4096], passphrase_file[4096];
	bool create;
};

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

/* A refusal's words into the diag; returns its status. */
static status
take_refusal(struct wire_reader *w, status s, struct diag *d)
{
	span text = wire_bytes(w, 512), clause = wire_bytes(w, 128);
	char copy[64];

	if (w->failed || s >= STATUS_COUNT) {
		return diag_set(d, UNAVAILABLE, NULL, "the signer answered nonsense");
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
		result = take_refusal(&w, result, d);
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

/* One request, one answer: `answer` gets the frame; `w` stands behind its status byte. */
static status
call(struct signer *s, enum message_type type, const struct buffer *body, struct buffer *answer,
	struct wire_reader *w, struct diag *d)
{
	uint8_t head[6];
	uint32_t len = (uint32_t)body->len + 2;
	unsigned number = 0;
	bool is_sound;
	status result;

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
	return result == OK ? OK : take_refusal(w, result, d);
}

static status
nonsense(struct diag *d)
{
	return diag_set(d, UNAVAILABLE, NULL, "the signer answered nonsense");
}

/* The answers of a batch, each with its own status. */
static status
take_results(struct wire_reader *w, struct arena *a, size_t count, struct issue_result *results,
	struct diag *d)
{
	bool has_memory = true;

	for (size_t i = 0; i < count; i++) {
		struct issue_result *r = &results[i];

		*r = (struct issue_result){ 0 };
		r->status = (status)wire_u8(w);
		if (r->status != OK) {
			r->status = take_refusal(w, r->status, &r->diag);
			continue;
		}
		r->der = arena_copy(a, wire_bytes(w, CERTIFICATE_SIZE_MAX));
		/* Read on: what follows may be another's. */
		has_memory = has_memory && (r->der.data != NULL || w->failed);
	}
	if (w->failed) {
		return nonsense(d);
	}
	return has_memory ? OK : diag_set(d, NO_MEMORY, NULL, "no memory for certificates");
}

/* --- certificates: whoever finds a channel free sends for all who wait --- */

/*
 * Invariant, under `queue_lock`: `senders` counts those who have a list to send, one a channel at the most; somebody waits in the
 * queue only while there are as many. Who sends is not in the queue, and nobody else tells those of his list.
 */

/* Under the lock. What one frame takes, at least one. */
static struct asking *
take_asking(struct signer *s)
{
	struct asking *list = s->first, *last = list;
	size_t count = list->count;

	while (last->next != NULL && count + last->next->count <= GATHERED_MAX) {
		last = last->next;
		count += last->count;
	}
	s->first = last->next;
	if (s->first == NULL) {
		s->end = &s->first;
	}
	last->next = NULL;
	return list;
}

/* The next one who waits sends, with the list that begins with him; or nobody is left. */
static void
pass_on(struct signer *s)
{
	struct asking *next = NULL;

	pthread_mutex_lock(&s->queue_lock);
	if (s->first == NULL) {
		s->senders--;
	} else {
		next = take_asking(s);
		next->is_sender = true;
	}
	pthread_mutex_unlock(&s->queue_lock);
	if (next != NULL) {
		sem_post(&next->woken);
	}
}

static void
put_asking(struct buffer *body, const struct asking *list)
{
	size_t count = 0;

	for (const struct asking *k = list; k != NULL; k = k->next) {
		count += k->count;
	}
	wire_put_u16(body, (uint16_t)count);
	for (const struct asking *k = list; k != NULL; k = k->next) {
		for (size_t i = 0; i < k->count; i++) {
			message_put_issue(body, &k->requests[i]);
		}
	}
}

/* One frame for all of the list, and each his answer. It begins with the sender's own, who needs no waking. */
static void
send_asking(struct signer *s, struct asking *list)
{
	const struct asking *own = list;
	struct buffer body, answer;
	struct wire_reader w = { 0 };
	struct diag d = { 0 };
	status result;

	buffer_init(&body, SIGNER_FRAME_MAX);
	buffer_init(&answer, SIGNER_FRAME_MAX + 16);
	put_asking(&body, list);
	result = call(s, MESSAGE_ISSUE, &body, &answer, &w, &d);
	while (list != NULL) {
		struct asking *next = list->next; /* gone as soon as it is told */

		list->status = result;
		list->diag = d;
		if (result == OK) {
			list->status = take_results(
				&w, list->arena, list->count, list->results, &list->diag);
		}
		if (list->status == OK && next == NULL && !wire_is_whole(&w)) {
			list->status = nonsense(&list->diag);
		}
		if (list != own) {
			sem_post(&list->woken);
		}
		list = next;
	}
	buffer_wipe(&body);
	buffer_wipe(&answer);
}

/* True: a channel is free, and is this one's. False: it stands in the queue until it is woken. */
static bool
take_turn(struct signer *s, struct asking *a)
{
	bool is_sender;

	pthread_mutex_lock(&s->queue_lock);
	is_sender = s->senders < s->count;
	a->is_sender = is_sender;
	if (is_sender) {
		s->senders++;
	} else {
		*s->end = a;
		s->end = &a->next;
	}
	pthread_mutex_unlock(&s->queue_lock);
	return is_sender;
}

status
signer_issue(struct signer *s, struct arena *a, const struct issue_request *requests, size_t count,
	struct issue_result *results, struct diag *d)
{
	struct asking own = {
		.arena = a, .requests = requests, .count = count, .results = results
	};
	bool must_wait;

	if (count > ISSUE_BATCH_MAX) {
		return diag_set(d, LIMIT, NULL, "over %d certificates at once", ISSUE_BATCH_MAX);
	}
	sem_init(&own.woken, 0, 0);
	must_wait = !take_turn(s, &own);
	while (must_wait && sem_wait(&own.woken) != 0) {
		/* a signal */
	}
	if (own.is_sender) {
		send_asking(s, &own);
		pass_on(s);
	}
	sem_destroy(&own.woken);
	if (own.status != OK) {
		(void)diag_copy(d, &own.diag);
	}
	return own.status;
}

status
signer_issue_birth(struct signer *s, struct arena *a, const struct birth_request *requests,
	size_t count, struct issue_result *results, struct diag *d)
{
	struct buffer body, answer;
	struct wire_reader w;
	status result;

	buffer_init(&body, SIGNER_FRAME_MAX);
	buffer_init(&answer, SIGNER_FRAME_MAX + 16);
	wire_put_u16(&body, (uint16_t)count);
	for (size_t i = 0; i < count; i++) {
		message_put_birth(&body, &requests[i]);
	}
	result = count <= ISSUE_BATCH_MAX ? call(s, MESSAGE_BIRTH, &body, &answer, &w, d)
					  : diag_set(d, LIMIT, NULL, "over %d certificates at once",
						    ISSUE_BATCH_MAX);
	if (result == OK) {
		result = take_results(&w, a, count, results, d);
	}
	if (result == OK && !wire_is_whole(&w)) {
		result = nonsense(d);
	}
	buffer_wipe(&body);
	buffer_wipe(&answer);
	return result;
}

/* For the messages that answer with one run of bytes. */
static status
call_for_bytes(struct signer *s, enum message_type type, struct buffer *body, struct buffer *out,
	struct diag *d)
{
	struct buffer answer;
	struct wire_reader w;
	status result;

	buffer_init(&answer, SIGNER_FRAME_MAX + 16);
	result = call(s, type, body, &answer, &w, d);
	if (result == OK) {
		buffer_put(out, wire_bytes(&w, SIGNER_FRAME_MAX));
		result = !wire_is_whole(&w)   ? nonsense(d)
			 : buffer_failed(out) ? diag_set(d, NO_MEMORY, NULL, "no memory")
					      : OK;
	}
	buffer_wipe(&answer);
	buffer_wipe(body);
	return result;
}

static status
bytes_in_arena(struct arena *a, struct buffer *got, status result, span *out, struct diag *d)
{
	if (result == OK) {
		*out = arena_copy(a, buffer_span(got));
		if (out->data == NULL) {
			result = diag_set(d, NO_MEMORY, NULL, "no memory");
		}
	}
	buffer_wipe(got);
	return result;
}

status
signer_create(struct signer *s, struct arena *a, const struct create_request *r, span *certificate,
	struct diag *d)
{
	struct buffer body, got;

	buffer_init(&body, SIGNER_FRAME_MAX);
	buffer_init(&got, CERTIFICATE_SIZE_MAX);
	message_put_create(&body, r);
	return bytes_in_arena(
		a, &got, call_for_bytes(s, MESSAGE_CREATE, &body, &got, d), certificate, d);
}

status
signer_crl(struct signer *s, const struct crl_request *r, struct buffer *out, struct diag *d)
{
	struct buffer body;

	buffer_init(&body, SIGNER_FRAME_MAX);
	message_put_crl(&body, r);
	return call_for_bytes(s, MESSAGE_CRL, &body, out, d);
}

static status
take_answers(struct wire_reader *w, struct ocsp_sign_result *results, size_t count, struct diag *d)
{
	for (size_t i = 0; i < count; i++) {
		struct ocsp_sign_result *r = &results[i];

		r->status = (status)wire_u8(w);
		if (r->status != OK) {
			r->status = take_refusal(w, r->status, &r->diag);
			continue;
		}
		buffer_put(r->out, wire_bytes(w, SIGNER_FRAME_MAX));
		if (buffer_failed(r->out)) {
			r->status = diag_set(&r->diag, NO_MEMORY, NULL, "no memory for an answer");
		}
	}
	return wire_is_whole(w) ? OK : nonsense(d);
}

status
signer_ocsp_many(struct signer *s, const struct ocsp_sign_request *const *requests, size_t count,
	struct ocsp_sign_result *results, struct diag *d)
{
	struct buffer body, answer;
	struct wire_reader w;
	status result;

	buffer_init(&body, SIGNER_FRAME_MAX);
	buffer_init(&answer, SIGNER_FRAME_MAX + 16);
	wire_put_u16(&body, (uint16_t)count);
	for (size_t i = 0; i < count; i++) {
		message_put_ocsp(&body, requests[i]);
	}
	result = count <= OCSP_BATCH_MAX
			 ? call(s, MESSAGE_OCSP, &body, &answer, &w, d)
			 : diag_set(d, LIMIT, NULL, "over %d answers at once", OCSP_BATCH_MAX);
	if (result == OK) {
		result = take_answers(&w, results, count, d);
	}
	buffer_wipe(&body);
	buffer_wipe(&answer);
	return result;
}

status
signer_ocsp(struct signer *s, const struct ocsp_sign_request *r, struct buffer *out, struct diag *d)
{
	struct ocsp_sign_result one = { .out = out };
	status result = signer_ocsp_many(s, &r, 1, &one, d);

	return result == OK && one.status != OK ? diag_copy(d, &one.diag) : result;
}

status
signer_checkpoint(struct signer *s, const char *origin, int64_t size, const uint8_t root[32],
	struct buffer *note, struct diag *d)
{
	struct buffer body;

	buffer_init(&body, SIGNER_FRAME_MAX);
	wire_put_text(&body, origin);
	wire_put_i64(&body, size);
	buffer_put(&body, span_of(root, 32));
	return call_for_bytes(s, MESSAGE_CHECKPOINT, &body, note, d);
}

static status
sign_for_ledger(void *context, const char *origin, uint64_t size, const hash *root,
	struct buffer *note, struct diag *d)
{
	return signer_checkpoint(context, origin, (int64_t)size, root->bytes, note, d);
}

struct checkpoint_signer
signer_for_ledger(struct signer *s)
{
	return (struct checkpoint_signer){ sign_for_ledger, s };
}

status
signer_manifest_entry(struct signer *s, struct arena *a, const struct manifest_entry_request *r,
	span *json, struct diag *d)
{
	struct buffer body, got;

	buffer_init(&body, SIGNER_FRAME_MAX);
	buffer_init(&got, MANIFEST_ENTRY_MAX);
	message_put_manifest_entry(&body, r);
	return bytes_in_arena(
		a, &got, call_for_bytes(s, MESSAGE_MANIFEST_ENTRY, &body, &got, d), json, d);
}

status
signer_keys(struct signer *s, struct arena *a, struct held_key **out, size_t *count, struct diag *d)
{
	struct buffer body, got;
	struct wire_reader w;
	status result;

	buffer_init(&body, SIGNER_FRAME_MAX);
	buffer_init(&got, SIGNER_FRAME_MAX);
	result = call_for_bytes(s, MESSAGE_KEYS, &body, &got, d);
	w = (struct wire_reader){ .rest = buffer_span(&got) };
	*count = result == OK ? wire_u32(&w) : 0;
	if (result == OK && *count > 4096) {
		result = nonsense(d);
	}
	if (result == OK) {
		*out = arena_array(a, *count > 0 ? *count : 1, sizeof(**out));
		result = *out != NULL ? OK : diag_set(d, NO_MEMORY, NULL, "no memory");
	}
	for (size_t i = 0; result == OK && i < *count; i++) {
		struct held_key *k = &(*out)[i];

		wire_text(&w, k->name, sizeof(k->name));
		k->role = (enum key_role)wire_u8(&w);
		k->phase = (enum phase)wire_u8(&w);
		k->certificate = arena_copy(a, wire_bytes(&w, CERTIFICATE_SIZE_MAX));
	}
	if (result == OK && !wire_is_whole(&w)) {
		result = nonsense(d);
	}
	buffer_wipe(&got);
	return result;
}

status
signer_health(struct signer *s, struct diag *d)
{
	struct buffer body, answer;
	struct wire_reader w;
	status result;

	buffer_init(&body, 64);
	buffer_init(&answer, SIGNER_FRAME_MAX + 16);
	result = call(s, MESSAGE_KEYS, &body, &answer, &w, d);
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
