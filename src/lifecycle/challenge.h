#pragma once
/*
 * Challenges that an element attests over: one time, bound to the device and to the purpose, with an end. Nothing is stored
 * when one is given out, so that asking costs nothing; it carries its own end and a MAC by a key of the store's
 * settings, and is burnt (store, change_challenge_burn) by the decision that uses it, in the same transaction.
 *
 *   version(1) = 1 | purpose(1) | expires_s(8, big-endian) | random(16) | MAC(16)     42 bytes
 *   MAC = HMAC-SHA256(key, "tenure challenge" | device id | all before the MAC), its first 16 bytes
 */
#include "lifecycle/session.h"

#define CHALLENGE_LEN 42
#define CHALLENGE_LIFETIME_S 300 /* a slow element on a slow link; a lost one costs a new request */

enum challenge_purpose {
	CHALLENGE_KEY = 1,    /* a new operational key */
	CHALLENGE_ELEMENT = 2 /* a check of the element itself: lifecycle/element_check.h */
};

/* UNAVAILABLE, CRYPTO. expires_s by the server's clock. */
MUST_USE status challenge_new(const struct session *s, const id *device,
	enum challenge_purpose purpose, uint8_t out[CHALLENGE_LEN], int64_t *expires_s,
	struct diag *d);
/*
 * Whether an answer can prove anything: the device's element has what it is checked by. A device does well not to send evidence
 * else, for evidence that cannot be checked is refused even where none is needed.
 */
MUST_USE status challenge_counts(
	struct session *s, const struct device *device, bool *out, struct diag *d);
/* Kinds of the refusals below, beside CHALLENGE_REPLAYED of store/store.h. */
#define CHALLENGE_FOREIGN "attestation-challenge-foreign"
#define CHALLENGE_PURPOSE "attestation-challenge-purpose"
#define CHALLENGE_EXPIRED "attestation-challenge-expired"
/* Ours, for this device and purpose, not expired: OK, and when it ends. DENIED says which of these it is not. Whether it was
 * used before is the commit's to say: EXISTS from change_challenge_burn. Constant time over the MAC. */
MUST_USE status challenge_check(const struct session *s, const id *device,
	enum challenge_purpose purpose, span challenge, int64_t *expires_s, struct diag *d);
/* The same, and not used before as far as the session's snapshot shows: EXISTS, with its kind. */
MUST_USE status challenge_redeem(struct session *s, const id *device,
	enum challenge_purpose purpose, span challenge, int64_t *expires_s, struct diag *d);
/*
 * The key of the store's settings into life->challenge_key; made where it is missing. Once a process, after life->store
 * is open. Who reads it can make challenges, and by them nothing: an element must still answer them.
 */
MUST_USE status challenge_key_load(struct life *life, struct diag *d);
