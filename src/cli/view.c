#include "cli/view.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/text.h"

#define HASH_SHORT 16
#define CELL_MAX 1024 /* longer texts are cut in people's output; JSON has them whole */
#define LABEL_WIDTH 22
#define COLUMNS_MAX 16

#define RED "\033[31m"
#define GREEN "\033[32m"
#define YELLOW "\033[33m"
#define BOLD "\033[1m"
#define PLAIN "\033[0m"

bool
has_colour(FILE *out)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return (no == NULL || no[0] == '\0') && isatty(fileno(out)) && term != NULL &&
	       strcmp(term, "dumb") != 0;
}

void
print_text(FILE *out, const char *text)
{
	size_t len = strlen(text), i = 0;

	while (i < len) {
		size_t n = 1;

		while (n < 4 && i + n < len && ((uint8_t)text[i + n] & 0xc0) == 0x80) {
			n++;
		}
		if (utf8_is_printable(span_of(text + i, n))) {
			fwrite(text + i, 1, n, out);
		} else {
			for (size_t k = 0; k < n; k++) {
				fprintf(out, "\\x%02x", (uint8_t)text[i + k]);
			}
		}
		i += n;
	}
}

/* How wide print_text makes it, one column a character. */
static size_t
width_of(const char *text)
{
	size_t len = strlen(text), width = 0, i = 0;

	while (i < len) {
		size_t n = 1;

		while (n < 4 && i + n < len && ((uint8_t)text[i + n] & 0xc0) == 0x80) {
			n++;
		}
		width += utf8_is_printable(span_of(text + i, n)) ? 1 : 4 * n;
		i += n;
	}
	return width;
}

static const char *
colour_of(const struct field *f, const char *text)
{
	static const struct {
		const char *word, *colour;
	} words[] = { { "ACTIVE", GREEN }, { "current", GREEN }, { "accepted", GREEN },
		{ "ok", GREEN }, { "proven", GREEN }, { "attested", GREEN },
		{ "private key", GREEN }, { "failed", RED }, { "SUSPENDED", RED },
		{ "RETIRED", RED }, { "revoked", RED }, { "refused", RED },
		{ "AWAITING_DEVICE", YELLOW }, { "IN_TRANSFER", YELLOW }, { "RETURNED", YELLOW },
		{ "pending", YELLOW }, { "locked", YELLOW }, { "none", YELLOW } };

	for (size_t i = 0; f->kind == FIELD_STATE && i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(words[i].word, text) == 0) {
			return words[i].colour;
		}
	}
	return NULL;
}

static void
print_value(FILE *out, const struct field *f, const char *text)
{
	const char *colour = has_colour(out) ? colour_of(f, text) : NULL;

	if (colour != NULL) {
		fputs(colour, out);
	}
	print_text(out, text);
	if (colour != NULL) {
		fputs(PLAIN, out);
	}
}

/* --- one value as text --- */

static const char *
duration_text(struct arena *a, int64_t seconds)
{
	static const struct {
		int64_t seconds;
		char unit;
	} units[] = { { 86400, 'd' }, { 3600, 'h' }, { 60, 'm' } };

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (seconds != 0 && seconds % units[i].seconds == 0) {
			return arena_printf(
				a, "%" PRId64 "%c", seconds / units[i].seconds, units[i].unit);
		}
	}
	return arena_printf(a, "%" PRId64 "s", seconds);
}

static const char *
time_shown(struct arena *a, const char *text, bool is_short)
{
	char canonical[TIME_TEXT_MAX];
	int64_t time_s;

	if (time_parse(span_text(text), &time_s) != OK) {
		return arena_string(a, span_text(text));
	}
	time_text(canonical, time_s);
	return is_short ? arena_printf(a, "%.10s %.5sZ", canonical, canonical + 11)
			: arena_printf(a, "%.10s %.8sZ", canonical, canonical + 11);
}

