/* version, help, completion: what needs neither home nor server. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/completion.h"
#include "cli/help.h"
#include "cli/nouns.h"

static status
print_version(struct call *c, struct diag *d)
{
	if (call_has(c, "json")) {
		printf("{\"version\":\"%s\"}\n", TENURE_VERSION);
	} else {
		printf("tenure %s\n", TENURE_VERSION);
	}
	(void)d;
	return OK;
}

static const struct command version_commands[] = {
	{ "", "the version of this program", NULL, NULL, NULL, COMMAND_JSON, print_version, { 0 } },
	{ 0 },
};
const struct noun noun_version = { "version", "the version of this program", version_commands };

/* Only reached without words behind it: the parser takes those. */
static status
print_help(struct call *c, struct diag *d)
{
	(void)c;
	(void)d;
	help_all(stdout);
	return OK;
}

static const struct flag help_arguments[] = {
	{ "NOUN", VALUE_TEXT, NULL, "of this noun's commands", NULL, FLAG_OPTIONAL },
	{ "VERB", VALUE_TEXT, NULL, "and of this one alone", NULL, FLAG_OPTIONAL },
	{ 0 },
};
static const struct command help_commands[] = {
	{ "", "what there is, and what one of it takes", NULL, help_arguments, NULL, 0, print_help,
		{ 0 } },
	{ 0 },
};
const struct noun noun_help = { "help", "what there is", help_commands };

static status
print_bash(struct call *c, struct diag *d)
{
	(void)c;
	(void)d;
	completion_bash(stdout);
	return OK;
}

static const struct command completion_commands[] = {
	{ "bash", "a completion script for bash",
		"In a shell: . <(tenure completion bash). Installed with the program, it is there "
		"by itself.",
		NULL, NULL, 0, print_bash, { 0 } },
	{ 0 },
};
const struct noun noun_completion = { "completion", "for shells", completion_commands };
