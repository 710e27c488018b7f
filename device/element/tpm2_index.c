/* What is kept in the TPM's own memory: counters and locks of ours, certificates of its maker. */
#include "base/check.h"
#include "device/element/tpm2_session.h"

#define CHUNK 512 /* every TPM reads so much at once (PC Client Profile 5.5.2) */

#define OURS                                                                             \
	(TPMA_NV_AUTHREAD | TPMA_NV_AUTHWRITE | TPMA_NV_OWNERREAD | TPMA_NV_OWNERWRITE | \
		TPMA_NV_NO_DA)

/* NOT_FOUND: there is none. */
static status
find(struct tpm2_session *t, uint32_t index, ESYS_TR *out, struct diag *d)
{
	bool is_there;
	status s = tpm2_has_handle(t, index, &is_there, d);

	if (s == OK && !is_there) {
		return diag_set(d, NOT_FOUND, NULL, "the TPM has no index %08x", index);
	}
	if (s == OK) {
		s = tpm2_result(Esys_TR_FromTPMPublic(t->esys, index, ESYS_TR_NONE, ESYS_TR_NONE,
					ESYS_TR_NONE, out),
			"TPM2_NV_ReadPublic", d);
	}
	return s;
}

static status
find_public(struct tpm2_session *t, ESYS_TR index, TPMS_NV_PUBLIC *out, struct diag *d)
{
	TPM2B_NV_PUBLIC *public = NULL;
	status s = tpm2_result(Esys_NV_ReadPublic(t->esys, index, ESYS_TR_NONE, ESYS_TR_NONE,
				       ESYS_TR_NONE, &public, NULL),
		"TPM2_NV_ReadPublic", d);

	if (s == OK) {
		*out = public->nvPublic;
	}
	Esys_Free(public);
	return s;
}

/* All `size` bytes, a chunk at a time. */
static status
read_chunks(struct tpm2_session *t, ESYS_TR index, size_t size, struct buffer *out, struct diag *d)
{
	status s = OK;

	for (size_t from = 0; s == OK && from < size; from += CHUNK) {
		size_t len = size - from < CHUNK ? size - from : CHUNK;
		TPM2B_MAX_NV_BUFFER *data = NULL;

		s = tpm2_result(Esys_NV_Read(t->esys, index, index, ESYS_TR_PASSWORD, ESYS_TR_NONE,
					ESYS_TR_NONE, (uint16_t)len, (uint16_t)from, &data),
			"TPM2_NV_Read", d);
		if (s == OK && data->size != len) {
			s = diag_set(d, IO, NULL, "TPM2_NV_Read: %u bytes instead of %zu",
				data->size, len);
		}
		if (s == OK) {
			buffer_put(out, span_of(data->buffer, len));
		}
		Esys_Free(data);
	}
	if (s == OK && buffer_failed(out)) {
		s = diag_set(d, NO_MEMORY, NULL, "no memory for an index");
	}
	return s;
}

status
tpm2_index_read(
	struct tpm2_session *t, uint32_t index, size_t max, struct buffer *out, struct diag *d)
{
	TPMS_NV_PUBLIC public;
	ESYS_TR at;
	status s = find(t, index, &at, d);

	if (s == OK) {
		s = find_public(t, at, &public, d);
	}
	if (s == OK && (public.attributes & TPMA_NV_WRITTEN) == 0) {
		s = diag_set(d, NOT_FOUND, NULL, "nothing was written to index %08x", index);
	}
	if (s == OK && public.dataSize > max) {
		s = diag_set(d, LIMIT, NULL, "index %08x has %u bytes, at most %zu", index,
			public.dataSize, max);
	}
	return s == OK ? read_chunks(t, at, public.dataSize, out, d) : s;
}

