#include "element/scan.h"

#include "base/limits.h"
#include "base/text.h"

struct scanner {
	const uint8_t *start, *at, *end;
	unsigned depth;
	struct scan *out;
	struct diag *diag;
};

static status judge_value(struct scanner *s);

static status
refuse(const struct scanner *s, const char *clause, const char *what)
{
	return diag_set_at(s->diag, BAD_INPUT, clause, (size_t)(s->at - s->start), "%s", what);
}

static const uint8_t *
skip_space(const uint8_t *at, const uint8_t *end)
{
	while (at < end && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t')) {
		at++;
	}
	return at;
}

static bool
is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

/* --- texts --- */

/* Sixteen at a time, in the compiler's own words for vectors: most bytes of an entry pass here. */
#define BLOCK_LEN 16
#define SIXTEEN(c)                                             \
	{                                                      \
		c, c, c, c, c, c, c, c, c, c, c, c, c, c, c, c \
	}
typedef uint8_t block __attribute__((vector_size(BLOCK_LEN)));

static bool
is_plain(uint8_t c)
{
	return c != '"' && c != '\\' && c >= 0x20;
}

static bool
is_plain_block(const uint8_t *at)
{
	static const block quote = SIXTEEN('"'), backslash = SIXTEEN('\\'), space = SIXTEEN(0x20);
	uint64_t halves[2];
	block bytes, special;

	memcpy(&bytes, at, sizeof(bytes));
	special = (block)((bytes == quote) | (bytes == backslash) | (bytes < space));
	memcpy(halves, &special, sizeof(halves));
	return (halves[0] | halves[1]) == 0;
}

size_t
scan_plain_run(const uint8_t *at, const uint8_t *end)
{
	const uint8_t *from = at;

	while (end - at >= BLOCK_LEN && is_plain_block(at)) {
		at += BLOCK_LEN;
	}
	while (at < end && is_plain(*at)) {
		at++;
	}
	return (size_t)(at - from);
}

/* The four digits behind "\u", as a number; over 0xffff where they are none. */
static uint32_t
four_digits(const uint8_t *at, const uint8_t *end)
{
	uint8_t bytes[2];

	if (end - at < 4 || hex_decode(span_of(at, 4), bytes, 2) != OK) {
		return UINT32_MAX;
	}
	return (uint32_t)(bytes[0] << 8 | bytes[1]);
}

