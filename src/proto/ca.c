#include "proto/named.h"
#include "proto/routes.h"

/* Where certificates say that their issuer's lies (RFC 5280 4.2.2.1: caIssuers, one DER certificate). */

static const char suffix[] = ".cer";

static void
ca_certificate(struct exchange *x)
{
	span segment = x->parameters[0];
	const size_t end = sizeof(suffix) - 1;
	struct authority a;
	struct session s;

	if (segment.len <= end || !span_is(span_slice(segment, segment.len - end, end), suffix)) {
		reply_problem_as(x, 404, "CA certificates are at /ca/NAME.cer");
		return;
	}
	if (!service_session(x, &s) ||
		!named_authority(x, &s, span_slice(segment, 0, segment.len - end), &a)) {
		return;
	}
	reply_bytes(x, 200, "application/pkix-cert", a.der);
	reply_header(x, "Cache-Control", "max-age=86400, public");
}

const struct route ca_routes[] = {
	{ HTTP_GET, "/ca/{file}", ca_certificate, 0 },
	{ 0 },
};
