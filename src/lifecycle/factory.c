#include <stdio.h>

#include "element/part_profile.h"
#include "lifecycle/issued.h"
#include "lifecycle/onboard.h"

#include "base/json.h"
#include "base/text.h"

/*
 * Our own factory line: keys come out of elements, certificates and manifest entries go back.
 *
 * Invariant: whatever leaves is recorded. A unit that comes again (a lost answer) gets its stored certificate and
 * a manifest entry of the same payload to the byte: every field of it comes from the record or the unit, none from
 * this day. That payload's hash is kept with the element; a unit that would change it is another one.
 */
#define BIRTH_YEARS 28	  /* as the chip maker's own: TrustFLEX, template 3 */
#define MODEL "ATECC608B" /* of a unit that does not say */
#define PART_NUMBER "ATECC608B-TFLXTLS"
#define FAMILY "ATECC608" /* whose models attest by slot 1, with a profile */
#define PAYLOAD_MAX (16 << 10)

struct line {
	struct session *session;
	struct fleet fleet;
	struct owner maker;
	struct authority issuer; /* the factory signer of new units */
	char organization[65];
	const char *manifest_signer;
};

/* One unit on its way. */
struct unit {
	const struct factory_unit *given;
	struct factory_result *result;
	bool is_new;
	struct element element;
	struct device device;
	struct certificate leaf;
	struct authority issuer; /* of the stored or the new certificate */
	char organization[65];
};

static status
no_memory(struct diag *d)
{
	return diag_set(d, NO_MEMORY, NULL, "no memory for the factory line");
}

/* --- who makes them --- */

static status
find_manifest_signer(struct line *l, const char *name, struct diag *d)
{
	struct session *s = l->session;
	struct pinned_signer *pins;
	size_t count = LIST_PAGE_MAX;
	int64_t after = 0;

	while (count == LIST_PAGE_MAX) {
		status st = list_pins(s->reader, s->arena, after, LIST_PAGE_MAX, &pins, &count);

		if (st != OK) {
			return diag_set(d, st, NULL, "the manifest signers cannot be read");
		}
		for (size_t i = 0; i < count; i++) {
			if (pins[i].trust == PIN_SELF && pins[i].phase == l->fleet.phase &&
				strcmp(pins[i].name, name) == 0) {
				l->manifest_signer = name;
				return OK;
			}
			after = pins[i].row;
		}
	}
	return diag_set(d, NOT_FOUND, NULL,
		"there is no manifest signer %.63s of our own in phase %s", name,
		phase_name(l->fleet.phase));
}

/* The elements' certificates carry their issuer's organization, as the chip's template has it. */
static status
organization_of(const struct authority *a, char out[65], struct diag *d)
{
	struct certificate_view v;
	status st = certificate_read(a->der, &v, d);
	span name;

	if (st != OK) {
		return st;
	}
	name = name_get(&v.subject, OID_ORGANIZATION);
	if (name.len > 64) {
		name.len = 0; /* over RFC 5280's bound: none is better than half a name */
	}
	snprintf(out, 65, "%.*s", (int)name.len, name.len > 0 ? (const char *)name.data : "");
	return OK;
}

static status
find_issuer(struct line *l, const char *name, struct diag *d)
{
	struct session *s = l->session;
	status st = read_authority_by_name(s->reader, s->arena, name, &l->issuer);

	if (st != OK || l->issuer.kind != AUTHORITY_FACTORY_SIGNER) {
		return diag_set(d, st == OK ? NOT_FOUND : st, NULL,
			"there is no factory signer %.63s", name);
	}
	if (l->issuer.phase != l->fleet.phase) {
		return diag_set(d, CONFLICT, NULL,
			"factory signer %s is of phase %s, fleet %s of phase %s", l->issuer.name,
			phase_name(l->issuer.phase), l->fleet.name, phase_name(l->fleet.phase));
	}
	return organization_of(&l->issuer, l->organization, d);
}

