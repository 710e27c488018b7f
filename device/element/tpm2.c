/*
 * Keys by number, each a file FOLDER/slotN.tss2 that only this TPM can use: 0 the birth key, 1 the attestation key, made
 * when first needed, 2 to 4 operational ones. What cannot be in files is in the TPM: counters, and which slots are locked.
 * FOLDER/birth.pem is the birth certificate with its issuers.
 */
#include "device/element/tpm2.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include <tss2/tss2_mu.h>

#include "base/check.h"
#include "base/file.h"
#include "device/element/tpm2_session.h"
#include "element/evidence.h"
#include "element/tpm2_credential.h"

#define SLOT_ATTESTATION 1

struct element_tpm2 {
	struct element element; /* first: it is what the caller holds */
	char tcti[256];
	char folder[PATH_MAX];
	char serial[ELEMENT_SERIAL_MAX + 1]; /* "" not asked yet */
};

static struct element_tpm2 *
self(struct element *e)
{
	return (struct element_tpm2 *)e;
}

static status
slot_path(struct element *e, unsigned slot, char out[PATH_MAX + 16], struct diag *d)
{
	snprintf(out, PATH_MAX + 16, "%s/slot%u.tss2", self(e)->folder, slot);
	return element_slot_check(slot, d);
}

static status
read_slot(struct element *e, unsigned slot, struct tpm2_blob *out, struct diag *d)
{
	char path[PATH_MAX + 16];
	status s = slot_path(e, slot, path, d);

	return s == OK ? tpm2_blob_read(path, out, d) : s;
}

/* --- who it is --- */

/* Of the endorsement key that has a certificate, else of the one of P-256. */
static status
ask_serial(struct tpm2_session *t, char out[ELEMENT_SERIAL_MAX + 1], struct diag *d)
{
	static const TPMI_ALG_PUBLIC kinds[] = { TPM2_ALG_ECC, TPM2_ALG_RSA };
	struct certificate_view view;
	struct buffer certificate;
	struct public_key key;
	TPM2B_PUBLIC public;
	uint8_t point[64];
	struct diag own = { 0 };
	ESYS_TR loaded;
	status s = NOT_FOUND;

	buffer_init(&certificate, CERTIFICATE_SIZE_MAX);
	for (size_t i = 0; s == NOT_FOUND && i < COUNT_OF(kinds); i++) {
		diag_clear(&own);
		s = tpm2_endorsement_certificate(t, kinds[i], &certificate, &own);
	}
	if (s == OK && certificate_read(buffer_span(&certificate), &view, NULL) == OK) {
		tpm2_serial_of_key(&view.key, out);
		buffer_wipe(&certificate);
		return OK;
	}
	buffer_wipe(&certificate);
	/* Only a TPM that surely has none: who is asked in a bad moment must not get another name. */
	if (s != OK && s != NOT_FOUND) {
		(void)diag_copy(d, &own);
		return s;
	}
	s = tpm2_endorsement_key(t, TPM2_ALG_ECC, &loaded, &public, d);
	if (s == OK) {
		s = tpm2_blob_point(&public, point, d);
	}
	if (s == OK) {
		s = public_key_of_point(point, &key, d);
	}
	if (s == OK) {
		tpm2_serial_of_key(&key, out);
	}
	return s;
}

static status
tpm2_serial(struct element *e, char out[ELEMENT_SERIAL_MAX + 1], struct diag *d)
{
	struct tpm2_session t = { 0 };
	status s = OK;

	if (self(e)->serial[0] == '\0') {
		s = tpm2_session_open(self(e)->tcti, &t, d);
		if (s == OK) {
			s = ask_serial(&t, self(e)->serial, d);
		}
		tpm2_session_close(&t);
	}
	memcpy(out, self(e)->serial, sizeof(self(e)->serial));
	return s;
}

