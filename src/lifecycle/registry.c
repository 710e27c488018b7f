#include "lifecycle/registry.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdio.h>

#include "base/check.h"
#include "base/text.h"
#include "lifecycle/look.h"
#include "pki/certificate.h"
#include "pki/key.h"
#include "pki/profile.h"

#define DEFAULT_LIFETIME_S (INT64_C(90) * 86400)
#define DEFAULT_RENEW_PERCENT 66
#define DEFAULT_OFFER_S (7 * 86400)
#define DEFAULT_RETRY_S 60
#define RENEW_PERCENT_MAX 89 /* the spread takes a tenth of the life more */

/* A change with its one entry, committed. EXISTS speaks of `what` by its name. */
struct act {
	struct change *change;
	struct ledger_entry entry;
	const char *what, *name;
};

static status
act_begin(struct session *s, struct act *a, const char *event, struct diag *d)
{
	a->change = change_new(s->arena);
	session_entry(s, event, &a->entry);
	return a->change != NULL ? OK : diag_set(d, NO_MEMORY, NULL, "no memory for a change");
}

static status
act_end(struct session *s, struct act *a, struct diag *d)
{
	struct diag fault = { 0 };
	status result = session_record(s, a->change, &a->entry, NULL, &fault);

	if (result == EXISTS && s->answer == NULL) {
		return diag_set(d, EXISTS, NULL, "%s %s: there is one of this name already",
			a->what, a->name);
	}
	if (result != OK) {
		(void)diag_copy(d, &fault);
	}
	return result;
}

static status
new_id(const struct session *s, id *out, struct diag *d)
{
	return id_new(s->life->clock, out) == OK
		       ? OK
		       : diag_set(d, BUG, NULL, "the system has no randomness");
}

/* --- owners -------------------------------------------------------------------- */

status
owner_add(struct session *s, const char *name, const char *title, enum owner_kind kind,
	struct owner *out, struct diag *d)
{
	struct act act = { .what = "owner", .name = name };
	status result = session_need_maker(s, "a new owner", d);

	*out = (struct owner){ .kind = kind, .created_s = s->now_s };
	if (result == OK) {
		result = look_name("owner's name", name, d);
	}
	if (result == OK) {
		result = look_words("title", title, sizeof(out->title) - 1, d);
	}
	if (result == OK && kind != OWNER_MAKER && kind != OWNER_RESELLER &&
		kind != OWNER_CUSTOMER) {
		result = diag_set(d, BAD_INPUT, NULL, "an owner is maker, reseller or customer");
	}
	if (result == OK) {
		result = new_id(s, &out->id, d);
	}
	if (result == OK && RAND_bytes(out->salt, sizeof(out->salt)) != 1) {
		result = diag_set(d, BUG, NULL, "the system has no randomness");
	}
	if (result == OK) {
		result = act_begin(s, &act, "owner-add", d);
	}
	if (result != OK) {
		return result;
	}
	snprintf(out->name, sizeof(out->name), "%s", name);
	snprintf(out->title, sizeof(out->title), "%s", title != NULL ? title : name);
	act.entry.owner = session_owner_commitment(s, out);
	act.entry.reason = owner_kind_name(kind);
	change_owner_add(act.change, out);
	return act_end(s, &act, d);
}

/* --- fleets -------------------------------------------------------------------- */

