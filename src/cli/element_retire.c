/*
 * tenure element retire: an element whose device's life is over. What holds secrets is overwritten as far as its policy lets it be:
 *
 *   slots 2 to 4   a new key each, which nobody certifies; then locked, with --lock
 *   slot 6         random bytes, in clear; it is the key under which slot 5 is written
 *   slot 5, 9      random bytes; 8: zeros
 *
 * Slots 0 and 1 sign for ever: that an element is retired is what the server says of it.
 */
#include <stdio.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "base/check.h"
#include "cli/element.h"
#include "cli/element_record.h"

#define SLOT_FIRST 2
#define SLOT_LAST 4
#define WRITES_ALWAYS 0	   /* SlotConfig's WriteConfig */
#define WRITES_ENCRYPTED 4 /* this bit of it */
#define BLOCK 32	   /* as much of a slot as a key has */
#define NO_SLOT PART_SLOTS

static const struct field retire_fields[] = {
	{ "slot", "SLOT", FIELD_TEXT, true },
	{ "use", "USE", FIELD_TEXT, true },
	{ "is_done", "OVERWRITTEN", FIELD_YES_NO, true },
	{ "result", "RESULT", FIELD_TEXT, true },
	{ 0 },
};
static const struct view retire_view = { "slot", retire_fields };

struct retiring {
	struct call *call;
	struct element *element;
	struct atecc608 *driver; /* NULL: another kind */
	struct bench_rows rows;
	uint8_t config[ATECC608_CONFIG_LEN];
	unsigned closed;
	unsigned done, locked; /* slots, a bit each */
	/* What was put into the slot that others are written under. */
	unsigned key_slot;
	uint8_t key[BLOCK];
};

static status
tell(struct retiring *r, unsigned slot, const char *use, const char *result, struct diag *d)
{
	cJSON *o = cJSON_CreateObject();

	if (cJSON_AddNumberToObject(o, "slot", slot) == NULL ||
		cJSON_AddStringToObject(o, "use", use) == NULL ||
		cJSON_AddBoolToObject(o, "is_done", (r->done >> slot & 1) != 0) == NULL ||
		cJSON_AddStringToObject(o, "result", result) == NULL) {
		cJSON_Delete(o);
		o = NULL;
	}
	return bench_row(&r->rows, o, d);
}

/* --- keys --- */

static status
lock(struct retiring *r, unsigned slot, struct diag *d)
{
	const struct element_operations *o = r->element->operations;
	status s = o->lock != NULL ? o->lock(r->element, slot, d)
				   : diag_set(d, DENIED, NULL, "an element of kind %s has no locks",
					     o->kind);

	if (s == OK) {
		r->locked |= 1u << slot;
	}
	return s;
}

static status
retire_key(struct retiring *r, unsigned slot, struct diag *d)
{
	const struct element_operations *o = r->element->operations;
	bool wants_lock = call_has(r->call, "lock");
	struct diag none = { 0 };
	uint8_t point[64];
	status s;

	if ((r->closed >> slot & 1) != 0) {
		return tell(r, slot, "operational key", "closed: the key in it signs for ever", d);
	}
	if (r->driver == NULL && o->point(r->element, slot, point, &none) == NOT_FOUND) {
		return tell(r, slot, "operational key", "holds none", d);
	}
	s = o->generate(r->element, slot, point, d);
	if (s != OK) {
		return s;
	}
	r->done |= 1u << slot;
	s = wants_lock ? lock(r, slot, d) : OK;
	return s == OK ? tell(r, slot, "operational key",
				 wants_lock ? "the key is gone, and no other can be made"
					    : "the key is gone, another one is in its place",
				 d)
		       : s;
}

/* --- the rest of a part --- */

static enum atecc608_status
write_clear(struct retiring *r, unsigned slot, const uint8_t block[BLOCK], bool is_secret)
{
	size_t len = is_secret ? BLOCK : atecc608_slot_len(slot);
	enum atecc608_status chip = ATECC608_OK;

	for (unsigned at = 0; chip == ATECC608_OK && at < len; at += BLOCK) {
		chip = atecc608_write(r->driver,
			(struct atecc608_place){
				.zone = ATECC608_DATA, .slot = slot, .offset = at },
			block, len - at < BLOCK ? len - at : BLOCK);
	}
	if (chip == ATECC608_OK && is_secret) {
		r->key_slot = slot;
		memcpy(r->key, block, BLOCK);
	}
	return chip;
}

static enum atecc608_status
write_under_key(struct retiring *r, unsigned slot, const uint8_t block[BLOCK])
{
	uint8_t randomness[20];
	const struct atecc608_access_key k = {
		.slot = r->key_slot, .key = r->key, .randomness = randomness
	};

	return RAND_bytes(randomness, sizeof(randomness)) == 1
		       ? atecc608_write_encrypted(r->driver, slot, 0, &k, block)
		       : ATECC608_BAD_CALL;
}