/* `which`, of the properties that spell four letters each. */
static uint32_t
property(struct tpm2_session *t, uint32_t which)
{
	TPMS_CAPABILITY_DATA *c = NULL;
	TPMI_YES_NO more;
	uint32_t value = 0;

	if (Esys_GetCapability(t->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
		    TPM2_CAP_TPM_PROPERTIES, which, 1, &more, &c) == TSS2_RC_SUCCESS &&
		c->data.tpmProperties.count > 0 &&
		c->data.tpmProperties.tpmProperty[0].property == which) {
		value = c->data.tpmProperties.tpmProperty[0].value;
	}
	Esys_Free(c);
	return value;
}

static size_t
put_letters(char *out, size_t at, uint32_t four)
{
	for (int shift = 24; shift >= 0; shift -= 8) {
		char c = (char)(four >> shift & 0x7f);

		if (c >= ' ' && c <= '~' && (c != ' ' || at > 0)) {
			out[at++] = c;
		}
	}
	return at;
}

static status
tpm2_info(struct element *e, struct element_info *out, struct diag *d)
{
	struct tpm2_session t = { 0 };
	status s = tpm2_session_open(self(e)->tcti, &t, d);

	*out = (struct element_info){ 0 };
	if (s == OK) {
		size_t at = put_letters(out->model, 0, property(&t, TPM2_PT_MANUFACTURER));

		out->model[at++] = ' ';
		for (uint32_t i = 0; i < 4; i++) {
			at = put_letters(out->model, at, property(&t, TPM2_PT_VENDOR_STRING_1 + i));
		}
		snprintf(out->revision, sizeof(out->revision), "%08x%08x",
			property(&t, TPM2_PT_FIRMWARE_VERSION_1),
			property(&t, TPM2_PT_FIRMWARE_VERSION_2));
		snprintf(out->where, sizeof(out->where), "%s", self(e)->tcti);
	}
	tpm2_session_close(&t);
	return s;
}

static status
tpm2_birth_pem(struct element *e, struct buffer *pem, struct diag *d)
{
	return element_birth_file(self(e)->folder, pem, d);
}

/* --- keys --- */

static status
tpm2_point(struct element *e, unsigned slot, uint8_t out[64], struct diag *d)
{
	struct tpm2_blob blob;
	status s = read_slot(e, slot, &blob, d);

	return s == OK ? tpm2_blob_point(&blob.public, out, d) : s;
}

static status
keep(struct element *e, unsigned slot, const struct tpm2_blob *blob, struct diag *d)
{
	char path[PATH_MAX + 16];
	status s = slot_path(e, slot, path, d);

	if (s == OK) {
		s = folder_make(self(e)->folder, 0700, d);
	}
	return s == OK ? tpm2_blob_write(path, blob, d) : s;
}

/* Whether a key may be made in the slot now. */
static status
may_make(struct element *e, struct tpm2_session *t, unsigned slot, struct diag *d)
{
	struct tpm2_blob blob;
	uint64_t locks = 0;
	status s;

	if (slot == SLOT_ATTESTATION || slot >= ELEMENT_SLOTS) {
		return diag_set(d, DENIED, NULL, "slot %u is not for operational keys", slot);
	}
	if (slot == 0) {
		s = read_slot(e, 0, &blob, NULL);
		return s == NOT_FOUND ? OK
				      : diag_set(d, DENIED, NULL, "the birth key is made once");
	}
	s = tpm2_index_locks(t, &locks, d);
	if (s == OK && (locks >> slot & 1) != 0) {
		s = diag_set(d, DENIED, NULL, "slot %u is locked: no new key in it", slot);
	}
	return s;
}

static status
tpm2_generate(struct element *e, unsigned slot, uint8_t out[64], struct diag *d)
{
	const span no_challenge = { NULL, 0 };
	struct tpm2_session t = { 0 };
	struct tpm2_new made;
	status s = tpm2_session_open(self(e)->tcti, &t, d);

	if (s == OK) {
		s = may_make(e, &t, slot, d);
	}
	if (s == OK) {
		s = tpm2_create(&t, false, no_challenge, &made, d);
	}
	tpm2_session_close(&t);
	if (s == OK) {
		s = tpm2_blob_point(&made.blob.public, out, d);
	}
	return s == OK ? keep(e, slot, &made.blob, d) : s;
}

