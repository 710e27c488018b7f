#include "lifecycle/challenge.h"

#include <openssl/rand.h>

#include "lifecycle/anchor.h"
#include "pki/key.h"

#define VERSION 1
#define SETTING_KEY "challenge_key"
#define LABEL "tenure challenge"
#define LABEL_LEN (sizeof(LABEL) - 1)
#define EXPIRES_AT 2 /* offsets of the parts */
#define RANDOM_AT 10
#define MAC_AT 26
#define MAC_LEN (CHALLENGE_LEN - MAC_AT)
#define SETTINGS_ARENA (64 << 10)

static void
put_be64(uint8_t *out, uint64_t value)
{
	for (int i = 7; i >= 0; i--) {
		out[i] = (uint8_t)value;
		value >>= 8;
	}
}

static uint64_t
get_be64(const uint8_t *in)
{
	uint64_t value = 0;

	for (int i = 0; i < 8; i++) {
		value = value << 8 | in[i];
	}
	return value;
}

/* Label and id have a fixed length, so that no two challenges are of one text. */
static void
authenticate(const struct life *life, const id *device, const uint8_t challenge[CHALLENGE_LEN],
	uint8_t mac[32])
{
	uint8_t text[LABEL_LEN + sizeof(device->bytes) + MAC_AT];

	memcpy(text, LABEL, LABEL_LEN);
	memcpy(text + LABEL_LEN, device->bytes, sizeof(device->bytes));
	memcpy(text + LABEL_LEN + sizeof(device->bytes), challenge, MAC_AT);
	hmac_sha256(SPAN_ARRAY(life->challenge_key), SPAN_ARRAY(text), mac);
}

status
challenge_new(const struct session *s, const id *device, enum challenge_purpose purpose,
	uint8_t out[CHALLENGE_LEN], int64_t *expires_s, struct diag *d)
{
	uint8_t mac[32];

	*expires_s = s->now_s + CHALLENGE_LIFETIME_S;
	out[0] = VERSION;
	out[1] = (uint8_t)purpose;
	put_be64(out + EXPIRES_AT, (uint64_t)*expires_s);
	if (RAND_bytes(out + RANDOM_AT, MAC_AT - RANDOM_AT) != 1) {
		return diag_set(d, CRYPTO, NULL, "the system has no randomness");
	}
	authenticate(s->life, device, out, mac);
	memcpy(out + MAC_AT, mac, MAC_LEN);
	return OK;
}

/* Nothing of it is believed before its MAC is good. */
status
challenge_check(const struct session *s, const id *device, enum challenge_purpose purpose,
	span challenge, int64_t *expires_s, struct diag *d)
{
	uint8_t mac[32];

	if (challenge.len == CHALLENGE_LEN) {
		authenticate(s->life, device, challenge.data, mac);
	}
	if (challenge.len != CHALLENGE_LEN || challenge.data[0] != VERSION ||
		!span_equal_secret(span_of(mac, MAC_LEN), span_slice(challenge, MAC_AT, MAC_LEN))) {
		return diag_kind(d,
			diag_set(d, DENIED, NULL,
				"the challenge is none that this server gave to this device: ask "
				"for one"),
			CHALLENGE_FOREIGN);
	}
	if (challenge.data[1] != purpose) {
		return diag_kind(d,
			diag_set(d, DENIED, NULL,
				"the challenge was given for another purpose: ask for one for %s",
				purpose == CHALLENGE_KEY ? "a key" : "a check of the element"),
			CHALLENGE_PURPOSE);
	}
	*expires_s = (int64_t)get_be64(challenge.data + EXPIRES_AT);
	if (s->now_s > *expires_s) {
		return diag_kind(d,
			diag_set(d, DENIED, NULL,
				"the challenge is too old, it was good for %d seconds: ask for one",
				CHALLENGE_LIFETIME_S),
			CHALLENGE_EXPIRED);
	}
	return OK;
}

status
challenge_redeem(struct session *s, const id *device, enum challenge_purpose purpose,
	span challenge, int64_t *expires_s, struct diag *d)
{
	bool is_burnt = false;
	status st = challenge_check(s, device, purpose, challenge, expires_s, d);

	if (st != OK) {
		return st;
	}
	st = read_challenge_is_burnt(s->reader, challenge, &is_burnt);
	if (st != OK) {
		return diag_set(d, st, NULL, "the burnt challenges cannot be read");
	}
	return is_burnt ? diag_kind(d,
				  diag_set(d, EXISTS, NULL,
					  "a replay: the challenge was used before, with another "
					  "request; ask for one"),
				  CHALLENGE_REPLAYED)
			: OK;
}

status
challenge_counts(struct session *s, const struct device *device, bool *out, struct diag *d)
{
	struct anchor anchor;
	status st = OK;

	*out = false;
	if (device->element != 0) {
		st = anchor_read(s, device, &anchor, d);
		*out = st == OK && attestation_can_count(&anchor.known);
	}
	return st;
}

/* --- the key --- */

static status
read_key(struct life *life, struct reader *r, struct arena *a, struct diag *d)
{
	span key;
	status st = reader_begin(r, d);

	if (st != OK) {
		return st;
	}
	st = read_setting(r, a, SETTING_KEY, &key);
	reader_end(r);
	if (st == OK && key.len != sizeof(life->challenge_key)) {
		st = IO;
	}
	if (st == OK) {
		memcpy(life->challenge_key, key.data, sizeof(life->challenge_key));
	}
	return st == OK || st == NOT_FOUND
		       ? st
		       : diag_set(d, st, NULL, "the key of the challenges cannot be read");
}

static status
make_key(struct life *life, struct arena *a, struct diag *d)
{
	struct change *c = change_new(a);

	if (c == NULL) {
		return diag_set(d, NO_MEMORY, NULL, "no memory for the key of the challenges");
	}
	if (RAND_bytes(life->challenge_key, sizeof(life->challenge_key)) != 1) {
		return diag_set(d, CRYPTO, NULL, "the system has no randomness");
	}
	change_setting(c, SETTING_KEY, SPAN_ARRAY(life->challenge_key));
	return store_commit(life->store, c, NULL, d);
}

status
challenge_key_load(struct life *life, struct diag *d)
{
	struct arena *a = arena_new(SETTINGS_ARENA);
	struct reader *r = NULL;
	status st = a != NULL ? reader_open(life->store, &r, d)
			      : diag_set(d, NO_MEMORY, NULL, "no memory for the settings");

	if (st == OK) {
		st = read_key(life, r, a, d);
	}
	if (st == NOT_FOUND) {
		st = make_key(life, a, d);
	}
	reader_close(r);
	arena_free(a);
	return st;
}
