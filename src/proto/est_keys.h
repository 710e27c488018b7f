#pragma once
/* serverkeygen: RFC 7030 4.4. Inside proto/ only. */
#include "http/exchange.h"

void est_serverkeygen(struct exchange *x);