/* At a backslash. What it stands for (a code point), and how long it is; 0 when it is none. */
static size_t
read_escape(const uint8_t *at, const uint8_t *end, uint32_t *point)
{
	static const char letters[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
	uint32_t high, low;
	const char *letter;

	if (end - at < 2 || at[1] == '\0') {
		return 0;
	}
	letter = strchr(letters, at[1]);
	if (letter != NULL) {
		*point = (uint8_t)meanings[letter - letters];
		return 2;
	}
	high = at[1] == 'u' ? four_digits(at + 2, end) : UINT32_MAX;
	if (high == 0 || high > 0xffff || (high >= 0xdc00 && high < 0xe000)) {
		return 0;
	}
	*point = high;
	if (high < 0xd800 || high >= 0xe000) {
		return 6;
	}
	if (end - at < 12 || at[6] != '\\' || at[7] != 'u') {
		return 0;
	}
	low = four_digits(at + 8, end);
	if (low < 0xdc00 || low >= 0xe000) {
		return 0;
	}
	*point = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
	return 12;
}

/* At the opening quote; `content` is what stands between the two. */
static status
judge_text(struct scanner *s, span *content, bool *has_escape)
{
	const uint8_t *begin = ++s->at;
	uint32_t point;
	size_t len;

	*has_escape = false;
	for (;;) {
		s->at += scan_plain_run(s->at, s->end);
		if (s->at == s->end) {
			return refuse(s, "RFC 8259 7", "a text that does not end");
		}
		if (*s->at == '"') {
			break;
		}
		if (*s->at != '\\') {
			return refuse(s, "RFC 8259 7", "a control character inside a text");
		}
		len = read_escape(s->at, s->end, &point);
		if (len == 0) {
			return refuse(s, "RFC 8259 7", "an escape that is none, or of NUL");
		}
		*has_escape = true;
		s->at += len;
	}
	*content = span_of(begin, (size_t)(s->at - begin));
	s->at++;
	return OK;
}

/* --- numbers and words --- */

#define NUMBER_LEN_MAX 60 /* cJSON reads 63 */

static const uint8_t *
skip_digits(const uint8_t *at, const uint8_t *end)
{
	while (at < end && is_digit(*at)) {
		at++;
	}
	return at;
}

static status
judge_number(struct scanner *s)
{
	const uint8_t *p = s->at + (*s->at == '-'), *digits = p;

	p = skip_digits(p, s->end);
	if (p == digits || (*digits == '0' && p - digits > 1)) {
		return refuse(s, "RFC 8259 6", "a number that is none");
	}
	if (p < s->end && *p == '.') {
		digits = p + 1;
		p = skip_digits(digits, s->end);
		if (p == digits) {
			return refuse(s, "RFC 8259 6", "a number without digits behind its point");
		}
	}
	if (p < s->end && (*p == 'e' || *p == 'E')) {
		p++;
		p += p < s->end && (*p == '+' || *p == '-');
		digits = p;
		p = skip_digits(digits, s->end);
		if (p == digits) {
			return refuse(s, "RFC 8259 6", "a number without digits in its exponent");
		}
	}
	if (p - s->at > NUMBER_LEN_MAX) {
		return refuse(s, "RFC 8259 6", "a number of over 60 digits");
	}
	s->at = p;
	return OK;
}

static status
judge_word(struct scanner *s)
{
	static const char *const words[] = { "true", "false", "null" };
	span rest = span_of(s->at, (size_t)(s->end - s->at));

	for (size_t i = 0; i < 3; i++) {
		span word = span_text(words[i]);

		if (span_equal(span_slice(rest, 0, word.len), word)) {
			s->at += word.len;
			return OK;
		}
	}
	return refuse(s, "RFC 8259 3", "not a JSON value");
}

/* --- objects and arrays --- */

static status
judge_name(struct scanner *s, span *names, size_t count)
{
	bool has_escape;
	status result;

	if (s->at == s->end || *s->at != '"') {
		return refuse(s, "RFC 8259 4", "an object's member without a name");
	}
	if (count == SCAN_MEMBERS_MAX) {
		return diag_set(
			s->diag, LIMIT, NULL, "a JSON object of over %d members", SCAN_MEMBERS_MAX);
	}
	result = judge_text(s, &names[count], &has_escape);
	if (result != OK) {
		return result;
	}
	/* So that names are equal if and only if their bytes are. */
	if (has_escape) {
		return refuse(s, "RFC 8259 8.3", "an escape in a member's name");
	}
	for (size_t i = 0; i < count; i++) {
		if (span_equal(names[i], names[count])) {
			return diag_set_at(s->diag, BAD_INPUT, "RFC 8259 4",
				(size_t)(s->at - s->start), "JSON member \"%.*s\" stands twice",
				(int)(names[i].len < 60 ? names[i].len : 60),
				(const char *)names[i].data);
		}
	}
	return OK;
}

static status
judge_member(struct scanner *s, span *names, size_t count)
{
	status result = judge_name(s, names, count);

	if (result != OK) {
		return result;
	}
	s->at = skip_space(s->at, s->end);
	if (s->at == s->end || *s->at != ':') {
		return refuse(s, "RFC 8259 4", "no colon behind a member's name");
	}
	s->at = skip_space(s->at + 1, s->end);
	return judge_value(s);
}

/* Behind the opening bracket, to behind the closing one. */
static status
judge_inside(struct scanner *s, bool is_object)
{
	uint8_t close = is_object ? '}' : ']';
	span names[SCAN_MEMBERS_MAX];
	status result;

	if (++s->depth > JSON_DEPTH_MAX) {
		return diag_set_at(s->diag, BAD_INPUT, "RFC 8259 9", (size_t)(s->at - s->start),
			"JSON nested deeper than %d", JSON_DEPTH_MAX);
	}
	s->at = skip_space(s->at + 1, s->end);
	if (s->at < s->end && *s->at == close) {
		s->depth--;
		s->at++;
		return OK;
	}
	for (size_t count = 0;; count++) {
		result = is_object ? judge_member(s, names, count) : judge_value(s);
		if (result != OK) {
			return result;
		}
		s->at = skip_space(s->at, s->end);
		if (s->at < s->end && *s->at == close) {
			s->depth--;
			s->at++;
			return OK;
		}
		if (s->at == s->end || *s->at != ',') {
			return refuse(s, "RFC 8259 2", "neither a comma nor the end");
		}
		s->at = skip_space(s->at + 1, s->end);
	}
}

/* Object or array, at its opening bracket. Kept in the order in which they begin. */
static status
judge_container(struct scanner *s)
{
	const uint8_t *begin = s->at;
	span *kept =
		s->out->kept_count < SCAN_KEPT_MAX ? &s->out->kept[s->out->kept_count++] : NULL;
	status result = judge_inside(s, *begin == '{');

	if (kept != NULL && result == OK) {
		*kept = span_of(begin, (size_t)(s->at - begin));
	}
	return result;
}

static status
judge_value(struct scanner *s)
{
	bool has_escape;
	span content;

	if (s->at == s->end) {
		return refuse(s, "RFC 8259 2", "the JSON text is cut");
	}
	if (*s->at == '"') {
		return judge_text(s, &content, &has_escape);
	}
	if (*s->at == '{' || *s->at == '[') {
		return judge_container(s);
	}
	return *s->at == '-' || is_digit(*s->at) ? judge_number(s) : judge_word(s);
}

status
scan_document(span text, struct scan *out, struct diag *d)
{
	struct scanner s = { .start = text.data,
		.at = text.data,
		.end = text.data + text.len,
		.out = out,
		.diag = d };
	const uint8_t *begin;
	status result;

	out->value = span_of(NULL, 0);
	out->diag = d;
	out->kept_count = 0;
	if (text.len == 0) {
		return diag_set(d, BAD_INPUT, "RFC 8259 2", "an empty text is not JSON");
	}
	if (!utf8_is_valid(text)) {
		return diag_set(d, BAD_INPUT, "RFC 8259 8.1", "JSON is not valid UTF-8");
	}
	begin = s.at = skip_space(s.at, s.end);
	result = judge_value(&s);
	if (result != OK) {
		return result;
	}
	out->value = span_of(begin, (size_t)(s.at - begin));
	s.at = skip_space(s.at, s.end);
	return s.at == s.end ? OK : refuse(&s, "RFC 8259 2", "bytes behind the JSON document");
}

/* --- walking what was judged --- */

enum scan_type
scan_type_of(span value)
{
	switch (value.len > 0 ? value.data[0] : 0) {
	case '"':
		return SCAN_TEXT;
	case '{':
		return SCAN_OBJECT;
	case '[':
		return SCAN_ARRAY;
	case 't':
	case 'f':
	case 'n':
	case 0:
		return SCAN_OTHER;
	default:
		return SCAN_NUMBER;
	}
}

/* Behind the judged text that begins here: at the first quote with an even number of backslashes before it. */
static const uint8_t *
skip_text(const uint8_t *at, const uint8_t *end)
{
	const uint8_t *begin = at + 1, *quote, *p;

	for (at = begin; at < end; at = quote + 1) {
		quote = memchr(at, '"', (size_t)(end - at));
		if (quote == NULL) {
			return end;
		}
		for (p = quote; p > begin && p[-1] == '\\'; p--) {
		}
		if ((quote - p) % 2 == 0) {
			return quote + 1;
		}
	}
	return end;
}

/* Behind the object or array that begins here, if it is one of those kept; else NULL. */
static const uint8_t *
skip_kept(const struct scan *s, const uint8_t *at)
{
	size_t low = 0, high = s->kept_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const span *k = &s->kept[middle];

		if (k->data == at) {
			return k->data + k->len;
		}
		if (k->data < at) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return NULL;
}

/* Behind the object or array that begins here. */
static const uint8_t *
skip_container(const struct scan *s, const uint8_t *at, const uint8_t *end)
{
	const uint8_t *behind = skip_kept(s, at);
	size_t depth = 0;

	if (behind != NULL) {
		return behind;
	}
	while (at < end) {
		uint8_t c = *at;

		if (c == '"') {
			at = skip_text(at, end);
			continue;
		}
		depth += c == '{' || c == '[';
		depth -= c == '}' || c == ']';
		at++;
		if (depth == 0) {
			break;
		}
	}
	return at;
}

/* The value at *at, behind white space; *at goes behind it. */
static span
take_value(const struct scan *s, const uint8_t **at, const uint8_t *end)
{
	const uint8_t *begin = skip_space(*at, end), *p = begin;

	if (p < end && *p == '"') {
		p = skip_text(p, end);
	} else if (p < end && (*p == '{' || *p == '[')) {
		p = skip_container(s, p, end);
	} else {
		/* A number or a word: to the white space or the punctuation behind it. */
		while (p<end && * p> ' ' && *p != ',' && *p != '}' && *p != ']') {
			p++;
		}
	}
	*at = p;
	return span_of(begin, (size_t)(p - begin));
}

static const char *
type_name(enum scan_type t)
{
	static const char *const names[] = { "a value", "a text", "a number", "an object",
		"an array", "true, false or null" };

	return names[t];
}

static struct scan_member *
find_member(struct scan_member *members, size_t count, span name)
{
	for (size_t i = 0; i < count; i++) {
		const char *m = members[i].name;

		/* No strlen: this is asked ten times a member. */
		if ((name.len == 0 || name.data[0] == (uint8_t)m[0]) &&
			strncmp((const char *)name.data, m, name.len) == 0 && m[name.len] == '\0') {
			return &members[i];
		}
	}
	return NULL;
}

static status
settle_members(
	const struct scan *s, const char *what, const struct scan_member *members, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct scan_member *m = &members[i];

		if (m->value.len == 0 && m->is_required) {
			return diag_set(s->diag, BAD_INPUT, NULL, "%s: member \"%s\" is missing",
				what, m->name);
		}
		if (m->value.len > 0 && m->type != SCAN_ANY && scan_type_of(m->value) != m->type) {
			return diag_set(s->diag, BAD_INPUT, NULL, "%s: member \"%s\" is not %s",
				what, m->name, type_name(m->type));
		}
	}
	return OK;
}

