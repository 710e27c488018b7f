#pragma once
/*
 * Inside device/element: one connection to a TPM, and the few things that we have it do.
 *
 * A TPM has room for three objects and is shared with others, so nothing stays loaded: whoever opens a session closes
 * it before the operation ends, which flushes what was loaded and lets others in. Transient objects that are there
 * when it opens belong to nobody who lives (a resource manager hides other people's): they are flushed too.
 */
#include <tss2/tss2_esys.h>

#include "base/buffer.h"
#include "base/status.h"

/* Objects in the TPM that are ours, in the owner's range of indexes (TCG registry of reserved handles). */
#define TPM2_INDEX_COUNTER 0x01807e00 /* and the one behind it */
#define TPM2_INDEX_LOCKS 0x01807e02   /* bit n: no new key in slot n */

/* Where a storage key is kept by those who provision it (TCG TPM v2.0 Provisioning Guidance 7.5.1). */
#define TPM2_STORAGE_KEY 0x81000001

struct tpm2_session {
	TSS2_TCTI_CONTEXT *tcti;
	ESYS_CONTEXT *esys;
	ESYS_TR loaded[3]; /* to be flushed at the end */
	unsigned loaded_count;
};

/* A key as it is kept: wrapped by the TPM under its parent. */
struct tpm2_blob {
	uint32_t
		parent; /* TPM2_STORAGE_KEY, or TPM2_RH_OWNER: the owner's ECC storage key, made anew each time */
	TPM2B_PUBLIC public;
	TPM2B_PRIVATE private;
};

/* What TPM2_Create gives: the key, and what TPM2_CertifyCreation wants to know of it. */
struct tpm2_new {
	struct tpm2_blob blob;
	TPM2B_CREATION_DATA data;
	TPM2B_DIGEST hash;
	TPMT_TK_CREATION ticket;
};

/* `tcti`: a configuration of the TCTI loader. UNAVAILABLE: nobody answers there. */
MUST_USE status tpm2_session_open(const char *tcti, struct tpm2_session *out, struct diag *d);
void tpm2_session_close(struct tpm2_session *t);

/* `rc` as a status, with `what` was done: OK for success. */
MUST_USE status tpm2_result(TSS2_RC rc, const char *what, struct diag *d);

/* A signing key on P-256, restricted to the TPM's own words or not; `outside` is kept in its creation data. */
MUST_USE status tpm2_create(struct tpm2_session *t, bool is_restricted, span outside,
	struct tpm2_new *out, struct diag *d);
/* CRYPTO: another TPM's, or the TPM was cleared since. */
MUST_USE status tpm2_load(
	struct tpm2_session *t, const struct tpm2_blob *blob, ESYS_TR *out, struct diag *d);
/* Out of the TPM now, to make room. */
void tpm2_unload(struct tpm2_session *t, ESYS_TR object);
MUST_USE status tpm2_sign_digest(struct tpm2_session *t, ESYS_TR key, const uint8_t digest[32],
	uint8_t out[64], struct diag *d);

/* Whether this handle is in use: a key that was made persistent, an index. */
MUST_USE status tpm2_has_handle(
	struct tpm2_session *t, uint32_t handle, bool *is_there, struct diag *d);

/* An endorsement key by its default template (TCG EK Credential Profile B.3.3, B.3.4). */
MUST_USE status tpm2_endorsement_key(struct tpm2_session *t, TPMI_ALG_PUBLIC kind, ESYS_TR *out,
	TPM2B_PUBLIC *public, struct diag *d);
/* The TPM's certificate of its endorsement key of this kind, DER, appended. NOT_FOUND. */
MUST_USE status tpm2_endorsement_certificate(
	struct tpm2_session *t, TPMI_ALG_PUBLIC kind, struct buffer *out, struct diag *d);

/* --- kept in the TPM itself (tpm2_index.c) --- */

/* The whole index, appended. NOT_FOUND: there is none, or nothing was written to it. LIMIT over `max`. */
MUST_USE status tpm2_index_read(
	struct tpm2_session *t, uint32_t index, size_t max, struct buffer *out, struct diag *d);
MUST_USE status tpm2_index_counter(
	struct tpm2_session *t, unsigned which, bool is_step, uint32_t *value, struct diag *d);
MUST_USE status tpm2_index_locks(struct tpm2_session *t, uint64_t *out, struct diag *d);
MUST_USE status tpm2_index_lock(struct tpm2_session *t, unsigned slot, struct diag *d);

/* --- key files (tpm2_blob.c): TSS2 PRIVATE KEY in PEM, as the TPM providers of OpenSSL read it --- */

MUST_USE status tpm2_blob_read(const char *path, struct tpm2_blob *out, struct diag *d);
/* Durable, atomic. */
MUST_USE status tpm2_blob_write(const char *path, const struct tpm2_blob *blob, struct diag *d);
/* A coordinate or half of a signature, which may come without its leading zeros. BAD_INPUT: longer than 32 bytes. */
MUST_USE status tpm2_blob_number(const TPM2B_ECC_PARAMETER *in, uint8_t out[32]);
/* X || Y. BAD_INPUT: no key of P-256. */
MUST_USE status tpm2_blob_point(const TPM2B_PUBLIC *public, uint8_t out[64], struct diag *d);
