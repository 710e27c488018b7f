#pragma once
/* A factory of the benchmark's own: roots, signers, and as many manifest entries as are wanted, in a file. */
#include "base/arena.h"
#include "element/manifest.h"

struct manifest_set {
	struct arena *arena;
	struct private_key root_key, factory_key, signer_key;
	span root, factory, signer; /* certificates */
	struct manifest_pin pin;
	struct trust_set *roots;
};

#define SET_TIME_S INT64_C(1795435200) /* noon of 23 November 2026 */

/* Ends the program where something fails: there is nothing to measure then. */
void set_open(struct manifest_set *s);
void set_close(struct manifest_set *s);
/* A JSON array of entries `from` to `to` - 1: five keys, two certificates and a signature each, all elements different. */
void set_write(struct manifest_set *s, const char *path, unsigned from, unsigned to);
