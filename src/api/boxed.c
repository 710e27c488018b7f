#include "api/boxed.h"

#include <stdlib.h>
#include <string.h>

#include "api/lines.h"
#include "base/json.h"
#include "element/manifest.h"

#define LINE_MAX_LEN (MANIFEST_ENTRY_MAX + 128) /* an entry and its code */

struct boxed_pair {
	char unique_id[ELEMENT_SERIAL_MAX + 1];
	char code[CLAIM_CODE_TEXT_MAX];
};

struct boxed {
	struct buffer manifest;
	struct boxed_pair *pairs; /* sorted by unique id */
	size_t count, room;
};

/* {"entry":..,"code":..}, with its parts borrowed from `o`. */
static status
read_line(const cJSON *o, const cJSON **entry, char code[CLAIM_CODE_TEXT_MAX], struct diag *d)
{
	span typed;
	status s;

	*entry = cJSON_GetObjectItemCaseSensitive(o, "entry");
	if (!cJSON_IsObject(o) || !cJSON_IsObject(*entry) || cJSON_GetArraySize(o) != 2) {
		return diag_set(d, BAD_INPUT, NULL,
			"not of the form {\"entry\":{..},\"code\":\"..\"} as the first line is");
	}
	s = json_get_text(o, "code", &typed, d);
	if (s != OK) {
		return diag_set(d, BAD_INPUT, NULL, "member \"code\" is missing");
	}
	if (claim_code_normalize(typed, code) != OK) {
		/* The code itself is a secret: it is not repeated. */
		return diag_set(d, BAD_INPUT, NULL, "member \"code\" is no claim code");
	}
	return OK;
}

bool
boxed_is(span body)
{
	span rest = body, line;
	size_t number = 0;
	cJSON *o = NULL;
	bool is_boxed;

	if (!lines_next(&rest, &line, &number) || line.data[0] != '{' ||
		json_parse(line, LINE_MAX_LEN, &o, NULL) != OK) {
		return false;
	}
	is_boxed = cJSON_GetObjectItemCaseSensitive(o, "entry") != NULL;
	cJSON_Delete(o);
	return is_boxed;
}

static struct boxed_pair *
next_pair(struct boxed *b)
{
	if (b->count == b->room) {
		size_t room = b->room > 0 ? b->room * 2 : 256;
		struct boxed_pair *more = reallocarray(b->pairs, room, sizeof(*more));

		if (more == NULL) {
			return NULL;
		}
		b->pairs = more;
		b->room = room;
	}
	return &b->pairs[b->count];
}

static status
add_line(struct boxed *b, span line, struct diag *d)
{
	cJSON *o = NULL;
	char *text = NULL;
	const cJSON *entry = NULL;
	struct boxed_pair *pair = next_pair(b);
	status s = pair != NULL ? json_parse(line, LINE_MAX_LEN, &o, d)
				: diag_set(d, NO_MEMORY, NULL, "no memory for the claim codes");

	if (s != OK) {
		goto out;
	}
	s = read_line(o, &entry, pair->code, d);
	if (s != OK) {
		goto out;
	}
	text = cJSON_PrintUnformatted(entry);
	if (text == NULL) {
		s = diag_set(d, NO_MEMORY, NULL, "no memory for a manifest entry");
		goto out;
	}
	manifest_entry_label(span_text(text), pair->unique_id);
	b->count++;
	buffer_put_text(&b->manifest, text);
	buffer_put_byte(&b->manifest, '\n');
out:
	free(text);
	cJSON_Delete(o);
	return s;
}

static int
compare(const void *a, const void *b)
{
	const struct boxed_pair *left = a, *right = b;

	return strcmp(left->unique_id, right->unique_id);
}

status
boxed_read(span body, struct boxed **out, struct diag *d)
{
	struct boxed *b = calloc(1, sizeof(*b));
	span rest = body, line;
	size_t number = 0;
	status s = OK;

	if (b == NULL) {
		return diag_set(d, NO_MEMORY, NULL, "no memory for a manifest");
	}
	buffer_init(&b->manifest, body.len + 1);
	while (s == OK && lines_next(&rest, &line, &number)) {
		s = add_line(b, line, d);
		if (s != OK) {
			diag_prefix(d, "line %zu: ", number);
		}
	}
	if (s == OK && buffer_failed(&b->manifest)) {
		s = diag_set(d, NO_MEMORY, NULL, "no memory for a manifest");
	}
	if (s != OK) {
		boxed_free(b);
		return s;
	}
	qsort(b->pairs, b->count, sizeof(b->pairs[0]), compare);
	*out = b;
	return OK;
}

void
boxed_free(struct boxed *b)
{
	if (b == NULL) {
		return;
	}
	if (b->pairs != NULL) {
		explicit_bzero(b->pairs, b->room * sizeof(b->pairs[0]));
	}
	free(b->pairs);
	buffer_wipe(&b->manifest);
	free(b);
}

span
boxed_manifest(const struct boxed *b)
{
	return buffer_span(&b->manifest);
}

bool
boxed_code(void *context, const char *unique_id, char code[CLAIM_CODE_TEXT_MAX])
{
	const struct boxed *b = context;
	struct boxed_pair key = { 0 };
	const struct boxed_pair *found;

	if (strlen(unique_id) >= sizeof(key.unique_id)) {
		return false;
	}
	memcpy(key.unique_id, unique_id, strlen(unique_id) + 1);
	found = b->count > 0 ? bsearch(&key, b->pairs, b->count, sizeof(b->pairs[0]), compare)
			     : NULL;
	if (found != NULL) {
		memcpy(code, found->code, sizeof(found->code));
	}
	return found != NULL;
}
