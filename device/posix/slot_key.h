#pragma once
/*
 * The seam between libssl and the element: a slot's key as an EVP_PKEY that can only sign, by asking the
 * element. Whatever the element is, TLS and requests use its keys through here and nowhere else.
 */
#include <openssl/evp.h>

#include "device/element/element.h"
#include "pki/csr.h"

/* `e` is borrowed as long as the key lives. Free with EVP_PKEY_free. NOT_FOUND: an empty slot. */
MUST_USE status slot_key_new(struct element *e, unsigned slot, EVP_PKEY **out, struct diag *d);

struct slot_signer {
	struct element *element;
	unsigned slot;
};
/* The `sign` of a struct csr_signer, whose context is a struct slot_signer. */
MUST_USE status slot_sign(void *context, span message, uint8_t *out, size_t *len, struct diag *d);
