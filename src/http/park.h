#pragma once
/*
 * Who waits for what. Requests park on a topic; whoever changes what they wait for wakes the topic, after the
 * change can be seen.
 */
#include "http/work.h"

struct parks;

MUST_USE status parks_new(struct parks **out);
void parks_free(struct parks *p);

/* How many wakes there have been. Taken before a handler reads what it may then park for. */
uint64_t parks_seen(const struct parks *p);
/* Lists the work under its topic. False: the topic was woken after w->seen was taken, run it again. */
bool park_enter(struct parks *p, struct work *w);
/* Off the list. False: it has been woken and is in its loop's mail. */
bool park_leave(struct parks *p, struct work *w);
/* Every work on the topic goes to the mail of its loop. Any thread. */
void parks_wake(struct parks *p, uint64_t topic);
