#pragma once
/* What the tests of the agent stand on: a fake server for all of a program's tests, and a device's folder for each. */
#include "fake_server.h"

struct ground {
	struct fake_server server;
	char *folder;
};
extern struct ground ground;

/* Of the group: cmocka's. */
int ground_set_up(void **state);
int ground_tear_down(void **state);
/* Of a test: a new folder with a device, claimed (`awaiting`) or on the shelf (`held`). */
int ground_awaiting(void **state);
int ground_held(void **state);
int ground_clear(void **state);
