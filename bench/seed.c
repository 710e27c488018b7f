/*
 * Devices straight into the store, as thousands through the factory and the desk would take long; a million more are fill.c's.
 * Rows are those that an import and a claim leave: owner, element, birth certificate, device AWAITING_DEVICE; their
 * ledger entries are left out.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "base/text.h"
#include "crowd.h"
#include "pki/certificate.h"
#include "pki/profile.h"
#include "pki/tbs_certificate.h"
#include "store/store.h"

#define AT_ONCE 500 /* devices a change */
#define TBS_ROOM 2048
#define DER_ROOM 2560

struct seeding {
	struct crowd *crowd;
	struct store *store;
	struct fleet fleet;
	struct owner owner;
	struct private_key
		issuer_key; /* of the chip maker: nobody's here, as births are found by their fingerprint */
	struct buffer issuer_name;
	uint8_t issuer_key_id[20];
	int64_t now_s;
	size_t made;
	span template; /* DER of a birth certificate, for those that only fill */
};

static void
must(bool is_sound, const char *what)
{
	if (!is_sound) {
		bench_fail("seeding: %s", what);
	}
}

static void
open_store(struct seeding *s)
{
	const struct store_options o = { .location = s->crowd->stage->database,
		.cache_bytes = 256 << 20 };
	struct reader *r;
	struct diag d = { 0 };

	bench_must(store_open(&o, &s->store, &d), &d);
	bench_must(reader_open(s->store, &r, &d), &d);
	must(read_fleet_by_name(r, STAGE_FLEET, &s->fleet) == OK, "there is no fleet");
	reader_close(r);
}

static void
add_owner(struct seeding *s)
{
	struct arena *a = arena_new(1 << 16);
	struct change *c = change_new(a);
	struct diag d = { 0 };

	s->owner = (struct owner){ .name = "buyer",
		.title = "buyer",
		.kind = OWNER_CUSTOMER,
		.salt = { 1 },
		.created_s = s->now_s };
	bench_must(id_new(&clock_system, &s->owner.id), &d);
	change_owner_add(c, &s->owner);
	bench_must(store_commit(s->store, c, NULL, &d), &d);
	arena_free(a);
}

static void
make_issuer(struct seeding *s)
{
	const struct simple_name name = { .common_name = "chip maker" };
	uint8_t room[256];
	struct der_writer w;
	struct diag d = { 0 };
	span der;

	bench_must(private_key_generate(KEY_P256, &s->issuer_key, &d), &d);
	der_writer_init(&w, room, sizeof(room));
	simple_name_write(&w, &name);
	bench_must(der_writer_finish(&w, &der, &d), &d);
	buffer_init(&s->issuer_name, sizeof(room));
	buffer_put(&s->issuer_name, der);
}

/* A birth certificate for this key. */
static span
make_birth(struct seeding *s, const char *serial, const struct private_key *key, struct buffer *out)
{
	struct certificate_draft c = { .profile = profile_builtin("birth"),
		.signature = SIGNATURE_ECDSA_SHA256,
		.issuer = buffer_span(&s->issuer_name),
		.not_before_s = s->now_s - 86400,
		.not_after_s = s->now_s + 20 * INT64_C(31557600),
		.issuer_key_id = SPAN_ARRAY(s->issuer_key_id) };
	uint8_t spki[600], number[32], room[TBS_ROOM], signature[SIGNATURE_MAX_LEN];
	struct public_key public;
	size_t len;
	struct diag d = { 0 };
	span tbs;

	snprintf(c.subject.common_name, sizeof(c.subject.common_name), "sn%s", serial);
	sha256(span_text(serial), number);
	number[0] = 0x40;
	c.serial = span_of(number, 16);
	bench_must(private_key_public(key, spki, sizeof(spki), &public, &d), &d);
	c.spki = public.spki;
	bench_must(tbs_certificate_write(&c, room, sizeof(room), &tbs, &d), &d);
	bench_must(private_key_sign(&s->issuer_key, tbs, signature, &len, &d), &d);
	buffer_clear(out);
	bench_must(signed_object_write(tbs, c.signature, span_of(signature, len), out, &d), &d);
	return buffer_span(out);
}

static void
fill_certificate(struct seeding *s, const char *serial, span der, struct certificate *k)
{
	struct certificate_view view;
	struct diag d = { 0 };

	bench_must(certificate_read(der, &view, &d), &d);
	*k = (struct certificate){ .kind = CERTIFICATE_BIRTH,
		.status = CERTIFICATE_CURRENT,
		.serial_len = view.serial.len,
		.not_before_s = view.not_before_s,
		.not_after_s = view.not_after_s,
		.issued_s = s->now_s,
		.slot = 0,
		.der = der };
	memcpy(k->serial, view.serial.data, view.serial.len);
	certificate_fingerprint(der, k->fingerprint);
	public_key_hash(&view.key, k->key_hash);
	sha256(view.issuer.der, k->issuer_hash);
	if (s->template.len > 0) {
		/* One that only fills: all that is indexed is its own. */
		sha256_two(span_text(serial), span_text("f"), k->fingerprint);
		sha256_two(span_text(serial), span_text("k"), k->key_hash);
		memcpy(k->serial, k->fingerprint, k->serial_len);
		k->serial[0] = 0x40;
	}
}

