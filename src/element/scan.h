#pragma once
/*
 * A strict JSON reader for manifest entries, beside base/json.h for one reason: speed. Read by cJSON, the
 * two documents of one entry (the JWS and its payload) cost 26 us of copying and allocating, a third of its
 * two signature verifications; here under 3 us. Nothing is copied: values are spans of the text.
 *
 * First scan_document judges the whole text, then the other functions walk what was judged. What it takes, json_parse
 * takes too, and reads the same (fuzz/fuzz_manifest.c); it refuses more: escapes in member names, numbers
 * outside RFC 8259's grammar, more than SCAN_MEMBERS_MAX members in one object.
 */
#include "base/arena.h"
#include "base/span.h"
#include "base/status.h"

#define SCAN_MEMBERS_MAX 64 /* the vendor's largest object has 13; names are compared pairwise */

enum scan_type { SCAN_ANY, SCAN_TEXT, SCAN_NUMBER, SCAN_OBJECT, SCAN_ARRAY, SCAN_OTHER };

/*
 * One complete document: valid UTF-8, no member twice in any object, no NUL (nor "\u0000"), no lone surrogates,
 * at most JSON_DEPTH_MAX deep, nothing but white space around it. `value` is what stands between the white space.
 * BAD_INPUT with clause and offset, LIMIT.
 */
MUST_USE status scan_document(span text, span *value, struct diag *d);
/* By its first letter; of a judged value. */
enum scan_type scan_type_of(span value);

struct scan_member {
	const char *name;
	enum scan_type type; /* SCAN_ANY: whatever it is */
	bool is_required;
	span value; /* set: as it stands in the text, quotes included; empty: absent */
};
/*
 * Finds members of a judged object. `what` names the object in the diag. BAD_INPUT when a required one is
 * missing, one is of another type, or, with `is_closed`, there is one that is not in the list.
 */
MUST_USE status scan_members(span object, const char *what, bool is_closed,
	struct scan_member *members, size_t count, struct diag *d);

/* The elements of a judged array: begin with its value, false at the end. */
struct scan_list {
	const uint8_t *at, *end;
};
struct scan_list scan_list_of(span array);
bool scan_list_next(struct scan_list *l, span *value);

/* A judged text without its quotes, escapes undone; a part of the input where there are none, else in the arena. */
MUST_USE status scan_text(struct arena *a, span value, span *out);

/* How many of the bytes are plain inside a JSON text: no quote, no backslash, no control character. */
size_t scan_plain_run(const uint8_t *at, const uint8_t *end);
