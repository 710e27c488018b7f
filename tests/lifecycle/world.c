#include "world.h"

#include <stdio.h>

#include "pki/key.h"

static void
on_device(void *context, int64_t device)
{
	struct world *w = context;

	w->told_device = device;
	w->told_devices++;
}

static void
on_revocation(void *context, int64_t authority)
{
	struct world *w = context;

	w->told_authority = authority;
	w->told_authorities++;
}

static void
start(struct world *w, bool create)
{
	char path[600];
	struct store_options o = { .location = path, .create = create };

	snprintf(path, sizeof(path), "%s/tenure.db", w->folder);
	diag_clear(&w->d);
	assert_ok(store_open(&o, &w->store, &w->d), w->d);
	assert_ok(reader_open(w->store, &w->reader, &w->d), w->d);
	w->life.store = w->store;
	w->session.reader = w->reader;
}

static void
stop(struct world *w)
{
	reader_close(w->reader);
	store_close(w->store);
}

static void
fill_owner(struct world *w, struct owner *o, const char *name, enum owner_kind kind)
{
	*o = (struct owner){ .kind = kind, .created_s = TEST_TIME_S };
	assert_int_equal(OK, id_new(&w->clock.clock, &o->id));
	snprintf(o->name, sizeof(o->name), "%s", name);
	snprintf(o->title, sizeof(o->title), "%s", name);
	sha256(span_text(name), o->salt);
}

static void
fill_authority(struct world *w, struct authority *a, const char *name, enum authority_kind kind)
{
	*a = (struct authority){ .kind = kind,
		.phase = PHASE_PRODUCTION,
		.has_key = true,
		.not_before_s = TEST_TIME_S - 1000,
		.not_after_s = TEST_TIME_S + INT64_C(1000000000),
		.created_s = TEST_TIME_S };
	assert_int_equal(OK, id_new(&w->clock.clock, &a->id));
	snprintf(a->name, sizeof(a->name), "%s", name);
	snprintf(a->hierarchy, sizeof(a->hierarchy), "own");
	sha256(span_text(name), a->fingerprint);
	a->der = span_text(name);
}

static void
fill_operator(struct world *w, enum who who, const char *name, enum operator_role role)
{
	struct operator_account *o = &w->operators[who];

	*o = (struct operator_account){ .role = role, .created_s = TEST_TIME_S };
	assert_int_equal(OK, id_new(&w->clock.clock, &o->id));
	snprintf(o->name, sizeof(o->name), "%s", name);
	sha256(span_text(name), o->token_hash);
}

static void
people(struct world *w)
{
	static const struct {
		enum who who;
		const char *name;
		enum operator_role role;
	} rows[] = {
		{ ADMIN, "admin-of-all", OPERATOR_ADMIN },
		{ MAKER, "maker-clerk", OPERATOR_MAKER },
		{ SUPPORT, "desk", OPERATOR_SUPPORT },
		{ ANNA, "anna-app", OPERATOR_OWNER },
		{ BERT, "bert-app", OPERATOR_OWNER },
		{ SHOP, "shop-till", OPERATOR_OWNER },
		{ AUDITOR, "auditor", OPERATOR_AUDITOR },
		{ WATCH, "watch", OPERATOR_WATCH },
	};
	struct change *c = change_new(w->arena);

	fill_owner(w, &w->maker, "works", OWNER_MAKER);
	fill_owner(w, &w->shop, "shop", OWNER_RESELLER);
	fill_owner(w, &w->anna, "anna", OWNER_CUSTOMER);
	fill_owner(w, &w->bert, "bert", OWNER_CUSTOMER);
	change_owner_add(c, &w->maker);
	change_owner_add(c, &w->shop);
	change_owner_add(c, &w->anna);
	change_owner_add(c, &w->bert);
	for (size_t i = 0; i < WHO_COUNT; i++) {
		fill_operator(w, rows[i].who, rows[i].name, rows[i].role);
		change_operator_add(c, &w->operators[rows[i].who]);
	}
	change_link(c, &w->operators[ANNA].owner, CHANGE_REF(&w->anna));
	change_link(c, &w->operators[BERT].owner, CHANGE_REF(&w->bert));
	change_link(c, &w->operators[SHOP].owner, CHANGE_REF(&w->shop));
	assert_ok(store_commit(w->store, c, NULL, &w->d), w->d);
}