static status
check_policy(const struct fleet *f, struct diag *d)
{
	if (f->lifetime_s < CERTIFICATE_LIFETIME_MIN_S ||
		f->lifetime_s > CERTIFICATE_LIFETIME_MAX_S) {
		return diag_set(d, BAD_INPUT, NULL,
			"lifetime: %d seconds to %d days for an operational certificate",
			CERTIFICATE_LIFETIME_MIN_S, (int)(CERTIFICATE_LIFETIME_MAX_S / 86400));
	}
	if (f->renew_after_percent < 1 || f->renew_after_percent > RENEW_PERCENT_MAX) {
		return diag_set(d, BAD_INPUT, NULL,
			"renew_after_percent: 1 to %d of a certificate's life", RENEW_PERCENT_MAX);
	}
	if (f->offer_lifetime_s < OFFER_LIFETIME_MIN_S ||
		f->offer_lifetime_s > OFFER_LIFETIME_MAX_S) {
		return diag_set(d, BAD_INPUT, NULL, "offer_lifetime: %d seconds to %d days",
			OFFER_LIFETIME_MIN_S, OFFER_LIFETIME_MAX_S / 86400);
	}
	if (f->est.retry_after_s < EST_RETRY_MIN_S || f->est.retry_after_s > EST_RETRY_MAX_S) {
		return diag_set(d, BAD_INPUT, NULL, "est_retry_after: %d to %d seconds",
			EST_RETRY_MIN_S, EST_RETRY_MAX_S);
	}
	if ((unsigned)f->est.pending > EST_PENDING_WAIT ||
		(unsigned)f->est.link > EST_LINK_REQUIRED ||
		(unsigned)f->est.lines > EST_LINES_WRAPPED) {
		return diag_set(d, BAD_INPUT, NULL,
			"est_pending: refuse or wait; est_link: optional or required; est_lines: "
			"auto, one or wrapped");
	}
	if (f->est.makes_keys && f->required_level > LEVEL_NONE) {
		return diag_set(d, BAD_INPUT, NULL,
			"est_server_keys: a key that the server makes has no attestation, which "
			"this fleet requires");
	}
	if ((unsigned)f->required_level > LEVEL_ATTESTED) {
		return diag_set(d, BAD_INPUT, NULL,
			"required_attestation: none, vendor-unverified or attested");
	}
	return OK;
}

/* A fleet's name is the label of its EST paths; one that is an operation would be taken for that. */
static status
check_fleet_name(const char *name, struct diag *d)
{
	static const char *const operations[] = { "cacerts", "simpleenroll", "simplereenroll",
		"fullcmc", "serverkeygen", "csrattrs" };

	for (size_t i = 0; i < COUNT_OF(operations); i++) {
		if (strcmp(name, operations[i]) == 0) {
			return diag_set(d, BAD_INPUT, "RFC 7030 3.2.2",
				"fleet's name %s: it is an operation of EST; take another", name);
		}
	}
	return look_name("fleet's name", name, d);
}

/* Of those that are built in, devices have one; what others of this name narrow is the signer's to judge. */
static status
check_profile(const char *name, struct diag *d)
{
	status result = look_name("profile", name, d);

	if (result == OK && profile_builtin(name) != NULL && strcmp(name, "operational") != 0) {
		return diag_set(
			d, BAD_INPUT, NULL, "profile %s: is not one for devices in use", name);
	}
	return result;
}

static status
find_authority(struct session *s, const char *name, struct fleet *f, struct diag *d)
{
	struct authority a = { 0 };
	status result = read_authority_by_name(s->reader, s->arena, name, &a);

	if (result != OK) {
		return diag_set(d, result, NULL, "authority %s: there is none of this name", name);
	}
	if (a.kind != AUTHORITY_ISSUING || !a.has_key) {
		return diag_set(d, BAD_INPUT, NULL,
			"authority %s: is no issuing one whose key we hold", name);
	}
	if (a.phase != f->phase) {
		return diag_set(d, BAD_INPUT, NULL,
			"authority %s: is of the %s phase, the fleet of the %s", name,
			phase_name(a.phase), phase_name(f->phase));
	}
	f->authority = a.row;
	return OK;
}

static status
find_maker(struct session *s, const char *name, struct fleet *f, struct diag *d)
{
	struct owner o = { 0 };
	status result = read_owner_by_name(s->reader, name, &o);

	if (result != OK) {
		return diag_set(d, result, NULL, "owner %s: there is none of this name", name);
	}
	if (o.kind != OWNER_MAKER) {
		return diag_set(d, BAD_INPUT, NULL, "owner %s: is no maker", name);
	}
	f->maker = o.row;
	return OK;
}

/* Who may speak for the fleet's devices. */
static status
check_ra(struct session *s, const struct fleet *f, struct diag *d)
{
	struct operator_account o;
	status result = f->est.ra != 0 ? read_operator(s->reader, f->est.ra, &o) : OK;

	if (result != OK) {
		return diag_set(d, result, NULL, "est_ra: there is no such operator");
	}
	if (f->est.ra != 0 && (o.role != OPERATOR_RA || o.is_disabled)) {
		return diag_set(d, BAD_INPUT, NULL, "est_ra: operator %s %s", o.name,
			o.is_disabled ? "is disabled" : "is not of role ra");
	}
	return OK;
}

