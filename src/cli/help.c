#include "cli/help.h"

#include <string.h>

#define SUMMARY_COLUMN 24
#define FLAG_COLUMN 30
#define LINE_WIDTH 100

const char *
help_value(const struct flag *f)
{
	return f->type == VALUE_NONE ? "" : f->value;
}

void
help_usage(FILE *out, const struct noun *n, const struct command *m)
{
	fprintf(out, "tenure %s%s%s", n->name, m->verb[0] != '\0' ? " " : "", m->verb);
	for (const struct flag *a = m->arguments; a != NULL && a->name != NULL; a++) {
		fprintf(out, (a->traits & FLAG_OPTIONAL) != 0 ? " [%s%s]" : " %s%s", a->name,
			(a->traits & FLAG_MANY) != 0 ? " ..." : "");
	}
	for (const struct flag *f = m->flags; f != NULL && f->name != NULL; f++) {
		bool needed = (f->traits & FLAG_NEEDED) != 0;

		fprintf(out, " %s--%s%s%s%s%s", needed ? "" : "[", f->name,
			f->type != VALUE_NONE ? " " : "", help_value(f), needed ? "" : "]",
			(f->traits & FLAG_MANY) != 0 ? "..." : "");
	}
}

/* Words from `column` on, broken before LINE_WIDTH. */
static void
print_wrapped(FILE *out, size_t column, const char *text)
{
	size_t at = column;

	while (*text != '\0') {
		size_t word = strcspn(text, " ");

		if (at > column && at + 1 + word > LINE_WIDTH) {
			fprintf(out, "\n%*s", (int)column, "");
			at = column;
		} else if (at > column) {
			fputc(' ', out);
			at++;
		}
		fwrite(text, 1, word, out);
		at += word;
		text += word + strspn(text + word, " ");
	}
	fputc('\n', out);
}

static void
print_pair(FILE *out, const char *left, size_t column, const char *right)
{
	fprintf(out, "  %s", left);
	if (strlen(left) + 4 > column) {
		fprintf(out, "\n%*s", (int)column, "");
	} else {
		fprintf(out, "%*s", (int)(column - 2 - strlen(left)), "");
	}
	print_wrapped(out, column, right);
}

static void
print_flag(FILE *out, const struct flag *f, bool is_argument)
{
	char left[512];

	if (is_argument) {
		snprintf(left, sizeof(left), "%s", f->name);
	} else {
		snprintf(left, sizeof(left), "--%s%s%s", f->name, f->type != VALUE_NONE ? " " : "",
			help_value(f));
	}
	print_pair(out, left, FLAG_COLUMN, f->help);
}

void
help_command(FILE *out, const struct noun *n, const struct command *m)
{
	const struct flag *f;

	help_usage(out, n, m);
	fprintf(out, "\n\n%s.", m->summary);
	if (m->details != NULL) {
		fprintf(out, "\n");
		print_wrapped(out, 0, m->details);
	} else {
		fprintf(out, "\n");
	}
	fprintf(out, "\n");
	for (f = m->arguments; f != NULL && f->name != NULL; f++) {
		print_flag(out, f, true);
	}
	for (f = m->flags; f != NULL && f->name != NULL; f++) {
		print_flag(out, f, false);
	}
	if (m->arguments != NULL || m->flags != NULL) {
		fprintf(out, "\n");
	}
	for (size_t i = 0; (f = common_flag(m->traits, i)) != NULL; i++) {
		print_flag(out, f, false);
	}
}

static void
print_commands(FILE *out, const struct noun *n)
{
	for (const struct command *m = n->commands; m->run != NULL; m++) {
		char left[64];

		snprintf(left, sizeof(left), "%s%s%s", n->name, m->verb[0] != '\0' ? " " : "",
			m->verb);
		print_pair(out, left, SUMMARY_COLUMN, m->summary);
	}
}

void
help_noun(FILE *out, const struct noun *n)
{
	if (command_find(n, "") != NULL) {
		help_command(out, n, command_find(n, ""));
		return;
	}
	fprintf(out, "tenure %s: %s\n\n", n->name, n->summary);
	print_commands(out, n);
	fprintf(out, "\ntenure %s VERB --help tells more about one of them.\n", n->name);
}

void
help_all(FILE *out)
{
	fprintf(out, "tenure NOUN VERB [ARGUMENT] [--flag VALUE]\n\n");
	for (size_t i = 0; nouns[i] != NULL; i++) {
		print_commands(out, nouns[i]);
	}
	fprintf(out,
		"\ntenure NOUN help, and --help behind any command, tell more.\n"
		"Exit status: 0 done, 1 refused or failed, 2 wrong usage, 3 server unreachable.\n");
}
