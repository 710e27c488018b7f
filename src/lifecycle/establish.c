#include "lifecycle/establish.h"

#include <stdio.h>

#include "lifecycle/issued.h"

/* Each step makes what is missing and is content with what is there: a founding that was cut goes on where it stood. */

#define LEDGER_KEY "ledger"
#define SETTING_ORIGIN "ledger_origin"

struct founding {
	struct session *session;
	const struct establish_request *request;
	char root[NAME_MAX_LEN + 1], issuing[NAME_MAX_LEN + 1], factory[NAME_MAX_LEN + 1],
		manifest[NAME_MAX_LEN + 1];
};

static void
set_names(struct founding *f)
{
	const char *phase = phase_name(f->request->phase);

	snprintf(f->root, sizeof(f->root), "root-%s", phase);
	snprintf(f->issuing, sizeof(f->issuing), "issuing-%s", phase);
	snprintf(f->factory, sizeof(f->factory), "factory-%s", phase);
	snprintf(f->manifest, sizeof(f->manifest), "manifest-%s", phase);
}

/* --- the ledger --- */

static status
read_origin(struct session *s, span *out, struct diag *d)
{
	status st = reader_begin(s->reader, d);

	if (st != OK) {
		return st;
	}
	st = read_setting(s->reader, s->arena, SETTING_ORIGIN, out);
	reader_end(s->reader);
	return st == OK || st == NOT_FOUND ? st : diag_set(d, st, NULL, "settings cannot be read");
}

/* The origin never changes: it is the ledger's name in every checkpoint that others hold. */
static status
found_ledger(struct founding *f, struct diag *d)
{
	struct session *s = f->session;
	struct create_request key = { .name = LEDGER_KEY,
		.role = KEY_ROLE_LEDGER,
		.phase = f->request->phase,
		.key_kind = KEY_ED25519 };
	struct change *c = change_new(s->arena);
	struct ledger_entry e;
	span origin, public;
	status st = read_origin(s, &origin, d);

	if (st == OK) {
		return span_is(origin, f->request->ledger_origin)
			       ? OK
			       : diag_set(d, CONFLICT, NULL,
					 "this home has a ledger of another origin: %.*s",
					 (int)(origin.len < 200 ? origin.len : 200),
					 (const char *)origin.data);
	}
	if (st != NOT_FOUND || c == NULL) {
		return st != NOT_FOUND ? st : diag_set(d, NO_MEMORY, NULL, "no memory");
	}
	st = key_make(s, &key, &public, d);
	if (st != OK) {
		return st;
	}
	change_setting(c, SETTING_ORIGIN, span_text(f->request->ledger_origin));
	session_entry(s, "establish", &e);
	e.object = phase_name(f->request->phase);
	return session_record(s, c, &e, NULL, d);
}

/* --- the hierarchy --- */

static status
found_authority(struct founding *f, enum authority_kind kind, const char *name, const char *title,
	struct diag *d)
{
	struct session *s = f->session;
	struct authority_request r = { .kind = kind, .phase = f->request->phase };
	struct authority made;
	status st = reader_begin(s->reader, d);

	if (st != OK) {
		return st;
	}
	st = read_authority_by_name(s->reader, s->arena, name, &made);
	reader_end(s->reader);
	if (st == OK) {
		return made.kind == kind && made.phase == r.phase
			       ? OK
			       : diag_set(d, CONFLICT, NULL,
					 "there is an authority %s of another kind or phase", name);
	}
	if (st != NOT_FOUND) {
		return diag_set(d, st, NULL, "authorities cannot be read");
	}
	snprintf(r.name, sizeof(r.name), "%s", name);
	snprintf(r.hierarchy, sizeof(r.hierarchy), "%s", f->request->maker);
	snprintf(r.parent, sizeof(r.parent), "%s", kind == AUTHORITY_ROOT ? "" : f->root);
	snprintf(r.organization, sizeof(r.organization), "%s", f->request->company);
	snprintf(r.common_name, sizeof(r.common_name), "%.36s %s (%s)", f->request->company, title,
		phase_name(r.phase));
	return authority_create(s, &r, &made, d);
}

