#include "cli/completion.h"

#include <string.h>

#include "cli/command.h"

static const char head[] =
	"# bash completion for tenure; made by: tenure completion bash\n"
	"_tenure() {\n"
	"\tlocal current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}\n"
	"\tlocal noun=${COMP_WORDS[1]} verb=${COMP_WORDS[2]} words= key\n"
	"\tCOMPREPLY=()\n"
	"\tif [ \"$COMP_CWORD\" = 1 ]; then\n";

static const char tail[] = "\tesac\n"
			   "\tcase $current in\n"
			   "\t-*) COMPREPLY=($(compgen -W \"$words\" -- \"$current\")) ;;\n"
			   "\t*) COMPREPLY=($(compgen -f -- \"$current\")) ;;\n"
			   "\tesac\n"
			   "}\n"
			   "complete -o filenames -F _tenure tenure\n";

static void
print_flags(FILE *out, const struct command *m)
{
	const struct flag *f;

	for (f = m->flags; f != NULL && f->name != NULL; f++) {
		fprintf(out, " --%s", f->name);
	}
	for (size_t i = 0; (f = common_flag(m->traits, i)) != NULL; i++) {
		fprintf(out, " --%s", f->name);
	}
}

static void
print_words(FILE *out, const char *choice)
{
	for (; *choice != '\0'; choice++) {
		fputc(*choice == '|' ? ' ' : *choice, out);
	}
}

/* After a flag that takes one of some words: these. Files for those that take files. */
static void
print_values(FILE *out, const struct noun *n, const struct command *m)
{
	for (const struct flag *f = m->flags; f != NULL && f->name != NULL; f++) {
		if (f->type != VALUE_CHOICE && f->type != VALUE_YES_NO) {
			continue;
		}
		fprintf(out, "\t\"%s %s --%s\") COMPREPLY=($(compgen -W \"", n->name, m->verb,
			f->name);
		print_words(out, f->value);
		fprintf(out, "\" -- \"$current\")); return ;;\n");
	}
}

void
completion_bash(FILE *out)
{
	fputs(head, out);
	fprintf(out, "\t\tCOMPREPLY=($(compgen -W \"");
	for (size_t i = 0; nouns[i] != NULL; i++) {
		fprintf(out, "%s%s", i > 0 ? " " : "", nouns[i]->name);
	}
	fprintf(out, "\" -- \"$current\"))\n\t\treturn\n\tfi\n\tcase $noun in\n\t");
	for (size_t i = 0, first = 1; nouns[i] != NULL; i++) {
		if (command_find(nouns[i], "") != NULL) {
			fprintf(out, "%s%s", first ? "" : "|", nouns[i]->name);
			first = 0;
		}
	}
	fprintf(out, ") verb= ;;\n\tesac\n\tif [ \"$COMP_CWORD\" = 2 ]; then\n\t\tcase $noun in\n");
	for (size_t i = 0; nouns[i] != NULL; i++) {
		if (command_find(nouns[i], "") != NULL) {
			continue;
		}
		fprintf(out, "\t\t%s) COMPREPLY=($(compgen -W \"help", nouns[i]->name);
		for (const struct command *m = nouns[i]->commands; m->run != NULL; m++) {
			fprintf(out, " %s", m->verb);
		}
		fprintf(out, "\" -- \"$current\")); return ;;\n");
	}
	fprintf(out, "\t\tesac\n\tfi\n\tkey=\"$noun $verb $previous\"\n\tcase $key in\n");
	for (size_t i = 0; nouns[i] != NULL; i++) {
		for (const struct command *m = nouns[i]->commands; m->run != NULL; m++) {
			print_values(out, nouns[i], m);
		}
	}
	fprintf(out, "\tesac\n\tcase \"$noun $verb\" in\n");
	for (size_t i = 0; nouns[i] != NULL; i++) {
		for (const struct command *m = nouns[i]->commands; m->run != NULL; m++) {
			fprintf(out, "\t\"%s %s\") words=\"", nouns[i]->name, m->verb);
			print_flags(out, m);
			fprintf(out, "\" ;;\n");
		}
	}
	fputs(tail, out);
}