static const char *
list_text(struct arena *a, const cJSON *list)
{
	const cJSON *item;
	const char *text = "";

	cJSON_ArrayForEach(item, list)
	{
		const char *one = cJSON_IsString(item) ? item->valuestring : "...";

		if (text != NULL && strlen(text) < CELL_MAX) {
			text = arena_printf(
				a, "%s%s%.200s", text, text[0] != '\0' ? ", " : "", one);
		}
	}
	return text != NULL && text[0] == '\0' ? "-" : text;
}

static const char *
other_text(struct arena *a, const cJSON *value)
{
	char *printed = cJSON_PrintUnformatted(value);
	const char *text = printed != NULL ? arena_string(a, span_text(printed)) : NULL;

	cJSON_free(printed);
	return text;
}

const char *
view_text(struct arena *a, const struct field *f, const cJSON *value, bool is_short)
{
	if (value == NULL || cJSON_IsNull(value)) {
		return "-";
	}
	if (cJSON_IsBool(value)) {
		return cJSON_IsTrue(value) ? "yes" : "no";
	}
	if (cJSON_IsArray(value)) {
		return list_text(a, value);
	}
	if (cJSON_IsNumber(value) && f->kind == FIELD_DURATION) {
		return duration_text(a, (int64_t)value->valuedouble);
	}
	if (!cJSON_IsString(value)) {
		return other_text(a, value);
	}
	if (f->kind == FIELD_TIME) {
		return time_shown(a, value->valuestring, is_short);
	}
	if (f->kind == FIELD_HASH && is_short) {
		return arena_printf(a, "%.*s", HASH_SHORT, value->valuestring);
	}
	return arena_printf(a, "%.*s", CELL_MAX, value->valuestring);
}

/* --- one object --- */

/* "entry.at": a member of a member. */
static const cJSON *
member_of(const cJSON *object, const char *path)
{
	char name[64];
	size_t len = strcspn(path, ".");

	if (len >= sizeof(name)) {
		return NULL;
	}
	memcpy(name, path, len);
	name[len] = '\0';
	object = cJSON_GetObjectItemCaseSensitive(object, name);
	return path[len] == '.' && object != NULL ? member_of(object, path + len + 1) : object;
}

static const struct field *
field_of(const struct view *v, const char *member)
{
	for (const struct field *f = v->fields; f->member != NULL; f++) {
		if (strcmp(f->member, member) == 0) {
			return f;
		}
	}
	return NULL;
}

static void
show_field(FILE *out, struct arena *a, const struct field *f, const cJSON *value)
{
	const char *text = view_text(a, f, value, false);
	size_t width = width_of(f->title);

	print_text(out, f->title);
	fprintf(out, ":%*s", (int)(width < LABEL_WIDTH ? LABEL_WIDTH - width : 1), "");
	print_value(out, f, text != NULL ? text : "?");
	fputs(f->kind == FIELD_SECRET ? "  (shown this once)\n" : "\n", out);
}

/* Secrets last, where the eye ends. */
static void
show_known(FILE *out, struct arena *a, const struct view *v, const cJSON *object, bool secrets)
{
	for (const struct field *f = v->fields; f->member != NULL; f++) {
		const cJSON *value = member_of(object, f->member);

		if (value != NULL && f->kind != FIELD_HIDDEN &&
			(f->kind == FIELD_SECRET) == secrets &&
			(!secrets || cJSON_IsString(value))) {
			show_field(out, a, f, value);
		}
	}
}

void
view_show(FILE *out, const struct view *v, const cJSON *object)
{
	struct arena *a = arena_new(1 << 20);
	const cJSON *m;

	if (a == NULL) {
		return;
	}
	show_known(out, a, v, object, false);
	cJSON_ArrayForEach(m, object)
	{
		if (m->string != NULL && field_of(v, m->string) == NULL) {
			const struct field f = { m->string, m->string, FIELD_TEXT, false };

			show_field(out, a, &f, m);
		}
	}
	show_known(out, a, v, object, true);
	arena_free(a);
}

