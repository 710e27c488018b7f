#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "support.h"

#include "base/check.h"
#include "base/log.h"

/* What the call wrote to standard error, as text. */
static char written[4096];
static int kept_stderr, ends[2];

static void
capture(void)
{
	assert_int_equal(0, pipe(ends));
	kept_stderr = dup(STDERR_FILENO);
	dup2(ends[1], STDERR_FILENO);
	close(ends[1]);
}

static void
captured(void)
{
	ssize_t n;

	dup2(kept_stderr, STDERR_FILENO);
	close(kept_stderr);
	n = read(ends[0], written, sizeof(written) - 1);
	close(ends[0]);
	written[n > 0 ? n : 0] = '\0';
}

/* Behind the time. */
static const char *
words(void)
{
	const char *blank = strchr(written, ' ');
	return blank != NULL ? blank + 1 : "";
}

static void
quoted(void **state)
{
	static const struct {
		const char *text, *expected;
	} rows[] = { { "", "\"\"" }, { "a b", "\"a b\"" }, { "the \"x\"", "\"the \\\"x\\\"\"" },
		{ "a\\", "\"a\\\\\"" } };
	char out[LOG_QUOTED_MAX], all[2 * LOG_QUOTED_MAX];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		assert_string_equal(rows[i].expected, log_quote(out, rows[i].text));
	}
	memset(all, '"', sizeof(all) - 1);
	all[sizeof(all) - 1] = '\0';
	assert_true(strlen(log_quote(out, all)) < LOG_QUOTED_MAX);
	assert_int_equal('"', out[strlen(out) - 1]);
	assert_int_equal(1, strlen(out) % 2 == 0); /* no escape was cut in two */
}

static void
one_event_is_one_line(void **state)
{
	struct diag d = { 0 };

	(void)state;
	capture();
	log_event(LOG_INFO, "said", "who=%s", "a\nb\x7f");
	captured();
	assert_string_equal("tenure info said who=a?b?\n", words());
	(void)!diag_set(&d, NOT_FOUND, NULL, "there is no owner \"%s\"", "x\n");
	capture();
	log_diag(LOG_WARNING, "refused", &d);
	captured();
	assert_string_equal("tenure warning refused status=\"not found\" what=\"there is no owner "
			    "\\\"x?\\\"\"\n",
		words());
	capture();
	log_event(LOG_DEBUG, "unsaid", "x=%d", 1);
	captured();
	assert_string_equal("", written);
}

/* More lines than fit into one write; one that fills nearly all of it among them. */
static void
a_batch_loses_nothing(void **state)
{
	static char all[16384];
	char long_value[1900];
	struct log_batch b;
	size_t len = 0, lines = 0;
	uint64_t lost = log_lost();

	(void)state;
	memset(long_value, 'x', sizeof(long_value) - 1);
	long_value[sizeof(long_value) - 1] = '\0';
	capture();
	log_batch_begin(&b);
	for (int i = 0; i < 40; i++) {
		log_event(LOG_INFO, "decided", "number=%d%s", i, i % 10 == 9 ? long_value : "");
		assert_true(b.len <= LOG_BATCH_ROOM);
	}
	log_batch_end(&b);
	log_event(LOG_INFO, "alone", "number=%d", 40);
	dup2(kept_stderr, STDERR_FILENO);
	close(kept_stderr);
	for (ssize_t n; (n = read(ends[0], all + len, sizeof(all) - 1 - len)) > 0;) {
		len += (size_t)n;
	}
	close(ends[0]);
	for (char *at = strtok(all, "\n"); at != NULL; at = strtok(NULL, "\n"), lines++) {
		char expected[32];

		snprintf(expected, sizeof(expected), "%s number=%zu",
			lines < 40 ? "decided" : "alone", lines);
		assert_non_null(strstr(at, expected));
		assert_int_equal(lines % 10 == 9, strlen(at) > 1900);
	}
	assert_int_equal(41, lines);
	assert_int_equal(lost, log_lost());
}

/* Nothing of an empty one is written; what cannot be written is counted by lines. */
static void
a_batch_counts_what_is_lost(void **state)
{
	struct log_batch b;
	uint64_t lost = log_lost();
	int kept = dup(STDERR_FILENO), nowhere = open("/dev/null", O_RDONLY | O_CLOEXEC);

	(void)state;
	dup2(nowhere, STDERR_FILENO);
	log_batch_begin(&b);
	log_batch_end(&b);
	assert_int_equal(lost, log_lost());
	log_batch_begin(&b);
	log_event(LOG_INFO, "one", "x=1");
	log_event(LOG_INFO, "two", "x=2");
	log_batch_end(&b);
	dup2(kept, STDERR_FILENO);
	close(kept);
	close(nowhere);
	assert_int_equal(lost + 2, log_lost());
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(quoted),
		cmocka_unit_test(one_event_is_one_line),
		cmocka_unit_test(a_batch_loses_nothing),
		cmocka_unit_test(a_batch_counts_what_is_lost),
	};

	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