static status
tpm2_sign(
	struct element *e, unsigned slot, const uint8_t digest[32], uint8_t out[64], struct diag *d)
{
	struct tpm2_session t = { 0 };
	struct tpm2_blob blob;
	ESYS_TR key;
	status s = read_slot(e, slot, &blob, d);

	if (s == OK && slot == SLOT_ATTESTATION) {
		s = diag_set(d, DENIED, NULL, "the attestation key signs what its TPM says only");
	}
	if (s == OK) {
		s = tpm2_session_open(self(e)->tcti, &t, d);
	}
	if (s == OK) {
		s = tpm2_load(&t, &blob, &key, d);
	}
	if (s == OK) {
		s = tpm2_sign_digest(&t, key, digest, out, d);
	}
	tpm2_session_close(&t);
	if (s != OK) {
		diag_prefix(d, "slot %u: ", slot);
	}
	return s;
}

/* --- attestation --- */

/* The attestation key as it is kept; a new one where there is none yet. */
static status
attestation_key(struct element *e, struct tpm2_session *t, struct tpm2_blob *out, struct diag *d)
{
	const span no_challenge = { NULL, 0 };
	struct tpm2_new made;
	struct diag own = { 0 };
	status s = read_slot(e, SLOT_ATTESTATION, out, &own);

	if (s == OK) {
		return OK;
	}
	if (s != NOT_FOUND) {
		(void)diag_copy(d, &own);
		return s;
	}
	s = tpm2_create(t, true, no_challenge, &made, d);
	if (s == OK) {
		*out = made.blob;
		s = keep(e, SLOT_ATTESTATION, out, d);
	}
	return s;
}

/* One attestation under way: the key, what is said of it, and what the evidence's spans point to. */
struct statement {
	TPM2B_DATA qualifying;
	struct tpm2_new key;
	ESYS_TR key_loaded, ak_loaded;
	uint8_t public[TPM_STRUCTURE_MAX], ak_public[TPM_STRUCTURE_MAX],
		creation[TPM_STRUCTURE_MAX];
	TPM2B_ATTEST *certify, *quote;
	uint8_t certify_signature[128], quote_signature[128];
	struct evidence evidence;
};

static status
marshal_public(const TPM2B_PUBLIC *in, uint8_t out[TPM_STRUCTURE_MAX], span *made, struct diag *d)
{
	size_t len = 0;

	if (Tss2_MU_TPMT_PUBLIC_Marshal(&in->publicArea, out, TPM_STRUCTURE_MAX, &len) !=
		TSS2_RC_SUCCESS) {
		return diag_set(d, BUG, NULL, "a TPM's public area cannot be written");
	}
	*made = span_of(out, len);
	return OK;
}

static status
marshal_signature(const TPMT_SIGNATURE *in, uint8_t out[128], span *made, struct diag *d)
{
	size_t len = 0;

	if (Tss2_MU_TPMT_SIGNATURE_Marshal(in, out, 128, &len) != TSS2_RC_SUCCESS) {
		return diag_set(d, BUG, NULL, "a TPM's signature cannot be written");
	}
	*made = span_of(out, len);
	return OK;
}

static const TPMT_SIG_SCHEME own_scheme = { .scheme = TPM2_ALG_NULL };

static status
certify(struct tpm2_session *t, struct statement *out, struct diag *d)
{
	TPMT_SIGNATURE *signature = NULL;
	struct evidence_tpm2 *e = &out->evidence.tpm2;
	size_t len = 0;
	status s = tpm2_result(
		Esys_CertifyCreation(t->esys, out->ak_loaded, out->key_loaded, ESYS_TR_PASSWORD,
			ESYS_TR_NONE, ESYS_TR_NONE, &out->qualifying, &out->key.hash, &own_scheme,
			&out->key.ticket, &out->certify, &signature),
		"TPM2_CertifyCreation", d);

	if (s == OK) {
		e->certify = span_of(out->certify->attestationData, out->certify->size);
		s = marshal_signature(signature, out->certify_signature, &e->certify_signature, d);
	}
	if (s == OK && Tss2_MU_TPMS_CREATION_DATA_Marshal(&out->key.data.creationData,
			       out->creation, sizeof(out->creation), &len) != TSS2_RC_SUCCESS) {
		s = diag_set(d, BUG, NULL, "a TPM's creation data cannot be written");
	}
	e->creation = span_of(out->creation, len);
	Esys_Free(signature);
	return s;
}