static status
read_line(struct line *l, int64_t fleet, const char *factory_signer, const char *manifest_signer,
	struct diag *d)
{
	struct reader *r = l->session->reader;
	status st = read_fleet(r, fleet, &l->fleet);

	if (st != OK) {
		return diag_set(d, st, NULL, "there is no such fleet");
	}
	st = read_owner(r, l->fleet.maker, &l->maker);
	if (st != OK) {
		return diag_set(d, st == NOT_FOUND ? BUG : st, NULL,
			"the maker of fleet %s cannot be read", l->fleet.name);
	}
	st = find_issuer(l, factory_signer, d);
	return st == OK ? find_manifest_signer(l, manifest_signer, d) : st;
}

/* --- a unit --- */

static const char *
model_of(const struct factory_unit *u)
{
	return u->model[0] != '\0' ? u->model : MODEL;
}

static const char *
part_number_of(const struct factory_unit *u)
{
	return u->part_number[0] != '\0' ? u->part_number : PART_NUMBER;
}

static bool
is_of_family(const struct factory_unit *u)
{
	return strncmp(model_of(u), FAMILY, strlen(FAMILY)) == 0;
}

/* Words that stand in manifests, tables and logs. */
static bool
is_plain_word(const char *text)
{
	for (const char *c = text; *c != '\0'; c++) {
		if (!((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
			    (*c >= '0' && *c <= '9') || strchr(" ._-+/", *c) != NULL)) {
			return false;
		}
	}
	return true;
}

static status
check_kind(const struct factory_unit *u, struct diag *d)
{
	const char *model = model_of(u), *part_number = part_number_of(u);
	struct public_key key;

	if ((u->model[0] == '\0') != (u->part_number[0] == '\0')) {
		return diag_set(d, BAD_INPUT, NULL,
			"element %s: model and part_number come together", u->unique_id);
	}
	if (!is_plain_word(model) || !is_plain_word(part_number)) {
		return diag_set(d, BAD_INPUT, NULL,
			"element %s: a model or part number has letters, digits, blanks and "
			"._-+/",
			u->unique_id);
	}
	if (is_of_family(u) && (strncmp(part_number, model, strlen(model)) != 0 ||
				       part_profile_of_part(part_number) == NULL)) {
		return diag_set(d, BAD_INPUT, NULL,
			"element %s: no profile of a %s with part number %s is known", u->unique_id,
			model, part_number);
	}
	if (u->has_tpm2_key && is_of_family(u)) {
		return diag_set(d, BAD_INPUT, NULL,
			"element %s: a %s attests by the key in its slot 1", u->unique_id, model);
	}
	if (u->has_tpm2_key && public_key_of_point(u->tpm2_key, &key, d) != OK) {
		diag_prefix(d, "element %s, attestation key: ", u->unique_id);
		return BAD_INPUT;
	}
	return OK;
}

static status
check_unit(const struct factory_unit *u, struct diag *d)
{
	struct public_key key;
	size_t len = strnlen(u->unique_id, sizeof(u->unique_id));

	for (size_t i = 0; i < len; i++) {
		char c = u->unique_id[i];

		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) {
			len = 0;
		}
	}
	if (is_of_family(u) && (len != 18 || memcmp(u->unique_id, "0123", 4) != 0)) {
		return diag_set(d, BAD_INPUT, NULL,
			"an element's serial has 18 lower-case hex digits and begins with 0123");
	}
	/* What a manifest entry takes (element/manifest_entry.c): a TPM's is the hash of its endorsement key. */
	if (len < 8 || len % 2 != 0) {
		return diag_set(d, BAD_INPUT, NULL,
			"an element's serial has 8 to %d lower-case hex digits, two a byte",
			ELEMENT_SERIAL_MAX);
	}
	if (u->point_count < 1 || u->point_count > 5) {
		return diag_set(d, BAD_INPUT, NULL,
			"element %s: keys of slots 0 to 4 are taken, one at the least",
			u->unique_id);
	}
	for (size_t i = 0; i < u->point_count; i++) {
		if (public_key_of_point(u->points[i], &key, d) != OK) {
			diag_prefix(d, "element %s, slot %zu: ", u->unique_id, i);
			return BAD_INPUT;
		}
	}
	return check_kind(u, d);
}

