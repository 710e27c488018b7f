#include "signer/client_call.h"

#include <semaphore.h>

#include "ledger/sequencer.h"

#define GATHERED_MAX 64 /* requests of several threads in a frame: far below what one may hold */

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
			r->status = client_take_refusal(w, r->status, &r->diag);
			continue;
		}
		r->der = arena_copy(a, wire_bytes(w, CERTIFICATE_SIZE_MAX));
		/* Read on: what follows may be another's. */
		has_memory = has_memory && (r->der.data != NULL || w->failed);
	}
	if (w->failed) {
		return client_nonsense(d);
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
			size_t begin = wire_begin_bytes(body);

			message_put_issue(body, &k->requests[i]);
			wire_end_bytes(body, begin);
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
	result = client_call(s, MESSAGE_ISSUE, &body, &answer, &w, &d);
	while (list != NULL) {
		struct asking *next = list->next; /* gone as soon as it is told */

		list->status = result;
		list->diag = d;
		if (result == OK) {
			list->status = take_results(
				&w, list->arena, list->count, list->results, &list->diag);
		}
		if (list->status == OK && next == NULL && !wire_is_whole(&w)) {
			list->status = client_nonsense(&list->diag);
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

/* --- a frame of many of one call's own --- */

struct batch {
	enum message_type type;
	const char *what;
	size_t count, max;
	void (*put)(struct buffer *body, const void *requests, size_t number);
	const void *requests;
};

static void
put_batch(struct buffer *body, const struct batch *b)
{
	wire_put_u16(body, (uint16_t)b->count);
	for (size_t i = 0; i < b->count; i++) {
		size_t begin = wire_begin_bytes(body);

		b->put(body, b->requests, i);
		wire_end_bytes(body, begin);
	}
}

/* OK: `w` stands before the first result. Wiped by the caller, whatever came of it. */
static status
call_batch(struct signer *s, const struct batch *b, struct buffer *answer, struct wire_reader *w,
	struct diag *d)
{
	struct buffer body;
	status result;

	buffer_init(answer, SIGNER_FRAME_MAX + 16);
	if (b->count > b->max) {
		return diag_set(d, LIMIT, NULL, "over %zu %s at once", b->max, b->what);
	}
	buffer_init(&body, SIGNER_FRAME_MAX);
	put_batch(&body, b);
	result = client_call(s, b->type, &body, answer, w, d);
	buffer_wipe(&body);
	return result;
}

static void
put_birth(struct buffer *body, const void *requests, size_t number)
{
	message_put_birth(body, (const struct birth_request *)requests + number);
}

status
signer_issue_birth(struct signer *s, struct arena *a, const struct birth_request *requests,
	size_t count, struct issue_result *results, struct diag *d)
{
	const struct batch b = { MESSAGE_BIRTH, "certificates", count, ISSUE_BATCH_MAX, put_birth,
		requests };
	struct buffer answer;
	struct wire_reader w = { 0 };
	status result = call_batch(s, &b, &answer, &w, d);

	if (result == OK) {
		result = take_results(&w, a, count, results, d);
	}
	if (result == OK && !wire_is_whole(&w)) {
		result = client_nonsense(d);
	}
	buffer_wipe(&answer);
	return result;
}

static void
put_ocsp(struct buffer *body, const void *requests, size_t number)
{
	message_put_ocsp(body, ((const struct ocsp_sign_request *const *)requests)[number]);
}

static status
take_answers(struct wire_reader *w, struct ocsp_sign_result *results, size_t count, struct diag *d)
{
	for (size_t i = 0; i < count; i++) {
		struct ocsp_sign_result *r = &results[i];

		r->status = (status)wire_u8(w);
		if (r->status != OK) {
			r->status = client_take_refusal(w, r->status, &r->diag);
			continue;
		}
		buffer_put(r->out, wire_bytes(w, SIGNER_FRAME_MAX));
		if (buffer_failed(r->out)) {
			r->status = diag_set(&r->diag, NO_MEMORY, NULL, "no memory for an answer");
		}
	}
	return wire_is_whole(w) ? OK : client_nonsense(d);
}

status
signer_ocsp_many(struct signer *s, const struct ocsp_sign_request *const *requests, size_t count,
	struct ocsp_sign_result *results, struct diag *d)
{
	const struct batch b = { MESSAGE_OCSP, "OCSP answers", count, OCSP_BATCH_MAX, put_ocsp,
		requests };
	struct buffer answer;
	struct wire_reader w = { 0 };
	status result = call_batch(s, &b, &answer, &w, d);

	if (result == OK) {
		result = take_answers(&w, results, count, d);
	}
	buffer_wipe(&answer);
	return result;
}

/* --- one at a time --- */

/* For the messages that answer with one run of bytes. */
static status
call_for_bytes(struct signer *s, enum message_type type, struct buffer *body, struct buffer *out,
	struct diag *d)
{
	struct buffer answer;
	struct wire_reader w;
	status result;

	buffer_init(&answer, SIGNER_FRAME_MAX + 16);
	result = client_call(s, type, body, &answer, &w, d);
	if (result == OK) {
		buffer_put(out, wire_bytes(&w, SIGNER_FRAME_MAX));
		result = !wire_is_whole(&w)   ? client_nonsense(d)
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
		result = client_nonsense(d);
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
		result = client_nonsense(d);
	}
	buffer_wipe(&got);
	return result;
}