/* Sets the members' values; `stranger` becomes the first name that is not in the list. */
static void
walk_members(const struct scan *s, span object, struct scan_member *members, size_t count,
	span *stranger)
{
	const uint8_t *at = object.data + 1, *end = object.data + object.len, *behind;
	struct scan_member *m;
	span name, value;

	for (at = skip_space(at, end); *at != '}'; at = skip_space(at, end)) {
		behind = skip_text(at, end);
		name = span_of(at + 1, (size_t)(behind - at - 2));
		at = skip_space(behind, end) + 1; /* the colon */
		value = take_value(s, &at, end);
		m = find_member(members, count, name);
		if (m != NULL) {
			m->value = value;
		} else if (stranger->data == NULL) {
			*stranger = name;
		}
		at = skip_space(at, end);
		at += *at == ',';
	}
}

static status
check_object(const struct scan *s, span object, const char *what)
{
	return scan_type_of(object) == SCAN_OBJECT
		       ? OK
		       : diag_set(s->diag, BAD_INPUT, NULL, "%s is not a JSON object", what);
}

status
scan_members(const struct scan *s, span object, const char *what, struct scan_member *members,
	size_t count)
{
	span stranger = { NULL, 0 };
	status result = check_object(s, object, what);

	if (result != OK) {
		return result;
	}
	walk_members(s, object, members, count, &stranger);
	return settle_members(s, what, members, count);
}

