#pragma once
/*
 * A small world without a signer: one maker, a shop, two customers, their operators, a fleet, and devices whose
 * certificates are made up. The clock stands at TEST_TIME_S until it is moved.
 */
#include "support.h"

#include "lifecycle/enrol.h"
#include "lifecycle/retire.h"
#include "lifecycle/revoke.h"
#include "lifecycle/transfer.h"

enum who { ADMIN, MAKER, SUPPORT, ANNA, BERT, SHOP, AUDITOR, WATCH, WHO_COUNT };

struct world {
	char *folder;
	struct clock_manual clock;
	struct store *store;
	struct reader *reader;
	struct arena *arena;
	struct life life;
	struct session session;
	struct diag d;
	struct owner maker, shop, anna, bert;
	struct authority issuing, factory;
	struct fleet fleet;
	struct operator_account operators[WHO_COUNT];
	unsigned made; /* certificates, so that each is another */
	/* What was told after commits. */
	int64_t told_device, told_authority;
	unsigned told_devices, told_authorities;
};

void world_open(struct world *w);
void world_close(struct world *w);
void world_reopen(struct world *w);
void world_start_again(struct world *w); /* after its store was closed by the test */
void world_add_s(struct world *w, int64_t s);

/* Who asks from now on. Each returns the session, with a diag that is clear. */
struct session *as(struct world *w, enum who who);
struct session *as_server(struct world *w);
struct session *as_device(struct world *w, int64_t device);

enum birth { FOREIGN_BIRTH, OWN_BIRTH, NO_BIRTH };
#define BOX_CODE "7K3MF-0QZ9T-A1B2C-D3E4F" /* in the box of each */
/* HELD, the maker's, with BOX_CODE. */
int64_t world_device(struct world *w, unsigned number, enum birth birth);
/* Claimed by Anna, enrolled and in use. One without a birth identity is acquired: it begins so. */
int64_t world_active(struct world *w, unsigned number, enum birth birth);
/* What a device does: asks for a certificate (its row, 0 when refused), uses it for the first time. */
int64_t world_enrol(struct world *w, int64_t device);
status world_confirm(struct world *w, int64_t device);
/* The schedule takes back what waits for its first use. How many. */
size_t world_withdraw(struct world *w);
/* A certificate of no device's, stored: row. */
int64_t world_certificate_add(struct world *w, enum certificate_kind kind);

/* What the store says now. */
struct device world_now(struct world *w, int64_t device);
struct certificate world_certificate(struct world *w, int64_t row);
enum access world_judge(struct world *w, int64_t device, int64_t certificate);
int64_t world_ledger_size(struct world *w);
/* The last ledger entry, as text. */
const char *world_entry(struct world *w);
bool world_entry_has(struct world *w, const char *part);
/* The last action of the deny feed about the certificate; -1: none. And how many there are. */
int world_denied(struct world *w, int64_t certificate, unsigned *count);

/* Ends the test unless the invariants of the device hold. `is_lost`: its keys are known to be compromised. */
void world_check(struct world *w, int64_t device, bool is_lost);

#define assert_status(want, w, call)                                             \
	do {                                                                     \
		status got_ = (call);                                            \
		if (got_ != (want)) {                                            \
			fail_msg("%s: %s, not %s: %s", #call, status_name(got_), \
				status_name(want), (w)->d.text);                 \
		}                                                                \
	} while (0)