/* What the unit says that it is, as the store keeps it. */
static void
describe(const struct factory_unit *u, struct element *e)
{
	const struct part_profile *profile =
		is_of_family(u) ? part_profile_of_part(part_number_of(u)) : NULL;

	snprintf(e->model, sizeof(e->model), "%s", model_of(u));
	snprintf(e->part_number, sizeof(e->part_number), "%s", part_number_of(u));
	snprintf(e->profile, sizeof(e->profile), "%s", profile != NULL ? profile->name : "");
	if (u->has_tpm2_key) {
		e->attestation = ATTESTATION_TPM2;
		memcpy(e->attestation_key, u->tpm2_key, sizeof(e->attestation_key));
	} else if (profile != NULL && u->point_count > 1) {
		e->attestation = ATTESTATION_ATECC608;
		memcpy(e->attestation_key, u->points[1], sizeof(e->attestation_key));
	}
}

/* The manifest entry's hash covers model and keys of slots, not a TPM's key. */
static status
check_described(const struct unit *u, struct diag *d)
{
	struct element said = { 0 };

	describe(u->given, &said);
	return strcmp(said.model, u->element.model) == 0 &&
			       strcmp(said.part_number, u->element.part_number) == 0 &&
			       said.attestation == u->element.attestation &&
			       memcmp(said.attestation_key, u->element.attestation_key,
				       sizeof(said.attestation_key)) == 0
		       ? OK
		       : diag_set(d, EXISTS, NULL,
				 "element %s was made already, as another model or with another "
				 "key to attest by",
				 u->element.serial);
}

/* What the record says of a unit that was made before. */
static status
read_made(struct line *l, struct unit *u, struct diag *d)
{
	struct session *s = l->session;
	status st = u->element.device != 0 ? read_device(s->reader, u->element.device, &u->device)
					   : NOT_FOUND;

	if (st == NOT_FOUND || (st == OK && u->device.fleet != l->fleet.row) ||
		(st == OK && u->device.birth_certificate == 0)) {
		return diag_set(d, EXISTS, NULL,
			"element %s is here already, and was not made for fleet %s on this line",
			u->element.serial, l->fleet.name);
	}
	if (st == OK) {
		st = read_certificate(s->reader, s->arena, u->device.birth_certificate, &u->leaf);
	}
	if (st == OK) {
		st = check_described(u, d);
		if (st != OK) {
			return st;
		}
	}
	if (st == OK && u->leaf.authority == 0) {
		return diag_set(d, EXISTS, NULL,
			"element %s is here already, with a birth certificate of another maker",
			u->element.serial);
	}
	if (st == OK) {
		st = read_authority(s->reader, s->arena, u->leaf.authority, &u->issuer);
	}
	if (st != OK) {
		return diag_set(d, st == NOT_FOUND ? BUG : st, NULL,
			"the record of element %s cannot be read", u->element.serial);
	}
	return organization_of(&u->issuer, u->organization, d);
}

static status
check_key_is_new(struct line *l, const struct unit *u, struct diag *d)
{
	uint8_t spki[SPKI_P256_LEN], key_hash[32];
	bool is_known = false;
	status st;

	spki_of_point(u->given->points[0], spki);
	sha256(SPAN_ARRAY(spki), key_hash);
	st = read_key_is_known(l->session->reader, key_hash, &is_known);
	if (st != OK) {
		return diag_set(d, st, NULL, "the certificates cannot be read");
	}
	return is_known ? diag_set(d, EXISTS, NULL,
				  "element %s: its slot 0 key is another certificate's already",
				  u->given->unique_id)
			: OK;
}