status
scan_members_only(const struct scan *s, span object, const char *what, struct scan_member *members,
	size_t count)
{
	span stranger = { NULL, 0 };
	status result = check_object(s, object, what);

	if (result != OK) {
		return result;
	}
	walk_members(s, object, members, count, &stranger);
	if (stranger.data != NULL) {
		return diag_set(s->diag, BAD_INPUT, NULL, "%s: a member \"%.*s\" has no place here",
			what, (int)(stranger.len < 60 ? stranger.len : 60),
			(const char *)stranger.data);
	}
	return settle_members(s, what, members, count);
}

struct scan_list
scan_list_of(const struct scan *s, span array)
{
	return (struct scan_list){ s, array.data + 1, array.data + array.len };
}

bool
scan_list_next(struct scan_list *l, span *value)
{
	l->at = skip_space(l->at, l->end);
	if (l->at == l->end || *l->at == ']') {
		return false;
	}
	*value = take_value(l->scan, &l->at, l->end);
	l->at = skip_space(l->at, l->end);
	l->at += l->at < l->end && *l->at == ',';
	return true;
}

static size_t
write_point(uint8_t *out, uint32_t point)
{
	if (point < 0x80) {
		out[0] = (uint8_t)point;
		return 1;
	}
	if (point < 0x800) {
		out[0] = (uint8_t)(0xc0 | point >> 6);
		out[1] = (uint8_t)(0x80 | (point & 63));
		return 2;
	}
	if (point < 0x10000) {
		out[0] = (uint8_t)(0xe0 | point >> 12);
		out[1] = (uint8_t)(0x80 | (point >> 6 & 63));
		out[2] = (uint8_t)(0x80 | (point & 63));
		return 3;
	}
	out[0] = (uint8_t)(0xf0 | point >> 18);
	out[1] = (uint8_t)(0x80 | (point >> 12 & 63));
	out[2] = (uint8_t)(0x80 | (point >> 6 & 63));
	out[3] = (uint8_t)(0x80 | (point & 63));
	return 4;
}

status
scan_text(struct arena *a, span value, span *out)
{
	span inside = span_slice(value, 1, value.len - 2);
	const uint8_t *at = inside.data, *end = inside.data + inside.len;
	uint8_t *copy;
	size_t n = 0;

	if (inside.len == 0 || memchr(inside.data, '\\', inside.len) == NULL) {
		*out = inside;
		return OK;
	}
	/* An escape is never shorter than what it stands for. */
	copy = arena_alloc(a, inside.len);
	if (copy == NULL) {
		return NO_MEMORY;
	}
	while (at < end) {
		uint32_t point = 0;
		size_t run = scan_plain_run(at, end);

		memcpy(copy + n, at, run);
		n += run;
		at += run;
		if (at < end) {
			size_t len = read_escape(at, end, &point);

			if (len == 0) {
				return BUG; /* scan_document had judged it */
			}
			n += write_point(copy + n, point);
			at += len;
		}
	}
	*out = span_of(copy, n);
	return OK;
}
