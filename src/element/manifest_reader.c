#include <stdlib.h>

#include "element/manifest.h"
#include "element/scan.h"

/*
 *   [ entry , entry , ... ]        ARRAY: from '{' to the '}' that closes it
 *   entry \n entry \n ...          LINES: from '{' to the end of the line
 *
 * The first byte that is not white space tells which (a UTF-8 byte order mark before it is passed over: tools on
 * Windows write one). Only brackets and texts are looked at here: whether an entry is JSON
 * at all is its verifier's to say, so one broken entry costs itself only.
 *
 * Invariant: data[begin .. len) is read and not yet given out; an entry is made whole in there by moving it to the
 * front and reading on, so the room for one entry and one block is enough for any file.
 */
#define BLOCK (64 << 10)
#define ROOM (MANIFEST_ENTRY_MAX + BLOCK)

enum form { FORM_UNKNOWN, FORM_ARRAY, FORM_LINES, FORM_OVER };

struct manifest_reader {
	manifest_source *source;
	void *context;
	enum form form;
	size_t begin, len;
	uint64_t passed; /* bytes of the file before data[0] */
	uint64_t number; /* of the next entry */
	bool is_ended;	 /* the source has no more */
	bool is_first;	 /* no entry was seen yet */
	struct diag final;
	uint8_t data[ROOM];
};

/* After this nothing more comes but the same words. */
static status
give_up(struct manifest_reader *r, status s, struct diag *d)
{
	r->form = FORM_OVER;
	r->final.status = s;
	if (d != NULL && d->status == OK && s != NOT_FOUND) {
		*d = r->final;
	}
	return s;
}

static status
broken(struct manifest_reader *r, const char *what, struct diag *d)
{
	diag_clear(&r->final);
	(void)diag_set_at(&r->final, BAD_INPUT, "RFC 7515 7.2.2", (size_t)(r->passed + r->begin),
		"the manifest is broken before entry %llu: %s", (unsigned long long)r->number,
		what);
	return give_up(r, BAD_INPUT, d);
}

/* More bytes behind those that are there, or, with `drops`, in their place. */
static status
read_on(struct manifest_reader *r, bool drops, struct diag *d)
{
	size_t n = 0;
	status s;

	if (drops) {
		r->passed += r->len;
		r->begin = r->len = 0;
	} else if (r->begin > 0) {
		memmove(r->data, r->data + r->begin, r->len - r->begin);
		r->passed += r->begin;
		r->len -= r->begin;
		r->begin = 0;
	}
	if (r->is_ended) {
		return OK;
	}
	diag_clear(&r->final);
	s = r->source(r->context, r->data + r->len, ROOM - r->len < BLOCK ? ROOM - r->len : BLOCK,
		&n, &r->final);
	if (s != OK) {
		return give_up(r, s, d);
	}
	r->is_ended = n == 0;
	r->len += n;
	return OK;
}

