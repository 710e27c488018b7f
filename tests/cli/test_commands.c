/* The table of commands holds together, and what is made of it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

#include "cli/command.h"
#include "cli/completion.h"
#include "cli/help.h"
#include "cli/manual.h"
#include "command.h"

static void
for_each(void (*see)(const struct noun *n, const struct command *m))
{
	for (size_t i = 0; nouns[i] != NULL; i++) {
		for (const struct command *m = nouns[i]->commands; m->run != NULL; m++) {
			see(nouns[i], m);
		}
	}
}

static bool
is_word(const char *text, bool upper)
{
	for (const char *c = text; *c != '\0'; c++) {
		bool letter = upper ? *c >= 'A' && *c <= 'Z' : *c >= 'a' && *c <= 'z';

		if (!letter && *c != '-' && !(*c >= '0' && *c <= '9')) {
			return false;
		}
	}
	return text[0] != '\0';
}

static void
check_flag(const struct command *m, const struct flag *f, bool is_argument)
{
	size_t same = 0;
	const struct flag *other;

	assert_true(is_word(f->name, is_argument));
	assert_non_null(f->help);
	assert_true(strlen(f->help) > 3);
	if (f->type != VALUE_NONE && !is_argument) {
		assert_non_null(f->value);
	}
	for (other = m->flags; !is_argument && other != NULL && other->name != NULL; other++) {
		same += strcmp(other->name, f->name) == 0;
	}
	for (size_t i = 0; !is_argument && (other = common_flag(m->traits, i)) != NULL; i++) {
		same += strcmp(other->name, f->name) == 0;
	}
	assert_true(is_argument || same == 1);
}

/* {ARGUMENTS} of the path are the row's own, and each goes somewhere. */
static void
check_remote(const struct command *m)
{
	for (const char *at = strchr(m->remote.path, '{'); at != NULL; at = strchr(at + 1, '{')) {
		bool found = false;

		for (const struct flag *a = m->arguments; a != NULL && a->name != NULL; a++) {
			found = found || strncmp(a->name, at + 1, strcspn(at + 1, "}")) == 0;
		}
		assert_true(found);
	}
	for (const struct flag *a = m->arguments; a != NULL && a->name != NULL; a++) {
		assert_true(a->member != NULL || strstr(m->remote.path, a->name) != NULL);
	}
	for (const struct flag *f = m->flags; f != NULL && f->name != NULL; f++) {
		assert_non_null(f->member);
	}
	assert_non_null(m->remote.view);
	assert_true((m->traits & COMMAND_SERVER) != 0);
	assert_true((m->traits & COMMAND_JSON) != 0);
}

static void
check_command(const struct noun *n, const struct command *m)
{
	size_t same = 0;

	for (const struct command *o = n->commands; o->run != NULL; o++) {
		same += strcmp(o->verb, m->verb) == 0;
	}
	assert_int_equal(same, 1);
	assert_true(m->verb[0] == '\0' || is_word(m->verb, false));
	assert_true(m->verb[0] != '\0' || n->commands[1].run == NULL);
	assert_non_null(m->summary);
	assert_true(m->summary[strlen(m->summary) - 1] != '.');
	for (const struct flag *a = m->arguments; a != NULL && a->name != NULL; a++) {
		check_flag(m, a, true);
	}
	for (const struct flag *f = m->flags; f != NULL && f->name != NULL; f++) {
		check_flag(m, f, false);
	}
	if (m->remote.path != NULL) {
		check_remote(m);
	}
	/* Whatever lists or shows something of the server's can give it as JSON. */
	assert_true((m->traits & COMMAND_PAGES) == 0 || (m->traits & COMMAND_JSON) != 0);
}

static void
the_table_holds_together(void **state)
{
	(void)state;
	for (size_t i = 0; nouns[i] != NULL; i++) {
		assert_true(is_word(nouns[i]->name, false));
		assert_ptr_equal(noun_find(nouns[i]->name), nouns[i]);
		assert_non_null(nouns[i]->commands[0].run);
	}
	for_each(check_command);
}

static void
check_help(const struct noun *n, const struct command *m)
{
	char name[64];

	snprintf(name, sizeof(name), "%s%s%s", n->name, m->verb[0] != '\0' ? " " : "", m->verb);
	expect(0, name, "", "help");
	expect(0, m->summary, "", "%s --help", name);
	expect(0, m->summary, "", "help %s", name);
	expect(0, m->summary, "", "%s help", n->name);
	for (const struct flag *f = m->flags; f != NULL && f->name != NULL; f++) {
		expect(0, f->help[0] != '\0' ? f->name : "", "", "%s --help", name);
	}
}

