#pragma once
/* Manifest entries of our own making: good ones, and ones that are wrong in one chosen place. */
#include "support.h"

#include "element/manifest.h"

#define FORGE_SERIAL "0123a1b2c3d4e5f601"

/* A key with its certificate. */
struct forged {
	struct private_key key;
	struct public_key public_key;
	uint8_t spki[600];
	span der;
};

struct forge {
	struct arena *arena;
	struct forged root, factory, signer, slots[5];
	struct manifest_pin pin;
	struct manifest_trust trust; /* the pin, the root, serial names wanted */
	struct trust_set *roots;
};

void forge_open(struct forge *f);
void forge_close(struct forge *f);

void forge_key(struct forged *out);
/* Signed by `issuer` (NULL: by itself), 20 years from TEST_TIME_S - a day. */
void forge_certificate(struct forge *f, struct forged *out, const char *profile,
	const char *common_name, const struct forged *issuer);

/* The good payload: version 1, five slots, x5c on slot 0 (leaf, issuer). Members in a fixed order. */
const char *forge_payload(struct forge *f, span leaf, span issuer);
/* The good protected header of the pinned signer. */
const char *forge_protected(struct forge *f);
/* The entry: both as given, signed by f->signer, the index as FORGE_SERIAL. */
const char *forge_entry(struct forge *f, const char *payload, const char *protected_header);
/* The first `from` in the text replaced; ends the test when it is not there. */
const char *forge_replace(struct forge *f, const char *text, const char *from, const char *to);
