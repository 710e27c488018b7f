#include "api/body.h"

#include <string.h>

#include "base/text.h"
#include "pki/pem.h"

bool
name_is_valid(span name)
{
	for (size_t i = 0; i < name.len; i++) {
		uint8_t l = name.data[i];
		bool is_inner = i > 0 && (l == '.' || l == '_' || l == '-');

		if (!(l >= 'a' && l <= 'z') && !(l >= '0' && l <= '9') && !is_inner) {
			return false;
		}
	}
	return name.len > 0 && name.len <= NAME_MAX_LEN;
}

static bool
is_line_end(uint8_t l)
{
	return l == '\r' || l == '\n' || l == '\t';
}

/* PEM and the like: printable line by line. */
static bool
lines_are_printable(span text)
{
	size_t from = 0;

	for (size_t i = 0; i <= text.len; i++) {
		if (i < text.len && !is_line_end(text.data[i])) {
			continue;
		}
		if (!utf8_is_printable(span_slice(text, from, i - from))) {
			return false;
		}
		from = i + 1;
	}
	return true;
}

static status
read_text(struct arena *a, const cJSON *o, const struct field *f, void *place, struct diag *d)
{
	span text;
	span *out = place;
	status s = json_get_text(o, f->name, &text, d);

	if (s != OK) {
		return s;
	}
	if (text.len > (size_t)f->max) {
		return diag_set(d, LIMIT, NULL, "member \"%s\" is longer than %d bytes", f->name,
			(int)f->max);
	}
	if (f->type == FIELD_LINES ? !lines_are_printable(text) : !utf8_is_printable(text)) {
		return diag_set(
			d, BAD_INPUT, NULL, "member \"%s\" has control characters in it", f->name);
	}
	if (text.len < (size_t)f->min) {
		return diag_set(d, BAD_INPUT, NULL, "member \"%s\" is empty", f->name);
	}
	*out = span_text(arena_string(a, text));
	return out->data != NULL ? OK : diag_set(d, NO_MEMORY, NULL, "no memory for a request");
}

static status
read_name(const cJSON *o, const struct field *f, char *out, struct diag *d)
{
	span text;
	status s = json_get_text(o, f->name, &text, d);

	if (s != OK) {
		return s;
	}
	if (!name_is_valid(text)) {
		return diag_set(d, BAD_INPUT, NULL,
			"member \"%s\" is no name: a-z 0-9, then also - . _, at most %d", f->name,
			NAME_MAX_LEN);
	}
	memcpy(out, text.data, text.len);
	out[text.len] = '\0';
	return OK;
}

static status
read_number(const cJSON *o, const struct field *f, int64_t *out, struct diag *d)
{
	int64_t number;
	status s = json_get_number(o, f->name, &number, d);

	if (s == OK && (number < f->min || number > f->max)) {
		s = diag_set(d, BAD_INPUT, NULL, "member \"%s\" is from %lld to %lld", f->name,
			(long long)f->min, (long long)f->max);
	}
	if (s == OK) {
		*out = number;
	}
	return s;
}

static status
read_word(const cJSON *o, const struct field *f, int *out, struct diag *d)
{
	span text;
	status s = json_get_text(o, f->name, &text, d);

	if (s == OK && f->word(text, out) != OK) {
		s = diag_set(d, BAD_INPUT, NULL, "member \"%s\": \"%.40s\" is none of its words",
			f->name, (const char *)text.data);
	}
	return s;
}

static status
read_set(const cJSON *o, const struct field *f, unsigned *out, struct diag *d)
{
	const cJSON *array = cJSON_GetObjectItemCaseSensitive(o, f->name), *one;
	unsigned set = 0;

	cJSON_ArrayForEach(one, array)
	{
		double n = cJSON_IsNumber(one) ? one->valuedouble : -1;
		int number = n >= (double)f->min && n <= (double)f->max ? (int)n : -1;

		if (number < 0 || (double)number != n || (set >> number & 1) != 0) {
			set = 0;
			break;
		}
		set |= 1u << number;
	}
	if (!cJSON_IsArray(array) || set == 0) {
		return diag_set(d, BAD_INPUT, NULL,
			"member \"%s\" is an array of numbers from %d to %d, none twice", f->name,
			(int)f->min, (int)f->max);
	}
	*out = set;
	return OK;
}