static void
help_knows_every_command(void **state)
{
	(void)state;
	for_each(check_help);
	expect(0, "tenure NOUN VERB", "", "--help");
	expect(0, "  device list           the devices\n", "", "help");
	expect(0, "tenure device mark DEVICE MARK\n", "", "device mark --help");
	expect(0, "tenure device list [--fleet NAME] [--owner NAME] [--state MANUFACTURED|HELD|",
		"", "help device list");
	expect(0, "tenure 0.", "", "version");
	expect(0, "tenure 0.", "", "--version");
	expect(0, "{\"version\":\"0.", "", "version --json");
}

static void
wrong_usage_is_told(void **state)
{
	static const struct {
		const char *line, *err;
	} table[] = {
		{ "", "tenure help lists" },
		{ "devices", "did you mean \"device\"?" },
		{ "xyzzyplugh", "tenure help lists them" },
		{ "device", "tenure device help" },
		{ "device lst", "did you mean \"device list\"?" },
		{ "device frobnicate", "tenure device help lists" },
		{ "device list --flet a", "did you mean --fleet?" },
		{ "device list --zzzzzzzzzz", "device list --help" },
		{ "device list --state ACTIV", "did you mean ACTIVE?" },
		{ "device list --state", "needs a value" },
		{ "device list --limit ten", "is no number" },
		{ "device list --limit -1", "is no number" },
		{ "device list --limit 1 --limit 2", "given twice" },
		{ "device list -f a", "flags are written out" },
		{ "device list --json=yes", "takes no value" },
		{ "device list more", "one word too many" },
		{ "device list --fleet \"\"", "empty" },
		{ "device show", "needs DEVICE" },
		{ "device show a b", "one word too many" },
		{ "device show \"\"", "empty" },
		{ "device mark d stole", "did you mean stolen?" },
		{ "device revoke d --key birth", "needs --reason" },
		{ "device revoke d --key birth --reason certificateHold", "none of" },
		{ "fleet set f --lifetime soon", "no length of time" },
		{ "fleet set f --crl-lists-superseded maybe", "neither yes nor no" },
		{ "fleet set f", "needs something to set" },
		{ "help device list more", "one word too many" },
		{ "help devic", "did you mean \"device\"?" },
		{ "device list", "which server?" },
		{ "device list --server https://127.0.0.1:1", "whom to trust?" },
		{ "device list --server https://127.0.0.1:1 --ca x --client-certificate y",
			"come together" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		expect(2, "", table[i].err, "%s", table[i].line);
	}
}

static void
check_completion(const struct noun *n, const struct command *m)
{
	char command[4096], *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	completion_bash(out);
	fclose(out);
	snprintf(command, sizeof(command), "\t\"%s %s\") words=\"", n->name, m->verb);
	assert_non_null(strstr(text, command));
	for (const struct flag *f = m->flags; f != NULL && f->name != NULL; f++) {
		snprintf(command, sizeof(command), " --%s", f->name);
		assert_non_null(strstr(text, command));
	}
	free(text);
}

static void
completion_knows_every_command(void **state)
{
	(void)state;
	for_each(check_completion);
	expect(0, "complete -o filenames -F _tenure tenure", "", "completion bash");
}

/* The committed pages are what the tables give: ninja -C build manual makes them so. */
static void
pages_are_up_to_date(void **state)
{
	static const char *const names[] = { "tenure.1", "tenure.conf.5", "tenured.8",
		"tenure-signer.8" };
	struct arena *a = arena_new(8 << 20);

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char path[600];
		char *page, *made;

		snprintf(path, sizeof(path), "%s/docs/man/%s", getenv("TENURE_SOURCE"), names[i]);
		page = arena_string(a, bytes_of_file(a, path));
		made = manual_page(page);
		if (strcmp(page, made) != 0) {
			fail_msg("%s is out of date: ninja -C build manual", path);
		}
		free(made);
	}
	arena_free(a);
}

static void
the_manual_knows_every_command(void **state)
{
	char *made = manual_page(".\\\" BEGIN commands\nstale words\n.\\\" END commands\nrest\n");

	(void)state;
	assert_non_null(strstr(made, "\\fBtenure device mark\\fR \\fIDEVICE\\fR \\fIMARK\\fR\n"));
	assert_non_null(strstr(made, "\\fB\\-\\-dry\\-run\\fR\n"));
	assert_non_null(strstr(made, ".\\\" END commands\nrest\n"));
	assert_null(strstr(made, "stale words"));
	free(made);
	made = manual_page(".\\\" BEGIN configuration\n.\\\" END configuration\n");
	assert_non_null(strstr(made, ".SS [server]\n"));
	assert_non_null(strstr(made, "Must be given."));
	free(made);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table_holds_together),
		cmocka_unit_test(help_knows_every_command),
		cmocka_unit_test(wrong_usage_is_told),
		cmocka_unit_test(completion_knows_every_command),
		cmocka_unit_test(pages_are_up_to_date),
		cmocka_unit_test(the_manual_knows_every_command),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
