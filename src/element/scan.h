#pragma once
/*
 * A strict JSON reader for manifest entries, beside base/json.h for one reason: speed. Read by cJSON, the
 * two documents of one entry (the JWS and its payload) cost 20 us of copying and allocating, a quarter of its
 * two signature verifications; here under 2 us. Nothing is copied: values are spans of the text.
 *
 * First scan_document judges the whole text, then the other functions walk what was judged. What it takes, json_parse
 * takes too, and reads the same (fuzz/fuzz_manifest.c); it refuses more: escapes in member names, numbers
 * outside RFC 8259's grammar, more than SCAN_MEMBERS_MAX members in one object.
 */
#include "base/arena.h"
#include "base/span.h"
#include "base/status.h"

#define SCAN_MEMBERS_MAX 64 /* the vendor's largest object has 13; names are compared pairwise */
#define SCAN_KEPT_MAX \
	32 /* a payload with sixteen keys has 23 objects and arrays that are walked over */

enum scan_type { SCAN_ANY, SCAN_TEXT, SCAN_NUMBER, SCAN_OBJECT, SCAN_ARRAY, SCAN_OTHER };

/* A judged document. Borrows the text. */
struct scan {
	span value;	   /* all of it, without the white space around */
	struct diag *diag; /* may be NULL; for scan_members too */
	/* Where its first objects and arrays lie: walking over them costs nothing. */
	span kept[SCAN_KEPT_MAX];
	size_t kept_count;
};
/*
 * One complete document: valid UTF-8, no member twice in any object, no NUL (nor "\u0000"), no lone surrogates,
 * at most JSON_DEPTH_MAX deep, nothing but white space around it. BAD_INPUT with clause and offset, LIMIT.
 */
MUST_USE status scan_document(span text, struct scan *out, struct diag *d);
/* By its first letter; of a judged value. */
enum scan_type scan_type_of(span value);

struct scan_member {
	const char *name;
	enum scan_type type; /* SCAN_ANY: whatever it is */
	bool is_required;
	span value; /* set: as it stands in the text, quotes included; empty: absent */
};
/*
 * Finds members of an object of the document. `what` names the object in the diag. BAD_INPUT when a required one
 * is missing or one is of another type.
 */
MUST_USE status scan_members(const struct scan *s, span object, const char *what,
	struct scan_member *members, size_t count);
/* The same, and BAD_INPUT when there is one that is not in the list. */
MUST_USE status scan_members_only(const struct scan *s, span object, const char *what,
	struct scan_member *members, size_t count);

/* The elements of an array of the document: begin with its value, false at the end. */
struct scan_list {
	const struct scan *scan;
	const uint8_t *at, *end;
};
struct scan_list scan_list_of(const struct scan *s, span array);
bool scan_list_next(struct scan_list *l, span *value);

/* A judged text without its quotes, escapes undone; a part of the input where there are none, else in the arena. */
MUST_USE status scan_text(struct arena *a, span value, span *out);

/* How many of the bytes are plain inside a JSON text: no quote, no backslash, no control character. */
size_t scan_plain_run(const uint8_t *at, const uint8_t *end);
