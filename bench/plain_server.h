#pragma once
/*
 * The listener alone, in a process of its own: the same event loops as tenured's, with one route that answers a POST with the
 * same bytes at once. What it costs is what nothing that is served can be cheaper than.
 */
#include "base/span.h"
#include "helper.h"

struct plain_server {
	struct helper process;
	unsigned port;
};

/* Answers POST /same with these bytes. */
void plain_server_open(struct plain_server *p, span body);
void plain_server_close(struct plain_server *p);