static void
company(struct world *w)
{
	struct change *c = change_new(w->arena);

	fill_authority(w, &w->issuing, "issuing", AUTHORITY_ISSUING);
	fill_authority(w, &w->factory, "factory", AUTHORITY_FACTORY_SIGNER);
	w->fleet = (struct fleet){ .phase = PHASE_PRODUCTION,
		.lifetime_s = 90 * 86400,
		.renew_after_percent = 66,
		.offer_lifetime_s = 7 * 86400,
		.est = { .retry_after_s = 60 },
		.maker = w->maker.row,
		.version = 1,
		.created_s = TEST_TIME_S };
	assert_int_equal(OK, id_new(&w->clock.clock, &w->fleet.id));
	snprintf(w->fleet.name, sizeof(w->fleet.name), "lamps");
	snprintf(w->fleet.profile, sizeof(w->fleet.profile), "operational");
	change_authority_add(c, &w->issuing);
	change_authority_add(c, &w->factory);
	change_fleet_add(c, &w->fleet);
	change_link(c, &w->fleet.authority, CHANGE_REF(&w->issuing));
	assert_ok(store_commit(w->store, c, NULL, &w->d), w->d);
}

void
world_open(struct world *w)
{
	*w = (struct world){ .folder = temporary_folder(), .arena = arena_new(1 << 30) };
	clock_manual_init(&w->clock, TEST_TIME_S * 1000);
	w->life = (struct life){ .clock = &w->clock.clock,
		.plain_url = "http://pki.test",
		.threads = 1,
		.on_device = on_device,
		.on_revocation = on_revocation,
		.context = w };
	w->session = (struct session){
		.life = &w->life, .arena = w->arena, .now_s = TEST_TIME_S, .request = ""
	};
	start(w, true);
	people(w);
	company(w);
}

void
world_close(struct world *w)
{
	stop(w);
	arena_free(w->arena);
	temporary_folder_remove(w->folder);
}

void
world_reopen(struct world *w)
{
	stop(w);
	start(w, false);
}

void
world_start_again(struct world *w)
{
	start(w, false);
}

void
world_add_s(struct world *w, int64_t s)
{
	clock_manual_add(&w->clock, s * 1000);
	w->session.now_s = clock_now_s(&w->clock.clock);
}

struct session *
as(struct world *w, enum who who)
{
	diag_clear(&w->d);
	w->session.actor = (struct actor){ .kind = ACTOR_OPERATOR, .account = w->operators[who] };
	return &w->session;
}

struct session *
as_server(struct world *w)
{
	diag_clear(&w->d);
	w->session.actor = (struct actor){ .kind = ACTOR_SERVER };
	return &w->session;
}

struct session *
as_device(struct world *w, int64_t device)
{
	diag_clear(&w->d);
	w->session.actor = (struct actor){ .kind = ACTOR_DEVICE, .device = device };
	return &w->session;
}

/* --- devices ------------------------------------------------------------------- */

