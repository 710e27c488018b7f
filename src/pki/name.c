#include "pki/name.h"

#include <stdio.h>

#include "base/text.h"

static status
read_attribute(struct der_cursor *set, unsigned rdn, struct name *out)
{
	struct der_cursor pair;
	struct name_attribute *a;
	status s;

	if (out->count == NAME_ATTRIBUTES_MAX) {
		return diag_set(set->diag, LIMIT, NULL, "a name of more than %d attributes",
			NAME_ATTRIBUTES_MAX);
	}
	a = &out->attributes[out->count];
	s = der_enter(set, DER_SEQUENCE, "AttributeTypeAndValue", &pair);
	if (s == OK) {
		s = der_read_oid(&pair, "type", &a->oid);
	}
	if (s == OK) {
		s = der_read_string(&pair, "value", &a->tag, &a->value);
	}
	if (s == OK) {
		s = der_end(&pair, "AttributeTypeAndValue");
	}
	a->type = s == OK ? oid_find(a->oid) : OID_UNKNOWN;
	a->rdn = rdn;
	out->count += s == OK;
	return s;
}

status
name_read(struct der_cursor *c, const char *what, struct name *out)
{
	const uint8_t *begin = c->at;
	struct der_cursor names, set;
	unsigned rdn = 0;
	status s = der_enter(c, DER_SEQUENCE, what, &names);

	out->count = 0;
	while (s == OK && !der_at_end(&names)) {
		names.clause = "RFC 5280 4.1.2.4";
		s = der_enter(&names, DER_SET, "RelativeDistinguishedName", &set);
		if (s == OK && der_at_end(&set)) {
			s = der_refuse(&set, "RelativeDistinguishedName: empty");
		}
		while (s == OK && !der_at_end(&set)) {
			s = read_attribute(&set, rdn, out);
		}
		rdn++;
	}
	out->der = span_of(begin, (size_t)(c->at - begin));
	return s;
}

span
name_get(const struct name *n, enum oid_known type)
{
	for (size_t i = 0; i < n->count; i++) {
		if (n->attributes[i].type == type) {
			return n->attributes[i].value;
		}
	}
	return (span){ NULL, 0 };
}

/* Walks over a value as RFC 5280 7.1 compares it: lower case, runs of spaces as one, none at the ends. */
struct folding {
	span rest;
	bool space_is_due;
};

static void
skip_spaces(struct folding *f)
{
	while (f->rest.len > 0 && f->rest.data[0] == ' ') {
		f->rest = span_slice(f->rest, 1, SIZE_MAX);
	}
}

/* The next character, or -1 at the end. */
static int
fold_next(struct folding *f)
{
	int c;

	if (f->rest.len > 0 && f->rest.data[0] == ' ') {
		skip_spaces(f);
		return f->rest.len > 0 ? ' ' : -1;
	}
	if (f->rest.len == 0) {
		return -1;
	}
	c = f->rest.data[0];
	f->rest = span_slice(f->rest, 1, SIZE_MAX);
	return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
}

static bool
is_byte_string(uint8_t tag)
{
	return tag != DER_BMP_STRING && tag != DER_UNIVERSAL_STRING;
}

static bool
value_equal(const struct name_attribute *a, const struct name_attribute *b)
{
	struct folding x = { .rest = a->value }, y = { .rest = b->value };
	int c;

	if (is_byte_string(a->tag) != is_byte_string(b->tag) || !is_byte_string(a->tag)) {
		return a->tag == b->tag && span_equal(a->value, b->value);
	}
	skip_spaces(&x);
	skip_spaces(&y);
	do {
		c = fold_next(&x);
		if (c != fold_next(&y)) {
			return false;
		}
	} while (c >= 0);
	return true;
}

bool
name_equal(const struct name *a, const struct name *b)
{
	if (a->count != b->count) {
		return false;
	}
	for (size_t i = 0; i < a->count; i++) {
		const struct name_attribute *x = &a->attributes[i], *y = &b->attributes[i];

		if (x->rdn != y->rdn || !span_equal(x->oid, y->oid) || !value_equal(x, y)) {
			return false;
		}
	}
	return true;
}

static const char *
short_type(enum oid_known type)
{
	switch (type) {
	case OID_COMMON_NAME:
		return "CN";
	case OID_ORGANIZATION:
		return "O";
	case OID_ORGANIZATIONAL_UNIT:
		return "OU";
	case OID_COUNTRY:
		return "C";
	case OID_LOCALITY:
		return "L";
	case OID_STATE:
		return "ST";
	case OID_SERIAL_NUMBER:
		return "serialNumber";
	default:
		return NULL;
	}
}

static void
append_value(char *out, size_t room, size_t *n, const struct name_attribute *a)
{
	bool is_plain = is_byte_string(a->tag) && utf8_is_printable(a->value);

	for (size_t i = 0; i < a->value.len && *n + 5 < room; i++) {
		uint8_t c = a->value.data[i];

		if (!is_plain && (c < 0x20 || c >= 0x7f)) {
			*n += (size_t)snprintf(out + *n, room - *n, "\\%02X", c);
		} else if (strchr(",+\"\\<>;=#", c) != NULL) {
			*n += (size_t)snprintf(out + *n, room - *n, "\\%c", c);
		} else {
			out[(*n)++] = (char)c;
			out[*n] = '\0';
		}
	}
}

char *
name_text(char *out, size_t room, const struct name *n)
{
	size_t at = 0;

	out[0] = '\0';
	for (size_t i = n->count; i-- > 0 && at + OID_TEXT_MAX < room;) {
		const struct name_attribute *a = &n->attributes[i];
		const char *type = short_type(a->type);
		char dotted[OID_TEXT_MAX];

		if (i + 1 < n->count) {
			out[at++] = n->attributes[i + 1].rdn == a->rdn ? '+' : ',';
		}
		at += (size_t)snprintf(
			out + at, room - at, "%s=", type != NULL ? type : oid_text(dotted, a->oid));
		append_value(out, room, &at, a);
	}
	return out;
}

static void
write_attribute(struct der_writer *w, enum oid_known type, uint8_t tag, const char *value)
{
	if (value[0] == '\0') {
		return;
	}
	der_open(w, DER_SET);
	der_open(w, DER_SEQUENCE);
	der_put_oid(w, oid(type));
	der_put_string(w, tag, span_text(value));
	der_close(w);
	der_close(w);
}

void
simple_name_write(struct der_writer *w, const struct simple_name *n)
{
	der_open(w, DER_SEQUENCE);
	write_attribute(w, OID_ORGANIZATION, DER_UTF8_STRING, n->organization);
	write_attribute(w, OID_ORGANIZATIONAL_UNIT, DER_UTF8_STRING, n->organizational_unit);
	write_attribute(w, OID_COMMON_NAME, DER_UTF8_STRING, n->common_name);
	write_attribute(w, OID_SERIAL_NUMBER, DER_PRINTABLE_STRING, n->serial_number);
	der_close(w);
}
