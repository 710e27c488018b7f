#include "cli/seal.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "base/file.h"
#include "base/limits.h"
#include "base/secret.h"
#include "cli/client.h"

#define PASSPHRASE_MAX 1024
/* PBKDF2 with SHA-1, which is what PasswordRecipientInfo of OpenSSL 3.0 makes: half a second a guess. */
#define PBKDF2_ROUNDS 1300000
#define PLACE_FLAGS (CMS_BINARY | CMS_PARTIAL | CMS_STREAM)

struct seal {
	X509 *certificate; /* or */
	struct secret passphrase;
};

static status
crypto_fault(struct diag *d, const char *what)
{
	char text[128] = "";

	ERR_error_string_n(ERR_get_error(), text, sizeof(text));
	ERR_clear_error();
	return diag_set(d, CRYPTO, NULL, "cannot %s: %s", what, text);
}

static status
read_recipient(struct seal *s, const char *path, struct diag *d)
{
	struct buffer text;
	BIO *bio = NULL;
	EVP_PKEY *key;
	status result;

	buffer_init(&text, 4 * CERTIFICATE_SIZE_MAX);
	result = file_read(path, 4 * CERTIFICATE_SIZE_MAX - 1, &text, d);
	if (result == OK) {
		bio = BIO_new_mem_buf(text.data, (int)text.len);
		s->certificate = bio != NULL ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
		BIO_free(bio);
		ERR_clear_error();
	}
	buffer_wipe(&text);
	if (result != OK) {
		return result;
	}
	if (s->certificate == NULL) {
		return diag_set(d, BAD_INPUT, "RFC 7468 5", "%s is no PEM certificate", path);
	}
	key = X509_get0_pubkey(s->certificate);
	if (key == NULL || (!EVP_PKEY_is_a(key, "RSA") && !EVP_PKEY_is_a(key, "EC"))) {
		return diag_set(d, BAD_INPUT, "RFC 5652 6.2",
			"%s: sheets go to RSA or EC keys; this certificate has another", path);
	}
	return OK;
}

status
seal_open(const char *recipient, const char *passphrase_file, struct seal **out, struct diag *d)
{
	struct seal *s = calloc(1, sizeof(*s));
	status result;

	if (s == NULL) {
		return diag_set(d, NO_MEMORY, NULL, "no memory for the sheet");
	}
	result = recipient != NULL ? read_recipient(s, recipient, d)
				   : secret_file_read(passphrase_file, "passphrase", PASSPHRASE_MAX,
					     &s->passphrase, d);
	if (result != OK) {
		seal_free(s);
		return result;
	}
	*out = s;
	return OK;
}

void
seal_free(struct seal *s)
{
	if (s != NULL) {
		X509_free(s->certificate);
		secret_wipe(&s->passphrase);
		free(s);
	}
}

static bool
add_certificate(struct seal *s, CMS_ContentInfo *cms)
{
	CMS_RecipientInfo *r = CMS_add1_recipient_cert(cms, s->certificate, CMS_KEY_PARAM);
	EVP_PKEY_CTX *context = r != NULL ? CMS_RecipientInfo_get0_pkey_ctx(r) : NULL;

	if (r == NULL) {
		return false;
	}
	if (CMS_RecipientInfo_type(r) != CMS_RECIPINFO_TRANS) {
		return true;
	}
	return context != NULL &&
	       EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) == 1 &&
	       EVP_PKEY_CTX_set_rsa_oaep_md(context, EVP_sha256()) == 1;
}

/* libcrypto keeps the pointer it is given: a copy of its own, which it frees. */
static bool
add_passphrase(struct seal *s, CMS_ContentInfo *cms)
{
	uint8_t *copy = OPENSSL_memdup(s->passphrase.data, s->passphrase.len);

	if (copy != NULL &&
		CMS_add0_recipient_password(cms, PBKDF2_ROUNDS, NID_undef, NID_undef, copy,
			(ossl_ssize_t)s->passphrase.len, EVP_aes_256_cbc()) != NULL) {
		return true;
	}
	OPENSSL_clear_free(copy, s->passphrase.len);
	return false;
}

status
seal_close(struct seal *s, span content, struct buffer *out, struct diag *d)
{
	CMS_ContentInfo *cms = NULL;
	BIO *in = NULL;
	uint8_t *der = NULL;
	int len;
	status result = OK;

	if (content.len > INT_MAX / 2) {
		return diag_set(
			d, LIMIT, NULL, "a sheet of %zu bytes: import in parts", content.len);
	}
	in = BIO_new_mem_buf(content.data, (int)content.len);
	cms = CMS_encrypt(NULL, NULL, EVP_aes_256_gcm(), PLACE_FLAGS);
	if (in == NULL || cms == NULL) {
		result = crypto_fault(d, "begin the sheet");
	} else if (!(s->certificate != NULL ? add_certificate(s, cms) : add_passphrase(s, cms))) {
		result = crypto_fault(d, "encrypt the sheet to its reader");
	} else if (CMS_final(cms, in, NULL, CMS_BINARY) != 1) {
		result = crypto_fault(d, "encrypt the sheet");
	} else if ((len = i2d_CMS_ContentInfo(cms, &der)) <= 0) {
		result = crypto_fault(d, "write the sheet");
	} else {
		buffer_put(out, span_of(der, (size_t)len));
		result = buffer_failed(out)
				 ? diag_set(d, NO_MEMORY, NULL, "no memory for the sheet")
				 : OK;
	}
	OPENSSL_free(der);
	CMS_ContentInfo_free(cms);
	BIO_free(in);
	return result;
}
