#include "ground.h"

#include "support.h"

struct ground ground;

int
ground_set_up(void **state)
{
	(void)state;
	fake_server_start(&ground.server);
	return 0;
}

int
ground_tear_down(void **state)
{
	(void)state;
	fake_server_stop(&ground.server);
	return 0;
}

static int
fresh(enum fake_state state)
{
	ground.folder = temporary_folder();
	fake_device_make(&ground.server, ground.folder, state);
	return 0;
}

int
ground_awaiting(void **state)
{
	(void)state;
	return fresh(FAKE_AWAITING);
}

int
ground_held(void **state)
{
	(void)state;
	return fresh(FAKE_HELD);
}

int
ground_clear(void **state)
{
	(void)state;
	temporary_folder_remove(ground.folder);
	return 0;
}
