#include "cli/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define WORD_FAR 4 /* more letters apart than this: no likeness worth a word */

static const struct flag every[] = {
	{ "help", VALUE_NONE, NULL, "what this command does and takes", NULL, 0 },
	{ 0 },
};
static const struct flag of_json[] = {
	{ "json", VALUE_NONE, NULL, "print JSON with stable members", NULL, 0 },
	{ 0 },
};
static const struct flag of_pages[] = {
	{ "limit", VALUE_NUMBER, "N", "at most so many; without it all", NULL, 0 },
	{ "after", VALUE_TEXT, "MARK", "go on behind the mark that a listing with --limit ended at",
		NULL, 0 },
	{ 0 },
};
static const struct flag of_server[] = {
	{ "server", VALUE_TEXT, "URL",
		"the server, https://...; else TENURE_SERVER or the client file", NULL, 0 },
	{ "ca", VALUE_FILE, "FILE", "PEM of the root that the server's certificate must lead to",
		NULL, 0 },
	{ "token-file", VALUE_FILE, "FILE", "operator's token, in a file that only you can read",
		NULL, 0 },
	{ "client-certificate", VALUE_FILE, "FILE",
		"operator's client certificate, PEM, instead of a token", NULL, 0 },
	{ "client-key", VALUE_FILE, "FILE", "its private key, PEM", NULL, 0 },
	{ "client", VALUE_FILE, "FILE", "client file to take what is not given from", NULL, 0 },
	{ "timeout", VALUE_DURATION, "TIME", "how long one request may take (default 60s)", NULL,
		0 },
	{ 0 },
};

const struct flag *
common_flag(unsigned traits, size_t at)
{
	static const struct {
		unsigned traits;
		const struct flag *flags;
	} groups[] = { { COMMAND_PAGES, of_pages }, { COMMAND_JSON, of_json },
		{ COMMAND_SERVER, of_server }, { COMMAND_RECORDS, of_server }, { 0, every } };

	for (size_t g = 0; g < sizeof(groups) / sizeof(groups[0]); g++) {
		if ((traits & groups[g].traits) != groups[g].traits) {
			continue;
		}
		for (const struct flag *f = groups[g].flags; f->name != NULL; f++) {
			if (at-- == 0) {
				return f;
			}
		}
	}
	return NULL;
}

const struct noun *
noun_find(const char *name)
{
	for (size_t i = 0; nouns[i] != NULL; i++) {
		if (strcmp(nouns[i]->name, name) == 0) {
			return nouns[i];
		}
	}
	return NULL;
}

const struct command *
command_find(const struct noun *n, const char *verb)
{
	for (const struct command *m = n->commands; m->run != NULL; m++) {
		if (strcmp(m->verb, verb) == 0) {
			return m;
		}
	}
	return NULL;
}

/* The flag of this name among the command's own and the common ones. */
static const struct flag *
flag_find(const struct command *m, const char *name, size_t len)
{
	const struct flag *f;

	for (f = m->flags; f != NULL && f->name != NULL; f++) {
		if (strlen(f->name) == len && strncmp(f->name, name, len) == 0) {
			return f;
		}
	}
	for (size_t i = 0; (f = common_flag(m->traits, i)) != NULL; i++) {
		if (strlen(f->name) == len && strncmp(f->name, name, len) == 0) {
			return f;
		}
	}
	return NULL;
}

/* --- likeness: the nearest known word --- */

struct nearest {
	const char *asked, *word;
	size_t distance;
};

static void
consider(struct nearest *n, const char *word)
{
	size_t distance = text_distance(n->asked, word);

	if (word[0] != '\0' && distance < n->distance) {
		n->distance = distance;
		n->word = word;
	}
}

static struct nearest
nearest_of(const char *asked)
{
	return (struct nearest){ asked, NULL, WORD_FAR };
}

