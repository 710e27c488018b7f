#pragma once
/*
 * An ATECC608 as far as it attests, in software: written from the chip's digest layouts, apart from the code that judges
 * them, and able to do what an attacker would have it do.
 */
#include "support.h"

#include "element/evidence.h"
#include "pki/csr.h"

struct chip {
	uint8_t serial[9];
	char serial_text[19];
	uint8_t config[128];	     /* what it signs of: TrustFLEX's, unless changed */
	struct private_key keys[16]; /* slots that hold one */
	uint8_t points[16][64];
};

/* `serial` of 18 hex digits; keys in slots 0 and 1. */
void chip_open(struct chip *c, const char *serial);
void chip_close(struct chip *c);
/* A new key in the slot; a public key's slot may be given one too. */
void chip_make_key(struct chip *c, unsigned slot);

/* How evidence is made: chip_honest, then changed. */
struct chip_attest {
	unsigned slot;	       /* of the key that is digested */
	unsigned claimed_slot; /* as the statement says */
	uint8_t genkey[3];     /* mode and slot as GenKey digests them */
	uint8_t sign_mode;
	uint8_t flags; /* with the slot in them */
	bool is_locked;
	uint8_t num_in[NUM_IN_LEN];
	uint8_t random[32];
	span challenge;		   /* in the statement */
	const struct chip *signer; /* whose slot 1 signs */
	const uint8_t *serial;	   /* that goes into the digests */
	const uint8_t *point;
};
struct chip_attest chip_honest(const struct chip *c, unsigned slot, span challenge);
/* The statement, DER, in the arena. */
span chip_attest(struct arena *a, const struct chip *c, const struct chip_attest *how);
/* What it signs: the 55 bytes. */
void chip_message(const struct chip *c, const struct chip_attest *how, uint8_t out[55]);

/* A request by the slot's key, with this evidence (empty: none). */
span chip_request(struct arena *a, struct chip *c, unsigned slot, span evidence);
