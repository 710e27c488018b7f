#pragma once
/* Certificate revocation lists (RFC 5280 5) that exist: what is to be known of one before it is handed on. */
#include "base/span.h"
#include "base/status.h"

/* Its dates, out of the first bytes of the DER (up to and with nextUpdate: CRL_HEAD_MAX are enough for ours; the
 * entries need not be read). BAD_INPUT, also for one without nextUpdate. */
#define CRL_HEAD_MAX 2048
MUST_USE status crl_dates_read(span head, int64_t *this_update_s, int64_t *next_update_s);
