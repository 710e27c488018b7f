#pragma once
/* A request for a certificate, up to where it can be decided. Inside proto/ only. */
#include "http/service.h"
#include "lifecycle/enrol.h"

#define EST_REQUEST_MAX (2 * CSR_SIZE_MAX) /* base64 in lines, or PEM */

struct est_request {
	struct session session;
	struct fleet fleet;
	struct admission who;
	struct enrolment enrolment; /* `who` points here, `csr` into the exchange's arena */
};

/*
 * What is asked, for which fleet. `r->session`, `r->fleet` and `r->who` are filled by the caller. False: the reply is
 * there: a refusal in words, or the 202 of a fleet that lets its devices wait.
 */
MUST_USE bool est_request_read(struct exchange *x, struct est_request *r, bool is_reenroll);
/* Said to the device and in the log. */
void est_request_refuse(struct exchange *x, const struct est_request *r, const struct diag *d);