/* --- tables --- */

struct table {
	FILE *out;
	const struct field *columns[COLUMNS_MAX];
	size_t column_count;
	size_t widths[COLUMNS_MAX];
	const char **cells; /* row by row, in the arena */
	size_t row_count, row_room;
	struct arena *arena;
	bool has_header;
};

status
table_new(FILE *out, const struct view *v, struct table **out_table)
{
	struct table *t = calloc(1, sizeof(*t));

	if (t == NULL || (t->arena = arena_new(64 << 20)) == NULL) {
		free(t);
		return NO_MEMORY;
	}
	t->out = out;
	for (const struct field *f = v->fields; f->member != NULL; f++) {
		if (f->in_table && t->column_count < COLUMNS_MAX) {
			t->widths[t->column_count] = width_of(f->title);
			t->columns[t->column_count++] = f;
		}
	}
	*out_table = t;
	return OK;
}

static bool
make_room(struct table *t)
{
	size_t room = t->row_room > 0 ? 2 * t->row_room : 64;
	const char **more;

	if (t->row_count < t->row_room) {
		return true;
	}
	more = reallocarray(t->cells, room * t->column_count, sizeof(*more));
	if (more == NULL) {
		return false;
	}
	t->cells = more;
	t->row_room = room;
	return true;
}

status
table_row(struct table *t, const cJSON *object)
{
	if (!make_room(t)) {
		return NO_MEMORY;
	}
	for (size_t k = 0; k < t->column_count; k++) {
		const cJSON *value = member_of(object, t->columns[k]->member);
		const char *text = view_text(t->arena, t->columns[k], value, true);
		size_t width = text != NULL ? width_of(text) : 0;

		if (text == NULL) {
			return NO_MEMORY;
		}
		t->cells[t->row_count * t->column_count + k] = text;
		t->widths[k] = width > t->widths[k] ? width : t->widths[k];
	}
	t->row_count++;
	return OK;
}

static void
print_padding(const struct table *t, size_t k, const char *text)
{
	if (k + 1 < t->column_count) {
		fprintf(t->out, "%*s", (int)(t->widths[k] - width_of(text) + 2), "");
	}
}

void
table_flush(struct table *t)
{
	if (!t->has_header && t->row_count > 0) {
		bool colour = has_colour(t->out);

		fputs(colour ? BOLD : "", t->out);
		for (size_t k = 0; k < t->column_count; k++) {
			fputs(t->columns[k]->title, t->out);
			print_padding(t, k, t->columns[k]->title);
		}
		fputs(colour ? PLAIN "\n" : "\n", t->out);
		t->has_header = true;
	}
	for (size_t i = 0; i < t->row_count; i++) {
		for (size_t k = 0; k < t->column_count; k++) {
			const char *text = t->cells[i * t->column_count + k];

			print_value(t->out, t->columns[k], text);
			print_padding(t, k, text);
		}
		fputc('\n', t->out);
	}
	t->row_count = 0;
	arena_reset(t->arena);
	fflush(t->out);
}

void
table_free(struct table *t)
{
	if (t != NULL) {
		free(t->cells);
		arena_free(t->arena);
		free(t);
	}
}

/* --- JSON --- */

void
array_begin(struct array_writer *w, FILE *out)
{
	*w = (struct array_writer){ .out = out };
	fputc('[', out);
}

status
array_item(struct array_writer *w, const cJSON *item)
{
	char *text = cJSON_PrintUnformatted(item);

	if (text == NULL) {
		return NO_MEMORY;
	}
	fprintf(w->out, "%s%s", w->has_items ? ",\n" : "\n", text);
	w->has_items = true;
	cJSON_free(text);
	return OK;
}

void
array_end(struct array_writer *w)
{
	fputs(w->has_items ? "\n]\n" : "]\n", w->out);
	fflush(w->out);
}
