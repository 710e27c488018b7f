#pragma once
/*
 * Records to fill a store with: each number gives another, distinct in every field. They are zero
 * between their fields, so that whole ones can be compared.
 */
#include "store/store.h"

#define SAMPLE_START_S 1700000000

/* What most tests stand on, stored by sample_base. */
struct sample_base {
	struct owner maker, customer;
	struct authority root, issuing;
	struct fleet fleet;
};
void sample_base_fill(struct sample_base *b);
MUST_USE status sample_base_store(struct store *s, struct sample_base *b, struct diag *d);

void sample_id(id *out, unsigned kind, unsigned number);
void sample_owner(struct owner *o, const char *name, unsigned number);
void sample_authority(struct authority *a, const char *name, unsigned number);
void sample_fleet(struct fleet *f, const char *name, const struct sample_base *b, unsigned number);
void sample_operator(struct operator_account *o, const char *name, unsigned number);
void sample_element(struct element *e, unsigned number);
void sample_device(struct device *d, const struct sample_base *b, unsigned number);
/* Foreign, of the factory. */
void sample_birth(struct certificate *k, unsigned number);
/* Ours, index = number. */
void sample_operational(struct certificate *k, const struct sample_base *b, unsigned number);
void sample_offer(struct offer *o, const struct sample_base *b, int64_t device, unsigned number);

/* Everything that onboarding writes of one device. */
struct sample_unit {
	struct element element;
	struct device device;
	struct certificate birth;
	char entry[512];
};
void sample_unit_fill(struct sample_unit *u, const struct sample_base *b, unsigned number);
/* The change lives in the arena, and reads `u` at commit. */
struct change *sample_unit_change(struct arena *a, struct sample_unit *u);