static status
look_up(struct line *l, struct unit *u, struct diag *d)
{
	status st = read_element_by_serial(l->session->reader, u->given->unique_id, &u->element);

	if (st == OK) {
		u->is_new = false;
		return read_made(l, u, d);
	}
	if (st != NOT_FOUND) {
		return diag_set(d, st, NULL, "the elements cannot be read");
	}
	u->is_new = true;
	u->issuer = l->issuer;
	memcpy(u->organization, l->organization, sizeof(u->organization));
	return check_key_is_new(l, u, d);
}

/* --- what it gets --- */

static status
hash_payload(struct line *l, span json, uint8_t out[32], struct diag *d)
{
	uint8_t *payload = arena_alloc(l->session->arena, PAYLOAD_MAX);
	cJSON *o = NULL;
	size_t len;
	span text;
	status st;

	if (payload == NULL) {
		return no_memory(d);
	}
	st = json_parse(json, MANIFEST_ENTRY_MAX, &o, d);
	if (st == OK) {
		st = json_get_text(o, "payload", &text, d);
	}
	if (st == OK && base64url_decode(text, payload, PAYLOAD_MAX, &len) != OK) {
		st = diag_set(d, BUG, NULL, "a manifest entry of our own cannot be read");
	}
	if (st == OK) {
		sha256(span_of(payload, len), out);
	}
	cJSON_Delete(o);
	return st;
}

static status
make_entry(struct line *l, struct unit *u, struct diag *d)
{
	struct manifest_entry_request r = { .provisioned_s = u->device.created_s,
		.point_count = u->given->point_count,
		.leaf = u->leaf.der,
		.issuer = u->issuer.der };
	uint8_t payload_hash[32];
	status st;

	snprintf(r.signer, sizeof(r.signer), "%s", l->manifest_signer);
	memcpy(r.unique_id, u->element.serial, sizeof(r.unique_id));
	memcpy(r.model, u->element.model, sizeof(r.model));
	memcpy(r.part_number, u->element.part_number, sizeof(r.part_number));
	memcpy(r.manufacturer, u->organization, sizeof(r.manufacturer));
	memcpy(r.points, u->given->points, sizeof(r.points));
	st = signer_manifest_entry(
		l->session->life->signer, l->session->arena, &r, &u->result->manifest_entry, d);
	if (st == OK) {
		st = hash_payload(l, u->result->manifest_entry, payload_hash, d);
	}
	if (st != OK) {
		return st;
	}
	if (!u->is_new && memcmp(payload_hash, u->element.entry_hash, 32) != 0) {
		u->result->manifest_entry = span_of(NULL, 0);
		return diag_set(d, EXISTS, NULL,
			"element %s was made already, with other keys: a clone, or keys made anew "
			"after it was recorded",
			u->element.serial);
	}
	memcpy(u->element.entry_hash, payload_hash, sizeof(payload_hash));
	u->result->certificate = u->leaf.der;
	u->result->issuer = u->issuer.der;
	return OK;
}

static status
prepare_records(struct line *l, struct unit *u, span certificate, struct diag *d)
{
	const struct session *s = l->session;
	struct element *e = &u->element;
	status st;

	*e = (struct element){ .phase = l->fleet.phase };
	memcpy(e->serial, u->given->unique_id, sizeof(e->serial));
	describe(u->given, e);
	u->device = (struct device){ .fleet = l->fleet.row,
		.phase = l->fleet.phase,
		.state = DEVICE_MANUFACTURED,
		.owner = l->fleet.maker,
		.created_s = s->now_s,
		.changed_s = s->now_s };
	memcpy(u->device.serial, e->serial, sizeof(u->device.serial));
	if (id_new(s->life->clock, &u->device.id) != OK) {
		return diag_set(d, BUG, NULL, "the system has no randomness");
	}
	u->leaf = (struct certificate){ .kind = CERTIFICATE_BIRTH,
		.status = CERTIFICATE_CURRENT,
		.authority = l->issuer.row,
		.owner = l->fleet.maker,
		.issued_s = s->now_s };
	st = certificate_measure(certificate, &u->leaf, d);
	return st == OK ? make_entry(l, u, d) : st;
}

/* --- all of them --- */

static void
refuse(struct unit *u, status st, const struct diag *d)
{
	*u->result = (struct factory_result){ .status = st, .diag = *d };
}

