#pragma once
/* What must hold of a home whatever was killed: promises 1 to 4 and 8 of the design, asked of the files and the running server. */
#include "stage.h"

/* The rows among themselves and with the ledger; the ledger with its checkpoint, by `tenure ledger verify`. The server runs. */
void check_home(struct stage *s, const char *when);
/* The published CRLs of an authority, and OCSP, say of each of its certificates what the rows say. Publishes first. */
void check_relying(struct stage *s, const char *authority, const char *when);
/* The device gets an answer with one of its identities (promise 1). */
void check_way_in(struct stage *s, const char *folder, const char *fleet, const char *when);
