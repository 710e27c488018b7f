#include "cli/manual.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/help.h"
#include "cli/settings.h"
#include "home/configuration.h"

#define BEGIN ".\\\" BEGIN "
#define END ".\\\" END "

/* What roff would take for its own is escaped. */
static void
put_text(FILE *out, const char *text)
{
	if (*text == '.' || *text == '\'') {
		fputs("\\&", out);
	}
	for (; *text != '\0'; text++) {
		if (*text == '-') {
			fputs("\\-", out);
		} else if (*text == '\\') {
			fputs("\\e", out);
		} else {
			fputc(*text, out);
		}
	}
}

static void
put_font(FILE *out, char font, const char *text)
{
	fprintf(out, "\\f%c", font);
	put_text(out, text);
	fputs("\\fR", out);
}

static void
put_flag(FILE *out, const struct flag *f, bool is_argument)
{
	fputs(".TP\n", out);
	if (is_argument) {
		put_font(out, 'I', f->name);
	} else {
		fputs("\\fB\\-\\-", out);
		put_text(out, f->name);
		fputs("\\fR", out);
	}
	if (!is_argument && f->type != VALUE_NONE) {
		fputc(' ', out);
		put_font(out, f->type == VALUE_CHOICE || f->type == VALUE_YES_NO ? 'R' : 'I',
			f->value);
	}
	fputc('\n', out);
	put_text(out, f->help);
	fputs((f->traits & FLAG_NEEDED) != 0   ? " (needed)\n"
		: (f->traits & FLAG_MANY) != 0 ? " (may be given several times)\n"
					       : "\n",
		out);
}

static void
put_command(FILE *out, const struct noun *n, const struct command *m)
{
	const struct flag *f;
	bool has_list = m->arguments != NULL || m->flags != NULL;

	fputs(".TP\n\\fBtenure ", out);
	put_text(out, n->name);
	if (m->verb[0] != '\0') {
		fputc(' ', out);
		put_text(out, m->verb);
	}
	fputs("\\fR", out);
	for (f = m->arguments; f != NULL && f->name != NULL; f++) {
		fputs((f->traits & FLAG_OPTIONAL) != 0 ? " [" : " ", out);
		put_font(out, 'I', f->name);
		fputs((f->traits & FLAG_OPTIONAL) != 0 ? "]" : "", out);
	}
	fputc('\n', out);
	put_text(out, m->summary);
	fputs(".\n", out);
	if (m->details != NULL) {
		put_text(out, m->details);
		fputc('\n', out);
	}
	if (!has_list) {
		return;
	}
	fputs(".RS\n", out);
	for (f = m->arguments; f != NULL && f->name != NULL; f++) {
		put_flag(out, f, true);
	}
	for (f = m->flags; f != NULL && f->name != NULL; f++) {
		put_flag(out, f, false);
	}
	fputs(".RE\n", out);
}

void
manual_commands(FILE *out)
{
	for (size_t i = 0; nouns[i] != NULL; i++) {
		for (const struct command *m = nouns[i]->commands; m->run != NULL; m++) {
			put_command(out, nouns[i], m);
		}
	}
}

void
manual_common_flags(FILE *out)
{
	const struct flag *f;

	for (size_t i = 0;
		(f = common_flag(COMMAND_SERVER | COMMAND_JSON | COMMAND_PAGES, i)) != NULL; i++) {
		put_flag(out, f, false);
	}
}

void
manual_keys(FILE *out, const struct conf_key *keys, size_t count)
{
	const char *section = "";

	for (size_t i = 0; i < count; i++) {
		const struct conf_key *k = &keys[i];

		if (strcmp(section, k->section) != 0) {
			section = k->section;
			fputs(".SS [", out);
			put_text(out, section);
			fputs("]\n", out);
		}
		fputs(".TP\n", out);
		put_font(out, 'B', k->name);
		fputc('\n', out);
		put_text(out, k->help);
		if (k->fallback == NULL) {
			fputs(". Must be given.\n", out);
		} else if (k->fallback[0] != '\0') {
			fputs(". Default: ", out);
			put_text(out, k->fallback);
			fputs(".\n", out);
		} else {
			fputs(".\n", out);
		}
	}
}

static void
put_part(FILE *out, const char *name, size_t len)
{
	if (len == 8 && strncmp(name, "commands", len) == 0) {
		manual_commands(out);
	} else if (len == 5 && strncmp(name, "flags", len) == 0) {
		manual_common_flags(out);
	} else if (len == 13 && strncmp(name, "configuration", len) == 0) {
		manual_keys(out, configuration_keys, configuration_key_count);
	} else if (len == 6 && strncmp(name, "client", len) == 0) {
		manual_keys(out, client_keys, client_key_count);
	}
}

char *
manual_page(const char *page)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	bool is_skipping = false;

	if (out == NULL) {
		return NULL;
	}
	while (*page != '\0') {
		size_t line = strcspn(page, "\n");

		if (strncmp(page, END, strlen(END)) == 0) {
			is_skipping = false;
		}
		if (!is_skipping) {
			fprintf(out, "%.*s\n", (int)line, page);
		}
		if (strncmp(page, BEGIN, strlen(BEGIN)) == 0) {
			put_part(out, page + strlen(BEGIN), line - strlen(BEGIN));
			is_skipping = true;
		}
		page += line + (page[line] == '\n');
	}
	if (fclose(out) != 0) {
		free(text);
		return NULL;
	}
	return text;
}