status
call_usage(struct call *c, struct diag *d, const char *format, ...)
{
	char text[sizeof(d->text)];
	va_list list;

	va_start(list, format);
	vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	c->is_usage = true;
	return diag_set(d, BAD_INPUT, NULL, "%s", text);
}

static status
unknown_noun(struct call *c, const char *word, struct diag *d)
{
	struct nearest n = nearest_of(word);

	for (size_t i = 0; nouns[i] != NULL; i++) {
		consider(&n, nouns[i]->name);
	}
	return n.word != NULL
		       ? call_usage(c, d, "there is no command \"%.60s\"; did you mean \"%s\"?",
				 word, n.word)
		       : call_usage(c, d, "there is no command \"%.60s\"; tenure help lists them",
				 word);
}

static status
unknown_verb(struct call *c, const struct noun *noun, const char *word, struct diag *d)
{
	struct nearest n = nearest_of(word);

	for (const struct command *m = noun->commands; m->run != NULL; m++) {
		consider(&n, m->verb);
	}
	return n.word != NULL
		       ? call_usage(c, d, "%s has no \"%.60s\"; did you mean \"%s %s\"?",
				 noun->name, word, noun->name, n.word)
		       : call_usage(c, d, "%s has no \"%.60s\"; tenure %s help lists what it has",
				 noun->name, word, noun->name);
}

static const char *
call_name(const struct call *c)
{
	const char *verb = c->command->verb;
	char *text =
		arena_printf(c->arena, "%s%s%s", c->noun->name, verb[0] != '\0' ? " " : "", verb);

	return text != NULL ? text : c->noun->name;
}

static status
unknown_flag(struct call *c, const char *word, struct diag *d)
{
	struct nearest n = nearest_of(word);
	const struct flag *f;

	for (f = c->command->flags; f != NULL && f->name != NULL; f++) {
		consider(&n, f->name);
	}
	for (size_t i = 0; (f = common_flag(c->command->traits, i)) != NULL; i++) {
		consider(&n, f->name);
	}
	return n.word != NULL
		       ? call_usage(c, d, "%s has no flag --%.60s; did you mean --%s?",
				 call_name(c), word, n.word)
		       : call_usage(c, d, "%s has no flag --%.60s; tenure %s --help lists them",
				 call_name(c), word, call_name(c));
}

/* --- values --- */

static status
check_choice(struct call *c, const struct flag *f, const char *text, struct diag *d)
{
	const char *dashes = f->name[0] >= 'a' ? "--" : "";
	char words[256];
	char *save = NULL;
	struct nearest n = nearest_of(text);

	snprintf(words, sizeof(words), "%s", f->value);
	for (char *w = strtok_r(words, "|", &save); w != NULL; w = strtok_r(NULL, "|", &save)) {
		if (strcmp(w, text) == 0) {
			return OK;
		}
		consider(&n, w);
	}
	return n.word != NULL ? call_usage(c, d, "%s%s: \"%.60s\" is none of %s; did you mean %s?",
					dashes, f->name, text, f->value, n.word)
			      : call_usage(c, d, "%s%s: \"%.60s\" is none of %s", dashes, f->name,
					text, f->value);
}

static status
check_value(struct call *c, const struct flag *f, const char *text, struct diag *d)
{
	const char *dashes = f->name[0] >= 'a' ? "--" : "", *wants = NULL;
	int64_t number;

	switch (f->type) {
	case VALUE_CHOICE:
		return check_choice(c, f, text, d);
	case VALUE_NUMBER:
		wants = number_parse(span_text(text), &number) == OK ? NULL : "no number";
		break;
	case VALUE_DURATION:
		wants = duration_parse(span_text(text), &number) == OK
				? NULL
				: "no length of time (90d, 12h, 30m, 45s)";
		break;
	case VALUE_YES_NO:
		wants = strcmp(text, "yes") == 0 || strcmp(text, "no") == 0 ? NULL
									    : "neither yes nor no";
		break;
	default:
		wants = utf8_is_valid(span_text(text)) && text[0] != '\0' ? NULL
									  : "empty or no UTF-8";
		break;
	}
	return wants == NULL
		       ? OK
		       : call_usage(c, d, "%s%s: \"%.60s\" is %s", dashes, f->name, text, wants);
}

