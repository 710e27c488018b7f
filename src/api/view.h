#pragma once
/*
 * How each object looks to programs: one function an object, which writes its members into the object
 * that is open. They read the names of what it refers to by the call's reader, inside a snapshot or without
 * one. Not OK: c->diag says why.
 */
#include "api/call.h"

MUST_USE status view_device(struct call *c, struct json_writer *w, const struct device *d);
MUST_USE status view_certificate(
	struct call *c, struct json_writer *w, const struct certificate *k);
MUST_USE status view_offer(struct call *c, struct json_writer *w, const struct offer *o);
MUST_USE status view_owner(struct call *c, struct json_writer *w, const struct owner *o);
MUST_USE status view_fleet(struct call *c, struct json_writer *w, const struct fleet *f);
MUST_USE status view_authority(struct call *c, struct json_writer *w, const struct authority *a);
MUST_USE status view_pin(struct call *c, struct json_writer *w, const struct pinned_signer *p);
MUST_USE status view_operator(
	struct call *c, struct json_writer *w, const struct operator_account *o);
void view_slot(struct json_writer *w, const struct certificate *k); /* null: not known */
void view_ledger_row(struct json_writer *w, const struct ledger_row *r);

/* A code or token, shown once: null in what is kept, and where there is none. */
void view_once(struct call *c, struct json_writer *w, const char *name, const char *value);

/* Whether the asker may know of this owner: an owner's operator knows himself and the makers. */
bool view_may_see_owner(const struct call *c, const struct owner *o);
