#include "device/element/tpm2_session.h"

#include <stdlib.h>

#include <tss2/tss2_rc.h>
#include <tss2/tss2_tctildr.h>

#include "base/check.h"

#define FLUSH_MAX 64 /* handles asked for at once; a TPM has a handful */

/* --- what went wrong --- */

/* The bare TPM_RC, without the parameter, handle or session that it is of; 0 where it is no TPM's. */
static TSS2_RC
bare(TSS2_RC rc)
{
	TSS2_RC layer = rc & TSS2_RC_LAYER_MASK;

	/* A resource manager answers in the TPM's place, with the same codes. */
	if (layer != TSS2_TPM_RC_LAYER && layer != TSS2_RESMGR_TPM_RC_LAYER) {
		return 0;
	}
	rc &= ~TSS2_RC_LAYER_MASK;
	return (rc & TPM2_RC_FMT1) != 0 ? rc & (TPM2_RC_FMT1 | 0x3f) : rc & 0xfff;
}

status
tpm2_result(TSS2_RC rc, const char *what, struct diag *d)
{
	TSS2_RC layer = rc & TSS2_RC_LAYER_MASK;

	if (rc == TSS2_RC_SUCCESS) {
		return OK;
	}
	if (layer == TSS2_TCTI_RC_LAYER || layer == TSS2_ESAPI_RC_LAYER) {
		return diag_set(d, UNAVAILABLE, NULL, "%s: the TPM does not answer: %s", what,
			Tss2_RC_Decode(rc));
	}
	switch (bare(rc)) {
	case TPM2_RC_RETRY:
	case TPM2_RC_YIELDED:
	case TPM2_RC_TESTING:
	case TPM2_RC_NV_RATE:
	case TPM2_RC_LOCKOUT:
	case TPM2_RC_OBJECT_MEMORY:
	case TPM2_RC_SESSION_MEMORY:
	case TPM2_RC_MEMORY:
		return diag_set(
			d, UNAVAILABLE, NULL, "%s: the TPM is busy: %s", what, Tss2_RC_Decode(rc));
	case TPM2_RC_AUTH_FAIL:
	case TPM2_RC_BAD_AUTH:
	case TPM2_RC_HIERARCHY:
		return diag_set(d, DENIED, NULL,
			"%s: the TPM's owner forbids it: this needs a hierarchy without a "
			"password, "
			"or a storage key at %08x",
			what, TPM2_STORAGE_KEY);
	case TPM2_RC_INTEGRITY:
		return diag_set(d, CRYPTO, NULL,
			"%s: another TPM's key, or the TPM was cleared since it was made", what);
	default:
		return diag_set(d, IO, NULL, "%s: the TPM refuses: %s", what, Tss2_RC_Decode(rc));
	}
}

/* --- coming and going --- */

static void
flush_orphans(struct tpm2_session *t)
{
	TPMS_CAPABILITY_DATA *c = NULL;
	TPMI_YES_NO more;

	if (Esys_GetCapability(t->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, TPM2_CAP_HANDLES,
		    TPM2_TRANSIENT_FIRST, FLUSH_MAX, &more, &c) != TSS2_RC_SUCCESS) {
		return;
	}
	for (uint32_t i = 0; i < c->data.handles.count && i < FLUSH_MAX; i++) {
		ESYS_TR object;

		if (Esys_TR_FromTPMPublic(t->esys, c->data.handles.handle[i], ESYS_TR_NONE,
			    ESYS_TR_NONE, ESYS_TR_NONE, &object) == TSS2_RC_SUCCESS) {
			(void)Esys_FlushContext(t->esys, object);
		}
	}
	Esys_Free(c);
}

static TSS2_RC
begin(struct tpm2_session *t)
{
	TPMS_CAPABILITY_DATA *c = NULL;
	TPMI_YES_NO more;
	TSS2_RC rc = Esys_GetCapability(t->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
		TPM2_CAP_TPM_PROPERTIES, TPM2_PT_FAMILY_INDICATOR, 1, &more, &c);

	Esys_Free(c);
	if (bare(rc) == TPM2_RC_INITIALIZE) {
		/* A simulator, or a board whose firmware does not know its TPM. */
		rc = Esys_Startup(t->esys, TPM2_SU_CLEAR);
	}
	return rc;
}

