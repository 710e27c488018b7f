#include "proto/est_attributes.h"
#include "proto/est_keys.h"
#include "proto/est_label.h"
#include "proto/est_reply.h"
#include "proto/est_request.h"
#include "proto/routes.h"

/*
 * Enrolment over Secure Transport (RFC 7030, 8951, 9908): base64 bodies both ways, whatever their transfer encoding says
 * (RFC 8951 3.2 ignores it); certificates as certs-only CMS.
 */

/* --- cacerts: RFC 7030 4.1 --- */

/* The issuing CA of the fleet and what is above it, up to the root. */
static status
read_chain(struct session *s, const struct fleet *f, span chain[CHAIN_LEN_MAX], size_t *count,
	struct diag *d)
{
	struct authority a = { .parent = f->authority };
	status st = reader_begin(s->reader, d);

	*count = 0;
	while (st == OK && a.parent != 0 && *count < CHAIN_LEN_MAX) {
		st = read_authority(s->reader, s->arena, a.parent, &a);
		chain[*count] = a.der;
		*count += st == OK;
	}
	reader_end(s->reader);
	return st == OK ? OK : diag_set(d, st, NULL, "the fleet's authorities cannot be read");
}

static void
est_cacerts(struct exchange *x)
{
	span chain[CHAIN_LEN_MAX];
	struct diag d = { 0 };
	struct session s;
	struct fleet f;
	size_t count;

	if (!service_session(x, &s) || !est_fleet(x, &s, &f)) {
		return;
	}
	if (read_chain(&s, &f, chain, &count, &d) != OK) {
		reply_problem(x, &d);
		return;
	}
	est_reply_certificates(x, &f, EST_CERTIFICATES, chain, count);
}

/* --- csrattrs: RFC 7030 4.5, RFC 9908 --- */

static void
est_csrattrs(struct exchange *x)
{
	uint8_t room[EST_ATTRIBUTES_MAX];
	struct diag d = { 0 };
	struct session s;
	struct fleet f;
	span der;

	if (!service_session(x, &s) || !est_fleet(x, &s, &f)) {
		return;
	}
	if (est_attributes_write(&f, room, &der, &d) != OK) {
		reply_problem(x, &d);
		return;
	}
	est_reply_base64(x, &f, "application/csrattrs", der);
}

/* --- simpleenroll, simplereenroll: RFC 7030 4.2 --- */

/* One of the requests that are answered together. */
struct enrolling {
	struct exchange *x;
	struct est_request request;
	struct outcome outcome;
	bool is_going; /* false: its reply is there already */
};
_Static_assert(HTTP_TOGETHER_MAX <= ISSUE_BATCH_MAX, "they fit into one message");

/* All that is needed for `count` of them, in the arena of the first. */
struct batch {
	struct enrolling *list;
	struct caller *callers;
	struct applicant *applicants;
	size_t count;
};

static bool
batch_begin(struct arena *a, size_t count, struct batch *out)
{
	*out = (struct batch){ .list = arena_array(a, count, sizeof(struct enrolling)),
		.callers = arena_array(a, count, sizeof(struct caller)),
		.applicants = arena_array(a, count, sizeof(struct applicant)) };
	return out->list != NULL && out->callers != NULL && out->applicants != NULL;
}

/* Whose reply is there already is not added. */
static void
batch_add(struct batch *b, struct exchange *x)
{
	struct enrolling *e = &b->list[b->count];
	struct est_request *r = &e->request;

	*e = (struct enrolling){ .x = x };
	if (service_session(x, &r->session) && est_fleet(x, &r->session, &r->fleet)) {
		b->callers[b->count++] =
			(struct caller){ .x = x, .session = &r->session, .out = &r->who };
	}
}

