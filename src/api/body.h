#pragma once
/*
 * Strict reading of a JSON body against a table of the members that may stand in it. What is not in the
 * table is refused by name: a misspelt member must not be passed over in silence.
 */
#include "api/call.h"

enum field_type {
	FIELD_TEXT,   /* span: printable UTF-8 in the arena, at most `max` bytes */
	FIELD_LINES,  /* span: the same with line ends, for PEM */
	FIELD_NAME,   /* char[NAME_MAX_LEN + 1]: [a-z0-9][a-z0-9._-]{0,62} */
	FIELD_NUMBER, /* int64_t, min .. max */
	FIELD_BOOL,   /* bool */
	FIELD_WORD,   /* int, by `word` */
	FIELD_SET, /* unsigned: an array of numbers min .. max (31 at most), none twice; a bit each */
};

/* BAD_INPUT for an unknown word. */
typedef status word_parse(span text, int *out);
word_parse word_phase, word_owner_kind, word_level, word_reason, word_mark, word_operator_role,
	word_made_authority, word_consent, word_device_key, word_est_pending, word_est_link,
	word_est_lines, word_element_change;

/* Which of two keys of a device: word_device_key. */
enum device_key { DEVICE_KEY_OPERATIONAL, DEVICE_KEY_BIRTH };

struct field {
	const char *name;
	enum field_type type;
	bool is_required;
	size_t offset; /* of its place in the record */
	int64_t min, max;
	word_parse *word;
};
#define FIELDS_MAX 32 /* in a table: a bit each in `given` */
#define FIELD(record, member) offsetof(struct record, member)

/*
 * Reads the request's body into `record`, whose absent members keep what they hold. null is as absent.
 * `given` (may be NULL) gets a bit for each field that was there, by its place in the table. An empty
 * body is an empty object. False: a 400, 413 or 415 is the reply.
 */
MUST_USE bool body_read(
	struct call *c, const struct field *fields, size_t count, void *record, unsigned *given);

/* One object of a line, without replies. */
MUST_USE status fields_read(struct arena *a, const cJSON *o, const struct field *fields,
	size_t count, void *record, unsigned *given, struct diag *d);

/* The certificate that the member holds as PEM, its DER in the arena. BAD_INPUT, NO_MEMORY; the call's diag says why. */
MUST_USE status body_certificate(struct call *c, const char *member, span pem, span *der);

bool name_is_valid(span name);
