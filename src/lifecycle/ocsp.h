#pragma once
/*
 * OCSP (RFC 6960, the lightweight profile of RFC 5019): signed on demand by the issuer's delegated responder, kept, and
 * given again for as long as it is true and young.
 *
 * Invariants:
 *   1. A kept answer is given only while its mark stands (store/store.h): the first answer behind a commit that changes the
 *      certificate, its device, the policy or the responder is a new one.
 *   2. Only an answer about one certificate that we issued is kept, and none with a nonce: whoever asks for serials that were
 *      never given costs a signature each, and no memory.
 *   3. From half of its life on an answer is made anew by the first who asks, so that everybody gets one with half an hour left.
 */
#include "lifecycle/session.h"
#include "pki/ocsp_answer.h"

/* What is remembered between answers: issuers by the hashes that requests name them by, and answers. One a process. */
struct ocsp_memory;
MUST_USE status ocsp_memory_new(struct store *s, struct ocsp_memory **out, struct diag *d);
void ocsp_memory_free(struct ocsp_memory *m);

struct ocsp_dates {
	int64_t this_update_s;
	int64_t next_update_s; /* 0: it must not be cached by anybody */
	int64_t renewed_s;     /* when we will make it anew */
};

/* What is known without asking store or signer, so without waiting. Any thread. */
enum ocsp_at_once {
	OCSP_ASK,     /* nothing: ocsp_answer_many is to be called, on a worker */
	OCSP_KEPT,    /* here is the answer */
	OCSP_REFUSED, /* here is an unsigned refusal */
};
/* A kept answer, and what was kept with it. */
#define OCSP_NOTE_MAX 512
struct ocsp_given {
	struct buffer *answer; /* appended to */
	uint8_t note[OCSP_NOTE_MAX];
	size_t note_len;
};
enum ocsp_at_once ocsp_answer_at_once(
	struct ocsp_memory *m, int64_t now_s, const struct ocsp_request *r, struct ocsp_given *out);
/* Whether an authority of this name is there: 1, 0, or -1: ask the store. Never waits. */
int ocsp_knows_authority(struct ocsp_memory *m, span name);

/* What the store says of one certificate. */
struct ocsp_verdict {
	enum ocsp_status status;
	int64_t revoked_s;
	uint32_t reason;
	struct store_mark mark;
};

/* Of an answer just made. */
struct ocsp_made {
	struct ocsp_dates dates;
	bool may_be_kept;
	span id; /* the CertID, in the request */
	struct ocsp_verdict verdict;
};

/*
 * The signed answers, or for some one of the unsigned refusals, as DER in `out`; OK in either case. By one message to the signer, at
 * most OCSP_BATCH_MAX. Waits for store and signer. `d` is of no use where all are answered, with refusals if need be.
 */
struct ocsp_ask {
	const struct ocsp_request *request;
	struct buffer *out;
	struct ocsp_made *made;
};
MUST_USE status ocsp_answer_many(
	struct session *s, const struct ocsp_ask *asks, size_t count, struct diag *d);
/* Keeps it where it may be kept, and with it what the caller wants back (at most OCSP_NOTE_MAX bytes). */
void ocsp_keep(struct ocsp_memory *m, const struct ocsp_made *made, span answer, span note);
