#pragma once
/* A running signer with a key of each kind: what the tests of it share. */
#include "support.h"

#include "signer/client.h"

#define YEAR 31557600

extern char *folder;
extern struct arena *signing_arena;
extern struct signer *signer;
extern struct signer_options options;
extern char keys[600], profiles[600], passphrase_file[600];
extern span root, issuing; /* certificates: of "root", and of "ca" below it */

/* For a group of tests. */
int signing_set_up(void **state);
int signing_tear_down(void **state);
void start(void);
/* A key and its certificate; ends the test when it fails. */
span create(const char *name, enum key_role role, enum phase phase, const char *parent);
/* The SPKI of a fresh P-256 key. */
span device_key(void);
/* What is issued by "ca" when nothing of it is changed. */
struct issue_request operational(int64_t index);