status
tpm2_session_open(const char *tcti, struct tpm2_session *out, struct diag *d)
{
	TSS2_RC rc;
	status s;

	*out = (struct tpm2_session){ 0 };
	/* The library speaks to standard error for each fault; we say what matters ourselves. */
	(void)setenv("TSS2_LOG", "all+NONE", 0);
	rc = Tss2_TctiLdr_Initialize(tcti, &out->tcti);
	if (rc == TSS2_RC_SUCCESS) {
		rc = Esys_Initialize(&out->esys, out->tcti, NULL);
	}
	if (rc != TSS2_RC_SUCCESS) {
		s = diag_set(
			d, UNAVAILABLE, NULL, "no TPM at %.200s: %s", tcti, Tss2_RC_Decode(rc));
		tpm2_session_close(out);
		return s;
	}
	s = tpm2_result(begin(out), "start", d);
	if (s != OK) {
		tpm2_session_close(out);
		return s;
	}
	flush_orphans(out);
	return OK;
}

void
tpm2_session_close(struct tpm2_session *t)
{
	while (t->loaded_count > 0) {
		(void)Esys_FlushContext(t->esys, t->loaded[--t->loaded_count]);
	}
	if (t->esys != NULL) {
		Esys_Finalize(&t->esys);
	}
	if (t->tcti != NULL) {
		Tss2_TctiLdr_Finalize(&t->tcti);
	}
	*t = (struct tpm2_session){ 0 };
}

static status
remember(struct tpm2_session *t, ESYS_TR object, struct diag *d)
{
	if (t->loaded_count == COUNT_OF(t->loaded)) {
		(void)Esys_FlushContext(t->esys, object);
		return diag_set(d, BUG, NULL, "more objects than a TPM has room for");
	}
	t->loaded[t->loaded_count++] = object;
	return OK;
}

void
tpm2_unload(struct tpm2_session *t, ESYS_TR object)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < t->loaded_count; i++) {
		if (t->loaded[i] == object) {
			(void)Esys_FlushContext(t->esys, object);
		} else {
			t->loaded[kept++] = t->loaded[i];
		}
	}
	t->loaded_count = kept;
}

/* --- keys --- */

static const TPM2B_DATA nothing;
static const TPML_PCR_SELECTION no_registers;
static const TPM2B_SENSITIVE_CREATE no_password;

/* A decrypting key under which others are kept; P-256 or RSA-2048. */
static TPM2B_PUBLIC
storage_template(TPMI_ALG_PUBLIC kind)
{
	static const TPMT_SYM_DEF_OBJECT aes = {
		.algorithm = TPM2_ALG_AES, .keyBits.aes = 128, .mode.aes = TPM2_ALG_CFB
	};
	TPM2B_PUBLIC p = { .publicArea = { .type = kind,
				   .nameAlg = TPM2_ALG_SHA256,
				   .objectAttributes =
					   TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |
					   TPMA_OBJECT_SENSITIVEDATAORIGIN |
					   TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT } };

	if (kind == TPM2_ALG_ECC) {
		p.publicArea.parameters.eccDetail = (TPMS_ECC_PARMS){ .symmetric = aes,
			.scheme.scheme = TPM2_ALG_NULL,
			.curveID = TPM2_ECC_NIST_P256,
			.kdf.scheme = TPM2_ALG_NULL };
	} else {
		p.publicArea.parameters.rsaDetail = (TPMS_RSA_PARMS){
			.symmetric = aes, .scheme.scheme = TPM2_ALG_NULL, .keyBits = 2048
		};
	}
	return p;
}

/* `public`: the template, then the key's own. */
static status
create_primary(struct tpm2_session *t, ESYS_TR hierarchy, TPM2B_PUBLIC *public, ESYS_TR *out,
	struct diag *d)
{
	TPM2B_PUBLIC *made = NULL;
	status s = tpm2_result(Esys_CreatePrimary(t->esys, hierarchy, ESYS_TR_PASSWORD,
				       ESYS_TR_NONE, ESYS_TR_NONE, &no_password, public, &nothing,
				       &no_registers, out, &made, NULL, NULL, NULL),
		"TPM2_CreatePrimary", d);

