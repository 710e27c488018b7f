#pragma once
/*
 * Certificate profiles as data: what each kind of certificate of ours looks
 * like. The signer enforces them; `tbs_certificate.h` encodes by them; `lint.h` holds the result
 * against them before it is signed.
 */
#include "base/limits.h"
#include "base/span.h"
#include "base/status.h"

struct profile {
	char name[NAME_MAX_LEN + 1];
	uint32_t key_usage;	/* KEY_USAGE_... of pki/certificate.h */
	uint32_t ext_key_usage; /* EKU_... ; 0: the extension is left out */
	bool is_ca;
	int path_len;		/* of a CA; -1: none */
	int64_t lifetime_max_s; /* notAfter - notBefore + 1 at the most */
	bool has_status;	/* CRL distribution point, OCSP and caIssuers addresses */
	bool has_ocsp_no_check;
	bool allows_dns, allows_ip, allows_uri; /* kinds of alternative names */
	bool allows_p384;			/* besides P-256: offline roots */
	bool is_self_signed;
};

/* The built-in ones: root, issuing-ca, factory-signer, operational, birth, server, operator, ocsp,
 * manifest-signer. NULL where there is none of the name. */
const struct profile *profile_builtin(const char *name);
size_t profile_builtin_count(void);
const struct profile *profile_builtin_at(size_t i);

#define PROFILE_PATH_ROOM 4096
/* FOLDER/NAME.conf; false for a name that is none, or is too long. */
bool profile_path(const char *folder, const char *name, char out[PROFILE_PATH_ROOM]);

/*
 * A profile of the operator's own from FOLDER/NAME.conf: begins as the built-in one named by `base`, and may
 * only shorten its life and narrow its names (keys: base, lifetime, dns, ip, uri).
 * NOT_FOUND where there is no such file; BAD_INPUT for one that widens.
 */
MUST_USE status profile_load(
	const char *folder, const char *name, struct profile *out, struct diag *d);
