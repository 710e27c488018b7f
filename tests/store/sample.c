#include "sample.h"
#include <stdio.h>

/* Bytes that differ by kind and number, and look random. */
static void
fill(uint8_t *out, size_t len, unsigned kind, unsigned number)
{
	uint64_t x = ((uint64_t)kind << 40) ^ ((uint64_t)number + 1);
	for (size_t i = 0; i < len; i++) {
		x += 0x9e3779b97f4a7c15u;
		uint64_t z = x;
		z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
		z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
		out[i] = (uint8_t)(z >> 56);
	}
}

#define FILL(array, kind, number) fill((array), sizeof(array), (kind), (number))

static span
der_of(unsigned number)
{
	static uint8_t bytes[1200];
	if (bytes[0] == 0) {
		FILL(bytes, 99, 1);
		bytes[0] = 0x30;
	}
	return span_of(bytes + number % 500, 600);
}

void
sample_id(id *out, unsigned kind, unsigned number)
{
	FILL(out->bytes, kind, number);
	/* A time in front, as of a real id. */
	out->bytes[0] = 1;
	for (int i = 0; i < 4; i++) {
		out->bytes[1 + i] = (uint8_t)(number >> (24 - 8 * i));
	}
}

void
sample_owner(struct owner *o, const char *name, unsigned number)
{
	memset(o, 0, sizeof(*o));
	o->kind = OWNER_CUSTOMER;
	o->created_s = SAMPLE_START_S + number;
	sample_id(&o->id, 1, number);
	snprintf(o->name, sizeof(o->name), "%s", name);
	snprintf(o->title, sizeof(o->title), "The %s", name);
	FILL(o->salt, 2, number);
}

void
sample_authority(struct authority *a, const char *name, unsigned number)
{
	memset(a, 0, sizeof(*a));
	a->kind = AUTHORITY_ISSUING;
	a->phase = PHASE_PRODUCTION;
	a->has_key = true;
	a->not_before_s = SAMPLE_START_S;
	a->not_after_s = SAMPLE_START_S + 1000000;
	a->crl_number = number;
	a->created_s = SAMPLE_START_S + 1;
	sample_id(&a->id, 3, number);
	snprintf(a->name, sizeof(a->name), "%s", name);
	snprintf(a->hierarchy, sizeof(a->hierarchy), "own");
	FILL(a->fingerprint, 4, number);
	FILL(a->key_id, 5, number);
	FILL(a->name_hash, 6, number);
	FILL(a->name_hash_sha1, 7, number);
	FILL(a->key_hash_sha1, 8, number);
	FILL(a->key_hash_sha256, 9, number);
	a->der = der_of(number);
}

void
sample_fleet(struct fleet *f, const char *name, const struct sample_base *b, unsigned number)
{
	memset(f, 0, sizeof(*f));
	f->phase = PHASE_PRODUCTION;
	f->authority = b->issuing.row;
	f->lifetime_s = 90 * 86400;
	f->renew_after_percent = 66;
	f->required_level = LEVEL_ATTESTED;
	f->crl_lists_superseded = true;
	f->offer_lifetime_s = 86400;
	f->est = (struct est_policy){ .pending = EST_PENDING_WAIT,
		.retry_after_s = 17,
		.link = EST_LINK_REQUIRED,
		.lines = EST_LINES_WRAPPED,
		.makes_keys = true };
	f->maker = b->maker.row;
	f->created_s = SAMPLE_START_S + number;
	sample_id(&f->id, 10, number);
	snprintf(f->name, sizeof(f->name), "%s", name);
	snprintf(f->profile, sizeof(f->profile), "operational");
}

void
sample_operator(struct operator_account *o, const char *name, unsigned number)
{
	memset(o, 0, sizeof(*o));
	o->role = OPERATOR_SUPPORT;
	o->created_s = SAMPLE_START_S + number;
	sample_id(&o->id, 11, number);
	snprintf(o->name, sizeof(o->name), "%s", name);
	FILL(o->token_hash, 12, number);
	FILL(o->certificate_fingerprint, 13, number);
}

void
sample_base_fill(struct sample_base *b)
{
	memset(b, 0, sizeof(*b));
	sample_owner(&b->maker, "maker", 1);
	b->maker.kind = OWNER_MAKER;
	sample_owner(&b->customer, "customer", 2);
	sample_authority(&b->root, "root", 1);
	b->root.kind = AUTHORITY_ROOT;
	sample_authority(&b->issuing, "issuing", 2);
	sample_fleet(&b->fleet, "lamps", b, 1);
}

status
sample_base_store(struct store *s, struct sample_base *b, struct diag *d)
{
	struct arena *a = arena_new(1 << 16);
	struct change *c = a ? change_new(a) : NULL;
	if (!c) {
		return diag_set(d, NO_MEMORY, NULL, "no memory");
	}
	sample_base_fill(b);
	/* Children first on purpose: the order of the calls does not count for these. */
	change_fleet_add(c, &b->fleet);
	change_authority_add(c, &b->root);
	change_authority_add(c, &b->issuing);
	change_owner_add(c, &b->maker);
	change_owner_add(c, &b->customer);
	change_link(c, &b->issuing.parent, CHANGE_REF(&b->root));
	change_link(c, &b->fleet.authority, CHANGE_REF(&b->issuing));
	change_link(c, &b->fleet.maker, CHANGE_REF(&b->maker));
	status st = store_commit(s, c, NULL, d);
	arena_free(a);
	return st;
}