static status
take_flag(struct call *c, const char *word, const char *next, int *used, struct diag *d)
{
	const char *equals = strchr(word, '=');
	size_t len = equals != NULL ? (size_t)(equals - word) : strlen(word);
	const struct flag *f = flag_find(c->command, word, len);
	const char *text = "";
	status s;

	if (f == NULL) {
		return unknown_flag(c, word, d);
	}
	if (f->type == VALUE_NONE && equals != NULL) {
		return call_usage(c, d, "--%s takes no value", f->name);
	}
	if (f->type != VALUE_NONE) {
		text = equals != NULL ? equals + 1 : next;
		*used = equals == NULL;
		if (text == NULL) {
			return call_usage(
				c, d, "--%s needs a value: --%s %s", f->name, f->name, f->value);
		}
		s = check_value(c, f, text, d);
		if (s != OK) {
			return s;
		}
	}
	if ((f->traits & FLAG_MANY) == 0 && call_has(c, f->name)) {
		return call_usage(c, d, "--%s is given twice", f->name);
	}
	if (c->flag_count == CALL_FLAGS_MAX) {
		return call_usage(c, d, "more than %d flags", CALL_FLAGS_MAX);
	}
	c->flags[c->flag_count].flag = f;
	c->flags[c->flag_count++].text = text;
	c->wants_help = c->wants_help || strcmp(f->name, "help") == 0;
	return OK;
}

static status
take_argument(struct call *c, const char *word, size_t *count, struct diag *d)
{
	const struct flag *a = c->command->arguments;
	size_t known = 0;
	status s;

	while (a != NULL && a[known].name != NULL) {
		known++;
	}
	if (*count == known) {
		return call_usage(
			c, d, "\"%.60s\" is one word too many for %s", word, call_name(c));
	}
	s = check_value(c, &a[*count], word, d);
	c->arguments[(*count)++] = word;
	return s;
}

static status
check_complete(struct call *c, size_t arguments, struct diag *d)
{
	const struct flag *a = c->command->arguments;

	for (size_t i = arguments; a != NULL && a[i].name != NULL; i++) {
		if ((a[i].traits & FLAG_OPTIONAL) == 0) {
			return call_usage(
				c, d, "%s needs %s: %s", call_name(c), a[i].name, a[i].help);
		}
	}
	for (const struct flag *f = c->command->flags; f != NULL && f->name != NULL; f++) {
		if ((f->traits & FLAG_NEEDED) != 0 && !call_has(c, f->name)) {
			return call_usage(c, d, "%s needs --%s %s: %s", call_name(c), f->name,
				f->value, f->help);
		}
	}
	return OK;
}

static status
parse_rest(struct call *c, int argc, char *const *argv, struct diag *d)
{
	size_t arguments = 0;
	bool flags_ended = false;
	status s = OK;

	for (int i = 0; s == OK && i < argc; i++) {
		const char *word = argv[i];
		int used = 0;

		if (flags_ended || word[0] != '-' || word[1] == '\0') {
			s = take_argument(c, word, &arguments, d);
		} else if (strcmp(word, "--") == 0) {
			flags_ended = true;
		} else if (strcmp(word, "-h") == 0) {
			c->wants_help = true;
		} else if (word[1] != '-') {
			s = call_usage(c, d, "flags are written out: --name, not %.60s", word);
		} else {
			s = take_flag(c, word + 2, i + 1 < argc ? argv[i + 1] : NULL, &used, d);
			i += used;
		}
	}
	return s == OK && !c->wants_help ? check_complete(c, arguments, d) : s;
}

