/* In place of tpm2.c where libtss2 was not there at build time. */
#include "device/element/tpm2.h"

status
element_tpm2_open(const char *rest, const char *folder, struct element **out, struct diag *d)
{
	(void)folder;
	(void)out;
	return diag_set(d, BAD_INPUT, NULL,
		"tpm2:%.80s: this program was built without TPM support (libtss2-dev, then meson "
		"setup --reconfigure -Dtpm2=enabled)",
		rest);
}

/* No such element can have been opened. */
static status
never(struct diag *d)
{
	return diag_set(d, BUG, NULL, "a TPM in a program without TPM support");
}

status
element_tpm2_endorsement(struct element *e, struct buffer *certificate, struct diag *d)
{
	(void)e;
	(void)certificate;
	return never(d);
}

status
element_tpm2_attestation_key(struct element *e, struct buffer *public, struct diag *d)
{
	(void)e;
	(void)public;
	return never(d);
}

status
element_tpm2_activate(struct element *e, const struct element_credential *c, struct buffer *secret,
	struct diag *d)
{
	(void)e;
	(void)c;
	(void)secret;
	return never(d);
}
