#include "lifecycle/anchor.h"

static enum evidence_kind
kind_of(enum attestation_kind k)
{
	return k == ATTESTATION_ATECC608 ? EVIDENCE_ATECC608
	       : k == ATTESTATION_TPM2	 ? EVIDENCE_TPM2
					 : EVIDENCE_TOKEN;
}

static void
fill(struct anchor *a)
{
	const struct element *e = &a->element;

	a->known = (struct attestation_anchor){ .kind = kind_of(e->attestation),
		.serial = e->serial,
		.model = e->model,
		.profile = e->profile,
		.is_vendors_word = e->is_vendors_word };
	memcpy(a->known.key, e->attestation_key, sizeof(a->known.key));
}

status
anchor_read(struct session *s, const struct device *device, struct anchor *out, struct diag *d)
{
	status st = device->element != 0 ? read_element(s->reader, device->element, &out->element)
					 : NOT_FOUND;

	if (st == NOT_FOUND) {
		return diag_kind(d,
			diag_set(d, DENIED, NULL,
				"the device has no element on record: there is nothing to check "
				"the evidence against"),
			ATTESTATION_IMPOSSIBLE);
	}
	if (st != OK) {
		return diag_set(d, st, NULL, "the device's element cannot be read");
	}
	fill(out);
	return OK;
}