static status
read_field(struct arena *a, const cJSON *o, const struct field *f, void *record, struct diag *d)
{
	void *place = (char *)record + f->offset;

	switch (f->type) {
	case FIELD_TEXT:
	case FIELD_LINES:
		return read_text(a, o, f, place, d);
	case FIELD_NAME:
		return read_name(o, f, place, d);
	case FIELD_NUMBER:
		return read_number(o, f, place, d);
	case FIELD_BOOL:
		return json_get_bool(o, f->name, place, d);
	case FIELD_WORD:
		return read_word(o, f, place, d);
	case FIELD_SET:
		return read_set(o, f, place, d);
	}
	return diag_set(d, BUG, NULL, "field \"%s\" of no type", f->name);
}

/* The field's place in the table; `count` for a member that is not in it. */
static size_t
field_at(const struct field *fields, size_t count, const char *name)
{
	size_t i = 0;

	while (i < count && strcmp(fields[i].name, name) != 0) {
		i++;
	}
	return i;
}

status
fields_read(struct arena *a, const cJSON *o, const struct field *fields, size_t count, void *record,
	unsigned *given, struct diag *d)
{
	unsigned seen = 0;

	if (count > FIELDS_MAX) {
		return diag_set(d, BUG, NULL, "a body of over %d members", FIELDS_MAX);
	}
	if (!cJSON_IsObject(o)) {
		return diag_set(d, BAD_INPUT, NULL, "not a JSON object");
	}
	for (const cJSON *m = o->child; m != NULL; m = m->next) {
		size_t at = field_at(fields, count, m->string);

		if (at == count) {
			return diag_set(
				d, BAD_INPUT, NULL, "no member \"%.60s\" is known here", m->string);
		}
		if (cJSON_IsNull(m) && !fields[at].is_required) {
			continue;
		}
		status s = read_field(a, o, &fields[at], record, d);
		if (s != OK) {
			return s;
		}
		seen |= 1u << at;
	}
	for (size_t i = 0; i < count; i++) {
		if (fields[i].is_required && (seen & (1u << i)) == 0) {
			return diag_set(
				d, BAD_INPUT, NULL, "member \"%s\" is missing", fields[i].name);
		}
	}
	if (given != NULL) {
		*given = seen;
	}
	return OK;
}

bool
body_read(struct call *c, const struct field *fields, size_t count, void *record, unsigned *given)
{
	const struct http_request *r = c->x->request;
	span text = r->body.len > 0 ? r->body : span_text("{}");
	cJSON *o = NULL;
	status s;

	if (r->body.len > 0 && !http_content_is(r, "application/json")) {
		reply_problem_as(c->x, 415, "the body is to be application/json");
		return false;
	}
	s = json_parse(text, JSON_BODY_MAX, &o, &c->diag);
	if (s == OK) {
		s = fields_read(c->session.arena, o, fields, count, record, given, &c->diag);
		cJSON_Delete(o);
	}
	return s == OK ? true : call_refuse(c, s);
}

status
body_certificate(struct call *c, const char *member, span pem, span *der)
{
	status s = pem_read(c->session.arena, pem, "CERTIFICATE", der, NULL);

	if (s == NO_MEMORY) {
		return diag_set(&c->diag, s, NULL, "no memory for a certificate");
	}
	return s == OK ? OK
		       : diag_set(&c->diag, BAD_INPUT, "RFC 7468 5",
				 "member \"%s\" holds no certificate in PEM", member);
}