	if (s == OK) {
		s = remember(t, *out, d);
	}
	if (s == OK) {
		*public = *made;
	}
	Esys_Free(made);
	return s;
}

static status
open_parent(struct tpm2_session *t, uint32_t parent, ESYS_TR *out, struct diag *d)
{
	TPM2B_PUBLIC key;

	if (parent != TPM2_RH_OWNER) {
		return tpm2_result(Esys_TR_FromTPMPublic(t->esys, parent, ESYS_TR_NONE,
					   ESYS_TR_NONE, ESYS_TR_NONE, out),
			"the storage key", d);
	}
	key = storage_template(TPM2_ALG_ECC);
	key.publicArea.objectAttributes |= TPMA_OBJECT_USERWITHAUTH | TPMA_OBJECT_NODA;
	return create_primary(t, ESYS_TR_RH_OWNER, &key, out, d);
}

status
tpm2_has_handle(struct tpm2_session *t, uint32_t handle, bool *is_there, struct diag *d)
{
	TPMS_CAPABILITY_DATA *c = NULL;
	TPMI_YES_NO more;
	status s = tpm2_result(Esys_GetCapability(t->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
				       TPM2_CAP_HANDLES, handle, 1, &more, &c),
		"TPM2_GetCapability", d);

	*is_there = s == OK && c->data.handles.count > 0 && c->data.handles.handle[0] == handle;
	Esys_Free(c);
	return s;
}

/* The storage key that was provisioned, else the owner's. */
static status
find_parent(struct tpm2_session *t, uint32_t *out, struct diag *d)
{
	bool is_there;
	status s = tpm2_has_handle(t, TPM2_STORAGE_KEY, &is_there, d);

	*out = is_there ? TPM2_STORAGE_KEY : TPM2_RH_OWNER;
	return s;
}

static TPM2B_PUBLIC
signing_template(bool is_restricted)
{
	TPM2B_PUBLIC p = { .publicArea = { .type = TPM2_ALG_ECC,
				   .nameAlg = TPM2_ALG_SHA256,
				   .objectAttributes = TPMA_OBJECT_FIXEDTPM |
						       TPMA_OBJECT_FIXEDPARENT |
						       TPMA_OBJECT_SENSITIVEDATAORIGIN |
						       TPMA_OBJECT_USERWITHAUTH | TPMA_OBJECT_NODA |
						       TPMA_OBJECT_SIGN_ENCRYPT,
				   .parameters.eccDetail = { .symmetric.algorithm = TPM2_ALG_NULL,
					   .scheme = { .scheme = TPM2_ALG_ECDSA,
						   .details.ecdsa.hashAlg = TPM2_ALG_SHA256 },
					   .curveID = TPM2_ECC_NIST_P256,
					   .kdf.scheme = TPM2_ALG_NULL } } };

	if (is_restricted) {
		p.publicArea.objectAttributes |= TPMA_OBJECT_RESTRICTED;
	}
	return p;
}

status
tpm2_create(struct tpm2_session *t, bool is_restricted, span outside, struct tpm2_new *out,
	struct diag *d)
{
	const TPM2B_PUBLIC template = signing_template(is_restricted);
	TPM2B_DATA info = { .size = (uint16_t)outside.len };
	TPM2B_PRIVATE *private = NULL;
	TPM2B_PUBLIC *public = NULL;
	TPM2B_CREATION_DATA *data = NULL;
	TPM2B_DIGEST *hash = NULL;
	TPMT_TK_CREATION *ticket = NULL;
	ESYS_TR parent = ESYS_TR_NONE;
	status s = outside.len <= sizeof(info.buffer) ? find_parent(t, &out->blob.parent, d) : BUG;

	if (s == OK) {
		s = open_parent(t, out->blob.parent, &parent, d);
	}
	if (s == OK) {
		if (outside.len > 0) {
			memcpy(info.buffer, outside.data, outside.len);
		}
		s = tpm2_result(Esys_Create(t->esys, parent, ESYS_TR_PASSWORD, ESYS_TR_NONE,
					ESYS_TR_NONE, &no_password, &template, &info, &no_registers,
					&private, &public, &data, &hash, &ticket),
			"TPM2_Create", d);
	}
	if (s == OK) {
		out->blob.private = *private;
		out->blob.public = *public;
		out->data = *data;
		out->hash = *hash;
		out->ticket = *ticket;
	}
	tpm2_unload(t, parent);
	Esys_Free(private);
	Esys_Free(public);
	Esys_Free(data);
	Esys_Free(hash);
	Esys_Free(ticket);
	return s;
}

