#include "device/element/element.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include <openssl/err.h>

#include "base/file.h"
#include "base/text.h"
#include "pki/key.h"

#define KEY_FILE_MAX 4096

struct element_file {
	struct element element; /* first: it is what the caller holds */
	char folder[PATH_MAX];
	char serial[ELEMENT_SERIAL_MAX + 1];
};

static struct element_file *
self(struct element *e)
{
	return (struct element_file *)e;
}

static status
slot_path(struct element *e, unsigned slot, char out[PATH_MAX + 16], struct diag *d)
{
	snprintf(out, PATH_MAX + 16, "%s/slot%u.key", self(e)->folder, slot);
	return element_slot_check(slot, d);
}

static status
read_slot(struct element *e, unsigned slot, struct buffer *pem, struct diag *d)
{
	char path[PATH_MAX + 16];
	status s = slot_path(e, slot, path, d);

	buffer_init(pem, KEY_FILE_MAX);
	return s == OK ? file_read(path, KEY_FILE_MAX, pem, d) : s;
}

static status
load(struct element *e, unsigned slot, struct private_key *out, struct diag *d)
{
	struct buffer pem;
	status s = read_slot(e, slot, &pem, d);

	*out = (struct private_key){ 0 };
	if (s == OK) {
		s = private_key_read_plain(buffer_span(&pem), out, d);
	}
	if (s == OK && out->kind != KEY_P256) {
		s = diag_set(d, BAD_INPUT, NULL, "an element's keys are on P-256");
	}
	if (s != OK) {
		diag_prefix(d, "slot %u: ", slot);
		private_key_wipe(out);
	}
	buffer_wipe(&pem);
	return s;
}

static status
point_of(const struct private_key *k, uint8_t out[64], struct diag *d)
{
	uint8_t spki[600];
	struct public_key public;
	status s = private_key_public(k, spki, sizeof(spki), &public, d);

	if (s == OK) {
		memcpy(out, public.point, POINT_P256_LEN);
	}
	return s;
}

static status
file_serial(struct element *e, char out[ELEMENT_SERIAL_MAX + 1], struct diag *d)
{
	(void)d;
	memcpy(out, self(e)->serial, sizeof(self(e)->serial));
	return OK;
}

static status
file_point(struct element *e, unsigned slot, uint8_t out[64], struct diag *d)
{
	struct private_key k;
	status s = load(e, slot, &k, d);

	if (s == OK) {
		s = point_of(&k, out, d);
	}
	private_key_wipe(&k);
	return s;
}

static status
file_generate(struct element *e, unsigned slot, uint8_t out[64], struct diag *d)
{
	char path[PATH_MAX + 16];
	struct private_key k = { 0 };
	struct buffer pem;
	status s = slot_path(e, slot, path, d);

	buffer_init(&pem, KEY_FILE_MAX);
	if (s == OK && slot == 0) {
		s = diag_set(d, DENIED, NULL, "the birth key is made once, by the factory");
	}
	if (s == OK) {
		s = private_key_generate(KEY_P256, &k, d);
	}
	if (s == OK) {
		s = private_key_write_plain(&k, &pem, d);
	}
	if (s == OK) {
		s = file_replace(path, buffer_span(&pem), 0600, d);
	}
	if (s == OK) {
		s = point_of(&k, out, d);
	}
	private_key_wipe(&k);
	buffer_wipe(&pem);
	return s;
}

static status
file_sign(
	struct element *e, unsigned slot, const uint8_t digest[32], uint8_t out[64], struct diag *d)
{
	uint8_t der[SIGNATURE_MAX_LEN];
	size_t len = sizeof(der);
	struct private_key k;
	EVP_PKEY_CTX *c = NULL;
	status s = load(e, slot, &k, d);

	if (s == OK) {
		c = EVP_PKEY_CTX_new_from_pkey(NULL, k.key, NULL);
		if (c == NULL || EVP_PKEY_sign_init(c) != 1 ||
			EVP_PKEY_sign(c, der, &len, digest, 32) != 1 ||
			signature_der_to_raw(span_of(der, len), out) != OK) {
			s = diag_set(d, CRYPTO, NULL, "slot %u does not sign", slot);
		}
		ERR_clear_error();
	}
	EVP_PKEY_CTX_free(c);
	private_key_wipe(&k);
	return s;
}

static status
file_birth(struct element *e, struct buffer *pem, struct diag *d)
{
	return element_birth_file(self(e)->folder, pem, d);
}

static status
file_reveal(struct element *e, unsigned slot, struct buffer *pem, struct diag *d)
{
	struct buffer content;
	status s = read_slot(e, slot, &content, d);

	if (s == OK) {
		buffer_put(pem, buffer_span(&content));
		s = buffer_failed(pem) ? diag_set(d, NO_MEMORY, NULL, "no memory for a key") : OK;
	}
	buffer_wipe(&content);
	return s;
}

static void
file_close(struct element *e)
{
	free(self(e));
}

static const struct element_operations file_operations = { .kind = "file",
	.attestation = "none",
	.serial = file_serial,
	.point = file_point,
	.generate = file_generate,
	.sign = file_sign,
	.birth = file_birth,
	.reveal = file_reveal,
	.close = file_close };

/* One word of letters and digits, with or without a newline. */
static status
read_serial(struct element_file *f, struct diag *d)
{
	char path[PATH_MAX + 16];
	struct buffer text;
	size_t len;
	status s;

	snprintf(path, sizeof(path), "%s/serial", f->folder);
	buffer_init(&text, 256);
	s = file_read(path, 256, &text, d);
	len = text.len > 0 && text.data[text.len - 1] == '\n' ? text.len - 1 : text.len;
	if (s == OK && (len == 0 || len > ELEMENT_SERIAL_MAX)) {
		s = diag_set(d, BAD_INPUT, NULL, "%s: a serial has 1 to %d characters", path,
			ELEMENT_SERIAL_MAX);
	}
	for (size_t i = 0; s == OK && i < len; i++) {
		uint8_t c = text.data[i];
		bool is_upper = c >= 'A' && c <= 'Z';

		if (!is_upper && !(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9')) {
			s = diag_set(d, BAD_INPUT, NULL, "%s: letters and digits only", path);
		}
		f->serial[i] = (char)(is_upper ? c + ('a' - 'A') : c);
	}
	buffer_wipe(&text);
	return s;
}

status
element_file_open(const char *folder, struct element **out, struct diag *d)
{
	struct element_file *f = calloc(1, sizeof(*f));
	status s;

	if (f == NULL) {
		return diag_set(d, NO_MEMORY, NULL, "no memory for an element");
	}
	f->element.operations = &file_operations;
	if (strlen(folder) >= sizeof(f->folder)) {
		free(f);
		return diag_set(d, LIMIT, NULL, "path too long: %.80s...", folder);
	}
	snprintf(f->folder, sizeof(f->folder), "%s", folder);
	s = read_serial(f, d);
	if (s != OK) {
		free(f);
		return s;
	}
	*out = &f->element;
	return OK;
}
