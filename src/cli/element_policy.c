/* tenure element policy: what can still change on a part in the field, and changing it. */
#include <stdio.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/text.h"
#include "cli/element.h"
#include "cli/element_record.h"

#define USER_EXTRA_AT 84

static const struct field change_fields[] = {
	{ "what", "WHAT", FIELD_TEXT, true },
	{ "now", "NOW", FIELD_STATE, true },
	{ "can", "CAN STILL BECOME", FIELD_TEXT, true },
	{ "command", "BY", FIELD_TEXT, true },
	{ 0 },
};
static const struct view change_view = { "change", change_fields };

static const struct field record_fields[] = {
	{ "time", "TIME", FIELD_TIME, true },
	{ "serial", "SERIAL", FIELD_TEXT, true },
	{ "change", "CHANGE", FIELD_TEXT, true },
	{ "of", "OF", FIELD_TEXT, true },
	{ "before", "BEFORE", FIELD_TEXT, true },
	{ "after", "AFTER", FIELD_TEXT, true },
	{ "is_recorded", "RECORDED", FIELD_YES_NO, true },
	{ 0 },
};
static const struct view record_view = { "record", record_fields };

/* --- what can change --- */

static status
tell(struct bench_rows *rows, const char *const words[4], struct diag *d)
{
	static const char *const names[] = { "what", "now", "can", "command" };
	cJSON *o = cJSON_CreateObject();

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		if (cJSON_AddStringToObject(o, names[i], words[i]) == NULL) {
			cJSON_Delete(o);
			o = NULL;
			break;
		}
	}
	return bench_row(rows, o, d);
}

static status
tell_slots(struct bench_rows *rows, const uint8_t *config, struct diag *d)
{
	status s = OK;

	for (unsigned slot = 0; s == OK && slot < PART_SLOTS; slot++) {
		char what[16], command[16];
		bool is_locked = part_slot_is_locked(config, slot);

		if ((part_key_config(config, slot) & PART_KEY_IS_LOCKABLE) == 0) {
			continue;
		}
		snprintf(what, sizeof(what), "slot %u", slot);
		snprintf(command, sizeof(command), "lock %u", slot);
		s = tell(rows,
			(const char *const[]){ what, is_locked ? "locked" : "open",
				is_locked ? "nothing" : "locked, for good",
				is_locked ? "-" : command },
			d);
	}
	return s;
}

static status
tell_extras(struct bench_rows *rows, const uint8_t *config, struct diag *d)
{
	static const char *const names[] = { "UserExtra", "UserExtraAdd (bus address)" };
	static const char *const commands[] = { "user-extra BYTE", "address BYTE" };
	status s = OK;

	for (unsigned i = 0; s == OK && i < 2; i++) {
		uint8_t value = config[USER_EXTRA_AT + i];
		char now[8];

		snprintf(now, sizeof(now), "%02x", value);
		s = tell(rows,
			(const char *const[]){ names[i], now,
				value == 0 ? "any other byte, once" : "nothing",
				value == 0 ? commands[i] : "-" },
			d);
	}
	return s;
}

static status
tell_counters(struct bench_rows *rows, struct element *e, struct diag *d)
{
	status s = OK;

	for (unsigned i = 0; s == OK && i < 2; i++) {
		uint32_t value = 0;
		char what[16], now[16], command[16], more[32];
		bool is_open;

		s = e->operations->counter(e, i, false, &value, d);
		snprintf(what, sizeof(what), "counter %u", i);
		snprintf(now, sizeof(now), "%u", value);
		snprintf(command, sizeof(command), "counter %u", i);
		snprintf(more, sizeof(more), "one more, up to %d", ATECC608_COUNTER_MAX);
		is_open = value < ATECC608_COUNTER_MAX;
		if (s == OK) {
			s = tell(rows,
				(const char *const[]){ what, now, is_open ? more : "nothing",
					is_open ? command : "-" },
				d);
		}
	}
	return s;
}

static status
tell_all(struct call *c, struct element *e, struct diag *d)
{
	uint8_t config[ATECC608_CONFIG_LEN];
	struct bench_rows rows;
	status s = element_atecc608_config(e, config, d);

	if (s == OK) {
		s = bench_rows_begin(&rows, c, &change_view, d);
	}
	if (s != OK) {
		return s;
	}
	s = tell_slots(&rows, config, d);
	if (s == OK) {
		s = tell_extras(&rows, config, d);
	}
	if (s == OK) {
		s = tell_counters(&rows, e, d);
	}
	bench_rows_end(&rows);
	return s;
}

/* --- changes --- */

/* What a change did, in words for its record. */
struct change {
	struct call *call;
	struct element *element;
	struct atecc608 *driver;
	const char *value;
	char of[24], before[24], after[24];
	struct element_record record;
};

static status
want_yes(struct change *x, const char *what, struct diag *d)
{
	return call_has(x->call, "yes")
		       ? OK
		       : call_usage(x->call, d, "%s: %s for good; --yes to do it", x->of, what);
}

static status
take_number(struct change *x, int64_t most, unsigned *out, struct diag *d)
{
	int64_t number;

	if (number_parse(span_text(x->value), &number) != OK || number > most) {
		return call_usage(x->call, d, "VALUE: 0 to %d, not \"%.20s\"", (int)most, x->value);
	}
	*out = (unsigned)number;
	return OK;
}

