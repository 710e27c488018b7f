#include "lifecycle/retire.h"

#include <openssl/crypto.h>
#include <stdio.h>

#include "base/check.h"
#include "lifecycle/look.h"

/* --- back at the shop ------------------------------------------------------------ */

/* The ledger knows these; a shop's own words stand in its case. */
static const char *const return_words[] = { "defect", "swap", "unwanted", "damaged", "wrong-item",
	"recall", "lease-end", "trade-in" };

static const char *
ledger_word(const char *reason)
{
	for (size_t i = 0; i < COUNT_OF(return_words); i++) {
		if (strcmp(reason, return_words[i]) == 0) {
			return return_words[i];
		}
	}
	return "other";
}

/* The owner's word is brought by the desk; the device's proof is that it was here just now. */
static status
check_consent(struct session *s, int64_t device, enum return_consent consent, bool *has_consent,
	struct diag *d)
{
	int64_t seen_s = 0;
	status result;

	if (consent == CONSENT_OWNER) {
		*has_consent = true;
		return OK;
	}
	if (consent != CONSENT_DEVICE_PROOF) {
		return diag_set(d, BAD_INPUT, NULL, "consent is the owner's or the device's proof");
	}
	result = reader_begin(s->reader, d);
	if (result != OK) {
		return result;
	}
	result = read_device_seen(s->reader, device, &seen_s);
	reader_end(s->reader);
	*has_consent = seen_s != 0 && seen_s <= s->now_s && s->now_s - seen_s <= RETURN_PROOF_S;
	return result == OK ? OK : diag_set(d, result, NULL, "the device cannot be read");
}

status
return_device(struct session *s, int64_t device, enum return_consent consent, const char *reason,
	const char *note, struct outcome *o, struct diag *d)
{
	struct warranty_case opened = { .consent = consent };
	struct decision decision = { .request = { .event = EVENT_RETURN }, .new_case = &opened };
	struct device looked = { 0 };
	status result = look_device(s, device, &looked, d);

	reason = reason != NULL ? reason : "";
	if (result == OK) {
		result = look_name("reason", reason, d);
	}
	if (result == OK) {
		result = look_words("note", note, REASON_TEXT_MAX, d);
	}
	if (result == OK) {
		result = check_consent(s, device, consent, &decision.request.has_consent, d);
	}
	if (result == OK && id_new(s->life->clock, &opened.id) != OK) {
		result = diag_set(d, BUG, NULL, "the system has no randomness");
	}
	if (result != OK) {
		return result;
	}
	decision.reason_word = ledger_word(reason);
	snprintf(opened.reason, sizeof(opened.reason), "%s", reason);
	snprintf(opened.note, sizeof(opened.note), "%s", note != NULL ? note : "");
	return decide(s, device, &decision, o, d);
}

/* --- on the bench ------------------------------------------------------------------- */

status
refurbish_device(struct session *s, int64_t device, struct outcome *o, struct diag *d)
{
	char code[CLAIM_CODE_TEXT_MAX] = "";
	struct claim_code sealed;
	struct decision decision = { .request = { .event = EVENT_REFURBISH }, .new_code = &sealed };
	status result = look_new_code(s, code, &sealed, d);

	if (result == OK) {
		result = decide(s, device, &decision, o, d);
	}
	if (result == OK) {
		memcpy(o->code, code, sizeof(o->code));
	}
	OPENSSL_cleanse(code, sizeof(code));
	return result;
}

/* The board that goes in, and the record that it has had on the shelf. */
struct spare {
	struct session *session;
	struct element element;
	struct device record;
	struct certificate birth;
	struct claim_code code;
	struct fleet fleet;
};

static status
read_spare(struct session *s, const char *serial, struct spare *out)
{
	status result = read_element_by_serial(s->reader, serial, &out->element);

	if (result == OK && out->element.device != 0) {
		result = read_device(s->reader, out->element.device, &out->record);
	}
	if (result == OK && out->record.row != 0) {
		result = read_fleet(s->reader, out->record.fleet, &out->fleet);
	}
	if (result == OK && out->record.birth_certificate != 0) {
		result = read_certificate(
			s->reader, s->arena, out->record.birth_certificate, &out->birth);
	}
	if (result == OK && out->record.row != 0 &&
		read_claim_code(s->reader, out->record.row, &out->code) == NOT_FOUND) {
		out->code = (struct claim_code){ 0 };
	}
	return result;
}

