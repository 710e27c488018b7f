#pragma once
/* The target of a request line: RFC 9112 3.2, RFC 3986. */
#include "http/request.h"

/*
 * Cuts the target into path and query. BAD_INPUT with the clause: another form than origin or absolute,
 * letters that need escaping, bad escapes, NUL, dot segments, a fragment, user information.
 */
MUST_USE status target_read(span target, struct http_request *out, struct diag *d);
/* uri-host [ ":" port ], not empty. */
bool authority_is_valid(span authority);
