#include <string.h>

#include "api/body.h"
#include "api/lookup.h"
#include "api/handlers.h"
#include "api/query.h"
#include "api/view.h"

static status
write_authority(struct call *c, struct json_writer *w, void *context)
{
	json_object_open(w, NULL);
	status s = view_authority(c, w, context);
	json_object_close(w);
	return s;
}

static status
write_authorities(struct call *c, struct json_writer *w, void *context)
{
	const struct page *page = context;
	struct authority *authorities = NULL;
	size_t count = 0;
	status s = list_authorities(c->session.reader, c->session.arena, page->after, page->limit,
		&authorities, &count);

	page_open(w);
	for (size_t i = 0; s == OK && i < count; i++) {
		s = write_authority(c, w, &authorities[i]);
	}
	page_close(w, page, count, count > 0 ? authorities[count - 1].row : 0);
	return s;
}

void
authorities_list(struct exchange *x)
{
	static const char *const known[] = { "limit", "after" };
	struct call c;
	struct page page;

	if (call_begin(&c, x, BY_ALL) && query_allow(&c, known, 2) && page_read(&c, 0, &page)) {
		call_show(&c, 200, write_authorities, &page);
	}
}

void
authorities_show(struct exchange *x)
{
	struct call c;
	struct authority authority;
	char name[NAME_MAX_LEN + 1];

	if (call_begin(&c, x, BY_ALL) && query_allow(&c, NULL, 0) &&
		call_name(&c, 0, "authority", name) && lookup_authority(&c, name, &authority)) {
		call_show(&c, 200, write_authority, &authority);
	}
}

#define CRL_PEM_MAX (512 << 10) /* of CAs: a few entries */

struct authority_body {
	char name[NAME_MAX_LEN + 1], hierarchy[NAME_MAX_LEN + 1], parent[NAME_MAX_LEN + 1];
	span organization, common_name, pem;
	int kind, phase;
	int64_t lifetime_s;
	bool is_p384;
};

/* The first four are of both shapes. */
enum { GIVEN_PEM = 1 << 3, GIVEN_SHARED = 7, GIVEN_KIND = 1 << 4 };
static const struct field authority_fields[] = {
	{ "name", FIELD_NAME, true, FIELD(authority_body, name) },
	{ "phase", FIELD_WORD, true, FIELD(authority_body, phase), .word = word_phase },
	{ "hierarchy", FIELD_NAME, false, FIELD(authority_body, hierarchy) },
	{ "pem", FIELD_LINES, false, FIELD(authority_body, pem), 1, 2 * CERTIFICATE_SIZE_MAX },
	{ "kind", FIELD_WORD, false, FIELD(authority_body, kind), .word = word_made_authority },
	{ "parent", FIELD_NAME, false, FIELD(authority_body, parent) },
	{ "organization", FIELD_TEXT, false, FIELD(authority_body, organization), 1, 64 },
	{ "common_name", FIELD_TEXT, false, FIELD(authority_body, common_name), 1, 64 },
	{ "lifetime", FIELD_NUMBER, false, FIELD(authority_body, lifetime_s), 3600,
		INT64_C(50) * 366 * 86400 },
	{ "p384", FIELD_BOOL, false, FIELD(authority_body, is_p384) },
};

/* Which of the two shapes it is, and that it is one of them. */
static status
judge_shape(unsigned given, const struct authority_body *b, struct diag *d)
{
	if (given & GIVEN_PEM) {
		if ((given & ~(unsigned)(GIVEN_SHARED | GIVEN_PEM)) != 0) {
			return diag_set(d, BAD_INPUT, NULL,
				"with \"pem\" a foreign certificate is imported: only name, "
				"phase and hierarchy go with it");
		}
		return b->hierarchy[0] != '\0'
			       ? OK
			       : diag_set(d, BAD_INPUT, NULL, "member \"hierarchy\" is missing");
	}
	if (!(given & GIVEN_KIND)) {
		return diag_set(d, BAD_INPUT, NULL,
			"member \"kind\" is needed (or \"pem\", to import a foreign one)");
	}
	if (b->kind == (int)AUTHORITY_ROOT && b->hierarchy[0] == '\0') {
		return diag_set(d, BAD_INPUT, NULL, "a root needs the name of its \"hierarchy\"");
	}
	if ((b->kind == (int)AUTHORITY_ROOT) != (b->parent[0] == '\0')) {
		return diag_set(d, BAD_INPUT, NULL,
			"a root has no \"parent\", every other authority has one");
	}
	return OK;
}