/* Within the snapshot. */
static status
read_is_pinned(struct founding *f, bool *out, struct diag *d)
{
	struct session *s = f->session;
	struct pinned_signer *pins;
	size_t count = LIST_PAGE_MAX;
	int64_t after = 0;

	*out = false;
	while (count == LIST_PAGE_MAX) {
		status st = list_pins(s->reader, s->arena, after, LIST_PAGE_MAX, &pins, &count);

		if (st != OK) {
			return diag_set(d, st, NULL, "manifest signers cannot be read");
		}
		for (size_t k = 0; k < count; k++) {
			*out = *out ||
			       (pins[k].trust == PIN_SELF && pins[k].phase == f->request->phase &&
				       strcmp(pins[k].name, f->manifest) == 0);
			after = pins[k].row;
		}
	}
	return OK;
}

static status
found_manifest_signer(struct founding *f, struct diag *d)
{
	struct session *s = f->session;
	bool is_there;
	status st = reader_begin(s->reader, d);

	if (st != OK) {
		return st;
	}
	st = read_is_pinned(f, &is_there, d);
	reader_end(s->reader);
	return st != OK || is_there ? st
				    : manifest_signer_create(s, f->manifest, f->request->phase, d);
}

static status
found_hierarchy(struct founding *f, struct diag *d)
{
	status st = found_authority(f, AUTHORITY_ROOT, f->root, "root", d);

	if (st == OK) {
		st = found_authority(f, AUTHORITY_ISSUING, f->issuing, "issuing CA", d);
	}
	if (st == OK) {
		st = found_authority(f, AUTHORITY_FACTORY_SIGNER, f->factory, "factory signer", d);
	}
	return st == OK ? found_manifest_signer(f, d) : st;
}

/* --- who and what --- */

/* The use case's refusal "exists already" is what is wanted here. Any other fault goes to `d`. */
static status
content_with_exists(status st, const struct diag *fault, struct diag *d)
{
	if (st == OK || st == EXISTS) {
		return OK;
	}
	return diag_set(d, st, fault->clause, "%s", fault->text);
}

static status
found_maker(struct founding *f, struct diag *d)
{
	struct diag fault = { 0 };
	struct owner maker;
	status st = owner_add(
		f->session, f->request->maker, f->request->company, OWNER_MAKER, &maker, &fault);

	return content_with_exists(st, &fault, d);
}

static status
found_fleet(struct founding *f, struct diag *d)
{
	struct fleet_request r = { .phase = f->request->phase };
	struct diag fault = { 0 };
	struct fleet fleet;

	if (f->request->fleet[0] == '\0') {
		return OK;
	}
	snprintf(r.name, sizeof(r.name), "%s", f->request->fleet);
	snprintf(r.authority, sizeof(r.authority), "%s", f->issuing);
	snprintf(r.maker, sizeof(r.maker), "%s", f->request->maker);
	return content_with_exists(fleet_create(f->session, &r, &fleet, &fault), &fault, d);
}

/* A token is shown once: a founding that was cut after it was made gives a new one. */
static status
found_operator(struct founding *f, char token[TOKEN_TEXT_MAX], struct diag *d)
{
	struct diag fault = { 0 };
	struct operator_account admin;
	status st = operator_add(
		f->session, f->request->admin, OPERATOR_ADMIN, 0, token, &admin, &fault);

	if (st == EXISTS) {
		return operator_token(f->session, f->request->admin, token, d);
	}
	return content_with_exists(st, &fault, d);
}

status
establish(struct session *s, const struct establish_request *r, char token[TOKEN_TEXT_MAX],
	struct diag *d)
{
	struct founding f = { .session = s, .request = r };
	status st;

	if (r->company[0] == '\0' || r->ledger_origin[0] == '\0') {
		return diag_set(
			d, BAD_INPUT, NULL, "a company's name and the ledger's origin are needed");
	}
	set_names(&f);
	st = found_ledger(&f, d);
	if (st == OK) {
		st = found_hierarchy(&f, d);
	}
	if (st == OK) {
		st = found_maker(&f, d);
	}
	if (st == OK) {
		st = found_fleet(&f, d);
	}
	return st == OK ? found_operator(&f, token, d) : st;
}
