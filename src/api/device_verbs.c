#include "api/lookup.h"
#include "api/handlers.h"
#include "api/query.h"
#include "api/verb.h"
#include "base/text.h"
#include "element/evidence.h"

#define EVIDENCE_TEXT_MAX (EVIDENCE_MAX / 3 * 4 + 4) /* in base64 */

/* --- one call of lifecycle/ each --- */

static status
run_claim(struct call *c, int64_t device, const struct verb_body *b, struct outcome *o)
{
	int64_t owner;
	status s = verb_coming_owner(c, b, &owner);

	return s == OK ? claim_device(&c->session, device, b->code, owner, o, &c->diag) : s;
}

static status
run_offer(struct call *c, int64_t device, const struct verb_body *b, struct outcome *o)
{
	struct owner to = { 0 };

	if (b->to[0] != '\0') {
		status s = read_owner_by_name(c->session.reader, b->to, &to);
		if (s != OK) {
			return diag_set(&c->diag, s, NULL, "there is no owner \"%s\"", b->to);
		}
	}
	return offer_device(&c->session, device, to.row, b->lifetime_s, o, &c->diag);
}

static status
run_revoke(struct call *c, int64_t device, const struct verb_body *b, struct outcome *o)
{
	enum revocation_reason reason = (enum revocation_reason)b->reason;

	if (b->key == DEVICE_KEY_BIRTH) {
		return revoke_birth(&c->session, device, reason, o, &c->diag);
	}
	return revoke_operational(&c->session, device, reason, o, &c->diag);
}

static status
run_mark(struct call *c, int64_t device, const struct verb_body *b, struct outcome *o)
{
	return mark_device(&c->session, device, (enum mark)b->mark, true, o, &c->diag);
}

static status
run_unmark(struct call *c, int64_t device, const struct verb_body *b, struct outcome *o)
{
	return mark_device(&c->session, device, (enum mark)b->mark, false, o, &c->diag);
}

static status
run_return(struct call *c, int64_t device, const struct verb_body *b, struct outcome *o)
{
	return return_device(&c->session, device, (enum return_consent)b->consent, b->reason_word,
		(const char *)b->note.data, o, &c->diag);
}

static status
run_replace(struct call *c, int64_t device, const struct verb_body *b, struct outcome *o)
{
	return replace_element(&c->session, device, (const char *)b->element.data, o, &c->diag);
}

static status
run_element(struct call *c, int64_t device, const struct verb_body *b, struct outcome *o)
{
	const struct element_change change = { .kind = (enum element_change_kind)b->change,
		.slots = b->slots,
		.counter = b->counter,
		.before = b->before,
		.after = b->after };

	return element_changed(&c->session, device, &change, o, &c->diag);
}

static status
run_element_check(struct call *c, int64_t device, const struct verb_body *b, struct outcome *o)
{
	struct element_check check;
	status s = base64_decode(c->session.arena, b->evidence, &check.evidence);

	if (s != OK) {
		return diag_set(&c->diag, s, NULL, "member \"evidence\": %s",
			s == NO_MEMORY ? "no memory" : "no base64");
	}
	if (hex_decode(b->point, check.point, sizeof(check.point)) != OK) {
		return diag_set(
			&c->diag, BAD_INPUT, NULL, "member \"point\" is not 64 bytes in hex");
	}
	return element_check(&c->session, device, &check, o, &c->diag);
}

/* --- what their bodies may say --- */

static const struct field claim_fields[] = {
	{ "code", FIELD_TEXT, true, VERB_FIELD(code), 1, CODE_TEXT_LIMIT },
	{ "owner", FIELD_NAME, false, VERB_FIELD(owner) },
};
static const struct field offer_fields[] = {
	{ "to", FIELD_NAME, false, VERB_FIELD(to) },
	{ "lifetime", FIELD_NUMBER, false, VERB_FIELD(lifetime_s), 60, INT64_C(366) * 86400 },
};
static const struct field revoke_fields[] = {
	{ "key", FIELD_WORD, true, VERB_FIELD(key), .word = word_device_key },
	{ "reason", FIELD_WORD, true, VERB_FIELD(reason), .word = word_reason },
};
static const struct field mark_fields[] = {
	{ "mark", FIELD_WORD, true, VERB_FIELD(mark), .word = word_mark },
};
static const struct field return_fields[] = {
	{ "consent", FIELD_WORD, true, VERB_FIELD(consent), .word = word_consent },
	{ "reason", FIELD_NAME, true, VERB_FIELD(reason_word) },
	{ "note", FIELD_TEXT, false, VERB_FIELD(note), 0, REASON_TEXT_MAX },
};
static const struct field replace_fields[] = {
	{ "element", FIELD_TEXT, true, VERB_FIELD(element), 1, ELEMENT_SERIAL_MAX },
};

static const struct field element_check_fields[] = {
	{ "evidence", FIELD_TEXT, true, VERB_FIELD(evidence), 1, EVIDENCE_TEXT_MAX },
	{ "point", FIELD_TEXT, true, VERB_FIELD(point), 128, 128 },
};

static const struct field element_fields[] = {
	{ "change", FIELD_WORD, true, VERB_FIELD(change), .word = word_element_change },
	{ "slots", FIELD_SET, false, VERB_FIELD(slots), 0, ELEMENT_SLOTS - 1 },
	{ "counter", FIELD_NUMBER, false, VERB_FIELD(counter), 0, ELEMENT_COUNTERS - 1 },
	{ "before", FIELD_NUMBER, false, VERB_FIELD(before), 0, UINT32_MAX },
	{ "after", FIELD_NUMBER, false, VERB_FIELD(after), 0, UINT32_MAX },
};

