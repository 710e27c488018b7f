#pragma once
/* What the server's status codes mean to a device, and its own words for it. */
#include "device/posix/client.h"

/*
 * OK for 200. DENIED 401, 403; NOT_FOUND 404; CONFLICT 400, 409, 413, 415, 422: the request is not taken as it is;
 * UNAVAILABLE 202 (RFC 7030 4.2.3), 429, 5xx: later; BAD_INPUT the rest, redirects among them. The words
 * are the problem's detail (RFC 9457), or the text's first line, cut and made printable.
 */
MUST_USE status reply_judge(const struct client_answer *r, struct diag *d);
/* A refusal that another key with a proof over another challenge may get over (docs/attestation.md, the kinds of problem). */
bool reply_wants_another_proof(const struct client_answer *r);