/* Certificates for the new ones among the units that are not refused, in one call of the signer. */
static status
issue(struct line *l, struct unit *units, size_t count, struct diag *d)
{
	struct arena *a = l->session->arena;
	struct birth_request *requests = arena_array(a, count, sizeof(*requests));
	struct issue_result *issued = arena_array(a, count, sizeof(*issued));
	size_t n = 0, k = 0;
	status st;

	if (requests == NULL || issued == NULL) {
		return no_memory(d);
	}
	for (size_t i = 0; i < count; i++) {
		struct birth_request *r = &requests[n];

		if (units[i].result->status != OK || !units[i].is_new) {
			continue;
		}
		memcpy(r->authority, l->issuer.name, sizeof(r->authority));
		memcpy(r->unique_id, units[i].given->unique_id, sizeof(r->unique_id));
		memcpy(r->organization, l->organization, sizeof(r->organization));
		memcpy(r->point, units[i].given->points[0], sizeof(r->point));
		r->phase = l->fleet.phase;
		r->not_before_s = l->session->now_s;
		r->years = BIRTH_YEARS;
		n++;
	}
	st = n > 0 ? signer_issue_birth(l->session->life->signer, a, requests, n, issued, d) : OK;
	for (size_t i = 0; st == OK && i < count; i++) {
		struct unit *u = &units[i];
		struct diag fault;
		status one;

		if (u->result->status != OK || !u->is_new) {
			continue;
		}
		one = issued[k].status;
		fault = issued[k].diag;
		if (one == OK) {
			diag_clear(&fault);
			one = prepare_records(l, u, issued[k].der, &fault);
		}
		k++;
		if (one != OK) {
			refuse(u, one, &fault);
		}
	}
	return st;
}

static status
write_entry(struct line *l, struct unit *u, struct change *c, struct diag *d)
{
	struct session *s = l->session;
	char *name = arena_alloc(s->arena, ID_TEXT_LEN + 1);
	struct ledger_entry e;

	if (name == NULL) {
		return no_memory(d);
	}
	session_entry(s, "manufacture", &e);
	e.device = id_text(name, &u->device.id);
	e.to = device_state_name(u->device.state);
	e.fleet = l->fleet.name;
	e.owner = session_owner_commitment(s, &l->maker);
	e.object = u->element.serial;
	e.digest = u->element.entry_hash;
	e.authority = l->issuer.name;
	e.certificate = u->leaf.fingerprint;
	e.serial = span_of(u->leaf.serial, u->leaf.serial_len);
	return session_ledger(s, c, &e, CHANGE_REF(&u->device), d);
}

static status
add_change(struct line *l, struct unit *u, struct change **out, struct diag *d)
{
	struct change *c = change_new(l->session->arena);

	if (c == NULL) {
		return no_memory(d);
	}
	change_element_add(c, &u->element);
	change_device_add(c, &u->device);
	change_certificate_add(c, &u->leaf);
	change_link(c, &u->device.element, CHANGE_REF(&u->element));
	change_link(c, &u->element.device, CHANGE_REF(&u->device));
	change_link(c, &u->leaf.device, CHANGE_REF(&u->device));
	change_link(c, &u->device.birth_certificate, CHANGE_REF(&u->leaf));
	*out = c;
	return write_entry(l, u, c, d);
}

/* The same unit twice in one batch, or on two lines at once: the second one gets what the first one got. */
static void
take_up(struct line *l, struct unit *u, const struct commit_result *refused)
{
	struct diag fault;
	status st;

	diag_clear(&fault);
	st = reader_begin(l->session->reader, &fault);
	if (st == OK) {
		st = look_up(l, u, &fault);
		reader_end(l->session->reader);
	}
	if (st == OK && u->is_new) {
		st = refused->status;
		fault = refused->diag;
	}
	if (st == OK) {
		st = make_entry(l, u, &fault);
	}
	if (st != OK) {
		refuse(u, st, &fault);
	}
}