/* --- who may, and what is answered --- */

#define FIELDS(table) table, COUNT_OF(table)
#define BY_RIGHTS (BY_MAKER | BY_OWNER) /* who has rights over it, or had it made */
#define BY_SAFETY (BY_MAKER | BY_OWNER | BY_WATCH)

static const struct verb claim = { BY_RIGHTS, USE_CLAIM, FIELDS(claim_fields), .run = run_claim,
	.write = verb_write_device };
static const struct verb code = { BY_MAKER, USE_CODE, .act = claim_code_renew,
	.write = verb_write_device_code };
static const struct verb offer = { BY_RIGHTS, USE_OFFER, FIELDS(offer_fields), .run = run_offer,
	.write = verb_write_offer_code };
static const struct verb release = { BY_RIGHTS, USE_RELEASE, .act = release_device,
	.write = verb_write_device_code };
static const struct verb hold = { BY_MAKER, USE_HOLD, .act = hold_device,
	.write = verb_write_device_code };
static const struct verb resume = { BY_SAFETY, USE_RESUME, .act = resume_device,
	.write = verb_write_device };
static const struct verb rotate = { BY_SAFETY, USE_ROTATE, .act = rotate_device,
	.write = verb_write_device };
static const struct verb retire = { BY_RIGHTS, USE_RETIRE, .act = retire_device,
	.write = verb_write_device };
static const struct verb refurbish = { BY_SUPPORT, USE_REFURBISH, .act = refurbish_device,
	.write = verb_write_device_code };
static const struct verb suspend = { BY_SAFETY, USE_SUSPEND, .act = suspend_device,
	.write = verb_write_device };
static const struct verb revoke = { BY_SAFETY, USE_REVOKE, FIELDS(revoke_fields), .run = run_revoke,
	.write = verb_write_device };
static const struct verb mark = { BY_RIGHTS | BY_SUPPORT, USE_MARK, FIELDS(mark_fields),
	.run = run_mark, .write = verb_write_device };
static const struct verb unmark = { BY_MAKER, USE_MARK, FIELDS(mark_fields), .run = run_unmark,
	.write = verb_write_device };
static const struct verb bring_back = { BY_SUPPORT, USE_RETURN, FIELDS(return_fields),
	.run = run_return, .write = verb_write_device };
static const struct verb replace = { BY_SUPPORT | BY_MAKER, USE_REPLACE, FIELDS(replace_fields),
	.run = run_replace, .write = verb_write_device };
static const struct verb element = { BY_SUPPORT | BY_MAKER, USE_ELEMENT, FIELDS(element_fields),
	.run = run_element, .write = verb_write_device };

static const struct verb check_element = { BY_SUPPORT | BY_MAKER, USE_ELEMENT_CHECK,
	FIELDS(element_check_fields), .run = run_element_check, .write = verb_write_check };

/* --- all of them alike --- */

static status
run(struct call *c, const struct verb *v, int64_t device, const struct verb_body *b,
	struct outcome *o)
{
	if (v->act != NULL) {
		return v->act(&c->session, device, o, &c->diag);
	}
	return v->run != NULL ? v->run(c, device, b, o)
			      : diag_set(&c->diag, BUG, NULL, "a verb that does nothing");
}

static void
serve(struct exchange *x, const struct verb *v)
{
	struct call c;
	struct verb_body b = { .counter = -1, .before = -1, .after = -1 };
	struct outcome o = { 0 };
	struct device device;

	/* Asked before, it is answered before the device is looked for: who released it does not see it any more. */
	if (!call_begin(&c, x, v->by) || !query_allow(&c, NULL, 0) ||
		!body_read(&c, v->fields, v->field_count, &b, NULL) ||
		!call_once(&c, v == &offer ? 201 : 200, v->write, &o) ||
		!(v == &claim ? lookup_claimed(&c, &device) : lookup_device(&c, &device))) {
		return;
	}
	call_end(&c, v->use, run(&c, v, device.row, &b, &o));
}

void
device_claim(struct exchange *x)
{
	serve(x, &claim);
}

void
device_code(struct exchange *x)
{
	serve(x, &code);
}

void
device_offer(struct exchange *x)
{
	serve(x, &offer);
}

void
device_release(struct exchange *x)
{
	serve(x, &release);
}

void
device_hold(struct exchange *x)
{
	serve(x, &hold);
}

void
device_resume(struct exchange *x)
{
	serve(x, &resume);
}

void
device_rotate(struct exchange *x)
{
	serve(x, &rotate);
}

void
device_retire(struct exchange *x)
{
	serve(x, &retire);
}

void
device_refurbish(struct exchange *x)
{
	serve(x, &refurbish);
}

void
device_suspend(struct exchange *x)
{
	serve(x, &suspend);
}

void
device_revoke(struct exchange *x)
{
	serve(x, &revoke);
}

void
device_mark(struct exchange *x)
{
	serve(x, &mark);
}

void
device_unmark(struct exchange *x)
{
	serve(x, &unmark);
}

void
device_return(struct exchange *x)
{
	serve(x, &bring_back);
}

void
device_replace(struct exchange *x)
{
	serve(x, &replace);
}

void
device_element(struct exchange *x)
{
	serve(x, &element);
}

void
device_element_check(struct exchange *x)
{
	serve(x, &check_element);
}