static status
find_parts(struct session *s, const struct fleet_request *r, struct fleet *f, struct diag *d)
{
	status result = reader_begin(s->reader, d);

	if (result != OK) {
		return result;
	}
	result = find_authority(s, r->authority, f, d);
	if (result == OK) {
		result = find_maker(s, r->maker, f, d);
	}
	if (result == OK) {
		result = check_ra(s, f, d);
	}
	reader_end(s->reader);
	return result;
}

static void
fill_fleet(const struct session *s, const struct fleet_request *r, struct fleet *f)
{
	*f = (struct fleet){ .phase = r->phase,
		.lifetime_s = r->lifetime_s != 0 ? r->lifetime_s : DEFAULT_LIFETIME_S,
		.renew_after_percent = r->renew_after_percent != 0 ? r->renew_after_percent
								   : DEFAULT_RENEW_PERCENT,
		.required_level = r->required_level,
		.crl_lists_superseded = r->crl_lists_superseded,
		.offer_lifetime_s =
			r->offer_lifetime_s != 0 ? r->offer_lifetime_s : DEFAULT_OFFER_S,
		.est = r->est,
		.version = 1,
		.created_s = s->now_s };
	if (f->est.retry_after_s == 0) {
		f->est.retry_after_s = DEFAULT_RETRY_S;
	}
	memcpy(f->name, r->name, sizeof(f->name));
	snprintf(f->profile, sizeof(f->profile), "%s",
		r->profile[0] != '\0' ? r->profile : "operational");
}

status
fleet_create(struct session *s, const struct fleet_request *r, struct fleet *out, struct diag *d)
{
	struct act act = { .what = "fleet", .name = r->name };
	status result = session_need_maker(s, "a new fleet", d);

	fill_fleet(s, r, out);
	if (result == OK) {
		result = check_fleet_name(r->name, d);
	}
	if (result == OK) {
		result = check_profile(out->profile, d);
	}
	if (result == OK && (unsigned)r->phase >= PHASE_COUNT) {
		result = diag_set(d, BAD_INPUT, NULL, "phase: prototype, pilot or production");
	}
	if (result == OK) {
		result = check_policy(out, d);
	}
	if (result == OK) {
		result = find_parts(s, r, out, d);
	}
	if (result == OK) {
		result = new_id(s, &out->id, d);
	}
	if (result == OK) {
		result = act_begin(s, &act, "fleet-create", d);
	}
	if (result != OK) {
		return result;
	}
	act.entry.fleet = out->name;
	act.entry.authority = r->authority;
	act.entry.object = phase_name(r->phase);
	change_fleet_add(act.change, out);
	return act_end(s, &act, d);
}

status
fleet_set(struct session *s, const struct fleet *f, struct diag *d)
{
	struct act act = { .what = "fleet" };
	struct fleet *stored = ARENA_NEW(s->arena, struct fleet);
	status result = session_need_maker(s, "a fleet's policy", d);

	if (result == OK && stored == NULL) {
		result = diag_set(d, NO_MEMORY, NULL, "no memory for a change");
	}
	if (result == OK) {
		result = check_policy(f, d);
	}
	if (result == OK) {
		result = reader_begin(s->reader, d);
	}
	if (result != OK) {
		return result;
	}
	result = read_fleet(s->reader, f->row, stored);
	if (result != OK) {
		(void)diag_set(d, result, NULL, "there is no such fleet");
	} else if (f->est.ra != stored->est.ra) {
		result = check_ra(s, f, d);
	}
	reader_end(s->reader);
	if (result != OK) {
		return result;
	}
	/* Name, phase, authority and maker stand; and the version that was looked at counts. */
	stored->version = f->version;
	stored->lifetime_s = f->lifetime_s;
	stored->renew_after_percent = f->renew_after_percent;
	stored->required_level = f->required_level;
	stored->crl_lists_superseded = f->crl_lists_superseded;
	stored->offer_lifetime_s = f->offer_lifetime_s;
	stored->est = f->est;
	act.name = stored->name;
	result = act_begin(s, &act, "fleet-set", d);
	if (result != OK) {
		return result;
	}
	act.entry.fleet = stored->name;
	act.entry.level = attestation_level_name(stored->required_level);
	change_fleet_set(act.change, stored);
	return act_end(s, &act, d);
}