static bool
is_space(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The next byte that is no white space, not yet taken; 0 at the end of the file. */
static status
next_letter(struct manifest_reader *r, uint8_t *out, struct diag *d)
{
	for (;;) {
		status s;

		while (r->begin < r->len && is_space(r->data[r->begin])) {
			r->begin++;
		}
		if (r->begin < r->len) {
			*out = r->data[r->begin];
			return OK;
		}
		if (r->is_ended) {
			*out = 0;
			return OK;
		}
		s = read_on(r, true, d);
		if (s != OK) {
			return s;
		}
	}
}

/* --- where an entry ends --- */

struct walk {
	size_t depth;
	bool in_text, is_escaped, is_over;
};

/* Goes on over these bytes; gives how many of them are the entry's. */
static size_t
walk_array(struct walk *w, const uint8_t *at, size_t len)
{
	const uint8_t *p = at, *end = at + len;

	while (p < end && !w->is_over) {
		uint8_t c = *p;

		if (w->is_escaped) {
			w->is_escaped = false;
		} else if (w->in_text) {
			p += scan_plain_run(p, end);
			if (p == end) {
				break;
			}
			w->is_escaped = *p == '\\';
			w->in_text = *p != '"';
		} else {
			w->in_text = c == '"';
			w->depth += c == '{' || c == '[';
			w->depth -= c == '}' || c == ']';
			w->is_over = w->depth == 0;
		}
		p++;
	}
	return (size_t)(p - at);
}

static size_t
walk_line(struct walk *w, const uint8_t *at, size_t len)
{
	const uint8_t *newline = memchr(at, '\n', len);

	w->is_over = newline != NULL;
	return newline != NULL ? (size_t)(newline - at) : len;
}

/* From its first byte at `begin`. LIMIT when it is over the limit: then it is passed over all the same. */
static status
take_entry(struct manifest_reader *r, span *entry, struct diag *d)
{
	struct walk w = { 0 };
	size_t walked = 0;
	bool is_dropped = false;
	status s;

	for (;;) {
		const uint8_t *from = r->data + r->begin + walked;
		size_t rest = r->len - r->begin - walked;

		walked += r->form == FORM_ARRAY ? walk_array(&w, from, rest)
						: walk_line(&w, from, rest);
		if (w.is_over || r->is_ended) {
			break;
		}
		is_dropped = is_dropped || walked > MANIFEST_ENTRY_MAX;
		s = read_on(r, is_dropped, d);
		if (s != OK) {
			return s;
		}
		walked = is_dropped ? 0 : walked;
	}
	if (!w.is_over && r->form == FORM_ARRAY) {
		return broken(r, "it ends inside an entry", d);
	}
	is_dropped = is_dropped || walked > MANIFEST_ENTRY_MAX;
	*entry = span_of(r->data + r->begin, walked);
	r->begin += walked;
	while (entry->len > 0 && is_space(entry->data[entry->len - 1])) {
		entry->len--; /* CR before the LF, spaces at the end of a line */
	}
	if (is_dropped) {
		*entry = span_of(NULL, 0);
		return diag_set(d, LIMIT, NULL, "an entry of over %d bytes", MANIFEST_ENTRY_MAX);
	}
	return OK;
}

/* --- between entries --- */

static status
begin_file(struct manifest_reader *r, struct diag *d)
{
	static const uint8_t mark[3] = { 0xef, 0xbb, 0xbf };
	uint8_t letter;
	status s;

	do {
		s = read_on(r, false, d);
	} while (s == OK && r->len < sizeof(mark) && !r->is_ended);
	if (s != OK) {
		return s;
	}
	if (r->len >= sizeof(mark) && memcmp(r->data, mark, sizeof(mark)) == 0) {
		r->begin = sizeof(mark);
	}
	s = next_letter(r, &letter, d);
	if (s != OK) {
		return s;
	}
	if (letter == 0 && r->begin == r->len) {
		return broken(r, "the file is empty", d);
	}
	if (letter != '[' && letter != '{') {
		return broken(
			r, "it begins neither as a JSON array nor as entries line by line", d);
	}
	r->begin += letter == '[';
	r->form = letter == '[' ? FORM_ARRAY : FORM_LINES;
	return OK;
}

static status
end_of_file(struct manifest_reader *r)
{
	diag_clear(&r->final);
	return give_up(r, NOT_FOUND, NULL);
}

static status
end_of_array(struct manifest_reader *r, struct diag *d)
{
	uint8_t letter;
	status s;

	r->begin++;
	s = next_letter(r, &letter, d);
	if (s != OK) {
		return s;
	}
	return r->begin == r->len ? end_of_file(r) : broken(r, "bytes behind its end", d);
}

/* Over the comma to the next entry's first byte. NOT_FOUND behind the last one. */
static status
next_of_array(struct manifest_reader *r, struct diag *d)
{
	uint8_t letter;
	status s = next_letter(r, &letter, d);

	if (s == OK && letter == ']') {
		return end_of_array(r, d);
	}
	if (s == OK && !r->is_first) {
		if (letter != ',') {
			return broken(r, "neither a comma nor the array's end", d);
		}
		r->begin++;
		s = next_letter(r, &letter, d);
	}
	if (s == OK && letter != '{') {
		return broken(r,
			r->begin == r->len ? "it is cut off" : "an element that is no JSON object",
			d);
	}
	return s;
}

static status
next_of_lines(struct manifest_reader *r, struct diag *d)
{
	uint8_t letter;
	status s = next_letter(r, &letter, d);

	if (s == OK && letter == 0 && r->begin == r->len) {
		return end_of_file(r);
	}
	if (s == OK && letter != '{') {
		return broken(r, "a line that does not begin with an entry (one entry a line)", d);
	}
	return s;
}

status
manifest_reader_next(struct manifest_reader *r, span *entry, uint64_t *number, struct diag *d)
{
	status s = r->form == FORM_UNKNOWN ? begin_file(r, d) : OK;

	*entry = span_of(NULL, 0);
	if (s != OK) {
		return s;
	}
	if (r->form == FORM_OVER) {
		return give_up(r, r->final.status, d);
	}
	s = r->form == FORM_ARRAY ? next_of_array(r, d) : next_of_lines(r, d);
	if (s != OK) {
		return s;
	}
	s = take_entry(r, entry, d);
	if (r->form != FORM_OVER) {
		r->is_first = false;
		*number = r->number++;
	}
	return s;
}

status
manifest_reader_new(
	manifest_source *source, void *context, struct manifest_reader **out, struct diag *d)
{
	struct manifest_reader *r = malloc(sizeof(*r));

	*out = r;
	if (r == NULL) {
		return diag_set(d, NO_MEMORY, NULL, "no memory to read a manifest");
	}
	memset(r, 0, offsetof(struct manifest_reader, data));
	r->source = source;
	r->context = context;
	r->is_first = true;
	return OK;
}

void
manifest_reader_free(struct manifest_reader *r)
{
	free(r);
}