static struct certificate *
make_certificate(struct world *w, enum certificate_kind kind, const struct authority *a)
{
	struct certificate *k = arena_alloc(w->arena, sizeof(*k));
	unsigned number = ++w->made;

	*k = (struct certificate){ .kind = kind,
		.status = CERTIFICATE_CURRENT,
		.authority = a != NULL ? a->row : 0,
		.serial_len = 8,
		.not_before_s = w->session.now_s,
		.not_after_s = w->session.now_s + 90 * 86400,
		.issued_s = w->session.now_s,
		.slot = -1 };
	k->serial[0] = 0x41;
	memcpy(k->serial + 1, &number, sizeof(number));
	sha256_two(span_text("fingerprint"), span_of(&number, sizeof(number)), k->fingerprint);
	sha256_two(span_text("key"), span_of(&number, sizeof(number)), k->key_hash);
	sha256_two(span_text("request"), span_of(&number, sizeof(number)), k->request_hash);
	sha256(span_text(a != NULL ? a->name : "somebody"), k->issuer_hash);
	k->index = kind == CERTIFICATE_BIRTH || a == NULL ? 0 : number;
	k->der = span_text("certificate");
	return k;
}

static void
add_box_code(struct world *w, struct change *c, struct device *device)
{
	static const uint8_t salt[16] = { 1, 2, 3 };
	struct claim_code *k = arena_alloc(w->arena, sizeof(*k));

	k->created_s = TEST_TIME_S;
	memcpy(k->salt, salt, sizeof(salt));
	assert_int_equal(OK, claim_code_hash(BOX_CODE, salt, k->hash));
	change_link(c, &k->device, CHANGE_REF(device));
	change_claim_code_put(c, k);
}

static void
add_birth(struct world *w, struct change *c, struct device *device, enum birth birth)
{
	struct certificate *k;

	if (birth == NO_BIRTH) {
		return;
	}
	k = make_certificate(w, CERTIFICATE_BIRTH, birth == OWN_BIRTH ? &w->factory : NULL);
	change_certificate_add(c, k);
	change_link(c, &k->device, CHANGE_REF(device));
	change_link(c, &device->birth_certificate, CHANGE_REF(k));
}

int64_t
world_device(struct world *w, unsigned number, enum birth birth)
{
	struct change *c = change_new(w->arena);
	struct element *e = arena_alloc(w->arena, sizeof(*e));
	struct device *device = arena_alloc(w->arena, sizeof(*device));

	e->phase = PHASE_PRODUCTION;
	snprintf(e->serial, sizeof(e->serial), "0123%012x01", number);
	*device = (struct device){ .fleet = w->fleet.row,
		.phase = PHASE_PRODUCTION,
		.state = DEVICE_HELD,
		.state_before = DEVICE_HELD,
		.owner = w->maker.row,
		.created_s = TEST_TIME_S,
		.changed_s = TEST_TIME_S };
	assert_int_equal(OK, id_new(&w->clock.clock, &device->id));
	memcpy(device->serial, e->serial, sizeof(device->serial));
	change_element_add(c, e);
	change_device_add(c, device);
	change_link(c, &e->device, CHANGE_REF(device));
	change_link(c, &device->element, CHANGE_REF(e));
	add_birth(w, c, device, birth);
	add_box_code(w, c, device);
	assert_ok(store_commit(w->store, c, NULL, &w->d), w->d);
	return device->row;
}

/* As an acquired one comes: in use under an operational certificate, no birth identity. */
static void
acquire(struct world *w, int64_t row)
{
	struct change *c = change_new(w->arena);
	struct certificate *k = make_certificate(w, CERTIFICATE_OPERATIONAL, &w->issuing);
	struct device device = world_now(w, row);

	k->device = row;
	k->owner = w->anna.row;
	device.state = device.state_before = DEVICE_ACTIVE;
	device.owner = w->anna.row;
	device.key_generation = 1;
	change_certificate_add(c, k);
	change_link(c, &device.current_certificate, CHANGE_REF(k));
	change_device_set(c, &device);
	assert_ok(store_commit(w->store, c, NULL, &w->d), w->d);
}

