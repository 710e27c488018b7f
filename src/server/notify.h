#pragma once
/* Tells the service manager how we are, by its datagram socket ($NOTIFY_SOCKET); nothing happens without one. */

/* "READY=1", "STOPPING=1", "STATUS=words", several by newline. Any thread. */
void notify(const char *state);
/* SIGHUP: before and, with notify("READY=1"), after a reload. */
void notify_reloading(void);