static bool
is_help(const char *word)
{
	return strcmp(word, "help") == 0 || strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

/* "help NOUN VERB", "NOUN help VERB": what is left behind "help". */
static status
parse_help(struct call *c, int argc, char *const *argv, struct diag *d)
{
	c->wants_help = true;
	for (int i = 0; i < argc; i++) {
		if (is_help(argv[i]) && argv[i][0] == '-') {
			continue;
		}
		if (c->noun == NULL) {
			c->noun = noun_find(argv[i]);
			if (c->noun == NULL) {
				return unknown_noun(c, argv[i], d);
			}
		} else if (c->command == NULL) {
			c->command = command_find(c->noun, argv[i]);
			if (c->command == NULL) {
				return unknown_verb(c, c->noun, argv[i], d);
			}
		} else {
			return call_usage(c, d, "\"%.60s\" is one word too many", argv[i]);
		}
	}
	return OK;
}

/* Flags that any command may have, before the noun: `tenure --client FILE device list`. */
static int
count_leading(int argc, char *const *argv)
{
	const unsigned all = COMMAND_SERVER | COMMAND_JSON | COMMAND_PAGES;
	int at = 1;

	while (at < argc && strncmp(argv[at], "--", 2) == 0) {
		const char *name = argv[at] + 2;
		size_t len = strcspn(name, "=");
		const struct flag *f = NULL;
		bool found = false;

		for (size_t i = 0; !found && (f = common_flag(all, i)) != NULL; i++) {
			found = strlen(f->name) == len && strncmp(f->name, name, len) == 0;
		}
		if (!found || strcmp(f->name, "help") == 0) {
			break;
		}
		at += f->type != VALUE_NONE && name[len] != '=' ? 2 : 1;
	}
	return at - 1;
}

/* Those of them that the command has; the others say nothing to it. */
static status
take_leading(struct call *c, int count, char *const *argv, struct diag *d)
{
	status s = OK;

	for (int i = 0; s == OK && i < count; i++) {
		const char *name = argv[i] + 2;
		int used = 0;

		if (flag_find(c->command, name, strcspn(name, "=")) != NULL) {
			s = take_flag(c, name, i + 1 < count ? argv[i + 1] : NULL, &used, d);
			i += used;
		} else if (strchr(name, '=') == NULL && strcmp(name, "json") != 0) {
			i++;
		}
	}
	return s;
}

static status
parse_command(struct call *c, int argc, char *const *argv, struct diag *d)
{
	c->noun = noun_find(strcmp(argv[0], "--version") == 0 ? "version" : argv[0]);
	if (c->noun == NULL) {
		return unknown_noun(c, argv[0], d);
	}
	c->command = command_find(c->noun, "");
	if (argc > 1 && is_help(argv[1])) {
		return parse_help(c, argc - 2, argv + 2, d);
	}
	if (c->command != NULL) {
		return OK;
	}
	if (argc < 2) {
		return call_usage(c, d, "say what to do with %s; tenure %s help lists it",
			c->noun->name, c->noun->name);
	}
	c->command = command_find(c->noun, argv[1]);
	return c->command != NULL ? OK : unknown_verb(c, c->noun, argv[1], d);
}

status
call_parse(struct call *c, int argc, char *const *argv, struct diag *d)
{
	int leading = count_leading(argc, argv), at = 1 + leading, words;
	status s;

	if (at >= argc) {
		return call_usage(c, d, "say what to do; tenure help lists the commands");
	}
	if (is_help(argv[at])) {
		return parse_help(c, argc - at - 1, argv + at + 1, d);
	}
	s = parse_command(c, argc - at, argv + at, d);
	if (s != OK || c->wants_help) {
		return s;
	}
	words = c->command->verb[0] != '\0' ? 2 : 1;
	s = take_leading(c, leading, argv + 1, d);
	return s == OK ? parse_rest(c, argc - at - words, argv + at + words, d) : s;
}
