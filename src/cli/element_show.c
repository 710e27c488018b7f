/* tenure element info, slots, selftest. */
#include <stdio.h>

#include "base/check.h"
#include "cli/element.h"
#include "pki/key.h"

#define WORDS_MAX 256
#define SELF_TEST_ALL 0x3B

/* --- info --- */

static const struct field info_fields[] = {
	{ "serial", "SERIAL", FIELD_TEXT, true },
	{ "kind", "KIND", FIELD_TEXT, true },
	{ "model", "MODEL", FIELD_TEXT, true },
	{ "revision", "REVISION", FIELD_TEXT, true },
	{ "profile", "PROFILE", FIELD_TEXT, true },
	{ "where", "WHERE", FIELD_TEXT, true },
	{ "attestation", "ITS PROOF IS WORTH", FIELD_STATE, true },
	{ "config_zone", "CONFIGURATION", FIELD_STATE, true },
	{ "data_zone", "DATA", FIELD_STATE, true },
	{ "counter0", "COUNTER 0", FIELD_TEXT, true },
	{ "counter1", "COUNTER 1", FIELD_TEXT, true },
	{ 0 },
};
static const struct view info_view = { "element", info_fields };

static bool
put_counter(struct element *e, cJSON *o, const char *name, unsigned which)
{
	uint32_t value = 0;

	if (e->operations->counter == NULL ||
		e->operations->counter(e, which, false, &value, NULL) != OK) {
		return cJSON_AddNullToObject(o, name) != NULL;
	}
	return cJSON_AddNumberToObject(o, name, value) != NULL;
}

static bool
put_zones(struct element *e, cJSON *o)
{
	uint8_t config[ATECC608_CONFIG_LEN];

	if (element_atecc608_driver(e) == NULL || element_atecc608_config(e, config, NULL) != OK) {
		return true;
	}
	return cJSON_AddStringToObject(o, "config_zone", config[87] == 0x55 ? "open" : "locked") !=
		       NULL &&
	       cJSON_AddStringToObject(o, "data_zone", config[86] == 0x55 ? "open" : "locked") !=
		       NULL;
}

/* What an element does not have, or does not tell, is null. */
static bool
put_known(cJSON *o, const char *name, const char *text)
{
	return (text[0] != '\0' ? cJSON_AddStringToObject(o, name, text)
				: cJSON_AddNullToObject(o, name)) != NULL;
}

static cJSON *
describe(struct element *e, const char *serial, const struct element_info *i)
{
	bool is_odd = element_atecc608_driver(e) != NULL && i->profile[0] == '\0';
	const char *profile = is_odd ? "none that is known" : i->profile;
	cJSON *o = cJSON_CreateObject();

	if (cJSON_AddStringToObject(o, "serial", serial) == NULL ||
		cJSON_AddStringToObject(o, "kind", e->operations->kind) == NULL ||
		!put_known(o, "model", i->model) || !put_known(o, "revision", i->revision) ||
		!put_known(o, "profile", profile) || !put_known(o, "where", i->where) ||
		cJSON_AddStringToObject(o, "attestation", e->operations->attestation) == NULL ||
		!put_zones(e, o) || !put_counter(e, o, "counter0", 0) ||
		!put_counter(e, o, "counter1", 1)) {
		cJSON_Delete(o);
		return NULL;
	}
	return o;
}

status
element_info(struct call *c, struct diag *d)
{
	struct element_info info = { 0 };
	char serial[ELEMENT_SERIAL_MAX + 1];
	struct element *e = NULL;
	status s = bench_open(c, &e, d);

	if (s != OK) {
		return s;
	}
	s = e->operations->serial(e, serial, d);
	if (s == OK && e->operations->info != NULL) {
		s = e->operations->info(e, &info, d);
	}
	if (s == OK) {
		s = bench_show(c, &info_view, describe(e, serial, &info), d);
	}
	element_close(e);
	return s;
}

