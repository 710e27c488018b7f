#pragma once
/* One Extension (RFC 5280 4.1), as certificates, CRLs and their entries, requests and OCSP have it. */
#include "pki/der.h"

struct extension {
	struct der_cursor whole; /* at its end, to refuse it by */
	span type;		 /* content of the OID */
	bool is_critical;
	struct der_cursor value; /* inside extnValue */
};
/* Its value where it is an AuthorityKeyIdentifier (RFC 5280 4.2.1.1): the key's id, as it was where there is none. Issuer and serial
 * number may follow it; they are not used for anything here. */
MUST_USE status authority_key_id_read(struct der_cursor *value, span *key_id);
/* The next one of a list, which goes behind it. Statuses are der.h's. */
MUST_USE status extension_read(struct der_cursor *list, struct extension *out);
