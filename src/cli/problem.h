#pragma once
/* An answer that says no, as a status and one line of words. */
#include "base/span.h"
#include "base/status.h"

/*
 * RFC 9457: the kind from "type" (/problems/not-found), the words from "detail", the clause from "clause"; from
 * the HTTP status alone where the body is none. Never OK.
 */
MUST_USE status problem_read(int http_status, span body, int64_t retry_after_s, struct diag *d);
