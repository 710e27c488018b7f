#pragma once
/*
 * What the agent keeps in its folder, and nothing else of it:
 *
 *   agent.conf      the operator's
 *   lock            held by the one agent that may change things
 *   identity.pem    the operational identity in use: certificate and issuers
 *   next.pem        the same of one that waits for its first use
 *   next.csr        the request that was sent or is about to be, byte for byte
 *   element/        the element's, where it is one of files
 *
 * Each begins with lines "# slot: 3" and "# generation: 2", a request also with "# renewal: 1". Every
 * change is one rename or one unlink, durable when the call returns. A file that cannot be what it should (damaged, or
 * its key is not the slot's) counts as absent and is logged: the birth identity makes new ones.
 */
#include "base/arena.h"
#include "device/core/plan.h"
#include "device/element/element.h"
#include "pki/certificate.h"

struct kept_identity {
	bool is_there;
	unsigned slot;
	int64_t generation; /* 1 and up; 0 for the birth identity */
	span chain[CHAIN_LEN_MAX];
	size_t count;
	struct certificate_view leaf;
};

struct kept_request {
	bool is_there, is_renewal;
	unsigned slot;
	int64_t generation;
	span der;
};

struct kept {
	struct kept_identity birth, identity, next;
	struct kept_request request;
};

/* Everything, in the arena. NOT of a faulty file, only of the disk, of memory or of the element: IO, NO_MEMORY,
 * UNAVAILABLE (nobody answers), CONFLICT (another element does). */
MUST_USE status kept_read(
	const char *folder, struct element *e, struct arena *a, struct kept *out, struct diag *d);
void kept_held(const struct kept *k, struct plan_held *out);

MUST_USE status kept_put_request(const char *folder, const struct kept_request *r, struct diag *d);
/* Of `i`: slot, generation, chain. The request is answered by it and goes. */
MUST_USE status kept_put_next(const char *folder, const struct kept_identity *i, struct diag *d);
MUST_USE status kept_adopt(const char *folder, struct diag *d);
MUST_USE status kept_drop_next(const char *folder, struct diag *d);
MUST_USE status kept_drop_request(const char *folder, struct diag *d);
/* Removes what replacements that died half way left behind. Only under the lock. */
void kept_sweep(const char *folder);