/* --- slots --- */

static const struct field slot_fields[] = {
	{ "slot", "SLOT", FIELD_TEXT, true },
	{ "use", "USE", FIELD_TEXT, true },
	{ "holds", "HOLDS", FIELD_STATE, true },
	{ "key", "KEY", FIELD_HASH, true },
	{ "lock", "LOCK", FIELD_STATE, true },
	{ "policy", "POLICY", FIELD_TEXT, true },
	{ 0 },
};
static const struct view slot_view = { "slot", slot_fields };

struct slot_row {
	unsigned slot;
	const char *use, *holds, *lock, *policy;
	char key[BENCH_KEY_TEXT]; /* "" none */
};

static cJSON *
row_of(const struct slot_row *r)
{
	cJSON *o = cJSON_CreateObject();

	if (cJSON_AddNumberToObject(o, "slot", r->slot) == NULL || !put_known(o, "use", r->use) ||
		cJSON_AddStringToObject(o, "holds", r->holds) == NULL ||
		!put_known(o, "key", r->key) ||
		cJSON_AddStringToObject(o, "lock", r->lock) == NULL ||
		cJSON_AddStringToObject(o, "policy", r->policy) == NULL) {
		cJSON_Delete(o);
		return NULL;
	}
	return o;
}

/* OK also where there is none: then "" and "empty". */
static status
look_for_key(struct element *e, struct slot_row *r, struct diag *d)
{
	uint8_t point[POINT_P256_LEN];
	struct diag why = { 0 };
	status s = e->operations->point(e, r->slot, point, &why);

	if (s == NOT_FOUND) {
		r->holds = "empty";
		return OK;
	}
	if (s != OK) {
		return diag_set(d, s, why.clause[0] != '\0' ? why.clause : NULL, "%s", why.text);
	}
	r->holds = "private key";
	bench_key_text(r->key, point);
	return OK;
}

/* Of a slot without a private key, as far as it lets itself be read. */
static status
look_for_data(struct element *e, const uint8_t *config, struct slot_row *r, struct diag *d)
{
	struct atecc608 *driver = element_atecc608_driver(e);
	uint8_t content[36] = { 0 };
	uint16_t policy = part_slot_config(config, r->slot);
	enum atecc608_status chip;
	bool is_empty = true;

	if ((policy & (PART_SLOT_IS_SECRET | PART_SLOT_READ_ENCRYPTED)) != 0) {
		r->holds = "not to be read";
		return OK;
	}
	chip = atecc608_begin(driver);
	if (chip == ATECC608_OK) {
		chip = atecc608_read(driver,
			(struct atecc608_place){ .zone = ATECC608_DATA, .slot = r->slot }, content,
			sizeof(content));
		atecc608_end(driver);
	}
	if (chip == ATECC608_REFUSED) {
		r->holds = "not to be read";
		return OK;
	}
	for (size_t i = 0; i < sizeof(content); i++) {
		is_empty = is_empty && (content[i] == 0x00 || content[i] == 0xFF);
	}
	r->holds = is_empty ? "empty" : "data";
	return element_atecc608_fail(e, chip, "reading a slot", d);
}

static const char *
lock_of(const uint8_t *config, unsigned slot)
{
	if (part_slot_is_locked(config, slot)) {
		return "locked";
	}
	return (part_key_config(config, slot) & PART_KEY_IS_LOCKABLE) != 0 ? "open" : "-";
}

