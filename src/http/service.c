#include "http/service.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"

status
service_open(struct service *v, unsigned workers, struct diag *d)
{
	v->reader_count = 0;
	v->readers = calloc(workers, sizeof(struct reader *));
	if (v->readers == NULL) {
		return diag_set(d, NO_MEMORY, NULL, "no memory for %u readers", workers);
	}
	for (unsigned i = 0; i < workers; i++) {
		status s = reader_open(v->life->store, &v->readers[i], d);

		if (s != OK) {
			service_close(v);
			return s;
		}
		v->reader_count++;
	}
	return OK;
}

void
service_close(struct service *v)
{
	for (unsigned i = 0; i < v->reader_count; i++) {
		reader_close(v->readers[i]);
	}
	free(v->readers);
	v->readers = NULL;
	v->reader_count = 0;
}

bool
service_session(struct exchange *x, struct session *out)
{
	const struct service *v = service_of(x);

	if (x->worker >= v->reader_count) {
		log_event(LOG_ERROR, "worker_without_reader", "worker=%u readers=%u", x->worker,
			v->reader_count);
		reply_problem_as(x, 500, "no reader for this worker");
		return false;
	}
	*out = (struct session){
		.life = v->life,
		.reader = v->readers[x->worker],
		.arena = x->arena,
		.actor = { .kind = ACTOR_DEVICE }, /* of no device: nobody */
		.now_s = clock_now_s(v->life->clock),
		.request = x->id,
	};
	return true;
}

/* --- operators --- */

/* 401 says how to come back with something better (RFC 9110 15.5.2). */
static bool
ask_who(struct exchange *x, const char *detail)
{
	reply_problem_as(x, 401, detail);
	reply_header(x, "WWW-Authenticate", "Bearer realm=\"tenure\"");
	return false;
}

/* The credentials of the Bearer scheme (RFC 6750 2.1), empty for another scheme. */
static span
bearer_token(span authorization)
{
	static const char scheme[] = "Bearer ";
	const size_t len = sizeof(scheme) - 1;

	if (authorization.len <= len ||
		strncasecmp((const char *)authorization.data, scheme, len) != 0) {
		return span_of(NULL, 0);
	}
	return span_slice(authorization, len, authorization.len);
}

bool
service_operator(struct exchange *x, struct session *s)
{
	span authorization = http_header_get(x->request, "Authorization");
	struct diag d = { 0 };
	status st;

	if (authorization.len > 0) {
		st = admit_operator_token(s, bearer_token(authorization), &d);
	} else if (x->peer->certificate.len > 0) {
		st = admit_operator_certificate(s, x->peer->fingerprint, &d);
	} else {
		return ask_who(x, "an operator's token or client certificate is needed");
	}
	if (st == NOT_FOUND) {
		log_event(LOG_WARNING, "operator_refused", "by=%s peer=%s",
			authorization.len > 0 ? "token" : "certificate", x->peer->address);
		return ask_who(x, authorization.len > 0
					  ? "no operator has this token"
					  : "no operator has this client certificate");
	}
	if (st != OK) {
		log_diag(LOG_WARNING, "operator_refused", &d);
		reply_problem(x, &d);
		return false;
	}
	return true;
}

bool
service_admits(struct exchange *x)
{
	struct session s;

	return service_session(x, &s) && service_operator(x, &s);
}

/* --- devices --- */

/* What came of it is said, where it is no admission. */
static bool
let_in(struct exchange *x, const struct admission *who, status st, const struct diag *d)
{
	if (st == NOT_FOUND) {
		log_event(LOG_WARNING, "device_unknown", "peer=%s", x->peer->address);
		reply_problem_as(x, 401, "nobody here knows this certificate");
		return false;
	}
	if (st != OK) {
		log_diag(LOG_WARNING, "device_not_admitted", d);
		reply_problem(x, d);
		return false;
	}
	if (who->access == ACCESS_REFUSED) {
		log_event(LOG_INFO, "device_refused", "serial=%s why=\"%s\" peer=%s",
			who->device.serial, who->why, x->peer->address);
		reply_problem_as(x, 403, who->why);
		return false;
	}
	return true;
}

static bool
shows_certificate(struct exchange *x)
{
	if (x->peer->certificate.len > 0) {
		return true;
	}
	reply_problem_as(x, 401,
		"a client certificate is needed: the device's birth or operational "
		"identity");
	return false;
}

static bool
admit_through(struct caller *c, span client)
{
	struct diag d = { 0 };
	status st = service_admit_through(c->x, c->session, client, c->out, &d);

	return let_in(c->x, c->out, st, &d);
}

/* True: it waits for the others in `list`. */
static bool
queue(struct caller *c, struct arrival *list)
{
	span client = http_header_get(c->x->request, "Client-Cert");

	c->is_admitted = false;
	if (!shows_certificate(c->x)) {
		return false;
	}
	if (client.data != NULL) {
		c->is_admitted = admit_through(c, client);
		return false;
	}
	*list = (struct arrival){
		.session = c->session, .fingerprint = c->x->peer->fingerprint, .out = c->out
	};
	return true;
}

void
service_devices(struct caller *list, size_t count)
{
	struct arena *a = list[0].x->arena;
	struct arrival *arrivals = arena_array(a, count, sizeof(*arrivals));
	struct caller **callers = arena_array(a, count, sizeof(struct caller *));
	size_t coming = 0;

	for (size_t i = 0; i < count; i++) {
		if (arrivals == NULL || callers == NULL) {
			list[i].is_admitted = false;
			reply_problem_as(list[i].x, 503, "no memory; try again");
		} else if (queue(&list[i], &arrivals[coming])) {
			callers[coming++] = &list[i];
		}
	}
	if (coming > 0) {
		admit_devices(arrivals, coming);
	}
	for (size_t i = 0; i < coming; i++) {
		struct caller *c = callers[i];

		c->is_admitted = let_in(c->x, c->out, arrivals[i].status, &arrivals[i].diag);
	}
}

bool
service_device(struct exchange *x, struct session *s, struct admission *out)
{
	struct caller one = { .x = x, .session = s, .out = out };

	service_devices(&one, 1);
	return one.is_admitted;
}