/* How many there are that can be decided. */
static size_t
batch_read(struct batch *b, bool is_reenroll)
{
	size_t going = 0;

	service_devices(b->callers, b->count);
	for (size_t k = 0; k < b->count; k++) {
		struct enrolling *e = &b->list[k];

		e->is_going = b->callers[k].is_admitted &&
			      est_request_read(e->x, &e->request, is_reenroll);
		if (e->is_going) {
			b->applicants[going++] = (struct applicant){ .session = &e->request.session,
				.enrolment = &e->request.enrolment,
				.outcome = &e->outcome };
		}
	}
	return going;
}

static void
answer(struct exchange *x, const struct est_request *r, const struct applicant *a)
{
	if (a->status != OK) {
		est_request_refuse(x, r, &a->diag);
		return;
	}
	est_reply_certificates(
		x, &r->fleet, EST_CERTIFICATES_ENROLLED, &a->outcome->certificate.der, 1);
}

static void
batch_answer(const struct batch *b)
{
	const struct applicant *a = b->applicants;

	for (size_t k = 0; k < b->count; k++) {
		if (b->list[k].is_going) {
			answer(b->list[k].x, &b->list[k].request, a++);
		}
	}
}

static void
enrol(struct exchange *const *x, size_t count, bool is_reenroll)
{
	struct batch b;
	bool has_memory = batch_begin(x[0]->arena, count, &b);
	size_t going = 0;

	for (size_t k = 0; k < count; k++) {
		if (has_memory) {
			batch_add(&b, x[k]);
		} else {
			reply_problem_as(x[k], 503, "no memory for an enrolment; try again");
		}
	}
	if (b.count > 0) {
		going = batch_read(&b, is_reenroll);
	}
	if (going > 0) {
		enrol_devices(b.applicants, going);
		batch_answer(&b);
	}
}

static void
simpleenroll_together(struct exchange *const *x, size_t count)
{
	enrol(x, count, false);
}

static void
simplereenroll_together(struct exchange *const *x, size_t count)
{
	enrol(x, count, true);
}

static void
est_simpleenroll(struct exchange *x)
{
	enrol(&x, 1, false);
}

static void
est_simplereenroll(struct exchange *x)
{
	enrol(&x, 1, true);
}

/* RFC 7030 4.3: optional, and not offered. */
static void
est_not_offered(struct exchange *x)
{
	reply_problem_as(x, 501, "this operation is not offered");
}

#define EST "/.well-known/est/"
#define LABEL "{fleet}/"

const struct route est_routes[] = {
	{ HTTP_GET, EST "cacerts", est_cacerts, 0 },
	{ HTTP_GET, EST LABEL "cacerts", est_cacerts, 0 },
	{ HTTP_GET, EST "csrattrs", est_csrattrs, 0 },
	{ HTTP_GET, EST LABEL "csrattrs", est_csrattrs, 0 },
	{ HTTP_POST, EST "simpleenroll", est_simpleenroll, EST_REQUEST_MAX, NULL,
		simpleenroll_together, true },
	{ HTTP_POST, EST LABEL "simpleenroll", est_simpleenroll, EST_REQUEST_MAX, NULL,
		simpleenroll_together, true },
	{ HTTP_POST, EST "simplereenroll", est_simplereenroll, EST_REQUEST_MAX, NULL,
		simplereenroll_together, true },
	{ HTTP_POST, EST LABEL "simplereenroll", est_simplereenroll, EST_REQUEST_MAX, NULL,
		simplereenroll_together, true },
	{ HTTP_POST, EST "serverkeygen", est_serverkeygen, EST_REQUEST_MAX, NULL, NULL, true },
	{ HTTP_POST, EST LABEL "serverkeygen", est_serverkeygen, EST_REQUEST_MAX, NULL, NULL,
		true },
	{ HTTP_POST, EST "fullcmc", est_not_offered, EST_REQUEST_MAX },
	{ HTTP_POST, EST LABEL "fullcmc", est_not_offered, EST_REQUEST_MAX },
	{ 0 },
};
