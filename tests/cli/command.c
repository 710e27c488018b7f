#include "command.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "support.h"

#include "cli/command.h"

#define WORDS_MAX 64

static int
split(char *line, char **words)
{
	int count = 0;
	char *to;

	while (*(line += strspn(line, " ")) != '\0' && count < WORDS_MAX - 1) {
		words[count++] = to = line;
		for (bool quoted = false; *line != '\0' && (quoted || *line != ' '); line++) {
			if (*line == '"') {
				quoted = !quoted;
			} else {
				*to++ = *line;
			}
		}
		if (*line != '\0') {
			line++;
		}
		*to = '\0';
	}
	words[count] = NULL;
	return count;
}

/* The stream goes into a file from now on; gives what it was. */
static int
divert(FILE *stream, int to)
{
	int kept;

	fflush(stream);
	kept = dup(fileno(stream));
	dup2(to, fileno(stream));
	return kept;
}

static char *
restore(FILE *stream, int kept, int file)
{
	off_t len;
	char *text;

	fflush(stream);
	dup2(kept, fileno(stream));
	close(kept);
	len = lseek(file, 0, SEEK_END);
	text = calloc(1, (size_t)len + 1);
	if (pread(file, text, (size_t)len, 0) != len) {
		fail_msg("cannot read the output");
	}
	close(file);
	return text;
}

const char *command_home, *command_tenure_home;

static struct ran __attribute__((format(printf, 1, 0))) run_list(const char *format, va_list list)
{
	char line[8192] = "tenure ", *words[WORDS_MAX];
	int out = memfd_create("out", MFD_CLOEXEC), err = memfd_create("err", MFD_CLOEXEC);
	int kept_out, kept_err, count;
	struct ran r;

	vsnprintf(line + 7, sizeof(line) - 7, format, list);
	unsetenv("TENURE_SERVER");
	unsetenv("TENURE_CA");
	unsetenv("TENURE_TOKEN_FILE");
	unsetenv("TENURE_CLIENT");
	if (command_tenure_home == NULL || setenv("TENURE_HOME", command_tenure_home, 1) != 0) {
		unsetenv("TENURE_HOME");
	}
	setenv("HOME", command_home != NULL ? command_home : "/nonexistent", 1);
	unsetenv("XDG_CONFIG_HOME");
	count = split(line, words);
	kept_out = divert(stdout, out);
	kept_err = divert(stderr, err);
	r.exit = cli_main(count, words);
	r.out = restore(stdout, kept_out, out);
	r.err = restore(stderr, kept_err, err);
	return r;
}

struct ran
run_command(const char *format, ...)
{
	va_list list;
	struct ran r;

	va_start(list, format);
	r = run_list(format, list);
	va_end(list);
	return r;
}

void
ran_free(struct ran *r)
{
	free(r->out);
	free(r->err);
	*r = (struct ran){ 0 };
}

void
expect(int exit, const char *out, const char *err, const char *format, ...)
{
	va_list list;
	struct ran r;

	va_start(list, format);
	r = run_list(format, list);
	va_end(list);
	if (r.exit != exit || strstr(r.out, out) == NULL || strstr(r.err, err) == NULL) {
		fail_msg("tenure %s\nexit %d, wanted %d\nout: %s\nwanted: %s\nerr: %s\nwanted: %s",
			format, r.exit, exit, r.out, out, r.err, err);
	}
	ran_free(&r);
}
