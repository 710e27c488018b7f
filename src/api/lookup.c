#include "api/lookup.h"

#include <string.h>

#include "api/view.h"
#include "base/text.h"

bool
lookup_fleet(struct call *c, const char *name, struct fleet *out)
{
	status s = read_fleet_by_name(c->session.reader, name, out);

	if (s == NOT_FOUND) {
		return call_missing(c, "fleet", span_text(name));
	}
	return s == OK ? true : call_refuse(c, s);
}

bool
lookup_owner(struct call *c, const char *name, struct owner *out)
{
	status s = read_owner_by_name(c->session.reader, name, out);

	if (s == NOT_FOUND || (s == OK && !view_may_see_owner(c, out))) {
		return call_missing(c, "owner", span_text(name));
	}
	return s == OK ? true : call_refuse(c, s);
}

bool
lookup_authority(struct call *c, const char *name, struct authority *out)
{
	status s = read_authority_by_name(c->session.reader, c->session.arena, name, out);

	if (s == NOT_FOUND) {
		return call_missing(c, "authority", span_text(name));
	}
	return s == OK ? true : call_refuse(c, s);
}

static status
device_by_serial(struct call *c, span name, struct device *out)
{
	char serial[ELEMENT_SERIAL_MAX + 1];

	if (name.len == 0 || name.len > ELEMENT_SERIAL_MAX) {
		return NOT_FOUND;
	}
	for (size_t i = 0; i < name.len; i++) {
		uint8_t l = name.data[i];

		serial[i] = (char)(l >= 'A' && l <= 'Z' ? l + ('a' - 'A') : l);
	}
	serial[name.len] = '\0';
	return read_device_by_serial(c->session.reader, serial, out);
}

/* Whoever may see it or not. NOT_FOUND. */
static status
read_named(struct call *c, span name, struct device *out)
{
	status s = NOT_FOUND;
	id i;

	if (id_parse(name, &i) == OK) {
		s = read_device_by_id(c->session.reader, &i, out);
	}
	/* 26 digits can also be a serial. */
	return s == NOT_FOUND ? device_by_serial(c, name, out) : s;
}

bool
lookup_device(struct call *c, struct device *out)
{
	span name = c->x->parameters[0];
	status s = read_named(c, name, out);

	if (s == NOT_FOUND || (s == OK && !session_may_see(&c->session, out))) {
		return call_missing(c, "device", name);
	}
	return s == OK ? true : call_refuse(c, s);
}

bool
lookup_claimed(struct call *c, struct device *out)
{
	span name = c->x->parameters[0];
	status s = read_named(c, name, out);

	if (s == NOT_FOUND && call_owner(c) != 0) {
		*out = (struct device){ 0 };
		s = OK;
	}
	if (s == NOT_FOUND) {
		return call_missing(c, "device", name);
	}
	return s == OK ? true : call_refuse(c, s);
}

bool
lookup_offer(struct call *c, bool any, struct offer *out)
{
	span name = c->x->parameters[0];
	int64_t owner = call_owner(c);
	status s = NOT_FOUND;
	id i;

	if (id_parse(name, &i) == OK) {
		s = read_offer_by_id(c->session.reader, &i, out);
	}
	bool is_seen = any || owner == 0 ||
		       (s == OK && (out->from_owner == owner || out->to_owner == owner));
	if (s == NOT_FOUND || (s == OK && !is_seen)) {
		return call_missing(c, "transfer", name);
	}
	return s == OK ? true : call_refuse(c, s);
}

/* An owner's operator sees the certificates of his devices. */
static status
may_see_certificate(struct call *c, const struct certificate *k)
{
	struct device d;
	status s;

	if (call_owner(c) == 0) {
		return OK;
	}
	s = k->device != 0 ? read_device(c->session.reader, k->device, &d) : NOT_FOUND;
	return s == OK && !session_may_see(&c->session, &d) ? NOT_FOUND : s;
}

bool
lookup_certificate(struct call *c, struct certificate *out)
{
	span name = c->x->parameters[0];
	uint8_t fingerprint[32];
	status s = NOT_FOUND;

	if (hex_decode(name, fingerprint, sizeof(fingerprint)) == OK) {
		s = read_certificate_by_fingerprint(
			c->session.reader, c->session.arena, fingerprint, out);
	}
	if (s == OK) {
		s = may_see_certificate(c, out);
	}
	if (s == NOT_FOUND) {
		return call_missing(c, "certificate", name);
	}
	return s == OK ? true : call_refuse(c, s);
}
