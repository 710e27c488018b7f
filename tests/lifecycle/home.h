#pragma once
/* A home to work in: a store, the real signer, a session that is the server's own. The clock stands at TEST_TIME_S. */
#include "support.h"

#include "base/text.h"
#include "lifecycle/authority.h"
#include "pki/certificate.h"

struct home {
	char *folder;
	char database[600], keys[600], passphrase[600], crl[600];
	struct arena *arena;
	struct clock_manual clock;
	struct store *store;
	struct signer *signer;
	struct reader *reader;
	struct life life;
	struct session session;
	const struct element *
		like; /* what elements of new devices are, beside their serial; NULL: an ATECC608B */
};

void home_open(struct home *h);
void home_close(struct home *h);
/* Closes and opens store and signer again: what is durable stays. */
void home_reopen(struct home *h);
/* The two halves of it, for whoever forks in between. */
void home_stop(struct home *h);
void home_start(struct home *h);
/* The clock and the session's now. */
void home_add_s(struct home *h, int64_t s);

/* An authority made by authority_create; ends the test when it fails. parent NULL: a root. */
struct authority home_authority(
	struct home *h, const char *name, enum authority_kind kind, const char *parent);

/* So many more, of somebody else's and of no use to anybody: what comes behind them must be found too. */
void home_authorities_fill(struct home *h, size_t count);

/* Device `number` with its maker, fleet (of `issuer`) and element, stored as given. */
struct home_fleet {
	struct owner maker;
	struct fleet fleet;
};
void home_fleet_add(struct home *h, struct home_fleet *f, const struct authority *issuer,
	bool lists_superseded);
struct device home_device_add(
	struct home *h, const struct home_fleet *f, unsigned number, enum device_state state);

/* A certificate of `issuer` by the real signer for a fresh key, stored with this status and as the device's current one
 * (CURRENT) or pending one (PENDING). `device` may be NULL. */
struct certificate home_certificate_add(struct home *h, const struct authority *issuer,
	struct device *device, enum certificate_status is);
void home_certificate_end(struct home *h, const struct certificate *k, enum certificate_status to,
	enum revocation_reason reason);

/* How many ledger entries there are; the last one's text. */
int64_t home_ledger_size(struct home *h);
span home_ledger_last(struct home *h);

/* Runs the program; its exit status. Standard output and error go to `out` in the home's folder, where not NULL. */
int home_run(struct home *h, const char *out, const char *const argv[]);
void home_write(struct home *h, const char *name, span content);
void home_write_pem(struct home *h, const char *name, span der);
char *home_path(struct home *h, const char *name);