int64_t
world_enrol(struct world *w, int64_t row)
{
	struct device device = world_now(w, row);
	struct decision decision = { .request = { .event = device.state == DEVICE_AWAITING_DEVICE
								   ? EVENT_PROVE
								   : EVENT_ROTATE },
		.issued = make_certificate(w, CERTIFICATE_OPERATIONAL, &w->issuing) };
	struct outcome o = { 0 };
	status s = decide(as_device(w, row), row, &decision, &o, &w->d);

	assert_true(s != OK || o.certificate.row == decision.issued->row);
	return s == OK ? decision.issued->row : 0;
}

status
world_confirm(struct world *w, int64_t row)
{
	struct device device = world_now(w, row);
	struct decision decision = { .request = { .event = device.state == DEVICE_AWAITING_DEVICE
								   ? EVENT_PROVE
								   : EVENT_ROTATE,
					     .is_confirmed = true } };
	struct outcome o = { 0 };

	return decide(as_device(w, row), row, &decision, &o, &w->d);
}

size_t
world_withdraw(struct world *w)
{
	size_t count = 0;

	world_add_s(w, 1);
	assert_status(OK, w, certificates_withdraw(as_server(w), 100, &count, &w->d));
	return count;
}

int64_t
world_active(struct world *w, unsigned number, enum birth birth)
{
	int64_t row = world_device(w, number, birth);
	struct outcome o = { 0 };

	if (birth == NO_BIRTH) {
		acquire(w, row);
		return row;
	}
	assert_status(OK, w, claim_device(as(w, ANNA), row, span_text(BOX_CODE), 0, &o, &w->d));
	assert_int_not_equal(0, world_enrol(w, row));
	assert_status(OK, w, world_confirm(w, row));
	return row;
}

int64_t
world_certificate_add(struct world *w, enum certificate_kind kind)
{
	struct change *c = change_new(w->arena);
	struct certificate *k = make_certificate(w, kind, &w->issuing);

	change_certificate_add(c, k);
	assert_ok(store_commit(w->store, c, NULL, &w->d), w->d);
	return k->row;
}

/* --- what the store says -------------------------------------------------------- */

struct device
world_now(struct world *w, int64_t row)
{
	struct device device;

	assert_int_equal(OK, read_device(w->reader, row, &device));
	return device;
}

struct certificate
world_certificate(struct world *w, int64_t row)
{
	struct certificate k;

	assert_int_equal(OK, read_certificate(w->reader, w->arena, row, &k));
	return k;
}

enum access
world_judge(struct world *w, int64_t row, int64_t certificate)
{
	struct device device = world_now(w, row);
	struct certificate k = world_certificate(w, certificate);
	const char *why = NULL;

	return identity_judge(&device, &k, w->session.now_s, &why);
}

int64_t
world_ledger_size(struct world *w)
{
	int64_t size;

	assert_int_equal(OK, read_ledger_size(w->reader, &size));
	return size;
}

const char *
world_entry(struct world *w)
{
	struct ledger_row *rows;
	size_t count;

	assert_int_equal(
		OK, list_ledger(w->reader, w->arena, world_ledger_size(w) - 1, 1, &rows, &count));
	assert_int_equal(1, count);
	return arena_string(w->arena, rows[0].entry);
}

bool
world_entry_has(struct world *w, const char *part)
{
	return strstr(world_entry(w), part) != NULL;
}

int
world_denied(struct world *w, int64_t certificate, unsigned *count)
{
	struct certificate k = world_certificate(w, certificate);
	struct deny_record *records;
	size_t found = CRL_SHARD_SIZE;
	int64_t from = 1;
	int last = -1;
	unsigned n = 0;

	while (found == CRL_SHARD_SIZE) {
		assert_int_equal(
			OK, list_deny(w->reader, w->arena, from, CRL_SHARD_SIZE, &records, &found));
		for (size_t i = 0; i < found; i++) {
			from = records[i].sequence + 1;
			if (memcmp(records[i].fingerprint, k.fingerprint, 32) == 0) {
				last = (int)records[i].action;
				n++;
			}
		}
	}
	if (count != NULL) {
		*count = n;
	}
	return last;
}
