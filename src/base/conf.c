#include "base/conf.h"

#include <ini.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buffer.h"
#include "base/check.h"
#include "base/file.h"
#include "base/text.h"

#define CONF_FILE_MAX (1 << 20)

struct value {
	const char *text;
	int64_t number;
	int line; /* where it was given, 0: the default */
};

struct conf {
	const struct conf_key *keys;
	size_t key_count;
	struct value *values;
};

struct loading {
	struct conf *conf;
	struct arena *arena;
	const char *path, *base_folder;
	struct diag *diag;
	status status;
	span rest; /* of the file: not handed to inih yet */
	int line;
};

static const struct conf_key *
nearest(const struct conf *c, const char *section, const char *name)
{
	const struct conf_key *best = NULL;
	size_t least = TEXT_WORD_MAX;

	for (size_t i = 0; i < c->key_count; i++) {
		size_t n = text_distance(name, c->keys[i].name) +
			   (strcmp(section, c->keys[i].section) != 0);

		if (n < least) {
			least = n;
			best = &c->keys[i];
		}
	}
	return best;
}

static size_t
find(const struct conf *c, const char *section, const char *name)
{
	size_t i = 0;

	while (i < c->key_count &&
		(strcmp(c->keys[i].section, section) != 0 || strcmp(c->keys[i].name, name) != 0)) {
		i++;
	}
	return i;
}

static status
parse_size(span text, int64_t *out)
{
	int64_t factor = 1;

	if (text.len > 1) {
		switch (text.data[text.len - 1]) {
		case 'k':
		case 'K':
			factor = 1 << 10;
			break;
		case 'm':
		case 'M':
			factor = 1 << 20;
			break;
		case 'g':
		case 'G':
			factor = 1 << 30;
			break;
		default:
			break;
		}
		text.len -= factor > 1;
	}
	if (number_parse(text, out) != OK || __builtin_mul_overflow(*out, factor, out)) {
		return BAD_INPUT;
	}
	return OK;
}

static status
parse_bool(const char *text, int64_t *out)
{
	static const char *const words[2][3] = { { "no", "false", "off" },
		{ "yes", "true", "on" } };

	for (int value = 0; value < 2; value++) {
		for (size_t i = 0; i < COUNT_OF(words[0]); i++) {
			if (strcmp(text, words[value][i]) == 0) {
				*out = value;
				return OK;
			}
		}
	}
	return BAD_INPUT;
}

static status
parse_value(struct loading *l, const struct conf_key *key, const char *text, struct value *out)
{
	status s = OK;

	if (key->type == CONF_PATH && text[0] != '\0' && text[0] != '/' && l->base_folder != NULL) {
		out->text = arena_printf(l->arena, "%s/%s", l->base_folder, text);
	} else {
		out->text = arena_string(l->arena, span_text(text));
	}
	if (out->text == NULL) {
		return diag_set(l->diag, NO_MEMORY, NULL, "no memory for the configuration");
	}
	switch (key->type) {
	case CONF_TEXT:
	case CONF_PATH:
		return OK;
	case CONF_NUMBER:
		s = number_parse(span_text(text), &out->number);
		break;
	case CONF_BOOL:
		s = parse_bool(text, &out->number);
		break;
	case CONF_DURATION:
		s = duration_parse(span_text(text), &out->number);
		break;
	case CONF_SIZE:
		s = parse_size(span_text(text), &out->number);
		break;
	}
	if (s != OK) {
		return diag_set(l->diag, BAD_INPUT, NULL, "%s: \"%.60s\" is not a value for it",
			key->name, text);
	}
	if (key->type != CONF_BOOL && (out->number < key->min || out->number > key->max)) {
		return diag_set(l->diag, BAD_INPUT, NULL, "%s: %lld is not between %lld and %lld",
			key->name, (long long)out->number, (long long)key->min,
			(long long)key->max);
	}
	return OK;
}

/* inih asks for one line after the other; so we know which one it is at. */
static char *
next_line(char *out, int room, void *user)
{
	struct loading *l = user;
	const uint8_t *end = l->rest.len > 0 ? memchr(l->rest.data, '\n', l->rest.len) : NULL;
	size_t len = end != NULL ? (size_t)(end - l->rest.data) + 1 : l->rest.len;

	if (len == 0 || l->status != OK) {
		return NULL;
	}
	l->line++;
	if (len >= (size_t)room) {
		l->status = diag_set(l->diag, LIMIT, NULL, "%s line %d: longer than %d bytes",
			l->path, l->line, room - 1);
		return NULL;
	}
	memcpy(out, l->rest.data, len);
	out[len] = '\0';
	l->rest = span_slice(l->rest, len, SIZE_MAX);
	return out;
}

