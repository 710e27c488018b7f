#include "lifecycle/issued.h"

#include "pki/certificate.h"
#include "pki/pem.h"

static bool
is_name_letter(char c, bool is_first)
{
	bool is_plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');

	return is_plain || (!is_first && (c == '-' || c == '.' || c == '_'));
}

status
name_check(const char *name, const char *what, struct diag *d)
{
	size_t len = strlen(name);

	for (size_t k = 0; k < len; k++) {
		if (!is_name_letter(name[k], k == 0)) {
			return diag_set(d, BAD_INPUT, NULL,
				"%s: a name is a-z 0-9 and, not first, - . _", what);
		}
	}
	if (len == 0 || len > NAME_MAX_LEN) {
		return diag_set(
			d, BAD_INPUT, NULL, "%s: a name has 1 to %d letters", what, NAME_MAX_LEN);
	}
	return OK;
}

status
certificate_unwrap(struct arena *a, span given, span *der, struct diag *d)
{
	status st;

	if (given.len > 0 && given.data[0] == DER_SEQUENCE) {
		*der = given;
		return OK;
	}
	st = pem_read(a, given, "CERTIFICATE", der, NULL);
	if (st == NO_MEMORY) {
		return diag_set(d, st, NULL, "no memory for a certificate");
	}
	return st == OK ? OK
			: diag_set(d, BAD_INPUT, "RFC 7468 5.1",
				  "neither a DER nor a PEM certificate was given");
}

status
certificate_measure(span der, struct certificate *out, struct diag *d)
{
	struct certificate_view view;
	status s = certificate_read(der, &view, d);

	if (s != OK) {
		return s;
	}
	if (view.serial.len == 0 || view.serial.len > sizeof(out->serial)) {
		return diag_set(d, BAD_INPUT, "RFC 5280 4.1.2.2", "a serial number of %zu bytes",
			view.serial.len);
	}
	memcpy(out->serial, view.serial.data, view.serial.len);
	out->serial_len = view.serial.len;
	certificate_fingerprint(der, out->fingerprint);
	public_key_hash(&view.key, out->key_hash);
	sha256(view.issuer.der, out->issuer_hash);
	out->not_before_s = view.not_before_s;
	out->not_after_s = view.not_after_s;
	out->der = der;
	return OK;
}

/* The bits of subjectPublicKey (RFC 6960 4.1.1: without tag, length and number of unused bits). */
static status
key_bits(span spki, span *out, struct diag *d)
{
	struct der_cursor c = der_cursor_of(spki, "RFC 5280 4.1.2.7", d), inside;
	span algorithm;
	status s = der_enter(&c, DER_SEQUENCE, "SubjectPublicKeyInfo", &inside);

	if (s == OK) {
		s = der_read_whole(&inside, DER_SEQUENCE, "algorithm", &algorithm);
	}
	return s == OK ? der_read_bit_octets(&inside, "subjectPublicKey", out) : s;
}

status
authority_measure(span der, struct authority *out, struct diag *d)
{
	struct certificate_view view;
	span bits;
	status s = certificate_read(der, &view, d);

	if (s == OK) {
		s = key_bits(view.key.spki, &bits, d);
	}
	if (s != OK) {
		return s;
	}
	certificate_fingerprint(der, out->fingerprint);
	public_key_id(&view.key, out->key_id);
	if (view.subject_key_id.len == sizeof(out->key_id)) {
		memcpy(out->key_id, view.subject_key_id.data, sizeof(out->key_id));
	}
	sha256(view.subject.der, out->name_hash);
	sha1(view.subject.der, out->name_hash_sha1);
	sha256(bits, out->key_hash_sha256);
	sha1(bits, out->key_hash_sha1);
	out->not_before_s = view.not_before_s;
	out->not_after_s = view.not_after_s;
	out->der = der;
	return OK;
}

/* --- keys --- */

static const struct held_key *
held_find(const struct held_key *keys, size_t count, const char *name)
{
	for (size_t k = 0; k < count; k++) {
		if (strcmp(keys[k].name, name) == 0) {
			return &keys[k];
		}
	}
	return NULL;
}

/* The held one is what this request would have made. */
static bool
is_same_key(
	const struct create_request *r, const struct held_key *held, const struct held_key *parent)
{
	struct certificate_view own, issuer;

	if (held->role != r->role || held->phase != r->phase ||
		(parent == NULL) != (r->parent[0] == '\0')) {
		return false;
	}
	if (r->role == KEY_ROLE_LEDGER) {
		return true;
	}
	return certificate_read(held->certificate, &own, NULL) == OK &&
	       certificate_read(parent != NULL ? parent->certificate : held->certificate, &issuer,
		       NULL) == OK &&
	       certificate_signed_by(&own, &issuer, NULL) == OK;
}

static status
take_up(struct session *s, const struct create_request *r, span *certificate, struct diag *d)
{
	const struct held_key *held, *parent;
	struct held_key *keys;
	size_t count;
	status st = signer_keys(s->life->signer, s->arena, &keys, &count, d);

	if (st != OK) {
		return st;
	}
	held = held_find(keys, count, r->name);
	parent = r->parent[0] != '\0' ? held_find(keys, count, r->parent) : NULL;
	if (held == NULL || !is_same_key(r, held, parent)) {
		return diag_set(d, EXISTS, NULL,
			"the signer holds another key \"%s\": choose another name", r->name);
	}
	*certificate = held->certificate;
	return OK;
}

status
key_make(struct session *s, const struct create_request *r, span *certificate, struct diag *d)
{
	struct diag fault = { 0 };
	status st = signer_create(s->life->signer, s->arena, r, certificate, &fault);

	if (st == EXISTS) {
		return take_up(s, r, certificate, d);
	}
	if (st != OK) {
		(void)diag_copy(d, &fault);
	}
	return st;
}
