#pragma once
/*
 * The secure element as the agent needs it: it knows its serial, makes a P-256 key in a slot, and signs
 * digests with it. Private keys stay inside. Everything else (certificates, generations, which
 * slot is for what) is the agent's.
 *
 * Slots: 0 is the birth key, made by the factory and never made again; 2 to 4 are for operational keys.
 * Not thread-safe: one user at a time.
 */
#include "base/buffer.h"
#include "base/limits.h"
#include "base/status.h"

struct element;

struct element_operations {
	const char *kind;	 /* "file" */
	const char *attestation; /* what its word is worth, as the server would say: "none" */
	/* NUL-ended, lower case. */
	status (*serial)(struct element *e, char out[ELEMENT_SERIAL_MAX + 1], struct diag *d);
	/* X || Y. NOT_FOUND: no key in this slot. */
	status (*point)(struct element *e, unsigned slot, uint8_t out[64], struct diag *d);
	/* A new key in the slot, in place of whatever was there, durable when this returns. DENIED for slot 0. */
	status (*generate)(struct element *e, unsigned slot, uint8_t out[64], struct diag *d);
	/* ECDSA over a SHA-256 digest, R || S. NOT_FOUND. */
	status (*sign)(struct element *e, unsigned slot, const uint8_t digest[32], uint8_t out[64],
		struct diag *d);
	/* PEM of the birth certificate and its issuers, leaf first, appended. NOT_FOUND: never given one. */
	status (*birth)(struct element *e, struct buffer *pem, struct diag *d);
	/* PKCS#8 in PEM, appended. NULL where keys cannot leave. */
	status (*reveal)(struct element *e, unsigned slot, struct buffer *pem, struct diag *d);
	void (*close)(struct element *e);
};

struct element {
	const struct element_operations *operations;
};

/*
 * Keys in files, for devices without an element and for tests: FOLDER/serial (text), slot0.key .. slot4.key (PKCS#8
 * in PEM, mode 0600), birth.pem. Whoever reads the disk has the keys, and it attests nothing.
 * NOT_FOUND where the folder has no serial. Free with element_close.
 */
MUST_USE status element_file_open(const char *folder, struct element **out, struct diag *d);
void element_close(struct element *e); /* NULL is fine */
