/* What was given on the command line, by name. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cli/command.h"

const char *
call_argument(const struct call *c, const char *name)
{
	for (size_t i = 0; c->command->arguments != NULL && c->command->arguments[i].name != NULL;
		i++) {
		if (strcmp(c->command->arguments[i].name, name) == 0) {
			return c->arguments[i];
		}
	}
	abort(); /* the command asks for an argument that is not in its own row */
}

static bool
is_known(const struct command *m, const char *name)
{
	const struct flag *f;

	for (f = m->flags; f != NULL && f->name != NULL; f++) {
		if (strcmp(f->name, name) == 0) {
			return true;
		}
	}
	for (size_t i = 0; (f = common_flag(m->traits, i)) != NULL; i++) {
		if (strcmp(f->name, name) == 0) {
			return true;
		}
	}
	return false;
}

size_t
call_all(const struct call *c, const char *name, const char **out, size_t max)
{
	size_t count = 0;

	if (!is_known(c->command, name)) {
		abort(); /* the same */
	}
	for (size_t i = 0; i < c->flag_count && count < max; i++) {
		if (strcmp(c->flags[i].flag->name, name) == 0) {
			out[count++] = c->flags[i].text;
		}
	}
	return count;
}

const char *
call_text(const struct call *c, const char *name)
{
	const char *text;

	return call_all(c, name, &text, 1) == 1 ? text : NULL;
}

bool
call_has(const struct call *c, const char *name)
{
	return call_text(c, name) != NULL;
}

int64_t
call_number(const struct call *c, const char *name, int64_t fallback)
{
	const char *text = call_text(c, name);
	int64_t number = fallback;

	if (text != NULL && duration_parse(span_text(text), &number) != OK) {
		abort(); /* the parser has judged it */
	}
	return number;
}
