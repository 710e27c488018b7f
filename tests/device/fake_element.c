#include "fake_element.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "device/element/element.h"
#include "fake_server.h"

#define LIMIT_MS 10000
#define STEP_MS 5

/* It says nothing on standard output when it is ready: asked until it answers. */
static void
wait_for(const struct fake_element *e)
{
	const struct timespec step = { .tv_nsec = STEP_MS * 1000000L };
	struct element *open = NULL;

	for (int ms = 0; ms < LIMIT_MS; ms += STEP_MS) {
		if (element_open(e->address, e->folder, &open, NULL) == OK) {
			element_close(open);
			return;
		}
		nanosleep(&step, NULL);
	}
	fail_msg("%s does not answer", e->address);
}

void
fake_element_start(struct fake_element *e, const char *profile)
{
	char path[256];
	const char *argv[] = { getenv("TENURE_ELEMENT"), "--socket", path, "--volatile",
		"--profile", profile, "--serial", FAKE_SERIAL, NULL };

	assert_non_null(argv[0]);
	e->folder = temporary_folder();
	snprintf(path, sizeof(path), "%s/bus", e->folder);
	snprintf(e->address, sizeof(e->address), "atecc608:unix:%s", path);
	spawn_program(&e->program, argv);
	wait_for(e);
}

void
fake_element_stop(struct fake_element *e)
{
	if (e->program.pid <= 0) {
		return; /* it was never started */
	}
	assert_int_equal(spawned_end(&e->program, SIGTERM, LIMIT_MS), 0);
	e->program.pid = 0;
	temporary_folder_remove(e->folder);
}
