#pragma once
/*
 * Founds a home, offline: folder, configuration, keys, database, first checkpoint, what the first
 * operator needs. Each step is durable and content with what is there already; the client file
 * comes last and says that the home is whole. So a founding that was killed is finished by running it again.
 */
#include "base/arena.h"
#include "fleet/device.h"
#include "home/configuration.h"

#define PATH_ROOM 4096

struct init_plan {
	const char *home;				      /* absolute; made by init_folder */
	const char *guard;				      /* absolute, outside the home */
	const char *company, *maker, *fleet, *admin, *origin; /* fleet "": none */
	enum phase phase;
	const char *url;			  /* of the TLS port */
	const char *passphrase_file;		  /* absolute, or NULL: asked for, twice */
	const char *signer;			  /* "": found by itself */
	const struct configuration_value *values; /* of tenure.conf */
	size_t value_count;
};

struct init_result {
	char ca[PATH_ROOM], client[PATH_ROOM], token[PATH_ROOM];
	char ledger_key[400];
};

/*
 * Makes the folder (0700). EXISTS: a whole home is there already, or a folder with something else in it.
 * `*path` gets its absolute path, in the arena.
 */
MUST_USE status init_folder(struct arena *a, const char *home, const char **path, struct diag *d);
MUST_USE status init_home(
	struct arena *a, const struct init_plan *p, struct init_result *out, struct diag *d);
