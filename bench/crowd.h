#pragma once
/*
 * Devices of a stage, made as a factory and a buyer would: born, brought in by their manifest, claimed. Each has its
 * birth identity at hand, a new key and the request for it: ready to enrol.
 */
#include <openssl/ssl.h>

#include "base/arena.h"
#include "stage.h"
#include "wire.h"

struct crowd_unit {
	char serial[24];
	X509 *certificate; /* that it shows: of its birth, then the operational one */
	EVP_PKEY *key;
	EVP_PKEY *new_key;
	span enrol; /* the whole HTTP request */
};

struct crowd {
	const struct stage *stage;
	struct arena *arena;
	SSL_CTX *context;
	size_t count;
	struct crowd_unit *units;
};

void crowd_open(struct crowd *c, const struct stage *s, size_t count);
/*
 * The same devices, many, put into the store of a stage that was made and not started yet, and behind `others` more that only
 * fill it. What they went through until they were claimed is left out, with its ledger entries.
 */
void crowd_seed(struct crowd *c, const struct stage *s, size_t count, size_t others);
void crowd_close(struct crowd *c);
/* A mutual TLS connection by what the unit shows now. */
void crowd_connect(const struct crowd *c, size_t unit, struct wire *w);
/* The same, begun only (wire_dial). */
void crowd_dial(const struct crowd *c, size_t unit, struct wire *w);
/* The body of the answer to `enrol`: the unit shows its new certificate from now on. */
void crowd_enrolled(struct crowd *c, size_t unit, span body);

/* For crowd_seed: an empty crowd; and a unit's new key with the request for it. */
void crowd_begin(struct crowd *c, const struct stage *s, size_t count);
void crowd_write_request(struct crowd *c, struct crowd_unit *u);