/* A board that anybody could have had in his hands is no spare part. */
static status
check_spare(const struct spare *p, const struct device *into, struct diag *d)
{
	const struct device *r = &p->record;
	const char *serial = p->element.serial;

	if (p->element.phase != into->phase) {
		return diag_set(d, CONFLICT, NULL,
			"element %s is of the %s phase, the device of the %s", serial,
			phase_name(p->element.phase), phase_name(into->phase));
	}
	if (r->row == into->row && r->row != 0) {
		return diag_set(d, CONFLICT, NULL, "element %s is in this device already", serial);
	}
	if (r->row == 0) {
		return diag_set(d, CONFLICT, NULL,
			"element %s was taken out of a device: it cannot go into another", serial);
	}
	if (r->state != DEVICE_MANUFACTURED && r->state != DEVICE_HELD) {
		return diag_set(d, CONFLICT, NULL, "element %s is in a device that is %s", serial,
			device_state_name(r->state));
	}
	if (r->key_generation != 0 || r->offer != 0 || r->marks != 0 ||
		(r->owner != 0 && r->owner != p->fleet.maker)) {
		return diag_set(d, CONFLICT, NULL,
			"element %s was given away or marked: it is no spare part", serial);
	}
	if (p->birth.row == 0 || r->birth_is_denied || p->birth.status == CERTIFICATE_REVOKED) {
		return diag_set(d, CONFLICT, NULL,
			"element %s has no good birth certificate: the device could never come "
			"back",
			serial);
	}
	return OK;
}

static status
look_spare(struct session *s, const char *serial, const struct device *into, struct spare *out,
	struct diag *d)
{
	status result = reader_begin(s->reader, d);

	if (result != OK) {
		return result;
	}
	result = read_spare(s, serial, out);
	reader_end(s->reader);
	if (result == NOT_FOUND) {
		return diag_set(d, NOT_FOUND, NULL,
			"no element of this serial is known: import its manifest first");
	}
	return result == OK ? check_spare(out, into, d)
			    : diag_set(d, result, NULL, "the element cannot be read");
}

/*
 * The record that the board had on the shelf ends, in the same transaction and at the version at which it was
 * looked at. It gives up element, birth identity and serial: those go on in the other record.
 */
static status
end_record(void *context, const struct decision *decision, struct change *c, struct diag *d)
{
	struct spare *p = context;
	char *name = arena_alloc(p->session->arena, ID_TEXT_LEN + 1);
	struct ledger_entry e;

	(void)decision;
	if (name == NULL) {
		return diag_set(d, NO_MEMORY, NULL, "no memory for a decision");
	}
	session_entry(p->session, device_event_name(EVENT_RETIRE), &e);
	e.device = id_text(name, &p->record.id);
	e.from = device_state_name(p->record.state);
	e.to = device_state_name(DEVICE_RETIRED);
	e.fleet = p->fleet.name;
	e.reason = "element-moved";
	e.object = p->element.serial;
	p->record.state = DEVICE_RETIRED;
	p->record.state_before = DEVICE_RETIRED;
	p->record.element = 0;
	p->record.birth_certificate = 0;
	p->record.changed_s = p->session->now_s;
	snprintf(p->record.serial, sizeof(p->record.serial), "%s", name);
	change_device_set(c, &p->record);
	if (p->code.device != 0 && p->code.burnt_s == 0) {
		p->code.burnt_s = p->session->now_s;
		change_claim_code_put(c, &p->code);
	}
	return session_ledger(p->session, c, &e, CHANGE_REF(&p->record), d);
}

status
replace_element(struct session *s, int64_t device, const char *element_serial, struct outcome *o,
	struct diag *d)
{
	struct spare spare = { .session = s };
	struct decision decision = { .request = { .event = EVENT_REPLACE },
		.new_element = &spare.element,
		.extend = end_record,
		.context = &spare };
	struct device looked = { 0 };
	status result = look_device(s, device, &looked, d);

	if (result == OK && (machine_roles(EVENT_REPLACE) & session_roles(s, &looked, 0)) == 0) {
		result = diag_set(d, DENIED, NULL,
			"replace: only for the support desk and the maker's operators");
	}
	if (result == OK) {
		result = look_spare(s, element_serial, &looked, &spare, d);
	}
	if (result != OK) {
		return result;
	}
	decision.version = looked.version;
	decision.new_birth_certificate = spare.birth.row;
	return decide(s, device, &decision, o, d);
}

status
retire_device(struct session *s, int64_t device, struct outcome *o, struct diag *d)
{
	struct decision decision = { .request = { .event = EVENT_RETIRE } };

	return decide(s, device, &decision, o, d);
}
