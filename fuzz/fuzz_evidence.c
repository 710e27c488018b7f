/*
 * Evidence of attestation. What is read is written again to the same byte: no two encodings say the same. Its
 * parts lie inside the input and within their limits.
 */
#define FUZZ_MAX_LEN 4200
#include "element/evidence.h"
#include "fuzz.h"

static void
lies_inside(span input, span part, size_t max)
{
	HOLDS(part.len <= max);
	HOLDS(part.data >= input.data && part.data + part.len <= input.data + input.len);
}

static void
parts_lie_inside(span input, const struct evidence *e)
{
	const struct evidence_tpm2 *t = &e->tpm2;

	lies_inside(input, e->challenge, CHALLENGE_MAX);
	HOLDS(e->challenge.len > 0);
	switch (e->kind) {
	case EVIDENCE_ATECC608:
		HOLDS(e->atecc608.slot < ATECC608_SLOTS);
		break;
	case EVIDENCE_TPM2:
		lies_inside(input, t->public, TPM_STRUCTURE_MAX);
		lies_inside(input, t->certify, TPM_STRUCTURE_MAX);
		lies_inside(input, t->certify_signature, TPM_STRUCTURE_MAX);
		lies_inside(input, t->creation, TPM_STRUCTURE_MAX);
		lies_inside(input, t->quote, TPM_STRUCTURE_MAX);
		lies_inside(input, t->quote_signature, TPM_STRUCTURE_MAX);
		lies_inside(input, t->ak_public, TPM_STRUCTURE_MAX);
		break;
	case EVIDENCE_TOKEN:
		lies_inside(input, e->token.model, TOKEN_TEXT_MAX);
		lies_inside(input, e->token.serial, TOKEN_TEXT_MAX);
		break;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	span input = span_of(data, len);
	struct diag d = { 0 };
	struct evidence e;
	struct buffer again;
	status s = evidence_read(input, &e, &d);

	HOLDS((s == OK) == (d.status == OK) && s == d.status);
	if (s != OK) {
		return 0;
	}
	parts_lie_inside(input, &e);
	buffer_init(&again, EVIDENCE_MAX);
	HOLDS(evidence_write(&e, &again, NULL) == OK);
	HOLDS(span_equal(buffer_span(&again), input));
	buffer_wipe(&again);
	return 0;
}
