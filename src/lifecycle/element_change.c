#include "lifecycle/element_change.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/check.h"
#include "lifecycle/decide.h"

#define PART_TEXT_MAX 64 /* "slots " and sixteen numbers */
#define VALUE_TEXT_MAX 24
#define SLOTS_ALL ((1u << ELEMENT_SLOTS) - 1)

/* Which numbers belong to a change. */
static const struct {
	const char *name;
	bool has_slots, has_counter, has_value;
	int64_t least, most; /* of the value afterwards */
} kinds[] = {
	[CHANGE_LOCK_SLOTS] = { "lock-slots", true, false, false, 0, 0 },
	[CHANGE_USER_EXTRA] = { "user-extra", false, false, true, 0x01, 0xFF },
	/* Below and above are the bus's own; the lowest bit says read or write. */
	[CHANGE_ADDRESS] = { "address", false, false, true, 0x10, 0xEE },
	[CHANGE_COUNTER] = { "counter", false, true, true, 1, UINT32_MAX },
	[CHANGE_RETIRE_KEYS] = { "retire-keys", true, false, false, 0, 0 },
};
_Static_assert(COUNT_OF(kinds) == ELEMENT_CHANGE_COUNT, "every change has a name");

const char *
element_change_name(enum element_change_kind kind)
{
	return (unsigned)kind < ELEMENT_CHANGE_COUNT ? kinds[kind].name : "unknown";
}

status
element_change_parse(span name, enum element_change_kind *out)
{
	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		if (span_is(name, kinds[i].name)) {
			*out = (enum element_change_kind)i;
			return OK;
		}
	}
	return BAD_INPUT;
}

/* --- what can be --- */

static status
check_members(const struct element_change *x, struct diag *d)
{
	const char *name = kinds[x->kind].name;

	if ((x->slots != 0) != kinds[x->kind].has_slots || (x->slots & ~SLOTS_ALL) != 0) {
		return diag_set(d, BAD_INPUT, NULL,
			kinds[x->kind].has_slots ? "%s: say which slots, 0 to 15"
						 : "%s has nothing to do with slots",
			name);
	}
	if ((x->counter >= 0) != kinds[x->kind].has_counter || x->counter >= ELEMENT_COUNTERS) {
		return diag_set(d, BAD_INPUT, NULL,
			kinds[x->kind].has_counter ? "%s: say which counter, 0 or 1"
						   : "%s has nothing to do with counters",
			name);
	}
	if ((x->after >= 0) != kinds[x->kind].has_value ||
		(x->before >= 0) != kinds[x->kind].has_value) {
		return diag_set(d, BAD_INPUT, NULL,
			kinds[x->kind].has_value ? "%s: say what was before and after"
						 : "%s has no value before and after",
			name);
	}
	return OK;
}

static status
check(const struct element_change *x, struct diag *d)
{
	status result = (unsigned)x->kind < ELEMENT_CHANGE_COUNT
				? check_members(x, d)
				: diag_set(d, BUG, NULL, "no such change of an element");

	if (result != OK || !kinds[x->kind].has_value) {
		return result;
	}
	if (x->after < kinds[x->kind].least || x->after > kinds[x->kind].most) {
		return diag_set(d, BAD_INPUT, NULL, "%s: from %" PRId64 " to %" PRId64,
			kinds[x->kind].name, kinds[x->kind].least, kinds[x->kind].most);
	}
	if (x->kind == CHANGE_COUNTER && x->before >= x->after) {
		return diag_set(d, BAD_INPUT, NULL, "a counter goes up only");
	}
	if (x->kind == CHANGE_ADDRESS && (x->after & 1) != 0) {
		return diag_set(d, BAD_INPUT, NULL, "an 8-bit bus address is even");
	}
	if (x->kind != CHANGE_COUNTER && x->before != 0) {
		return diag_set(d, BAD_INPUT, NULL, "%s can be set once only, while it is 0",
			kinds[x->kind].name);
	}
	return OK;
}

/* --- its words --- */

struct record {
	const struct element_change *change;
	char part[PART_TEXT_MAX], before[VALUE_TEXT_MAX], after[VALUE_TEXT_MAX];
	struct step step;
};

static void
write_part(const struct element_change *x, char out[PART_TEXT_MAX])
{
	size_t len;

	if (x->counter >= 0) {
		snprintf(out, PART_TEXT_MAX, "counter %d", (int)x->counter);
		return;
	}
	len = (size_t)snprintf(out, PART_TEXT_MAX, "%s",
		x->slots == 0			   ? ""
		: (x->slots & (x->slots - 1)) == 0 ? "slot"
						   : "slots");
	for (unsigned slot = 0; slot < ELEMENT_SLOTS; slot++) {
		if ((x->slots >> slot & 1) != 0) {
			len += (size_t)snprintf(out + len, PART_TEXT_MAX - len, " %u", slot);
		}
	}
}

static void
write_value(const struct element_change *x, int64_t value, char out[VALUE_TEXT_MAX])
{
	snprintf(out, VALUE_TEXT_MAX, x->kind == CHANGE_COUNTER ? "%" PRId64 : "%02" PRIx64, value);
}

static void
write_words(struct record *r)
{
	const struct element_change *x = r->change;

	write_part(x, r->part);
	if (kinds[x->kind].has_value) {
		write_value(x, x->before, r->before);
		write_value(x, x->after, r->after);
	} else if (x->kind == CHANGE_LOCK_SLOTS) {
		snprintf(r->before, sizeof(r->before), "open");
		snprintf(r->after, sizeof(r->after), "locked");
	}
}

/* --- the record --- */

static status
may_record(
	struct session *s, void *context, struct device *device, struct change *c, struct diag *d)
{
	struct record *r = context;
	struct fleet fleet;
	status result = read_fleet(s->reader, device->fleet, &fleet);

	(void)c;
	if (result != OK) {
		return diag_set(d, result, NULL, "the device's fleet cannot be read");
	}
	if ((session_roles(s, device, fleet.maker) & (ROLE_MAKER | ROLE_SUPPORT)) == 0) {
		return diag_set(d, DENIED, NULL,
			"changes of an element are for the maker and the support desk to record");
	}
	r->step.object = arena_string(s->arena, span_text(device->serial));
	return r->step.object != NULL ? OK : diag_set(d, NO_MEMORY, NULL, "no memory for a record");
}

status
element_changed(struct session *s, int64_t device, const struct element_change *change,
	struct outcome *o, struct diag *d)
{
	struct record r = { .change = change };
	status result = check(change, d);

	if (result != OK) {
		return result;
	}
	write_words(&r);
	r.step = (struct step){ .event = "element-change",
		.reason_word = kinds[change->kind].name,
		.part = r.part,
		.value_before = r.before,
		.value_after = r.after,
		.apply = may_record,
		.context = &r };
	return decide_step(s, device, &r.step, o, d);
}