static status
record(struct line *l, struct unit *units, size_t count, struct diag *d)
{
	struct arena *a = l->session->arena;
	struct change **changes = arena_array(a, count, sizeof(struct change *));
	struct unit **coming = arena_array(a, count, sizeof(struct unit *));
	struct commit_result *results = arena_array(a, count, sizeof(*results));
	size_t n = 0;
	status st = OK;

	if (changes == NULL || coming == NULL || results == NULL) {
		return no_memory(d);
	}
	for (size_t i = 0; st == OK && i < count; i++) {
		if (units[i].result->status == OK && units[i].is_new) {
			coming[n] = &units[i];
			st = add_change(l, &units[i], &changes[n++], d);
		}
	}
	if (st == OK) {
		st = session_check_ledger(l->session->life, d);
	}
	if (st == OK) {
		st = store_commit_batch(l->session->life->store, changes, n, results, d);
	}
	for (size_t i = 0; st == OK && i < n; i++) {
		if (results[i].status != OK) {
			take_up(l, coming[i], &results[i]);
		}
	}
	if (st == OK && n > 0 && l->session->life->sequencer != NULL) {
		sequencer_wake(l->session->life->sequencer);
	}
	return st;
}

/* Two elements with one key in the same call: the store has neither yet. */
static status
check_key_in_batch(const struct unit *units, size_t index, struct diag *d)
{
	const struct factory_unit *u = units[index].given;

	for (size_t i = 0; i < index; i++) {
		const struct factory_unit *other = units[i].given;

		if (memcmp(other->points[0], u->points[0], POINT_P256_LEN) == 0 &&
			strcmp(other->unique_id, u->unique_id) != 0) {
			return diag_set(d, EXISTS, NULL,
				"element %s has the slot 0 key of element %s: a clone",
				u->unique_id, other->unique_id);
		}
	}
	return OK;
}

/* Within the session's snapshot: what each unit is. */
static void
look_at_all(struct line *l, struct unit *units, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct diag fault;
		status st;

		diag_clear(&fault);
		st = check_unit(units[i].given, &fault);
		if (st == OK) {
			st = check_key_in_batch(units, i, &fault);
		}
		if (st == OK) {
			st = look_up(l, &units[i], &fault);
		}
		if (st != OK) {
			refuse(&units[i], st, &fault);
		}
	}
}

static void
make_entries_again(struct line *l, struct unit *units, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct diag fault;
		status st;

		if (units[i].result->status != OK || units[i].is_new) {
			continue;
		}
		diag_clear(&fault);
		st = make_entry(l, &units[i], &fault);
		if (st != OK) {
			refuse(&units[i], st, &fault);
		}
	}
}

status
factory_make(struct session *s, int64_t fleet, const char *factory_signer,
	const char *manifest_signer, const struct factory_unit *units, size_t count,
	struct factory_result *results, struct diag *d)
{
	struct line *l = ARENA_NEW(s->arena, struct line);
	struct unit *made = arena_array(s->arena, count, sizeof(*made));
	status st = session_need_maker(s, "making devices on the factory line", d);

	if (st != OK) {
		return st;
	}
	if (count > FACTORY_BATCH_MAX) {
		return diag_set(d, LIMIT, NULL, "%zu units at once, at most %d are made", count,
			FACTORY_BATCH_MAX);
	}
	if (l == NULL || made == NULL) {
		return no_memory(d);
	}
	l->session = s;
	for (size_t i = 0; i < count; i++) {
		results[i] = (struct factory_result){ .status = OK };
		made[i].given = &units[i];
		made[i].result = &results[i];
	}
	st = reader_begin(s->reader, d);
	if (st != OK) {
		return st;
	}
	st = read_line(l, fleet, factory_signer, manifest_signer, d);
	if (st == OK) {
		look_at_all(l, made, count);
	}
	reader_end(s->reader);
	if (st == OK) {
		make_entries_again(l, made, count);
		st = issue(l, made, count, d);
	}
	return st == OK ? record(l, made, count, d) : st;
}
