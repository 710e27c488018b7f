#include "device/element/atecc608_birth.h"

#include <limits.h>
#include <stdio.h>

#include "base/file.h"
#include "base/log.h"
#include "device/element/element.h"
#include "element/compressed.h"
#include "pki/pem.h"

#define SLOT_BIRTH_KEY 0
#define SLOT_COMPRESSED 10
#define SLOT_ISSUER_KEY 11
#define SLOT_ISSUER 12
#define FILE_MAX (64 << 10)
#define ARENA_MAX (1 << 20)
#define PATH_ROOM (PATH_MAX + 32)

static const struct atecc608_place place = { .zone = ATECC608_DATA, .slot = SLOT_COMPRESSED };
/* The chip maker's numbers for a device's template, and for its issuer's. */
static const struct compressed_ids ids = { .template_id = 3, .chain_id = 0 };
static const struct compressed_ids issuer_ids = { .template_id = 1, .chain_id = 0 };

static const char *
path_of(char out[PATH_ROOM], const struct birth_place *p, const char *name)
{
	snprintf(out, PATH_ROOM, "%s/%s", p->folder, name);
	return out;
}

static status
fail(enum atecc608_status s, struct diag *d)
{
	return s == ATECC608_OK ? OK
				: diag_set(d, s == ATECC608_REFUSED ? DENIED : UNAVAILABLE, NULL,
					  "the compressed certificate in slot %d: %s",
					  SLOT_COMPRESSED, atecc608_status_text(s));
}

static status
read_part(const struct birth_place *p, uint8_t compressed[COMPRESSED_LEN], uint8_t point[64],
	struct diag *d)
{
	static const uint8_t none[COMPRESSED_LEN];
	enum atecc608_status s = atecc608_begin(p->driver);

	if (s == ATECC608_OK) {
		s = atecc608_read(p->driver, place, compressed, COMPRESSED_LEN);
		if (s == ATECC608_OK) {
			s = atecc608_public_key(p->driver, SLOT_BIRTH_KEY, point);
		}
		atecc608_end(p->driver);
	}
	if (s == ATECC608_OK && memcmp(compressed, none, sizeof(none)) == 0) {
		return diag_set(d, NOT_FOUND, NULL, "slot %d is empty", SLOT_COMPRESSED);
	}
	return fail(s, d);
}

static status
read_file(const struct birth_place *p, const char *name, struct arena *a, span *out, struct diag *d)
{
	char path[PATH_ROOM];
	struct buffer b;
	status s;

	buffer_init(&b, FILE_MAX);
	s = file_read(path_of(path, p, name), FILE_MAX, &b, d);
	*out = s == OK ? arena_copy(a, buffer_span(&b)) : span_of(NULL, 0);
	buffer_wipe(&b);
	return s;
}

/* The leaf, from the part's bytes and the template, signed by the first issuer. */
static status
rebuild(const struct birth_place *p, span template, span issuer, struct buffer *der, struct diag *d)
{
	uint8_t compressed[COMPRESSED_LEN], point[64];
	struct certificate_view leaf, by;
	struct compressed_parts parts = { .point = point, .chip_serial = p->driver->serial };
	status s = read_part(p, compressed, point, d);

	if (s == OK) {
		s = certificate_read(issuer, &by, d);
	}
	if (s != OK) {
		return s;
	}
	parts.authority_key_id = by.subject_key_id;
	s = compressed_rebuild(template, compressed, &parts, der, d);
	if (s == OK) {
		s = certificate_read(buffer_span(der), &leaf, d);
	}
	return s == OK ? certificate_signed_by(&leaf, &by, d) : s;
}

static status
read_compressed(const struct birth_place *p, struct arena *a, struct buffer *pem, struct diag *d)
{
	span template, issuers, list[CHAIN_LEN_MAX];
	size_t count = 0;
	struct buffer der;
	status s = read_file(p, "birth.template", a, &template, d);

	buffer_init(&der, CERTIFICATE_SIZE_MAX);
	if (s == OK) {
		s = read_file(p, "birth-issuers.pem", a, &issuers, d);
	}
	if (s == OK) {
		s = pem_read_all(a, issuers, "CERTIFICATE", list, CHAIN_LEN_MAX, &count, d);
	}
	if (s == OK && count == 0) {
		s = diag_set(d, BAD_INPUT, "RFC 7468 5", "birth-issuers.pem has no certificate");
	}
	if (s == OK) {
		s = rebuild(p, template, list[0], &der, d);
	}
	if (s == OK) {
		pem_write(pem, "CERTIFICATE", buffer_span(&der));
	}
	for (size_t i = 0; s == OK && i < count; i++) {
		pem_write(pem, "CERTIFICATE", list[i]);
	}
	buffer_wipe(&der);
	return s;
}

