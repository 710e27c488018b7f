#include "enrolling.h"

#include <stdio.h>

struct home h;
struct authority root, ca;
struct home_fleet fleet;

int
enrolling_set_up(void **state)
{
	(void)state;
	home_open(&h);
	root = home_authority(&h, "root", AUTHORITY_ROOT, NULL);
	ca = home_authority(&h, "ca", AUTHORITY_ISSUING, "root");
	home_fleet_add(&h, &fleet, &ca, false);
	return 0;
}

int
enrolling_tear_down(void **state)
{
	(void)state;
	home_close(&h);
	return 0;
}

struct unit
unit_new(unsigned number, enum device_state in)
{
	struct unit u = { .device = home_device_add(&h, &fleet, number, in) };
	struct certificate *k = arena_alloc(h.arena, sizeof(*k));
	struct change *c = change_new(h.arena);
	struct diag d = { 0 };

	memset(u.birth, 0xb0, sizeof(u.birth));
	snprintf((char *)u.birth, sizeof(u.birth), "%u", number);
	*k = (struct certificate){ .kind = CERTIFICATE_BIRTH,
		.status = CERTIFICATE_CURRENT,
		.device = u.device.row,
		.serial = { 0x40, (uint8_t)(number >> 8), (uint8_t)number },
		.serial_len = 3,
		.issuer_hash = { 1 },
		.not_before_s = TEST_TIME_S - 86400,
		.not_after_s = TEST_TIME_S + 86400,
		.issued_s = TEST_TIME_S - 86400,
		.der = span_text("birth") };
	memcpy(k->fingerprint, u.birth, 32);
	memcpy(k->key_hash, u.birth, 32);
	change_certificate_add(c, k);
	change_link(c, &u.device.birth_certificate, CHANGE_REF(k));
	change_device_set(c, &u.device);
	assert_ok(store_commit(h.store, c, NULL, &d), d);
	assert_int_equal(OK, read_device(h.reader, u.device.row, &u.device));
	return u;
}

span
csr_by(struct private_key *key, const struct simple_name *subject, enum oid_known attribute,
	span value)
{
	struct csr_signer signer = { .sign = csr_sign_by_key, .context = key };
	uint8_t spki[600];
	struct public_key public;
	struct diag d = { 0 };
	struct buffer out;
	span kept;

	buffer_init(&out, CSR_SIZE_MAX);
	assert_ok(private_key_public(key, spki, sizeof(spki), &public, &d), d);
	assert_ok(csr_write(subject, &public, attribute, value, &signer, &out, &d), d);
	kept = arena_copy(h.arena, buffer_span(&out));
	buffer_wipe(&out);
	return kept;
}

span
csr_new(enum key_kind kind, const char *common_name)
{
	struct simple_name subject = { 0 };
	struct private_key key;
	struct diag d = { 0 };
	span out;

	snprintf(subject.common_name, sizeof(subject.common_name), "%s", common_name);
	assert_ok(private_key_generate(kind, &key, &d), d);
	out = csr_by(&key, &subject, OID_UNKNOWN, span_of(NULL, 0));
	private_key_wipe(&key);
	return out;
}

enum access
admit(const uint8_t fingerprint[32], struct admission *out)
{
	struct diag d = { 0 };

	h.session.actor = (struct actor){ .kind = ACTOR_DEVICE };
	assert_ok(admit_device(&h.session, fingerprint, out, &d), d);
	return out->access;
}

status
enrol(const uint8_t fingerprint[32], span csr, bool is_renewal, struct outcome *o, struct diag *d)
{
	struct admission who;
	struct enrolment e = { .who = &who, .csr = csr, .is_renewal = is_renewal };

	diag_clear(d);
	(void)admit(fingerprint, &who);
	return enrol_device(&h.session, &e, o, d);
}

struct outcome
enrolled(const uint8_t fingerprint[32], span csr, bool is_renewal)
{
	struct outcome o;
	struct diag d = { 0 };

	assert_ok(enrol(fingerprint, csr, is_renewal, &o, &d), d);
	return o;
}

struct device
device_now(int64_t row)
{
	struct device d;

	assert_int_equal(OK, read_device(h.reader, row, &d));
	return d;
}

struct certificate
certificate_now(int64_t row)
{
	struct certificate k;

	assert_int_equal(OK, read_certificate(h.reader, h.arena, row, &k));
	return k;
}

/* A device in use: enrolled, confirmed. */
struct outcome
in_use(const struct unit *u)
{
	struct outcome o = enrolled(u->birth, csr_new(KEY_P256, ""), false);
	struct admission a;

	assert_int_equal(ACCESS_FULL, admit(o.certificate.fingerprint, &a));
	o.certificate = certificate_now(o.certificate.row);
	o.device = a.device;
	return o;
}

bool
holds(span text, const char *what)
{
	return memmem(text.data, text.len, what, strlen(what)) != NULL;
}

size_t
deny_count(const struct certificate *k)
{
	struct deny_record *list;
	size_t count, n = 0;

	assert_int_equal(OK, list_deny(h.reader, h.arena, 1, 1000, &list, &count));
	for (size_t i = 0; i < count; i++) {
		n += memcmp(list[i].fingerprint, k->fingerprint, 32) == 0;
	}
	return n;
}
