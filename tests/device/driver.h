#pragma once
/* An agent in this process, driven step by step; and one in a child that is killed at its Nth durable or visible act. */
#include "device/posix/agent.h"
#include "fake_server.h"

/* Steps until the operational identity has full access, or the status of the `patience`th failure in a row. */
status drive_until_active(struct fake_server *s, const char *folder, int patience, struct diag *d);
/* One pass: until only waiting is left. */
status drive_once(struct fake_server *s, const char *folder, struct diag *d);
void driver_open(struct fake_server *s, const char *folder, struct agent *a);

/*
 * The same as drive_until_active in a child, which kills itself with SIGKILL before (odd) or behind (even) the
 * ((kill_at + 1) / 2)th of its calls of fsync, rename, unlink, mkostemp, connect, SSL_write and SSL_read. 0: never.
 * True when it was killed; ends the test when it failed otherwise.
 */
bool drive_killed(struct fake_server *s, const char *folder, int kill_at);