/* The registers of firmware and boot loader, 0 to 7. */
static status
quote(struct tpm2_session *t, struct statement *out, struct diag *d)
{
	static const TPML_PCR_SELECTION boot = { .count = 1,
		.pcrSelections = {
			{ .hash = TPM2_ALG_SHA256, .sizeofSelect = 3, .pcrSelect = { 0xff } } } };
	TPMT_SIGNATURE *signature = NULL;
	struct evidence_tpm2 *e = &out->evidence.tpm2;
	status s = tpm2_result(
		Esys_Quote(t->esys, out->ak_loaded, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE,
			&out->qualifying, &own_scheme, &boot, &out->quote, &signature),
		"TPM2_Quote", d);

	if (s == OK) {
		e->quote = span_of(out->quote->attestationData, out->quote->size);
		s = marshal_signature(signature, out->quote_signature, &e->quote_signature, d);
	}
	Esys_Free(signature);
	return s;
}

/* A new key, and all that its TPM says of it. */
static status
make_attested(struct element *e, struct tpm2_session *t, struct statement *out, struct diag *d)
{
	struct evidence_tpm2 *said = &out->evidence.tpm2;
	struct tpm2_blob ak;
	status s = attestation_key(e, t, &ak, d);

	out->qualifying.size = 32;
	evidence_qualifying(out->evidence.challenge, out->qualifying.buffer);
	if (s == OK) {
		s = tpm2_create(t, false, span_of(out->qualifying.buffer, 32), &out->key, d);
	}
	if (s == OK) {
		s = tpm2_load(t, &out->key.blob, &out->key_loaded, d);
	}
	if (s == OK) {
		s = tpm2_load(t, &ak, &out->ak_loaded, d);
	}
	if (s == OK) {
		s = certify(t, out, d);
	}
	if (s == OK) {
		s = quote(t, out, d);
	}
	if (s == OK) {
		s = marshal_public(&out->key.blob.public, out->public, &said->public, d);
	}
	if (s == OK) {
		s = marshal_public(&ak.public, out->ak_public, &said->ak_public, d);
	}
	return s;
}

static status
tpm2_attest(struct element *e, unsigned slot, span challenge, uint8_t out[64],
	struct buffer *evidence, struct diag *d)
{
	struct statement statement = { .evidence = {
					       .kind = EVIDENCE_TPM2, .challenge = challenge } };
	struct tpm2_session t = { 0 };
	status s = OK;

	if (slot == 0 || challenge.len == 0 || challenge.len > CHALLENGE_MAX) {
		return diag_set(d, slot == 0 ? DENIED : BAD_INPUT, NULL,
			"only operational keys are attested, over a challenge of 1 to %d bytes",
			CHALLENGE_MAX);
	}
	s = tpm2_session_open(self(e)->tcti, &t, d);
	if (s == OK) {
		s = may_make(e, &t, slot, d);
	}
	if (s == OK) {
		s = make_attested(e, &t, &statement, d);
	}
	tpm2_session_close(&t);
	if (s == OK) {
		s = tpm2_blob_point(&statement.key.blob.public, out, d);
	}
	if (s == OK) {
		s = evidence_write(&statement.evidence, evidence, d);
	}
	if (s == OK) {
		s = keep(e, slot, &statement.key.blob, d);
	}
	Esys_Free(statement.certify);
	Esys_Free(statement.quote);
	return s;
}

/* --- counters and locks --- */

static status
tpm2_counter(struct element *e, unsigned which, bool is_step, uint32_t *value, struct diag *d)
{
	struct tpm2_session t = { 0 };
	status s;

	if (which > 1) {
		return diag_set(
			d, BAD_INPUT, NULL, "an element has counters 0 and 1, not %u", which);
	}
	s = tpm2_session_open(self(e)->tcti, &t, d);
	if (s == OK) {
		s = tpm2_index_counter(&t, which, is_step, value, d);
	}
	tpm2_session_close(&t);
	return s;
}