static status
create(struct call *c, const struct authority_body *b, struct authority *out)
{
	struct authority_request r = {
		.kind = (enum authority_kind)b->kind,
		.phase = (enum phase)b->phase,
		.lifetime_s = b->lifetime_s,
		.is_p384 = b->is_p384,
	};

	memcpy(r.name, b->name, sizeof(r.name));
	memcpy(r.hierarchy, b->hierarchy, sizeof(r.hierarchy));
	memcpy(r.parent, b->parent, sizeof(r.parent));
	if (b->organization.len > 0) {
		memcpy(r.organization, b->organization.data, b->organization.len);
	}
	if (b->common_name.len > 0) {
		memcpy(r.common_name, b->common_name.data, b->common_name.len);
	}
	return authority_create(&c->session, &r, out, &c->diag);
}

static status
import(struct call *c, const struct authority_body *b, struct authority *out)
{
	span der;
	status s = body_certificate(c, "pem", b->pem, &der);

	return s == OK ? authority_import(&c->session, b->name, b->hierarchy, (enum phase)b->phase,
				 der, out, &c->diag)
		       : s;
}

/* Making one is two steps, key and record, and asked again it is taken up where it stood: no key needed. */
void
authorities_add(struct exchange *x)
{
	struct call c;
	struct authority_body b = { 0 };
	struct authority authority = { 0 };
	unsigned given = 0;

	if (!call_begin(&c, x, BY_ADMIN) || !query_allow(&c, NULL, 0) ||
		!body_read(&c, authority_fields, COUNT_OF(authority_fields), &b, &given) ||
		!call_without_key(&c, 201, write_authority, &authority)) {
		return;
	}
	status s = judge_shape(given, &b, &c.diag);
	if (s != OK) {
		call_refuse(&c, s);
	} else if (given & GIVEN_PEM) {
		call_end(&c, USE_AUTHORITY_IMPORT, import(&c, &b, &authority));
	} else {
		call_end(&c, USE_AUTHORITY_CREATE, create(&c, &b, &authority));
	}
}

/* Read again: the number of its CRL has grown. */
static status
write_published(struct call *c, struct json_writer *w, void *context)
{
	const struct authority *before = context;
	struct authority after;
	status s = read_authority(c->session.reader, c->session.arena, before->row, &after);

	return s == OK ? write_authority(c, w, &after) : s;
}

void
authorities_publish(struct exchange *x)
{
	struct call c;
	struct authority authority;
	char name[NAME_MAX_LEN + 1];

	if (!call_begin(&c, x, BY_MAKER) || !query_allow(&c, NULL, 0) ||
		!body_read(&c, NULL, 0, NULL, NULL) || !call_name(&c, 0, "authority", name) ||
		!lookup_authority(&c, name, &authority) ||
		!call_without_key(&c, 200, write_published, &authority)) {
		return;
	}
	call_end(&c, USE_AUTHORITY_PUBLISH, crl_publish(&c.session, authority.row, &c.diag));
}

struct crl_body {
	span pem;
};
static const struct field crl_fields[] = {
	{ "pem", FIELD_LINES, true, FIELD(crl_body, pem), 1, CRL_PEM_MAX },
};

/* Of one whose key is elsewhere; the same list again is the same answer, so no key is needed. */
void
authorities_crl(struct exchange *x)
{
	struct call c;
	struct crl_body b = { 0 };
	struct authority authority;
	char name[NAME_MAX_LEN + 1];

	if (!call_begin(&c, x, BY_ADMIN) || !query_allow(&c, NULL, 0) ||
		!body_read(&c, crl_fields, COUNT_OF(crl_fields), &b, NULL) ||
		!call_name(&c, 0, "authority", name) || !lookup_authority(&c, name, &authority) ||
		!call_without_key(&c, 200, write_published, &authority)) {
		return;
	}
	call_end(&c, USE_AUTHORITY_CRL, crl_import(&c.session, authority.row, b.pem, &c.diag));
}
