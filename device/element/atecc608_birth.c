#include "device/element/atecc608_birth.h"

#include <limits.h>
#include <stdio.h>

#include "base/file.h"
#include "element/compressed.h"
#include "pki/pem.h"

#define SLOT_LEAF 10
#define SLOT_ISSUER_KEY 11
#define SLOT_ISSUER 12
#define ISSUER_FILE_MAX (32 << 10)
/* The chip maker's numbers of the shapes. */
static const struct compressed_ids leaf_ids = { .template_id = 3 },
				   issuer_ids = { .template_id = 1 };

/* What is in the slots, or goes there. */
struct carried {
	uint8_t leaf[COMPRESSED_LEN], issuer_key[72], issuer[COMPRESSED_LEN];
	bool has_issuer;
};

static const char *
path_in(char out[PATH_MAX + 24], const char *folder, const char *name)
{
	snprintf(out, PATH_MAX + 24, "%s/%s", folder, name);
	return out;
}

/* --- into the part --- */

static enum atecc608_status
put(struct atecc608 *a, unsigned slot, const uint8_t bytes[72])
{
	const struct atecc608_place at = { .zone = ATECC608_DATA, .slot = slot };

	return atecc608_write(a, at, bytes, 72);
}

static enum atecc608_status
put_all(struct atecc608 *a, const struct carried *c)
{
	enum atecc608_status s = put(a, SLOT_LEAF, c->leaf);

	if (s == ATECC608_OK) {
		s = put(a, SLOT_ISSUER_KEY, c->issuer_key);
	}
	return s == ATECC608_OK && c->has_issuer ? put(a, SLOT_ISSUER, c->issuer) : s;
}

/* X and Y, each behind four zero bytes. */
static status
carry_key(span certificate, uint8_t out[72], struct diag *d)
{
	struct certificate_view v;
	status s = certificate_read(certificate, &v, d);

	if (s == OK && v.key.kind != KEY_P256) {
		s = diag_set(d, BAD_INPUT, NULL, "the issuer's key is not on P-256");
	}
	if (s == OK) {
		memset(out, 0, 72);
		memcpy(out + 4, v.key.point, 32);
		memcpy(out + 40, v.key.point + 32, 32);
	}
	return s;
}

/* Whether the leaf can go into slots; the issuer's certificate may stay outside. */
static status
carry(span leaf, span template, span issuer, struct carried *out, struct diag *d)
{
	struct diag ignored = { 0 };
	struct buffer own;
	status s = compressed_write(leaf, template, leaf_ids, out->leaf, d);

	if (s == OK) {
		s = carry_key(issuer, out->issuer_key, d);
	}
	buffer_init(&own, COMPRESSED_TEMPLATE_MAX);
	out->has_issuer = compressed_template_of(issuer, &own, &ignored) == OK &&
			  compressed_write(issuer, buffer_span(&own), issuer_ids, out->issuer,
				  &ignored) == OK;
	buffer_wipe(&own);
	return s;
}

/* The leaf's template last, as it says that the rest is there. */
static status
put_beside(const char *folder, span issuer, span template, struct diag *d)
{
	char path[PATH_MAX + 24];
	struct buffer pem;
	status s;

	buffer_init(&pem, ISSUER_FILE_MAX);
	pem_write(&pem, "CERTIFICATE", issuer);
	s = buffer_failed(&pem)
		    ? diag_set(d, LIMIT, NULL, "the issuer is too long")
		    : file_replace(path_in(path, folder, "issuer.pem"), buffer_span(&pem), 0644, d);
	buffer_wipe(&pem);
	return s == OK ? file_replace(path_in(path, folder, "birth.template"), template, 0644, d)
		       : s;
}

/* *is_there: false where the part does not let itself be written to. Its certificates are the chip maker's for good. */
static status
burn(struct element *e, const struct carried *c, bool *is_there, struct diag *d)
{
	struct atecc608 *a = element_atecc608_driver(e);
	enum atecc608_status chip = atecc608_begin(a);

	if (chip == ATECC608_OK) {
		chip = put_all(a, c);
		atecc608_end(a);
	}
	*is_there = chip == ATECC608_OK;
	return chip == ATECC608_REFUSED ? OK : element_atecc608_fail(e, chip, "certificates", d);
}

