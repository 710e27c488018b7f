#include <stdlib.h>

#include "lifecycle/import.h"

/* A CA of each kind that birth certificates may lead to. */
#define ROOTS_MAX 256
#define PINS_MAX 256

struct anchors {
	span roots[ROOTS_MAX];
	size_t count;
};

static bool
is_anchor(const struct authority *a, enum phase phase)
{
	return a->phase == phase && (a->kind == AUTHORITY_ROOT || a->kind == AUTHORITY_FOREIGN);
}

static status
add_issuer(struct import *im, const struct authority *a, struct diag *d)
{
	struct import_issuer *grown =
		realloc(im->issuers, (im->issuer_count + 1) * sizeof(*im->issuers));

	if (grown == NULL) {
		return diag_set(d, NO_MEMORY, NULL, "no memory for an import");
	}
	im->issuers = grown;
	grown[im->issuer_count].row = a->row;
	memcpy(grown[im->issuer_count++].fingerprint, a->fingerprint, sizeof(a->fingerprint));
	return OK;
}

static status
take_authority(
	struct import *im, const struct authority *a, struct anchors *anchors, struct diag *d)
{
	if (a->phase == im->fleet.phase && a->kind == AUTHORITY_FACTORY_SIGNER) {
		return add_issuer(im, a, d);
	}
	if (!is_anchor(a, im->fleet.phase)) {
		return OK;
	}
	if (anchors->count == ROOTS_MAX) {
		return diag_set(d, LIMIT, NULL, "more than %d roots in one phase", ROOTS_MAX);
	}
	anchors->roots[anchors->count++] = a->der;
	return OK;
}

static status
read_roots(struct import *im, struct arena *a, struct diag *d)
{
	struct anchors *anchors = ARENA_NEW(a, struct anchors);
	struct authority *page;
	size_t count = LIST_PAGE_MAX;
	int64_t after = 0;
	status st = OK;

	if (anchors == NULL) {
		return diag_set(d, NO_MEMORY, NULL, "no memory for an import");
	}
	while (count == LIST_PAGE_MAX) {
		st = list_authorities(im->session->reader, a, after, LIST_PAGE_MAX, &page, &count);
		if (st != OK) {
			return diag_set(d, st, NULL, "the authorities cannot be read");
		}
		for (size_t i = 0; st == OK && i < count; i++) {
			st = take_authority(im, &page[i], anchors, d);
			after = page[i].row;
		}
		if (st != OK) {
			return st;
		}
	}
	if (anchors->count == 0) {
		return OK; /* then no birth certificate is believed, and the entry says so */
	}
	/* Partial chains: whoever imported a factory signer's certificate trusts that one. */
	st = trust_set_new(anchors->roots, anchors->count, true, &im->roots, d);
	im->trust.roots = im->roots;
	return st;
}

static status
take_pin(struct import *im, const struct pinned_signer *p, struct diag *d)
{
	bool is_for_us =
		p->phase == im->fleet.phase && (p->fleet == 0 || p->fleet == im->fleet.row);
	status st;

	if (!is_for_us) {
		return OK;
	}
	if (im->trust.pin_count == PINS_MAX) {
		return diag_set(
			d, LIMIT, NULL, "more than %d manifest signers for one fleet", PINS_MAX);
	}
	st = manifest_pin_read(p->der, &im->pins[im->trust.pin_count], d);
	if (st == OK) {
		im->pins[im->trust.pin_count].is_vendor = p->trust == PIN_VENDOR;
		im->pins[im->trust.pin_count++].row = p->row;
	}
	return st;
}

static status
read_pins(struct import *im, struct arena *a, struct diag *d)
{
	struct pinned_signer *page;
	size_t count = LIST_PAGE_MAX;
	int64_t after = 0;
	status st = OK;

	im->pins = calloc(PINS_MAX, sizeof(*im->pins));
	if (im->pins == NULL) {
		return diag_set(d, NO_MEMORY, NULL, "no memory for an import");
	}
	im->trust.pins = im->pins;
	while (st == OK && count == LIST_PAGE_MAX) {
		st = list_pins(im->session->reader, a, after, LIST_PAGE_MAX, &page, &count);
		if (st != OK) {
			return diag_set(d, st, NULL, "the manifest signers cannot be read");
		}
		for (size_t i = 0; st == OK && i < count; i++) {
			st = take_pin(im, &page[i], d);
			after = page[i].row;
		}
	}
	return st;
}

static status
read_all(struct import *im, struct arena *a, struct diag *d)
{
	struct reader *r = im->session->reader;
	status st = read_fleet(r, im->request->fleet, &im->fleet);

	if (st != OK) {
		return diag_set(d, st, NULL, "there is no such fleet");
	}
	st = read_owner(r, im->fleet.maker, &im->maker);
	if (st != OK) {
		return diag_set(d, st == NOT_FOUND ? BUG : st, NULL,
			"the maker of fleet %s cannot be read", im->fleet.name);
	}
	st = read_pins(im, a, d);
	return st == OK ? read_roots(im, a, d) : st;
}

status
import_trust_read(struct import *im, struct diag *d)
{
	struct arena *a = arena_new(REQUEST_ARENA_MAX);
	status st = a != NULL ? reader_begin(im->session->reader, d)
			      : diag_set(d, NO_MEMORY, NULL, "no memory for an import");

	if (st == OK) {
		st = read_all(im, a, d);
		reader_end(im->session->reader);
	}
	im->trust.wants_serial_name = true;
	arena_free(a);
	return st;
}

void
import_trust_wipe(struct import *im)
{
	free(im->pins);
	trust_set_free(im->roots);
	free(im->issuers);
}