static status
lock_slot(struct change *x, struct diag *d)
{
	unsigned slot = 0;
	status s = take_number(x, PART_SLOTS - 1, &slot, d);

	snprintf(x->of, sizeof(x->of), "slot %u", slot);
	if (s == OK) {
		s = want_yes(x, "nobody can write it or make a key in it any more,", d);
	}
	if (s == OK) {
		s = x->element->operations->lock(x->element, slot, d);
	}
	snprintf(x->before, sizeof(x->before), "open");
	snprintf(x->after, sizeof(x->after), "locked");
	x->record = (struct element_record){ "lock-slots", 1u << slot, -1, -1, -1 };
	return s;
}

static status
set_extra(struct change *x, unsigned which, struct diag *d)
{
	uint8_t config[ATECC608_CONFIG_LEN], value = 0;
	enum atecc608_status chip;
	status s = OK;

	snprintf(x->of, sizeof(x->of), which == 0 ? "UserExtra" : "UserExtraAdd");
	if (hex_decode(span_text(x->value), &value, 1) != OK || value == 0 ||
		(which == 1 && ((value & 1) != 0 || value < 0x10 || value >= 0xF0))) {
		return call_usage(x->call, d, "VALUE: two hex digits%s, not 00",
			which == 1 ? ", an 8-bit bus address from 10 to ee" : "");
	}
	s = want_yes(x, which == 0 ? "it becomes what you say," : "it answers there only,", d);
	if (s == OK) {
		s = element_atecc608_config(x->element, config, d);
	}
	if (s == OK && config[USER_EXTRA_AT + which] != 0) {
		s = diag_set(d, EXISTS, NULL, "%s is %02x already, and can be set once only", x->of,
			config[USER_EXTRA_AT + which]);
	}
	if (s != OK) {
		return s;
	}
	chip = atecc608_begin(x->driver);
	if (chip == ATECC608_OK) {
		chip = atecc608_update_extra(x->driver, which, value);
		atecc608_end(x->driver);
	}
	snprintf(x->before, sizeof(x->before), "00");
	snprintf(x->after, sizeof(x->after), "%02x", value);
	x->record =
		(struct element_record){ which == 0 ? "user-extra" : "address", 0, -1, 0, value };
	return element_atecc608_fail(x->element, chip, x->of, d);
}

static status
set_user_extra(struct change *x, struct diag *d)
{
	return set_extra(x, 0, d);
}

static status
set_address(struct change *x, struct diag *d)
{
	return set_extra(x, 1, d);
}

static status
step_counter(struct change *x, struct diag *d)
{
	unsigned which = 0;
	uint32_t value = 0;
	status s = take_number(x, 1, &which, d);

	snprintf(x->of, sizeof(x->of), "counter %u", which);
	if (s == OK) {
		s = want_yes(x, "it never goes back,", d);
	}
	if (s == OK) {
		s = x->element->operations->counter(x->element, which, true, &value, d);
	}
	snprintf(x->before, sizeof(x->before), "%u", value - 1);
	snprintf(x->after, sizeof(x->after), "%u", value);
	x->record = (struct element_record){ "counter", 0, which, (int64_t)value - 1, value };
	return s;
}

static cJSON *
describe(struct change *x, const char *name, const char *serial, bool is_recorded)
{
	char now[TIME_TEXT_MAX];
	cJSON *o = cJSON_CreateObject();

	if (cJSON_AddStringToObject(o, "time", time_text(now, clock_now_s(&clock_system))) ==
			NULL ||
		cJSON_AddStringToObject(o, "serial", serial) == NULL ||
		cJSON_AddStringToObject(o, "change", name) == NULL ||
		cJSON_AddStringToObject(o, "of", x->of) == NULL ||
		cJSON_AddStringToObject(o, "before", x->before) == NULL ||
		cJSON_AddStringToObject(o, "after", x->after) == NULL ||
		cJSON_AddBoolToObject(o, "is_recorded", is_recorded) == NULL) {
		cJSON_Delete(o);
		return NULL;
	}
	return o;
}

static status
change(struct change *x, const char *name, struct diag *d)
{
	static const struct {
		const char *name;
		status (*run)(struct change *x, struct diag *d);
	} changes[] = { { "lock", lock_slot }, { "user-extra", set_user_extra },
		{ "address", set_address }, { "counter", step_counter } };
	char serial[ELEMENT_SERIAL_MAX + 1];
	bool is_recorded = false;
	status recorded, s = x->element->operations->serial(x->element, serial, d);

	for (size_t i = 0; s == OK && i < COUNT_OF(changes); i++) {
		if (strcmp(changes[i].name, name) == 0) {
			s = changes[i].run(x, d);
		}
	}
	if (s != OK) {
		return s;
	}
	recorded = record_done(x->call, serial, &x->record, 1, &is_recorded, d);
	s = bench_show(x->call, &record_view, describe(x, name, serial, is_recorded), d);
	return recorded != OK ? recorded : s;
}

status
element_policy(struct call *c, struct diag *d)
{
	const char *name = call_argument(c, "CHANGE");
	struct change x = { .call = c, .value = call_argument(c, "VALUE") };
	status s = OK;

	if (name != NULL && x.value == NULL) {
		return call_usage(c, d, "%s wants a VALUE", name);
	}
	s = bench_open(c, &x.element, d);
	if (s == OK) {
		s = bench_driver(x.element, &x.driver, d);
	}
	if (s == OK) {
		s = name == NULL ? tell_all(c, x.element, d) : change(&x, name, d);
	}
	element_close(x.element);
	return s;
}
