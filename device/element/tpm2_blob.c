/*
 * TPMKey ::= SEQUENCE {
 *   type OBJECT IDENTIFIER (2.23.133.10.1.3, a loadable key), emptyAuth [0] EXPLICIT BOOLEAN,
 *   parent INTEGER, pubkey OCTET STRING (TPM2B_PUBLIC), privkey OCTET STRING (TPM2B_PRIVATE) }
 */
#include <tss2/tss2_mu.h>

#include "base/arena.h"
#include "base/file.h"
#include "device/element/tpm2_session.h"
#include "pki/der.h"
#include "pki/pem.h"

#define CLAUSE "ASN.1 Specification for TPM 2.0 Key Files 3.1"
#define LABEL "TSS2 PRIVATE KEY"
#define BLOB_FILE_MAX 4096

static const uint8_t loadable_key[] = { 0x67, 0x81, 0x05, 0x0a, 0x01, 0x03 };

static status
read_parent(struct der_cursor *c, uint32_t *out)
{
	span number;
	status s = der_read_unsigned(c, "parent", &number);

	*out = 0;
	for (size_t i = 0; s == OK && i < number.len && number.len <= 4; i++) {
		*out = *out << 8 | number.data[i];
	}
	if (s == OK && *out != TPM2_STORAGE_KEY && *out != TPM2_RH_OWNER) {
		s = der_refuse(
			c, "parent: neither the owner's storage key nor %08x", TPM2_STORAGE_KEY);
	}
	return s;
}

static status
read_halves(struct der_cursor *c, struct tpm2_blob *out)
{
	size_t at = 0, at_private = 0;
	span public = { 0 }, private = { 0 };
	status s = der_read(c, DER_OCTET_STRING, "pubkey", &public);

	if (s == OK) {
		s = der_read(c, DER_OCTET_STRING, "privkey", &private);
	}
	if (s == OK) {
		s = der_end(c, "TPMKey");
	}
	if (s == OK && (Tss2_MU_TPM2B_PUBLIC_Unmarshal(
				public.data, public.len, &at, &out->public) != TSS2_RC_SUCCESS ||
			       at != public.len ||
			       Tss2_MU_TPM2B_PRIVATE_Unmarshal(private.data, private.len,
				       &at_private, &out->private) != TSS2_RC_SUCCESS ||
			       at_private != private.len)) {
		s = der_refuse(c, "the key's halves are no TPM structures");
	}
	return s;
}

static status
read_key(span der, struct tpm2_blob *out, struct diag *d)
{
	struct der_cursor file = der_cursor_of(der, CLAUSE, d), c, tagged;
	span type = { 0 };
	bool is_empty = false;
	status s = der_enter(&file, DER_SEQUENCE, "TPMKey", &c);

	*out = (struct tpm2_blob){ 0 };
	if (s == OK) {
		s = der_end(&file, "file");
	}
	if (s == OK) {
		s = der_read_oid(&c, "type", &type);
	}
	if (s == OK && !span_equal(type, SPAN_ARRAY(loadable_key))) {
		s = der_refuse(&c, "type: not a loadable key");
	}
	if (s == OK) {
		s = der_enter(&c, DER_CONTEXT_IN(0), "emptyAuth", &tagged);
	}
	if (s == OK) {
		s = der_read_boolean(&tagged, "emptyAuth", &is_empty);
	}
	if (s == OK) {
		s = der_end(&tagged, "emptyAuth");
	}
	if (s == OK && !is_empty) {
		s = der_refuse(&c, "emptyAuth: keys with a password are not ours");
	}
	if (s == OK) {
		s = read_parent(&c, &out->parent);
	}
	return s == OK ? read_halves(&c, out) : s;
}

status
tpm2_blob_read(const char *path, struct tpm2_blob *out, struct diag *d)
{
	struct arena *a = arena_new(4 * BLOB_FILE_MAX);
	struct diag why = { 0 };
	struct buffer file;
	span der = { 0 };
	status s = a != NULL ? OK : diag_set(d, NO_MEMORY, NULL, "no memory for a key");

	buffer_init(&file, BLOB_FILE_MAX);
	if (s == OK) {
		s = file_read(path, BLOB_FILE_MAX, &file, d);
	}
	if (s == OK) {
		s = pem_read(a, buffer_span(&file), LABEL, &der, &why);
		/* Not found in it: the key's file is there, but cut or edited. */
		s = s == NOT_FOUND ? diag_set(d, BAD_INPUT, why.clause, "%s", why.text)
		    : s != OK	   ? diag_copy(d, &why)
				   : OK;
	}
	if (s == OK) {
		s = read_key(der, out, d);
	}
	if (s != OK && s != NOT_FOUND) {
		diag_prefix(d, "%s: ", path);
	}
	buffer_wipe(&file);
	arena_free(a);
	return s;
}

status
tpm2_blob_write(const char *path, const struct tpm2_blob *blob, struct diag *d)
{
	uint8_t public[sizeof(TPM2B_PUBLIC)], private[sizeof(TPM2B_PRIVATE)], der[BLOB_FILE_MAX];
	size_t public_len = 0, private_len = 0;
	struct der_writer w;
	struct buffer pem;
	span written;
	status s;

	if (Tss2_MU_TPM2B_PUBLIC_Marshal(&blob->public, public, sizeof(public), &public_len) !=
			TSS2_RC_SUCCESS ||
		Tss2_MU_TPM2B_PRIVATE_Marshal(&blob->private, private, sizeof(private),
			&private_len) != TSS2_RC_SUCCESS) {
		return diag_set(d, BUG, NULL, "a TPM's key cannot be written");
	}
	der_writer_init(&w, der, sizeof(der));
	der_open(&w, DER_SEQUENCE);
	der_put_oid(&w, SPAN_ARRAY(loadable_key));
	der_open(&w, DER_CONTEXT_IN(0));
	der_put_boolean(&w, true);
	der_close(&w);
	der_put_number(&w, blob->parent);
	der_put_octets(&w, span_of(public, public_len));
	der_put_octets(&w, span_of(private, private_len));
	der_close(&w);
	s = der_writer_finish(&w, &written, d);
	buffer_init(&pem, BLOB_FILE_MAX);
	if (s == OK) {
		pem_write(&pem, LABEL, written);
		s = buffer_failed(&pem) ? diag_set(d, LIMIT, NULL, "a TPM's key is too long") : OK;
	}
	if (s == OK) {
		s = file_replace(path, buffer_span(&pem), 0600, d);
	}
	buffer_wipe(&pem);
	return s;
}

status
tpm2_blob_number(const TPM2B_ECC_PARAMETER *in, uint8_t out[32])
{
	if (in->size > 32) {
		return BAD_INPUT;
	}
	memset(out, 0, 32);
	memcpy(out + 32 - in->size, in->buffer, in->size);
	return OK;
}

status
tpm2_blob_point(const TPM2B_PUBLIC *public, uint8_t out[64], struct diag *d)
{
	const TPMT_PUBLIC *p = &public->publicArea;

	if (p->type != TPM2_ALG_ECC || p->parameters.eccDetail.curveID != TPM2_ECC_NIST_P256 ||
		tpm2_blob_number(&p->unique.ecc.x, out) != OK ||
		tpm2_blob_number(&p->unique.ecc.y, out + 32) != OK) {
		return diag_set(d, BAD_INPUT, "TPM 2.0 Part 2 TPMT_PUBLIC", "not a key of P-256");
	}
	return OK;
}