status
tpm2_load(struct tpm2_session *t, const struct tpm2_blob *blob, ESYS_TR *out, struct diag *d)
{
	ESYS_TR parent = ESYS_TR_NONE;
	status s = open_parent(t, blob->parent, &parent, d);

	if (s == OK) {
		s = tpm2_result(Esys_Load(t->esys, parent, ESYS_TR_PASSWORD, ESYS_TR_NONE,
					ESYS_TR_NONE, &blob->private, &blob->public, out),
			"TPM2_Load", d);
	}
	if (s == OK) {
		s = remember(t, *out, d);
	}
	tpm2_unload(t, parent);
	return s;
}

status
tpm2_sign_digest(struct tpm2_session *t, ESYS_TR key, const uint8_t digest[32], uint8_t out[64],
	struct diag *d)
{
	static const TPMT_TK_HASHCHECK unseen = { .tag = TPM2_ST_HASHCHECK,
		.hierarchy = TPM2_RH_NULL };
	const TPMT_SIG_SCHEME own = { .scheme = TPM2_ALG_NULL };
	TPM2B_DIGEST in = { .size = 32 };
	TPMT_SIGNATURE *made = NULL;
	status s;

	memcpy(in.buffer, digest, 32);
	s = tpm2_result(Esys_Sign(t->esys, key, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &in,
				&own, &unseen, &made),
		"TPM2_Sign", d);
	if (s == OK &&
		(made->sigAlg != TPM2_ALG_ECDSA ||
			tpm2_blob_number(&made->signature.ecdsa.signatureR, out) != OK ||
			tpm2_blob_number(&made->signature.ecdsa.signatureS, out + 32) != OK)) {
		s = diag_set(d, CRYPTO, NULL, "the TPM's signature is no ECDSA of P-256");
	}
	Esys_Free(made);
	return s;
}

/* --- the endorsement key --- */

/* PolicyA of the profile: TPM2_PolicySecret(TPM_RH_ENDORSEMENT). */
static const TPM2B_DIGEST endorsement_policy = { .size = 32,
	.buffer = { 0x83, 0x71, 0x97, 0x67, 0x44, 0x84, 0xb3, 0xf8, 0x1a, 0x90, 0xcc, 0x8d, 0x46,
		0xa5, 0xd7, 0x24, 0xfd, 0x52, 0xd7, 0x6e, 0x06, 0x52, 0x0b, 0x64, 0xf2, 0xa1, 0xda,
		0x1b, 0x33, 0x14, 0x69, 0xaa } };

status
tpm2_endorsement_key(struct tpm2_session *t, TPMI_ALG_PUBLIC kind, ESYS_TR *out,
	TPM2B_PUBLIC *public, struct diag *d)
{
	*public = storage_template(kind);
	public->publicArea.objectAttributes |= TPMA_OBJECT_ADMINWITHPOLICY;
	public->publicArea.authPolicy = endorsement_policy;
	if (kind == TPM2_ALG_ECC) {
		public->publicArea.unique.ecc.x.size = 32;
		public->publicArea.unique.ecc.y.size = 32;
	} else {
		public->publicArea.unique.rsa.size = 256;
	}
	return create_primary(t, ESYS_TR_RH_ENDORSEMENT, public, out, d);
}

status
tpm2_endorsement_certificate(
	struct tpm2_session *t, TPMI_ALG_PUBLIC kind, struct buffer *out, struct diag *d)
{
	uint32_t index = kind == TPM2_ALG_ECC ? 0x01c0000a : 0x01c00002;
	size_t from = out->len, len;
	status s = tpm2_index_read(t, index, out->cap - out->len, out, d);

	/* Some makers fill the index up behind the certificate. */
	if (s == OK && out->len - from >= 4 && out->data[from] == 0x30 &&
		out->data[from + 1] == 0x82) {
		len = ((size_t)out->data[from + 2] << 8 | out->data[from + 3]) + 4;
		if (len <= out->len - from) {
			out->len = from + len;
		}
	}
	return s;
}
