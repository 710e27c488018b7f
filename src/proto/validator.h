#pragma once
/* Conditional requests (RFC 9110 13.1). Inside proto/ only. */
#include "http/exchange.h"

/*
 * Whether the client has what these validators stand for, so that a 304 is enough: by If-None-Match (weak comparison),
 * without it by If-Modified-Since, for GET and HEAD. `tag` with its quotes; `modified` an HTTP date.
 */
bool validator_fits(const struct exchange *x, const char *tag, const char *modified);