struct seeded {
	struct element element;
	struct device device;
	struct certificate birth;
};

static void
add_device(struct seeding *s, struct arena *a, struct change *c, const char *serial, span der)
{
	struct seeded *x = arena_alloc(a, sizeof(*x));
	struct diag d = { 0 };

	must(x != NULL, "no memory");
	*x = (struct seeded){ .element = { .model = "ATECC608B",
				      .part_number = "ATECC608B-TFLXTLS",
				      .phase = s->fleet.phase },
		.device = { .fleet = s->fleet.row,
			.phase = s->fleet.phase,
			.state = DEVICE_AWAITING_DEVICE,
			.state_before = DEVICE_AWAITING_DEVICE,
			.owner = s->owner.row,
			.created_s = s->now_s,
			.changed_s = s->now_s } };
	snprintf(x->element.serial, sizeof(x->element.serial), "%s", serial);
	snprintf(x->device.serial, sizeof(x->device.serial), "%s", serial);
	bench_must(id_new(&clock_system, &x->device.id), &d);
	fill_certificate(s, serial, der, &x->birth);
	change_element_add(c, &x->element);
	change_device_add(c, &x->device);
	change_certificate_add(c, &x->birth);
	change_link(c, &x->device.element, CHANGE_REF(&x->element));
	change_link(c, &x->device.birth_certificate, CHANGE_REF(&x->birth));
	change_link(c, &x->element.device, CHANGE_REF(&x->device));
	change_link(c, &x->birth.device, CHANGE_REF(&x->device));
}

/* Serials spread as a chip maker's are. */
static void
next_serial(struct seeding *s, char out[24])
{
	uint8_t hash[32];
	char hex[65];

	snprintf(out, 24, "%zu", s->made++);
	sha256(span_text(out), hash);
	snprintf(out, 24, "0123%.14s", hex_encode(hex, SPAN_ARRAY(hash)));
}

static void
add_others(struct seeding *s, size_t count)
{
	struct private_key key = { 0 };
	struct buffer der;
	struct diag d = { 0 };

	buffer_init(&der, DER_ROOM);
	bench_must(private_key_generate(KEY_P256, &key, &d), &d);
	s->template = make_birth(s, "template", &key, &der);
	while (count > 0) {
		struct arena *a = arena_new(16 << 20);
		struct change *c = change_new(a);
		size_t now = count < AT_ONCE ? count : AT_ONCE;

		for (size_t i = 0; i < now; i++) {
			char serial[24];

			next_serial(s, serial);
			add_device(s, a, c, serial, s->template);
		}
		bench_must(store_commit(s->store, c, NULL, &d), &d);
		arena_free(a);
		count -= now;
	}
	s->template = span_of(NULL, 0);
	private_key_wipe(&key);
	buffer_wipe(&der);
}

static void
add_unit(struct seeding *s, struct crowd_unit *u, struct arena *a, struct change *c)
{
	struct private_key key = { 0 };
	struct buffer der;
	struct diag d = { 0 };
	const uint8_t *at;
	span kept;

	buffer_init(&der, DER_ROOM);
	next_serial(s, u->serial);
	bench_must(private_key_generate(KEY_P256, &key, &d), &d);
	kept = arena_copy(a, make_birth(s, u->serial, &key, &der));
	must(kept.data != NULL, "no memory");
	add_device(s, a, c, u->serial, kept);
	at = kept.data;
	u->certificate = d2i_X509(NULL, &at, (long)kept.len);
	u->key = key.key;
	crowd_write_request(s->crowd, u);
	buffer_wipe(&der);
}

static void
add_units(struct seeding *s)
{
	struct crowd *crowd = s->crowd;
	struct diag d = { 0 };

	for (size_t i = 0; i < crowd->count;) {
		struct arena *a = arena_new(16 << 20);
		struct change *c = change_new(a);

		for (size_t n = 0; n < AT_ONCE && i < crowd->count; n++, i++) {
			add_unit(s, &crowd->units[i], a, c);
		}
		bench_must(store_commit(s->store, c, NULL, &d), &d);
		arena_free(a);
	}
}

void
crowd_seed(struct crowd *c, const struct stage *stage, size_t count, size_t others)
{
	struct seeding s = {
		.crowd = c, .now_s = clock_now_s(&clock_system), .issuer_key_id = { 7 }
	};

	crowd_begin(c, stage, count);
	open_store(&s);
	add_owner(&s);
	make_issuer(&s);
	add_others(&s, others);
	add_units(&s);
	store_close(s.store);
	private_key_wipe(&s.issuer_key);
	buffer_wipe(&s.issuer_name);
}