/* inih calls this for each key; 0 marks the line as wrong. */
static int
take(void *user, const char *section, const char *name, const char *text)
{
	struct loading *l = user;
	struct conf *c = l->conf;
	int line = l->line;
	size_t at = find(c, section, name);

	if (l->status != OK) {
		return 0;
	}
	if (at == c->key_count) {
		const struct conf_key *near = nearest(c, section, name);

		l->status = diag_set(l->diag, BAD_INPUT, NULL,
			"%s line %d: unknown key \"%.60s\" in [%.40s]; the nearest known one is "
			"\"%s\" in [%s]",
			l->path, line, name, section, near != NULL ? near->name : "",
			near != NULL ? near->section : "");
		return 0;
	}
	if (c->values[at].line != 0) {
		l->status = diag_set(l->diag, BAD_INPUT, NULL, "%s line %d: \"%s\" is given twice",
			l->path, line, name);
		return 0;
	}
	l->status = parse_value(l, &c->keys[at], text, &c->values[at]);
	if (l->status != OK) {
		diag_prefix(l->diag, "%s line %d: ", l->path, line);
		return 0;
	}
	c->values[at].line = line;
	return 1;
}

static status
parse_text(struct loading *l, span text)
{
	int line;

	if (!utf8_is_valid(text) || (text.len > 0 && memchr(text.data, 0, text.len) != NULL)) {
		return diag_set(l->diag, BAD_INPUT, NULL, "%s is not UTF-8 text", l->path);
	}
	l->rest = text;
	line = ini_parse_stream(next_line, l, take, l);
	if (l->status == OK && line != 0) {
		return diag_set(l->diag, BAD_INPUT, NULL,
			"%s line %d: neither a [section] nor name = value", l->path, line);
	}
	return l->status;
}

static status
load_file(struct loading *l)
{
	struct buffer content;
	status s;

	buffer_init(&content, CONF_FILE_MAX + 1);
	s = file_read(l->path, CONF_FILE_MAX, &content, l->diag);
	if (s == OK) {
		s = parse_text(l, buffer_span(&content));
	}
	buffer_wipe(&content);
	return s;
}

static status
fill_defaults(struct loading *l)
{
	struct conf *c = l->conf;
	status s;

	for (size_t i = 0; i < c->key_count; i++) {
		if (c->values[i].line != 0) {
			continue;
		}
		if (c->keys[i].fallback == NULL) {
			return diag_set(l->diag, BAD_INPUT, NULL,
				"%s: \"%s\" in [%s] must be given",
				l->path != NULL ? l->path : "configuration", c->keys[i].name,
				c->keys[i].section);
		}
		s = parse_value(l, &c->keys[i], c->keys[i].fallback, &c->values[i]);
		if (s != OK) {
			return s;
		}
	}
	return OK;
}

/* The values' room; then the file, or the text, or neither; then the defaults. */
static status
load(struct loading *l, const struct conf_key *keys, size_t key_count, const span *text)
{
	struct conf *c = ARENA_NEW(l->arena, struct conf);
	status s = OK;

	if (c == NULL ||
		(c->values = arena_array(l->arena, key_count, sizeof(*c->values))) == NULL) {
		return diag_set(l->diag, NO_MEMORY, NULL, "no memory for the configuration");
	}
	c->keys = keys;
	c->key_count = key_count;
	l->conf = c;
	if (text != NULL) {
		s = parse_text(l, *text);
	} else if (l->path != NULL) {
		s = load_file(l);
	}
	return s == OK ? fill_defaults(l) : s;
}

status
conf_load(struct arena *a, const char *path, const char *base_folder, const struct conf_key *keys,
	size_t key_count, struct conf **out, struct diag *d)
{
	struct loading l = { .arena = a, .path = path, .base_folder = base_folder, .diag = d };
	status s = load(&l, keys, key_count, NULL);

	if (s == OK) {
		*out = l.conf;
	}
	return s;
}

status
conf_read(struct arena *a, span text, const struct conf_key *keys, size_t key_count,
	struct conf **out, struct diag *d)
{
	struct loading l = { .arena = a, .path = "text", .diag = d };
	status s = load(&l, keys, key_count, &text);

	if (s == OK) {
		*out = l.conf;
	}
	return s;
}

static const struct value *
look_up(const struct conf *c, const char *section, const char *name)
{
	size_t at = find(c, section, name);

	if (at == c->key_count) {
		abort(); /* the program asks for a key that is not in its own table */
	}
	return &c->values[at];
}

const char *
conf_text(const struct conf *c, const char *section, const char *name)
{
	return look_up(c, section, name)->text;
}

int64_t
conf_number(const struct conf *c, const char *section, const char *name)
{
	return look_up(c, section, name)->number;
}

bool
conf_bool(const struct conf *c, const char *section, const char *name)
{
	return look_up(c, section, name)->number != 0;
}
