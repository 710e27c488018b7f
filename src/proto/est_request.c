#include "proto/est_request.h"

#include <stdio.h>

#include "base/log.h"
#include "pki/csr.h"

void
est_request_refuse(struct exchange *x, const struct est_request *r, const struct diag *d)
{
	char what[LOG_QUOTED_MAX];

	/* Evidence that does not hold is somebody trying, more often than not. */
	log_event(d->kind != NULL ? LOG_WARNING : LOG_INFO, "enrolment_refused",
		"serial=%s status=\"%s\" kind=%s what=%s", r->who.device.serial,
		status_name(d->status), d->kind != NULL ? d->kind : "-", log_quote(what, d->text));
	reply_problem(x, d);
}

/* The fleet in the path is the device's own. Another one is told as one that is not there. */
static bool
is_own_fleet(struct exchange *x, const struct est_request *r)
{
	if (r->who.device.fleet == r->fleet.row) {
		return true;
	}
	reply_problem_as(x, 404, "the device is not of this fleet");
	return false;
}

/* Nobody owns it yet, somebody may at any time. Whom an operator has suspended or taken back is refused in any case. */
static bool
may_wait(const struct est_request *r)
{
	return r->fleet.est.pending == EST_PENDING_WAIT && r->who.device.state == DEVICE_HELD &&
	       r->who.certificate.kind == CERTIFICATE_BIRTH;
}

/*
 * The same request may come again later (RFC 7030 4.2.3). Nothing is kept of it. Devices that were switched on
 * together come apart: each has its own part of the quarter.
 */
static void
reply_later(struct exchange *x, const struct est_request *r)
{
	const uint8_t *own = r->who.certificate.fingerprint;
	int64_t part = own[0] << 8 | own[1], least_s = r->fleet.est.retry_after_s;
	char seconds[24];

	snprintf(seconds, sizeof(seconds), "%lld",
		(long long)(least_s + least_s * part / (4 * 65536)));
	reply_empty(x, 202);
	reply_header(x, "Retry-After", seconds);
}

/*
 * What ties it to this connection. A registration authority ends the device's connection: what was to be seen of
 * the link it has seen to, here it would be that of another connection.
 */
static void
take_link(const struct exchange *x, struct est_request *r)
{
	if (r->session.actor.account.row == 0) {
		r->enrolment.tls_unique = span_of(x->peer->tls_unique, x->peer->tls_unique_len);
		r->enrolment.tls_exporter =
			span_of(x->peer->tls_exporter, x->peer->tls_exporter_len);
		r->enrolment.must_link = r->fleet.est.link == EST_LINK_REQUIRED;
	}
}

bool
est_request_read(struct exchange *x, struct est_request *r, bool is_reenroll)
{
	struct diag d = { 0 };

	if (!is_own_fleet(x, r)) {
		return false;
	}
	if (r->who.access == ACCESS_STATE_ONLY && !may_wait(r)) {
		reply_problem_as(x, 403, r->who.why);
		return false;
	}
	if (!http_content_is(x->request, "application/pkcs10")) {
		reply_problem_as(x, 415, "a request is application/pkcs10 (RFC 7030 4.2.1)");
		return false;
	}
	r->enrolment = (struct enrolment){ .who = &r->who };
	if (csr_unwrap(x->arena, x->request->body, &r->enrolment.csr, &d) != OK) {
		est_request_refuse(x, r, &d);
		return false;
	}
	if (r->who.access == ACCESS_STATE_ONLY) {
		reply_later(x, r);
		return false;
	}
	/* strongSwan presents a client certificate at simplereenroll alone, the birth identity too: that is a first one. */
	r->enrolment.is_renewal = is_reenroll && r->who.access == ACCESS_FULL;
	take_link(x, r);
	return true;
}