/* Why it cannot be overwritten, or NULL. */
static const char *
obstacle(const struct retiring *r, unsigned slot)
{
	unsigned policy = part_slot_config(r->config, slot);
	unsigned writes = policy >> 12;

	if (part_slot_is_locked(r->config, slot)) {
		return "locked: what it holds stays";
	}
	if ((part_key_config(r->config, slot) & PART_KEY_IS_PRIVATE) != 0) {
		return "a private key that stays and signs for ever";
	}
	if (writes == WRITES_ALWAYS ||
		((writes & WRITES_ENCRYPTED) != 0 && (policy >> 8 & 15) == r->key_slot)) {
		return NULL;
	}
	return (writes & WRITES_ENCRYPTED) != 0 ? "written only under a key that is not known here"
						: "its policy forbids every write";
}

static status
overwrite(struct retiring *r, unsigned slot, const char *use, struct diag *d)
{
	unsigned policy = part_slot_config(r->config, slot);
	bool is_secret = (policy & PART_SLOT_IS_SECRET) != 0;
	const char *why = obstacle(r, slot);
	uint8_t block[BLOCK] = { 0 };
	enum atecc608_status chip;

	if (why != NULL) {
		return tell(r, slot, use, why, d);
	}
	if (is_secret && RAND_bytes(block, sizeof(block)) != 1) {
		return diag_set(d, CRYPTO, NULL, "no random bytes");
	}
	chip = atecc608_begin(r->driver);
	if (chip == ATECC608_OK) {
		chip = policy >> 12 == WRITES_ALWAYS ? write_clear(r, slot, block, is_secret)
						     : write_under_key(r, slot, block);
		atecc608_end(r->driver);
	}
	OPENSSL_cleanse(block, sizeof(block));
	if (chip == ATECC608_REFUSED) {
		return tell(r, slot, use, "the part refuses to write it", d);
	}
	if (chip != ATECC608_OK) {
		return element_atecc608_fail(r->element, chip, "overwriting a slot", d);
	}
	r->done |= 1u << slot;
	return tell(r, slot, use, is_secret ? "random bytes are in it" : "zeros are in it", d);
}

static status
overwrite_all(struct retiring *r, struct diag *d)
{
	static const unsigned slots[] = { 6, 5, 8, 9 }; /* 6 first: 5 is written under it */
	const struct part_profile *profile = element_atecc608_profile(r->config);
	status s = OK;

	r->key_slot = NO_SLOT;
	for (size_t i = 0; s == OK && i < COUNT_OF(slots); i++) {
		s = overwrite(r, slots[i], profile != NULL ? profile->use[slots[i]] : "data", d);
	}
	OPENSSL_cleanse(r->key, sizeof(r->key));
	return s;
}

/* --- all of it --- */

static status
retire_slots(struct retiring *r, struct diag *d)
{
	status s = OK;

	for (unsigned slot = SLOT_FIRST; s == OK && slot <= SLOT_LAST; slot++) {
		s = retire_key(r, slot, d);
	}
	if (s == OK && r->driver != NULL) {
		s = overwrite_all(r, d);
	}
	return s == OK ? tell(r, 0, "birth key",
				 "stays, and signs for ever: the server refuses it once its device "
				 "is retired",
				 d)
		       : s;
}

/* Also what was done before it broke off. */
static status
record(struct retiring *r, struct diag *d)
{
	struct element_record records[2];
	char serial[ELEMENT_SERIAL_MAX + 1];
	size_t count = 0;
	bool is_recorded = false;
	status s = r->element->operations->serial(r->element, serial, d);

	if (r->done != 0) {
		records[count++] = (struct element_record){ "retire-keys", r->done, -1, -1, -1 };
	}
	if (r->locked != 0) {
		records[count++] = (struct element_record){ "lock-slots", r->locked, -1, -1, -1 };
	}
	if (s == OK && count > 0) {
		s = record_done(r->call, serial, records, count, &is_recorded, d);
	}
	if (is_recorded) {
		fprintf(stderr, "tenure: recorded on the server\n");
	}
	return s;
}

static status
retire(struct retiring *r, struct diag *d)
{
	const struct element_operations *o = r->element->operations;
	struct diag unsaid = { 0 };
	status s = o->closed != NULL ? o->closed(r->element, &r->closed, d) : OK, recorded;

	r->driver = element_atecc608_driver(r->element);
	if (s == OK && r->driver != NULL) {
		s = element_atecc608_config(r->element, r->config, d);
	}
	if (s == OK) {
		s = bench_rows_begin(&r->rows, r->call, &retire_view, d);
	}
	if (s != OK) {
		return s;
	}
	s = retire_slots(r, d);
	bench_rows_end(&r->rows);
	recorded = record(r, s == OK ? d : &unsaid);
	if (s != OK && recorded != OK) {
		fprintf(stderr, "tenure: %s\n", unsaid.text);
	}
	return s == OK ? recorded : s;
}

status
element_retire(struct call *c, struct diag *d)
{
	struct retiring r = { .call = c };
	status s;

	if (!call_has(c, "yes")) {
		return call_usage(c, d,
			"the keys in slots 2 to 4 and the secrets beside them would be gone for "
			"good; --yes to do it");
	}
	s = bench_open(c, &r.element, d);
	if (s == OK) {
		s = retire(&r, d);
	}
	element_close(r.element);
	return s;
}