/* The index of ours, made where it is not there yet. */
static status
ensure(struct tpm2_session *t, uint32_t index, TPMA_NV type, ESYS_TR *out, struct diag *d)
{
	const TPM2B_AUTH no_password = { 0 };
	const TPM2B_NV_PUBLIC public = { .nvPublic = { .nvIndex = index,
						 .nameAlg = TPM2_ALG_SHA256,
						 .attributes = OURS | type,
						 .dataSize = 8 } };
	TPMS_NV_PUBLIC is;
	struct diag own = { 0 };
	status s = find(t, index, out, &own);

	if (s == NOT_FOUND) {
		return tpm2_result(Esys_NV_DefineSpace(t->esys, ESYS_TR_RH_OWNER, ESYS_TR_PASSWORD,
					   ESYS_TR_NONE, ESYS_TR_NONE, &no_password, &public, out),
			"TPM2_NV_DefineSpace", d);
	}
	if (s == OK) {
		s = find_public(t, *out, &is, &own);
	}
	if (s == OK && (is.attributes & ~TPMA_NV_WRITTEN) != (OURS | type)) {
		s = diag_set(
			&own, CONFLICT, NULL, "index %08x of the TPM is somebody else's", index);
	}
	if (s != OK) {
		(void)diag_copy(d, &own);
	}
	return s;
}

static status
read_number(struct tpm2_session *t, uint32_t index, uint64_t *out, struct diag *d)
{
	struct buffer b;
	status s;

	buffer_init(&b, 8);
	s = tpm2_index_read(t, index, 8, &b, d);
	*out = 0;
	for (size_t i = 0; s == OK && i < b.len; i++) {
		*out = *out << 8 | b.data[i];
	}
	buffer_wipe(&b);
	return s;
}

/* The same; an index that is not there yet, or was never written to, is no fault. */
static status
read_if_there(struct tpm2_session *t, uint32_t index, uint64_t *out, bool *is_there, struct diag *d)
{
	struct diag own = { 0 };
	status s = read_number(t, index, out, &own);

	*is_there = s == OK;
	if (s == OK || s == NOT_FOUND) {
		return OK;
	}
	(void)diag_copy(d, &own);
	return s;
}

static status
step(struct tpm2_session *t, ESYS_TR index, struct diag *d)
{
	return tpm2_result(Esys_NV_Increment(t->esys, index, index, ESYS_TR_PASSWORD, ESYS_TR_NONE,
				   ESYS_TR_NONE),
		"TPM2_NV_Increment", d);
}

status
tpm2_index_counter(
	struct tpm2_session *t, unsigned which, bool is_step, uint32_t *value, struct diag *d)
{
	uint32_t index = TPM2_INDEX_COUNTER + which;
	bool is_there = false;
	uint64_t n = 0;
	ESYS_TR at;
	status s = ensure(t, index, TPM2_NT_COUNTER << TPMA_NV_TPM2_NT_SHIFT, &at, d);

	if (s == OK) {
		s = read_if_there(t, index, &n, &is_there, d);
	}
	if (s == OK && n >= UINT32_MAX) {
		return diag_set(d, LIMIT, NULL, "counter %u is at its end", which);
	}
	/* A counter has no value before its first step, and begins where the TPM says. */
	if (s == OK && (is_step || !is_there)) {
		s = step(t, at, d);
		s = s == OK ? read_number(t, index, &n, d) : s;
	}
	*value = (uint32_t)n;
	return s;
}

status
tpm2_index_locks(struct tpm2_session *t, uint64_t *out, struct diag *d)
{
	bool is_there;

	return read_if_there(t, TPM2_INDEX_LOCKS, out, &is_there, d);
}

status
tpm2_index_lock(struct tpm2_session *t, unsigned slot, struct diag *d)
{
	ESYS_TR at;
	status s = ensure(t, TPM2_INDEX_LOCKS, TPM2_NT_BITS << TPMA_NV_TPM2_NT_SHIFT, &at, d);

	return s != OK ? s
		       : tpm2_result(Esys_NV_SetBits(t->esys, at, at, ESYS_TR_PASSWORD,
					     ESYS_TR_NONE, ESYS_TR_NONE, UINT64_C(1) << slot),
				 "TPM2_NV_SetBits", d);
}