void
sample_element(struct element *e, unsigned number)
{
	memset(e, 0, sizeof(*e));
	e->attestation = ATTESTATION_ATECC608;
	e->phase = PHASE_PRODUCTION;
	snprintf(e->serial, sizeof(e->serial), "0123%08x%06x", number * 2654435761u, number);
	snprintf(e->model, sizeof(e->model), "ATECC608B");
	snprintf(e->part_number, sizeof(e->part_number), "ATECC608B-TFLXTLS");
	snprintf(e->profile, sizeof(e->profile), "trustflex-tls");
	FILL(e->attestation_key, 14, number);
	FILL(e->entry_hash, 15, number);
}

void
sample_device(struct device *d, const struct sample_base *b, unsigned number)
{
	struct element e;
	memset(d, 0, sizeof(*d));
	d->fleet = b->fleet.row;
	d->phase = PHASE_PRODUCTION;
	d->state = DEVICE_HELD;
	d->owner = b->maker.row;
	d->created_s = SAMPLE_START_S + number;
	d->changed_s = SAMPLE_START_S + number;
	sample_element(&e, number);
	sample_id(&d->id, 16, number);
	snprintf(d->serial, sizeof(d->serial), "%s", e.serial);
}

void
sample_birth(struct certificate *k, unsigned number)
{
	memset(k, 0, sizeof(*k));
	k->kind = CERTIFICATE_BIRTH;
	k->status = CERTIFICATE_CURRENT;
	k->serial_len = 16;
	k->not_before_s = SAMPLE_START_S;
	k->not_after_s = SAMPLE_START_S + 100000;
	k->issued_s = SAMPLE_START_S + 5;
	k->level = LEVEL_VENDOR_UNVERIFIED;
	k->slot = -1;
	fill(k->serial, k->serial_len, 17, number);
	k->serial[0] = 0x40;
	FILL(k->fingerprint, 18, number);
	FILL(k->key_hash, 19, number);
	FILL(k->issuer_hash, 20, 1);
	k->der = der_of(number);
}

void
sample_operational(struct certificate *k, const struct sample_base *b, unsigned number)
{
	memset(k, 0, sizeof(*k));
	k->kind = CERTIFICATE_OPERATIONAL;
	k->status = CERTIFICATE_PENDING;
	k->authority = b->issuing.row;
	k->index = number;
	k->owner = b->customer.row;
	k->serial_len = 14;
	k->not_before_s = SAMPLE_START_S + number;
	k->not_after_s = SAMPLE_START_S + 100000;
	k->issued_s = SAMPLE_START_S + 6;
	k->level = LEVEL_ATTESTED;
	k->slot = 2;
	fill(k->serial, k->serial_len, 21, number);
	k->serial[0] = 0x4a;
	k->serial[1] = 0;
	for (int i = 0; i < 4; i++) {
		k->serial[2 + i] = (uint8_t)(number >> (24 - 8 * i));
	}
	FILL(k->fingerprint, 22, number);
	FILL(k->key_hash, 23, number);
	FILL(k->request_hash, 24, number);
	FILL(k->issuer_hash, 25, 1);
	k->der = der_of(number);
}

void
sample_offer(struct offer *o, const struct sample_base *b, int64_t device, unsigned number)
{
	memset(o, 0, sizeof(*o));
	o->device = device;
	o->from_owner = b->maker.row;
	o->to_owner = b->customer.row;
	o->expires_s = SAMPLE_START_S + number;
	o->created_s = SAMPLE_START_S;
	sample_id(&o->id, 26, number);
	FILL(o->code_hash, 27, number);
	FILL(o->code_salt, 28, number);
}

void
sample_unit_fill(struct sample_unit *u, const struct sample_base *b, unsigned number)
{
	sample_element(&u->element, number);
	sample_device(&u->device, b, number);
	sample_birth(&u->birth, number);
	snprintf(u->entry, sizeof(u->entry),
		"{\"v\":1,\"event\":\"onboard\",\"device\":\"%s\",\"fleet\":\"lamps\",\"phase\":"
		"\"production\",\"from\":\"MANUFACTURED\",\"to\":\"HELD\",\"by\":\"operator/"
		"maker\","
		"\"certificate\":"
		"\"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\","
		"\"number\":%u}",
		u->device.serial, number);
}

struct change *
sample_unit_change(struct arena *a, struct sample_unit *u)
{
	struct change *c = change_new(a);
	if (!c) {
		return NULL;
	}
	change_element_add(c, &u->element);
	change_device_add(c, &u->device);
	change_certificate_add(c, &u->birth);
	change_ledger(c, span_text(u->entry), CHANGE_REF(&u->device), SAMPLE_START_S);
	change_link(c, &u->element.device, CHANGE_REF(&u->device));
	change_link(c, &u->device.element, CHANGE_REF(&u->element));
	change_link(c, &u->device.birth_certificate, CHANGE_REF(&u->birth));
	change_link(c, &u->birth.device, CHANGE_REF(&u->device));
	return c;
}
