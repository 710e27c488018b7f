#pragma once
/*
 * The birth certificate in the part itself: slot 10 has it in 72 bytes, slot 11 its issuer's public key, slot 12 the issuer's
 * certificate in 72 bytes where that has a shape that 72 bytes can carry. Beside the part, in the folder, lies what
 * the agent needs besides:
 *
 *	issuer.pem        the issuer, whole: whoever reads slot 12 needs the root's key too
 *	birth.template    what makes slot 10 a certificate again (src/element/compressed.h); written last
 */
#include "device/element/atecc608_element.h"

/*
 * From the factory, DER both. A certificate that cannot be carried, or slots that may not be written, are no fault: nothing is
 * written then, and birth.pem in the folder is all there is. Once more does no harm. UNAVAILABLE, IO, CONFLICT as element.h.
 */
MUST_USE status element_atecc608_give_birth(
	struct element *e, const char *folder, span leaf, span issuer, struct diag *d);
/* Leaf and issuer as PEM, appended. NOT_FOUND: the folder has no template. BAD_INPUT, CRYPTO: what came out of the slots is no
 * certificate of the part's key by the key in slot 11. */
MUST_USE status element_atecc608_birth(
	struct element *e, const char *folder, struct buffer *pem, struct diag *d);
