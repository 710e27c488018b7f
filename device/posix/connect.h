#pragma once
/* TCP to the server, with an end to every wait. */
#include "device/core/url.h"

/* A connected, non-blocking socket; every address of the name is tried. UNAVAILABLE. `until_ms` is monotonic. */
MUST_USE status connect_to(
	const struct server_url *url, int64_t until_ms, int *out, struct diag *d);
/* Until the socket can be read, or written. UNAVAILABLE when it is too late. */
MUST_USE status connect_wait(int socket, bool to_write, int64_t until_ms, struct diag *d);
