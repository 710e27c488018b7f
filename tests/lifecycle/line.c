#include "line.h"

#include <stdio.h>

void
line_open(struct line_home *l)
{
	struct home *h = &l->home;
	struct diag d = { 0 };

	home_open(h);
	l->root = home_authority(h, "root", AUTHORITY_ROOT, NULL);
	l->issuing = home_authority(h, "issuing", AUTHORITY_ISSUING, "root");
	l->factory = home_authority(h, "factory", AUTHORITY_FACTORY_SIGNER, "root");
	assert_ok(manifest_signer_create(&h->session, "manifest", PHASE_PRODUCTION, &d), d);
	home_fleet_add(h, &l->fleet, &l->issuing, false);
	h->life.threads = 2;
	h->session.actor = (struct actor){ .kind = ACTOR_OPERATOR };
	snprintf(h->session.actor.account.name, NAME_MAX_LEN, "mia");
	h->session.actor.account.role = OPERATOR_MAKER;
}

void
line_close(struct line_home *l)
{
	home_close(&l->home);
}

struct factory_unit
line_unit(unsigned number)
{
	struct factory_unit u = { .point_count = 5 };
	struct diag d = { 0 };

	snprintf(u.unique_id, sizeof(u.unique_id), "0123%012x01", number);
	for (size_t i = 0; i < u.point_count; i++) {
		struct private_key k;
		struct public_key p;
		uint8_t spki[600];

		assert_ok(private_key_generate(KEY_P256, &k, &d), d);
		assert_ok(private_key_public(&k, spki, sizeof(spki), &p, &d), d);
		memcpy(u.points[i], p.point, sizeof(u.points[i]));
		private_key_wipe(&k);
	}
	return u;
}

struct factory_result
line_make(struct line_home *l, const struct factory_unit *u)
{
	struct factory_result r;
	struct diag d = { 0 };

	assert_ok(factory_make(&l->home.session, l->fleet.fleet.row, "factory", "manifest", u, 1,
			  &r, &d),
		d);
	assert_ok(r.status, r.diag);
	return r;
}

span
line_foreign_entry(struct line_home *l, const struct factory_unit *u)
{
	struct home *h = &l->home;
	struct birth_request birth = { .authority = "factory",
		.phase = PHASE_PRODUCTION,
		.not_before_s = h->session.now_s,
		.years = 20 };
	struct manifest_entry_request entry = { .signer = "manifest",
		.model = "ATECC608C",
		.part_number = "ATECC608C-TFLXTLS",
		.manufacturer = "Elsewhere",
		.provisioned_s = h->session.now_s,
		.point_count = u->point_count,
		.issuer = l->factory.der };
	struct issue_result issued;
	struct diag d = { 0 };
	span json;

	snprintf(birth.unique_id, sizeof(birth.unique_id), "%s", u->unique_id);
	memcpy(birth.point, u->points[0], sizeof(birth.point));
	assert_ok(signer_issue_birth(h->signer, h->arena, &birth, 1, &issued, &d), d);
	assert_ok(issued.status, issued.diag);
	memcpy(entry.unique_id, birth.unique_id, sizeof(entry.unique_id));
	memcpy(entry.points, u->points, sizeof(entry.points));
	entry.leaf = issued.der;
	assert_ok(signer_manifest_entry(h->signer, h->arena, &entry, &json, &d), d);
	return json;
}

status
line_source_read(void *context, uint8_t *out, size_t room, size_t *len, struct diag *d)
{
	struct line_source *s = context;
	size_t n = s->bytes.len < room ? s->bytes.len : room;

	(void)d;
	if (s->step > 0 && n > s->step) {
		n = s->step;
	}
	if (n > 0) {
		memcpy(out, s->bytes.data, n);
	}
	s->bytes = span_slice(s->bytes, n, SIZE_MAX);
	*len = n;
	return OK;
}

status
line_told(void *context, const struct import_line *l)
{
	struct line_log *log = context;

	assert_true(log->count < LINES_MAX);
	log->lines[log->count++] = *l;
	return log->stop_at != 0 && log->count == log->stop_at ? UNAVAILABLE : OK;
}