static status
tpm2_lock(struct element *e, unsigned slot, struct diag *d)
{
	struct tpm2_session t = { 0 };
	uint64_t locks = 0;
	status s = element_lock_check(slot, d);

	if (s == OK) {
		s = tpm2_session_open(self(e)->tcti, &t, d);
	}
	if (s == OK) {
		s = tpm2_index_locks(&t, &locks, d);
	}
	if (s == OK && (locks >> slot & 1) != 0) {
		s = diag_set(d, EXISTS, NULL, "slot %u is locked already", slot);
	}
	if (s == OK) {
		s = tpm2_index_lock(&t, slot, d);
	}
	tpm2_session_close(&t);
	return s;
}

static status
tpm2_closed(struct element *e, unsigned *mask, struct diag *d)
{
	struct tpm2_session t = { 0 };
	uint64_t locks = 0;
	status s = tpm2_session_open(self(e)->tcti, &t, d);

	if (s == OK) {
		s = tpm2_index_locks(&t, &locks, d);
	}
	tpm2_session_close(&t);
	*mask = (unsigned)(locks & ((1u << ELEMENT_SLOTS) - 4)); /* 2 and up */
	return s;
}

/* --- registration --- */

status
element_tpm2_endorsement(struct element *e, struct buffer *certificate, struct diag *d)
{
	struct tpm2_session t = { 0 };
	struct diag own = { 0 };
	status s = tpm2_session_open(self(e)->tcti, &t, d);

	if (s == OK) {
		s = tpm2_endorsement_certificate(&t, TPM2_ALG_ECC, certificate, &own);
		if (s == NOT_FOUND) {
			s = tpm2_endorsement_certificate(&t, TPM2_ALG_RSA, certificate, d);
		} else if (s != OK) {
			(void)diag_copy(d, &own);
		}
	}
	tpm2_session_close(&t);
	return s;
}

status
element_tpm2_attestation_key(struct element *e, struct buffer *public, struct diag *d)
{
	uint8_t bytes[TPM_STRUCTURE_MAX];
	struct tpm2_session t = { 0 };
	struct tpm2_blob ak;
	span made;
	status s = tpm2_session_open(self(e)->tcti, &t, d);

	if (s == OK) {
		s = attestation_key(e, &t, &ak, d);
	}
	tpm2_session_close(&t);
	if (s == OK) {
		s = marshal_public(&ak.public, bytes, &made, d);
	}
	if (s == OK) {
		buffer_put(public, made);
		s = buffer_failed(public) ? diag_set(d, NO_MEMORY, NULL, "no memory for a key")
					  : OK;
	}
	return s;
}

/* A session that fulfils the endorsement key's policy. */
static status
endorsement_session(struct tpm2_session *t, ESYS_TR *out, struct diag *d)
{
	static const TPMT_SYM_DEF none = { .algorithm = TPM2_ALG_NULL };
	status s = tpm2_result(Esys_StartAuthSession(t->esys, ESYS_TR_NONE, ESYS_TR_NONE,
				       ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, NULL,
				       TPM2_SE_POLICY, &none, TPM2_ALG_SHA256, out),
		"TPM2_StartAuthSession", d);

	if (s == OK) {
		s = tpm2_result(
			Esys_PolicySecret(t->esys, ESYS_TR_RH_ENDORSEMENT, *out, ESYS_TR_PASSWORD,
				ESYS_TR_NONE, ESYS_TR_NONE, NULL, NULL, NULL, 0, NULL, NULL),
			"TPM2_PolicySecret", d);
	}
	return s;
}

/* `keys`: the attestation key, the endorsement key. */
static status
activate(struct tpm2_session *t, const ESYS_TR keys[2], const struct element_credential *c,
	struct buffer *secret, struct diag *d)
{
	TPM2B_ID_OBJECT object = { .size = (uint16_t)c->id_object.len };
	TPM2B_ENCRYPTED_SECRET encrypted = { .size = (uint16_t)c->encrypted_secret.len };
	TPM2B_DIGEST *made = NULL;
	ESYS_TR session = ESYS_TR_NONE;
	status s;

