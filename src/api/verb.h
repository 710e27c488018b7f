#pragma once
/*
 * What happens to a device is one shape, for devices' verbs and transfers' alike: who, which members the
 * body may have, one call of lifecycle/, and the device (or the transfer) as it is then.
 */
#include "api/body.h"
#include "lifecycle/element_change.h"
#include "lifecycle/element_check.h"
#include "lifecycle/enrol.h"
#include "lifecycle/retire.h"
#include "lifecycle/revoke.h"
#include "lifecycle/transfer.h"

/* Every member that a verb's body may have. */
struct verb_body {
	span code, note;
	char owner[NAME_MAX_LEN + 1], to[NAME_MAX_LEN + 1];
	char reason_word[NAME_MAX_LEN + 1];
	span element;
	int64_t lifetime_s;
	int key, reason, mark, consent;
	int change;
	unsigned slots;
	int64_t counter, before, after; /* -1: not given */
	span evidence, point;
};
#define VERB_FIELD(member) offsetof(struct verb_body, member)
#define CODE_TEXT_LIMIT 64 /* a code with whatever dashes and spaces it is typed with */

struct verb {
	unsigned by; /* BY_.. */
	enum use_case use;
	const struct field *fields;
	size_t field_count;
	/* One of the two: `act` where nothing but the device is said. */
	status (*act)(struct session *s, int64_t device, struct outcome *o, struct diag *d);
	status (*run)(struct call *c, int64_t device, const struct verb_body *b, struct outcome *o);
	call_write *write;
};

/* Answers, with `context` the struct outcome. */
call_write verb_write_device, verb_write_device_code, verb_write_offer, verb_write_offer_code,
	verb_write_check;

/*
 * The owner to be: for an owner's operator himself (0), and no other may be named; a maker must name one.
 * DENIED, BAD_INPUT, NOT_FOUND.
 */
MUST_USE status verb_coming_owner(struct call *c, const struct verb_body *b, int64_t *owner);