/* --- operators -------------------------------------------------------------------- */

/* "tnr_" and 32 random bytes; its hash, which is all that is kept. */
static status
new_token(char token[TOKEN_TEXT_MAX], uint8_t token_hash[32], struct diag *d)
{
	uint8_t random[32];

	if (RAND_priv_bytes(random, sizeof(random)) != 1) {
		return diag_set(d, BUG, NULL, "the system has no randomness");
	}
	memcpy(token, "tnr_", 4);
	base64url_encode(token + 4, SPAN_ARRAY(random));
	OPENSSL_cleanse(random, sizeof(random));
	sha256(span_text(token), token_hash);
	return OK;
}

/* Only its commitment stands in the ledger: an operator is a person. */
static const char *
commitment_of(const struct session *s, const struct operator_account *o)
{
	struct session as = { .arena = s->arena,
		.actor = { .kind = ACTOR_OPERATOR, .account = *o } };
	struct ledger_entry e;

	session_entry(&as, "", &e);
	return e.operator_commitment;
}

static status
find_operator_owner(struct session *s, enum operator_role role, int64_t owner, struct diag *d)
{
	struct owner who;
	status result;

	if (role != OPERATOR_OWNER) {
		return owner == 0 ? OK
				  : diag_set(d, BAD_INPUT, NULL,
					    "only an operator of role owner speaks for an owner");
	}
	if (owner == 0) {
		return diag_set(d, BAD_INPUT, NULL, "an operator of role owner needs his owner");
	}
	result = reader_begin(s->reader, d);
	if (result == OK) {
		result = read_owner(s->reader, owner, &who);
		reader_end(s->reader);
	}
	return result == OK ? OK : diag_set(d, result, NULL, "there is no such owner");
}

/* With the one credential that `o` has by now. */
static status
add_operator(struct session *s, const char *name, struct operator_account *o, struct diag *d)
{
	struct act act = { .what = "operator", .name = name };
	status result = look_name("operator's name", name, d);

	if (result == OK) {
		result = new_id(s, &o->id, d);
	}
	if (result == OK) {
		result = act_begin(s, &act, "operator-add", d);
	}
	if (result != OK) {
		return result;
	}
	o->created_s = s->now_s;
	snprintf(o->name, sizeof(o->name), "%s", name);
	act.entry.object = commitment_of(s, o);
	act.entry.reason = operator_role_name(o->role);
	change_operator_add(act.change, o);
	return act_end(s, &act, d);
}

status
operator_add(struct session *s, const char *name, enum operator_role role, int64_t owner,
	char token[TOKEN_TEXT_MAX], struct operator_account *out, struct diag *d)
{
	status result = session_need_admin(s, "a new operator", d);

	token[0] = '\0';
	*out = (struct operator_account){ .role = role, .owner = owner };
	if (result == OK && (unsigned)role >= OPERATOR_ROLE_COUNT) {
		result = diag_set(d, BAD_INPUT, NULL,
			"role: admin, maker, support, owner, auditor, watch or ra");
	}
	if (result == OK && role == OPERATOR_RA) {
		result = diag_set(d, BAD_INPUT, NULL,
			"an operator of role ra is known by a certificate, not by a token");
	}
	if (result == OK) {
		result = find_operator_owner(s, role, owner, d);
	}
	if (result == OK) {
		result = new_token(token, out->token_hash, d);
	}
	if (result == OK) {
		result = add_operator(s, name, out, d);
	}
	if (result != OK) {
		OPENSSL_cleanse(token, TOKEN_TEXT_MAX);
	}
	return result;
}

status
operator_add_ra(struct session *s, const char *name, span certificate, struct operator_account *out,
	struct diag *d)
{
	struct certificate_view view;
	status result = session_need_admin(s, "a new operator", d);