	memcpy(object.credential, c->id_object.data, c->id_object.len);
	memcpy(encrypted.secret, c->encrypted_secret.data, c->encrypted_secret.len);
	s = endorsement_session(t, &session, d);
	if (s == OK) {
		s = tpm2_result(Esys_ActivateCredential(t->esys, keys[0], keys[1], ESYS_TR_PASSWORD,
					session, ESYS_TR_NONE, &object, &encrypted, &made),
			"TPM2_ActivateCredential", d);
	}
	if (s == OK) {
		buffer_put(secret, span_of(made->buffer, made->size));
		s = buffer_failed(secret) ? diag_set(d, NO_MEMORY, NULL, "no memory for a secret")
					  : OK;
	} else if (session != ESYS_TR_NONE) {
		/* When it went well, the TPM ended the session itself. */
		(void)Esys_FlushContext(t->esys, session);
	}
	Esys_Free(made);
	return s;
}

status
element_tpm2_activate(struct element *e, const struct element_credential *c, struct buffer *secret,
	struct diag *d)
{
	struct tpm2_session t = { 0 };
	struct tpm2_blob ak;
	TPM2B_PUBLIC endorsement;
	ESYS_TR keys[2];
	status s;

	if (c->id_object.len == 0 ||
		c->id_object.len > sizeof(((TPM2B_ID_OBJECT *)0)->credential) ||
		c->encrypted_secret.len == 0 ||
		c->encrypted_secret.len > sizeof(((TPM2B_ENCRYPTED_SECRET *)0)->secret)) {
		return diag_set(d, LIMIT, "TPM 2.0 Part 2 TPM2B_ID_OBJECT",
			"a credential of a size that no TPM takes");
	}
	s = tpm2_session_open(self(e)->tcti, &t, d);
	if (s == OK) {
		s = attestation_key(e, &t, &ak, d);
	}
	if (s == OK) {
		s = tpm2_load(&t, &ak, &keys[0], d);
	}
	if (s == OK) {
		s = tpm2_endorsement_key(
			&t, c->is_by_ecc ? TPM2_ALG_ECC : TPM2_ALG_RSA, &keys[1], &endorsement, d);
	}
	if (s == OK) {
		s = activate(&t, keys, c, secret, d);
	}
	tpm2_session_close(&t);
	return s;
}

/* --- opening --- */

static void
tpm2_close(struct element *e)
{
	free(self(e));
}

static const struct element_operations tpm2_operations = { .kind = "tpm2",
	.attestation = "attested",
	.serial = tpm2_serial,
	.point = tpm2_point,
	.generate = tpm2_generate,
	.attest = tpm2_attest,
	.sign = tpm2_sign,
	.birth = tpm2_birth_pem,
	.counter = tpm2_counter,
	.lock = tpm2_lock,
	.closed = tpm2_closed,
	.info = tpm2_info,
	.close = tpm2_close };

status
element_tpm2_open(const char *rest, const char *folder, struct element **out, struct diag *d)
{
	struct tpm2_session t = { 0 };
	struct element_tpm2 *e;
	status s;

	if (rest[0] == '\0') {
		return diag_set(d, BAD_INPUT, NULL,
			"which TPM? \"tpm2:device:/dev/tpmrm0\" is the kernel's first");
	}
	if (strlen(rest) >= sizeof(e->tcti) || strlen(folder) >= sizeof(e->folder)) {
		return diag_set(d, LIMIT, NULL, "address or folder too long: %.80s...", rest);
	}
	s = tpm2_session_open(rest, &t, d);
	tpm2_session_close(&t);
	if (s != OK) {
		return s;
	}
	e = calloc(1, sizeof(*e));
	if (e == NULL) {
		return diag_set(d, NO_MEMORY, NULL, "no memory for an element");
	}
	e->element.operations = &tpm2_operations;
	snprintf(e->tcti, sizeof(e->tcti), "%s", rest);
	snprintf(e->folder, sizeof(e->folder), "%s", folder);
	*out = &e->element;
	return OK;
}