static status
show_part_slots(struct element *e, struct bench_rows *rows, struct diag *d)
{
	const struct part_profile *profile;
	uint8_t config[ATECC608_CONFIG_LEN];
	status s = element_atecc608_config(e, config, d);

	profile = s == OK ? element_atecc608_profile(config) : NULL;
	for (unsigned slot = 0; s == OK && slot < PART_SLOTS; slot++) {
		char words[WORDS_MAX];
		struct slot_row r = { .slot = slot,
			.use = profile != NULL ? profile->use[slot] : "",
			.lock = lock_of(config, slot),
			.policy = words };

		part_slot_words(config, slot, words, sizeof(words));
		s = (part_key_config(config, slot) & PART_KEY_IS_PRIVATE) != 0
			    ? look_for_key(e, &r, d)
			    : look_for_data(e, config, &r, d);
		if (s == OK) {
			s = bench_row(rows, row_of(&r), d);
		}
	}
	return s;
}

/* Of other kinds: the keys under our numbers. */
static status
show_numbers(struct element *e, struct bench_rows *rows, struct diag *d)
{
	status s = OK;

	for (unsigned slot = 0; s == OK && slot < ELEMENT_SLOTS; slot++) {
		struct slot_row r = { .slot = slot,
			.use = slot == 0 ? "birth key" : "operational key",
			.lock = "-",
			.policy = e->operations->reveal != NULL
					  ? "a file: whoever reads it has the key"
					  : "stays inside" };

		if (slot == 1) {
			continue;
		}
		s = look_for_key(e, &r, d);
		if (s == OK) {
			s = bench_row(rows, row_of(&r), d);
		}
	}
	return s;
}

status
element_slots(struct call *c, struct diag *d)
{
	struct bench_rows rows;
	struct element *e = NULL;
	status s = bench_open(c, &e, d);

	if (s == OK) {
		s = bench_rows_begin(&rows, c, &slot_view, d);
		if (s == OK) {
			s = element_atecc608_driver(e) != NULL ? show_part_slots(e, &rows, d)
							       : show_numbers(e, &rows, d);
			bench_rows_end(&rows);
		}
	}
	element_close(e);
	return s;
}

/* --- selftest --- */

static const struct field test_fields[] = {
	{ "test", "TEST", FIELD_TEXT, true },
	{ "result", "RESULT", FIELD_STATE, true },
	{ 0 },
};
static const struct view test_view = { "test", test_fields };

static status
show_tests(struct call *c, uint8_t failures, struct diag *d)
{
	static const struct {
		uint8_t bit;
		const char *name;
	} tests[] = { { 0x01, "random numbers" }, { 0x02, "ECDSA" }, { 0x08, "ECDH" },
		{ 0x10, "AES" }, { 0x20, "SHA" } };
	struct bench_rows rows;
	status s = bench_rows_begin(&rows, c, &test_view, d);

	if (s != OK) {
		return s;
	}
	for (size_t i = 0; s == OK && i < COUNT_OF(tests); i++) {
		const char *result = (failures & tests[i].bit) != 0 ? "failed" : "ok";
		cJSON *o = cJSON_CreateObject();

		if (cJSON_AddStringToObject(o, "test", tests[i].name) == NULL ||
			cJSON_AddStringToObject(o, "result", result) == NULL) {
			cJSON_Delete(o);
			o = NULL;
		}
		s = bench_row(&rows, o, d);
	}
	bench_rows_end(&rows);
	return s;
}

status
element_selftest(struct call *c, struct diag *d)
{
	struct atecc608 *driver = NULL;
	struct element *e = NULL;
	enum atecc608_status chip;
	uint8_t failures = 0;
	status s = bench_open(c, &e, d);

	if (s == OK) {
		s = bench_driver(e, &driver, d);
	}
	if (s == OK) {
		chip = atecc608_begin(driver);
		if (chip == ATECC608_OK) {
			chip = atecc608_self_test(driver, SELF_TEST_ALL, &failures);
			atecc608_end(driver);
		}
		s = element_atecc608_fail(e, chip, "self-test", d);
	}
	if (s == OK) {
		s = show_tests(c, failures, d);
	}
	if (s == OK && failures != 0) {
		s = diag_set(d, CRYPTO, NULL, "the part found itself faulty: do not use it");
	}
	element_close(e);
	return s;
}
