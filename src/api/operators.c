#include "api/body.h"
#include "api/lookup.h"
#include "api/handlers.h"
#include "api/query.h"
#include "api/view.h"

static status
write_operator(struct call *c, struct json_writer *w, void *context)
{
	json_object_open(w, NULL);
	status s = view_operator(c, w, context);
	json_object_close(w);
	return s;
}

static status
write_operators(struct call *c, struct json_writer *w, void *context)
{
	const struct page *page = context;
	struct operator_account *operators = NULL;
	size_t count = 0;
	status s = list_operators(
		c->session.reader, c->session.arena, page->after, page->limit, &operators, &count);

	page_open(w);
	for (size_t i = 0; s == OK && i < count; i++) {
		s = write_operator(c, w, &operators[i]);
	}
	page_close(w, page, count, count > 0 ? operators[count - 1].row : 0);
	return s;
}

void
operators_list(struct exchange *x)
{
	static const char *const known[] = { "limit", "after" };
	struct call c;
	struct page page;

	if (call_begin(&c, x, BY_ADMIN) && query_allow(&c, known, 2) && page_read(&c, 0, &page)) {
		call_show(&c, 200, write_operators, &page);
	}
}

/* With his new token, which stands in no other answer. */
struct welcome {
	struct operator_account account;
	char token[TOKEN_TEXT_MAX];
};

static status
write_welcome(struct call *c, struct json_writer *w, void *context)
{
	const struct welcome *welcome = context;

	json_object_open(w, NULL);
	status s = view_operator(c, w, &welcome->account);
	view_once(c, w, "token", welcome->token);
	json_object_close(w);
	return s;
}

struct operator_body {
	char name[NAME_MAX_LEN + 1], owner[NAME_MAX_LEN + 1];
	span certificate; /* PEM */
	int role;
};

static const struct field operator_fields[] = {
	{ "name", FIELD_NAME, true, FIELD(operator_body, name) },
	{ "role", FIELD_WORD, true, FIELD(operator_body, role), .word = word_operator_role },
	{ "owner", FIELD_NAME, false, FIELD(operator_body, owner) },
	{ "certificate", FIELD_LINES, false, FIELD(operator_body, certificate), 0,
		2 * CERTIFICATE_SIZE_MAX },
};

static void
add_ra(struct call *c, const struct operator_body *b, struct welcome *welcome)
{
	span der;
	status s = body_certificate(c, "certificate", b->certificate, &der);

	if (s != OK) {
		call_refuse(c, s);
		return;
	}
	if (call_without_key(c, 201, write_welcome, welcome)) {
		call_end(c, USE_OPERATOR_ADD,
			operator_add_ra(&c->session, b->name, der, &welcome->account, &c->diag));
	}
}

void
operators_add(struct exchange *x)
{
	struct call c;
	struct operator_body b = { 0 };
	struct welcome welcome = { 0 };
	struct owner owner = { 0 };

	if (!call_begin(&c, x, BY_ADMIN) || !query_allow(&c, NULL, 0) ||
		!body_read(&c, operator_fields, COUNT_OF(operator_fields), &b, NULL)) {
		return;
	}
	if ((b.role == (int)OPERATOR_OWNER) != (b.owner[0] != '\0')) {
		diag_set(&c.diag, BAD_INPUT, NULL,
			"member \"owner\" belongs to the role owner, and to no other");
		call_refuse(&c, BAD_INPUT);
		return;
	}
	if ((b.role == (int)OPERATOR_RA) != (b.certificate.len > 0)) {
		diag_set(&c.diag, BAD_INPUT, NULL,
			"member \"certificate\" belongs to the role ra, and to no other");
		call_refuse(&c, BAD_INPUT);
		return;
	}
	if (b.role == (int)OPERATOR_RA) {
		add_ra(&c, &b, &welcome);
		return;
	}
	if ((b.owner[0] != '\0' && !lookup_owner(&c, b.owner, &owner)) ||
		!call_without_key(&c, 201, write_welcome, &welcome)) {
		return;
	}
	call_end(&c, USE_OPERATOR_ADD,
		operator_add(&c.session, b.name, (enum operator_role)b.role, owner.row,
			welcome.token, &welcome.account, &c.diag));
}

static bool
find_operator(struct call *c, char name[NAME_MAX_LEN + 1], struct operator_account *out)
{
	if (!call_name(c, 0, "operator", name)) {
		return false;
	}
	status s = read_operator_by_name(c->session.reader, name, out);
	if (s == NOT_FOUND) {
		return call_missing(c, "operator", span_text(name));
	}
	return s == OK ? true : call_refuse(c, s);
}

void
operators_token(struct exchange *x)
{
	struct call c;
	struct welcome welcome = { 0 };
	char name[NAME_MAX_LEN + 1];

	if (!call_begin(&c, x, BY_ADMIN) || !query_allow(&c, NULL, 0) ||
		!body_read(&c, NULL, 0, NULL, NULL) || !find_operator(&c, name, &welcome.account) ||
		!call_without_key(&c, 200, write_welcome, &welcome)) {
		return;
	}
	call_end(&c, USE_OPERATOR_TOKEN, operator_token(&c.session, name, welcome.token, &c.diag));
}

void
operators_remove(struct exchange *x)
{
	struct call c;
	struct operator_account account;
	char name[NAME_MAX_LEN + 1];

	if (!call_begin(&c, x, BY_ADMIN) || !query_allow(&c, NULL, 0) ||
		!find_operator(&c, name, &account) || !call_without_key(&c, 204, NULL, NULL)) {
		return;
	}
	status s = operator_remove(&c.session, name, &c.diag);
	count_use_case(USE_OPERATOR_REMOVE, s);
	if (s == OK) {
		reply_empty(x, 204);
	} else {
		call_refuse(&c, s);
	}
}
