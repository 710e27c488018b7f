#include "api/call.h"

#include <string.h>

#include "api/body.h"

bool
call_refuse(struct call *c, status s)
{
	if (c->diag.status == OK) {
		diag_set(&c->diag, s, NULL, "%s", status_name(s));
	}
	reply_problem(c->x, &c->diag);
	return false;
}

bool
call_missing(struct call *c, const char *what, span name)
{
	int len = (int)(name.len < ELEMENT_SERIAL_MAX ? name.len : ELEMENT_SERIAL_MAX);

	diag_set(&c->diag, NOT_FOUND, NULL, "there is no %s \"%.*s\"", what, len,
		(const char *)name.data);
	return call_refuse(c, NOT_FOUND);
}

bool
call_begin(struct call *c, struct exchange *x, unsigned by)
{
	*c = (struct call){ .x = x };
	reply_header(
		x, "Cache-Control", "no-store"); /* codes, tokens, and what only some may see */
	if (!service_session(x, &c->session) || !service_operator(x, &c->session)) {
		return false;
	}
	if (call_role(c) == OPERATOR_OWNER && call_owner(c) == 0) {
		/* 0 stands for everybody's in what follows: such a record must not come so far. */
		diag_set(&c->diag, BUG, NULL, "an owner's operator without an owner");
		return call_refuse(c, BUG);
	}
	if ((BY(call_role(c)) & (by | BY_ADMIN)) == 0) {
		diag_set(&c->diag, DENIED, NULL, "an operator of role %s may not do this",
			operator_role_name(call_role(c)));
		return call_refuse(c, DENIED);
	}
	return true;
}

bool
call_name(struct call *c, size_t at, const char *what, char out[NAME_MAX_LEN + 1])
{
	span name = c->x->parameters[at];

	if (!name_is_valid(name)) {
		return call_missing(c, what, name);
	}
	memcpy(out, name.data, name.len);
	out[name.len] = '\0';
	return true;
}

void
call_show(struct call *c, int http_status, call_write *write, void *context)
{
	struct json_writer w;
	status s = reader_begin(c->session.reader, &c->diag);

	if (s == OK) {
		reply_json(c->x, http_status, &w);
		s = write(c, &w, context);
		reader_end(c->session.reader);
	}
	if (s != OK) {
		call_refuse(c, s);
	}
}