status
element_atecc608_give_birth(
	struct element *e, const char *folder, span leaf, span issuer, struct diag *d)
{
	struct carried c = { .has_issuer = false };
	struct diag ignored = { 0 };
	struct buffer template;
	bool is_there = false;
	status s = OK;

	if (element_atecc608_driver(e) == NULL) {
		return diag_set(d, BAD_INPUT, NULL, "the element is no ATECC608");
	}
	buffer_init(&template, COMPRESSED_TEMPLATE_MAX);
	if (compressed_template_of(leaf, &template, &ignored) == OK &&
		carry(leaf, buffer_span(&template), issuer, &c, &ignored) == OK) {
		s = burn(e, &c, &is_there, d);
	}
	if (s == OK && is_there) {
		s = put_beside(folder, issuer, buffer_span(&template), d);
	}
	buffer_wipe(&template);
	return s;
}

/* --- out of it --- */

static enum atecc608_status
get(struct atecc608 *a, unsigned slot, uint8_t bytes[72])
{
	const struct atecc608_place at = { .zone = ATECC608_DATA, .slot = slot };

	return atecc608_read(a, at, bytes, 72);
}

static enum atecc608_status
get_all(struct atecc608 *a, struct carried *out, uint8_t point[64])
{
	enum atecc608_status s = get(a, SLOT_LEAF, out->leaf);

	if (s == ATECC608_OK) {
		s = get(a, SLOT_ISSUER_KEY, out->issuer_key);
	}
	return s == ATECC608_OK ? atecc608_public_key(a, 0, point) : s;
}

static status
put_pem(struct buffer *pem, span der, struct diag *d)
{
	pem_write(pem, "CERTIFICATE", der);
	return buffer_failed(pem) ? diag_set(d, NO_MEMORY, NULL, "no memory for a certificate")
				  : OK;
}

/* Signed by the key in slot 11, or the slots and the template are not of one another. */
static status
check(span leaf, const uint8_t issuer_point[64], struct diag *d)
{
	struct certificate_view v;
	struct public_key issuer;
	status s = certificate_read(leaf, &v, d);

	if (s == OK) {
		s = public_key_of_point(issuer_point, &issuer, d);
	}
	if (s == OK) {
		s = signature_verify(&issuer, v.signature_kind, v.tbs, v.signature, d);
	}
	if (s != OK) {
		diag_prefix(d, "the birth certificate in slots 10 to 12: ");
	}
	return s;
}

static status
rebuild_leaf(struct element *e, const struct carried *c, const uint8_t point[64], span template,
	struct buffer *pem, struct diag *d)
{
	uint8_t issuer_point[64];
	const struct compressed_parts parts = { .point = point,
		.issuer_point = issuer_point,
		.chip_serial = element_atecc608_driver(e)->serial };
	struct buffer der;
	status s;

	memcpy(issuer_point, c->issuer_key + 4, 32);
	memcpy(issuer_point + 32, c->issuer_key + 40, 32);
	buffer_init(&der, CERTIFICATE_SIZE_MAX);
	s = compressed_rebuild(template, c->leaf, &parts, &der, d);
	if (s == OK) {
		s = check(buffer_span(&der), issuer_point, d);
	}
	if (s == OK) {
		s = put_pem(pem, buffer_span(&der), d);
	}
	buffer_wipe(&der);
	return s;
}

status
element_atecc608_birth(struct element *e, const char *folder, struct buffer *pem, struct diag *d)
{
	struct atecc608 *a = element_atecc608_driver(e);
	struct carried c = { .has_issuer = false };
	char path[PATH_MAX + 24];
	enum atecc608_status chip;
	struct buffer template;
	uint8_t point[64];
	status s;

	buffer_init(&template, COMPRESSED_TEMPLATE_MAX);
	s = file_read(
		path_in(path, folder, "birth.template"), COMPRESSED_TEMPLATE_MAX, &template, d);
	if (s == OK) {
		chip = atecc608_begin(a);
		if (chip == ATECC608_OK) {
			chip = get_all(a, &c, point);
			atecc608_end(a);
		}
		s = element_atecc608_fail(e, chip, "certificates", d);
	}
	if (s == OK) {
		s = rebuild_leaf(e, &c, point, buffer_span(&template), pem, d);
	}
	if (s == OK) {
		s = file_read(path_in(path, folder, "issuer.pem"), ISSUER_FILE_MAX, pem, d);
	}
	buffer_wipe(&template);
	return s;
}
