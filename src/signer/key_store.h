#pragma once
/*
 * The keys that this signer holds, in files: NAME.key (PKCS#8, encrypted) and
 * NAME.cer (DER; a ledger key's: its 32 public bytes), and `index.json`, which says what each is for. A key
 * holder is reached through struct key_holder only, so that a PKCS#11 token can stand beside files.
 */
#include "base/secret.h"
#include "signer/client.h"

struct key_holder {
	/* Signs the whole message. `key` is the holder's. Any thread. */
	status (*sign)(void *key, span message, uint8_t *out, size_t *len, struct diag *d);
	void (*release)(void *key);
};

struct signing_key {
	char name[NAME_MAX_LEN + 1];
	enum key_role role;
	enum phase phase;
	const struct key_holder *holder;
	void *key;
	enum signature_kind signature;
	span certificate;	      /* owned */
	struct certificate_view view; /* of the certificate; empty for a ledger key */
	uint8_t key_id[20];
	uint8_t ed25519[32]; /* a ledger's */
};

struct key_store;

/*
 * Opens the folder with the passphrase. DENIED: wrong passphrase, or a key file that others can read;
 * NOT_FOUND: no index and `create` is false.
 */
MUST_USE status key_store_open(const char *folder, const struct secret *passphrase, bool create,
	struct key_store **out, struct diag *d);
void key_store_close(struct key_store *s);
/* Lives until the store is closed. NULL where it does not hold the key. Any thread. */
const struct signing_key *key_store_find(struct key_store *s, const char *name);
/* Keeps a new key durably, files first, index last. EXISTS. */
MUST_USE status key_store_add(struct key_store *s, const char *name, enum key_role role,
	enum phase phase, const struct private_key *key, span certificate, struct diag *d);
size_t key_store_count(struct key_store *s);
const struct signing_key *key_store_at(struct key_store *s, size_t i);

/* What was last signed for a ledger: kept durably beside the keys. */
struct signed_head {
	int64_t size;
	uint8_t root[32];
};
MUST_USE status key_store_head(
	struct key_store *s, const char *origin, struct signed_head *out, struct diag *d);
MUST_USE status key_store_set_head(
	struct key_store *s, const char *origin, const struct signed_head *head, struct diag *d);
