#include "softhsm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

bool
softhsm_is_there(void)
{
	return access("/usr/bin/softhsm2-util", X_OK) == 0;
}

static void
write_file(const char *path, const char *text)
{
	struct diag d = { 0 };

	assert_ok(file_replace(path, span_text(text), 0600, &d), d);
}

void
softhsm_start(struct softhsm *h)
{
	const char *const arguments[] = { "/usr/bin/softhsm2-util", "--init-token", "--free",
		"--label", "tenure", "--pin", SOFTHSM_PIN, "--so-pin", "0123456789", NULL };
	const char *module = getenv("TENURE_TEST_MODULE");
	char path[200], text[400];
	struct spawned p;

	assert_non_null(module);
	*h = (struct softhsm){ .folder = temporary_folder() };
	snprintf(path, sizeof(path), "%s/tokens", h->folder);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(text, sizeof(text), "directories.tokendir = %s\nlog.level = ERROR\n", path);
	snprintf(path, sizeof(path), "%s/softhsm2.conf", h->folder);
	write_file(path, text);
	assert_int_equal(setenv("SOFTHSM2_CONF", path, 1), 0);
	spawn_program(&p, arguments);
	assert_int_equal(spawned_end(&p, 0, 20000), 0);
	snprintf(h->pin_file, sizeof(h->pin_file), "%s/pin", h->folder);
	write_file(h->pin_file, SOFTHSM_PIN "\n");
	snprintf(h->address, sizeof(h->address), "%.300s?token=tenure&pin-file=%s", module,
		h->pin_file);
}

void
softhsm_end(struct softhsm *h)
{
	if (h->folder != NULL) {
		temporary_folder_remove(h->folder);
	}
}
