#pragma once
/* Distinguished names (RFC 5280 4.1.2.4): read, compared, shown, and simple ones written. */
#include "base/arena.h"
#include "pki/der.h"
#include "pki/oid.h"

#define NAME_ATTRIBUTES_MAX 16
#define NAME_TEXT_MAX 512

struct name_attribute {
	enum oid_known type; /* OID_UNKNOWN: see `oid` */
	span oid;
	uint8_t tag; /* of the string */
	span value;
	unsigned rdn; /* which RDN it stands in, from 0 */
};

/* Borrowed from the input. */
struct name {
	span der;
	struct name_attribute attributes[NAME_ATTRIBUTES_MAX];
	size_t count;
};

/* LIMIT for more than NAME_ATTRIBUTES_MAX attributes. */
MUST_USE status name_read(struct der_cursor *c, const char *what, struct name *out);
/* RFC 5280 7.1: kinds of string do not matter, nor case, nor how much white space. */
bool name_equal(const struct name *a, const struct name *b);
/* The first attribute of this type, or an empty span. */
span name_get(const struct name *n, enum oid_known type);
/* RFC 4514 in the order of the encoding reversed, everything unusual escaped; cut at room. */
char *name_text(char *out, size_t room, const struct name *n);

/* What our own certificates carry; empty fields are left out. Values must be printable UTF-8. */
struct simple_name {
	char common_name[65]; /* RFC 5280 ub-common-name */
	char organization[65];
	char organizational_unit[65];
	char serial_number[65];
};
void simple_name_write(struct der_writer *w, const struct simple_name *n);