	*out = (struct operator_account){ .role = OPERATOR_RA };
	if (result == OK && strcmp(name, "none") == 0) {
		result = diag_set(d, BAD_INPUT, NULL,
			"operator's name none: in a fleet it stands for nobody");
	}
	if (result == OK) {
		result = certificate_read(certificate, &view, d);
	}
	if (result == OK && (!view.has_ext_key_usage || !(view.ext_key_usage & EKU_CMC_RA))) {
		result = diag_set(d, BAD_INPUT, "RFC 6402 2.10",
			"the certificate of a registration authority has no id-kp-cmcRA among its "
			"extended key usages");
	}
	if (result != OK) {
		return result;
	}
	certificate_fingerprint(certificate, out->certificate_fingerprint);
	return add_operator(s, name, out, d);
}

static status
find_operator(struct session *s, const char *name, struct operator_account *out, struct diag *d)
{
	status result = reader_begin(s->reader, d);

	if (result == OK) {
		result = read_operator_by_name(s->reader, name, out);
		reader_end(s->reader);
	}
	if (result == OK && out->is_disabled) {
		result = NOT_FOUND;
	}
	return result == OK
		       ? OK
		       : diag_set(d, result, NULL, "operator %s: there is none of this name", name);
}

status
operator_token(struct session *s, const char *name, char token[TOKEN_TEXT_MAX], struct diag *d)
{
	struct act act = { .what = "operator", .name = name };
	struct operator_account *o = ARENA_NEW(s->arena, struct operator_account);
	status result = session_need_admin(s, "a new token", d);

	token[0] = '\0';
	if (result == OK && o == NULL) {
		result = diag_set(d, NO_MEMORY, NULL, "no memory for a change");
	}
	if (result == OK) {
		result = find_operator(s, name, o, d);
	}
	if (result == OK && o->role == OPERATOR_RA) {
		result = diag_set(d, CONFLICT, NULL,
			"operator %s: is of role ra, known by a certificate, not by a token", name);
	}
	if (result == OK) {
		result = act_begin(s, &act, "operator-token", d);
	}
	if (result == OK) {
		result = new_token(token, o->token_hash, d);
	}
	if (result != OK) {
		return result;
	}
	act.entry.object = commitment_of(s, o);
	change_operator_set(act.change, o);
	result = act_end(s, &act, d);
	if (result != OK) {
		OPENSSL_cleanse(token, TOKEN_TEXT_MAX);
	}
	return result;
}

/* Without an admin nobody could ever make one again. */
static status
check_other_admin(struct session *s, const struct operator_account *leaving, struct diag *d)
{
	struct operator_account *all = NULL;
	size_t count = LIST_PAGE_MAX;
	int64_t after = 0;
	bool is_found = leaving->role != OPERATOR_ADMIN;
	status result = reader_begin(s->reader, d);

	if (result != OK) {
		return result;
	}
	while (result == OK && !is_found && count == LIST_PAGE_MAX) {
		result = list_operators(s->reader, s->arena, after, LIST_PAGE_MAX, &all, &count);
		for (size_t i = 0; result == OK && i < count; i++) {
			is_found |= all[i].role == OPERATOR_ADMIN && !all[i].is_disabled &&
				    all[i].row != leaving->row;
			after = all[i].row;
		}
	}
	reader_end(s->reader);
	if (result != OK) {
		return diag_set(d, result, NULL, "the operators cannot be listed");
	}
	return is_found ? OK
			: diag_set(d, CONFLICT, NULL,
				  "operator %s is the last admin: make another one first",
				  leaving->name);
}

/* The record stays, without any proof: ledger entries speak of it, and its name is not given again. */
status
operator_remove(struct session *s, const char *name, struct diag *d)
{
	struct act act = { .what = "operator", .name = name };
	struct operator_account *o = ARENA_NEW(s->arena, struct operator_account);
	status result = session_need_admin(s, "remove an operator", d);

	if (result == OK && o == NULL) {
		result = diag_set(d, NO_MEMORY, NULL, "no memory for a change");
	}
	if (result == OK) {
		result = find_operator(s, name, o, d);
	}
	if (result == OK) {
		result = check_other_admin(s, o, d);
	}
	if (result == OK) {
		result = act_begin(s, &act, "operator-remove", d);
	}
	if (result != OK) {
		return result;
	}
	o->is_disabled = true;
	memset(o->token_hash, 0, sizeof(o->token_hash));
	memset(o->certificate_fingerprint, 0, sizeof(o->certificate_fingerprint));
	act.entry.object = commitment_of(s, o);
	change_operator_set(act.change, o);
	return act_end(s, &act, d);
}
