#include <stdio.h>

#include "support.h"

#include "base/check.h"
#include "base/conf.h"
#include "base/file.h"

static const struct conf_key keys[] = {
	{ "", "home", CONF_PATH, "here", 0, 0, "the home" },
	{ "", "base_url", CONF_TEXT, NULL, 0, 0, "must be given" },
	{ "http", "workers", CONF_NUMBER, "4", 1, 64, "threads" },
	{ "http", "idle_timeout", CONF_DURATION, "1m", 1, 3600, "time" },
	{ "http", "body_max", CONF_SIZE, "1M", 1, 1 << 30, "size" },
	{ "http", "is_open", CONF_BOOL, "no", 0, 0, "switch" },
};

static status
load(struct arena *a, const char *text, struct conf **c, struct diag *d)
{
	char *folder = temporary_folder(), path[512];
	status s;

	snprintf(path, sizeof(path), "%s/tenure.conf", folder);
	assert_int_equal(file_replace(path, span_text(text), 0600, d), OK);
	s = conf_load(a, path, "/base", keys, COUNT_OF(keys), c, d);
	temporary_folder_remove(folder);
	return s;
}

static void
values_and_defaults(void **state)
{
	struct arena *a = arena_new(1 << 20);
	struct diag d = { 0 };
	struct conf *c;

	(void)state;
	assert_ok(load(a,
			  "# a comment\nbase_url = http://x\n[http]\nworkers = 8\n"
			  "idle_timeout = 90s\nis_open = yes\n",
			  &c, &d),
		d);
	assert_string_equal(conf_text(c, "", "home"), "/base/here");
	assert_string_equal(conf_text(c, "", "base_url"), "http://x");
	assert_int_equal(conf_number(c, "http", "workers"), 8);
	assert_int_equal(conf_number(c, "http", "idle_timeout"), 90);
	assert_int_equal(conf_number(c, "http", "body_max"), 1 << 20);
	assert_true(conf_bool(c, "http", "is_open"));
	arena_free(a);
}

static void
faults_are_named_with_their_line(void **state)
{
	static const struct {
		const char *file, *words;
	} rows[] = {
		{ "base_url = x\n[http]\nworker = 3\n", "line 3: unknown key \"worker\"" },
		{ "base_url = x\n[http]\nworker = 3\n", "nearest known one is \"workers\"" },
		{ "base_url = x\n[nothing]\nhome = 3\n", "line 3: unknown key" },
		{ "base_url = x\nbase_url = y\n", "line 2: \"base_url\" is given twice" },
		{ "base_url = x\n[http]\nworkers = many\n", "line 3: workers: \"many\"" },
		{ "base_url = x\n[http]\nworkers = 65\n", "65 is not between 1 and 64" },
		{ "base_url = x\n[http]\nis_open = perhaps\n", "is_open" },
		{ "base_url = x\nrubbish\n", "line 2: neither" },
		{ "home = x\n", "\"base_url\" in [] must be given" },
		{ "base_url = \xff\n", "not UTF-8" },
	};
	struct arena *a = arena_new(1 << 20);

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct diag d = { 0 };
		struct conf *c;

		assert_int_equal(load(a, rows[i].file, &c, &d), BAD_INPUT);
		if (strstr(d.text, rows[i].words) == NULL) {
			fail_msg("\"%s\" does not say \"%s\"", d.text, rows[i].words);
		}
	}
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_and_defaults),
		cmocka_unit_test(faults_are_named_with_their_line),
	};

	return cmocka_run_group_tests_name("conf", tests, NULL, NULL);
}