status
birth_read(const struct birth_place *p, struct buffer *pem, struct diag *d)
{
	struct arena *a = arena_new(ARENA_MAX);
	struct diag why = { 0 };
	status s = a != NULL ? read_compressed(p, a, pem, &why) : NO_MEMORY;

	arena_free(a);
	if (s == OK) {
		return buffer_failed(pem) ? diag_set(d, NO_MEMORY, NULL, "no memory for a chain")
					  : OK;
	}
	if (s != UNAVAILABLE && s != NO_MEMORY && s != IO) {
		status whole = element_birth_file(p->folder, pem, NULL);

		if (whole == OK && s != NOT_FOUND) {
			log_diag(LOG_WARNING, "compressed_birth_certificate_unusable", &why);
		}
		if (whole == OK) {
			return OK;
		}
	}
	return diag_set(d, s, why.clause[0] != '\0' ? why.clause : NULL, "%s",
		why.text[0] != '\0' ? why.text : status_name(s));
}

/* --- writing --- */

static status
write_files(
	const struct birth_place *p, span template, const span *list, size_t count, struct diag *d)
{
	char path[PATH_ROOM];
	struct buffer issuers;
	status s;

	buffer_init(&issuers, FILE_MAX);
	for (size_t i = 1; i < count; i++) {
		pem_write(&issuers, "CERTIFICATE", list[i]);
	}
	s = buffer_failed(&issuers) ? diag_set(d, LIMIT, NULL, "its issuers are too long") : OK;
	if (s == OK) {
		s = file_replace(
			path_of(path, p, "birth-issuers.pem"), buffer_span(&issuers), 0644, d);
	}
	if (s == OK) {
		s = file_replace(path_of(path, p, "birth.template"), template, 0644, d);
	}
	buffer_wipe(&issuers);
	return s;
}

/* What goes into slots 10 to 12. */
struct slots {
	uint8_t leaf[COMPRESSED_LEN], issuer_key[72], issuer[COMPRESSED_LEN];
	bool has_issuer; /* its certificate has a shape that 72 bytes can carry */
};

/* A public key's slot: X and Y, each behind four zero bytes. */
static status
carry_issuer(span issuer, struct slots *out, struct diag *d)
{
	struct diag ignored = { 0 };
	struct certificate_view v;
	struct buffer template;
	status s = certificate_read(issuer, &v, d);

	if (s == OK && v.key.kind != KEY_P256) {
		s = diag_set(d, BAD_INPUT, NULL, "the issuer's key is not on P-256");
	}
	if (s != OK) {
		return s;
	}
	memset(out->issuer_key, 0, sizeof(out->issuer_key));
	memcpy(out->issuer_key + 4, v.key.point, 32);
	memcpy(out->issuer_key + 40, v.key.point + 32, 32);
	buffer_init(&template, COMPRESSED_TEMPLATE_MAX);
	out->has_issuer = compressed_template_of(issuer, &template, &ignored) == OK &&
			  compressed_write(issuer, buffer_span(&template), issuer_ids, out->issuer,
				  &ignored) == OK;
	buffer_wipe(&template);
	return OK;
}

static enum atecc608_status
write_slot(struct atecc608 *a, unsigned slot, const uint8_t bytes[72])
{
	const struct atecc608_place at = { .zone = ATECC608_DATA, .slot = slot };

	return atecc608_write(a, at, bytes, 72);
}

/* The leaf last: where it is, the others are. */
static status
write_part(const struct birth_place *p, const struct slots *t, struct diag *d)
{
	enum atecc608_status s = atecc608_begin(p->driver);

	if (s == ATECC608_OK) {
		s = write_slot(p->driver, SLOT_ISSUER_KEY, t->issuer_key);
		if (s == ATECC608_OK && t->has_issuer) {
			s = write_slot(p->driver, SLOT_ISSUER, t->issuer);
		}
		if (s == ATECC608_OK) {
			s = write_slot(p->driver, SLOT_COMPRESSED, t->leaf);
		}
		atecc608_end(p->driver);
	}
	return fail(s, d);
}

status
birth_write(const struct birth_place *p, span pem, struct diag *d)
{
	struct arena *a = arena_new(ARENA_MAX);
	struct slots slots;
	span list[CHAIN_LEN_MAX];
	size_t count = 0;
	struct buffer template;
	status s = a != NULL ? pem_read_all(a, pem, "CERTIFICATE", list, CHAIN_LEN_MAX, &count, d)
			     : diag_set(d, NO_MEMORY, NULL, "no memory for a chain");

	buffer_init(&template, COMPRESSED_TEMPLATE_MAX);
	if (s == NOT_FOUND) {
		diag_clear(d);
		s = OK; /* none at all */
	}
	if (s == OK && count < 2) {
		s = diag_set(d, BAD_INPUT, NULL, "a birth certificate comes with its issuer");
	}
	if (s == OK) {
		s = compressed_template_of(list[0], &template, d);
	}
	if (s == OK) {
		s = compressed_write(list[0], buffer_span(&template), ids, slots.leaf, d);
	}
	if (s == OK) {
		s = carry_issuer(list[1], &slots, d);
	}
	if (s == OK) {
		s = write_files(p, buffer_span(&template), list, count, d);
	}
	if (s == OK) {
		s = write_part(p, &slots, d);
	}
	buffer_wipe(&template);
	arena_free(a);
	return s;
}
