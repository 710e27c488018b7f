#pragma once
/*
 * The secure element as the agent needs it: it knows its serial, makes a P-256 key in a slot, signs
 * digests with it, and where it can, proves that it made it. Private keys stay inside. Everything else (certificates,
 * generations, which slot is for what) is the agent's.
 *
 * Slots: 0 is the birth key, made by the factory and never made again; 1 the key that attests, where there is one: it has
 * a point and signs nothing else; 2 to 4 are for operational keys. What an element has no slots of its own for (a
 * TPM, a token) keeps objects under these numbers.
 * Not thread-safe: one user at a time. Operations that an element has not are NULL.
 */
#include "base/buffer.h"
#include "base/limits.h"
#include "base/status.h"

#define ELEMENT_SLOTS 5

struct element;

/* For people and for the bench. Texts in plain words, "" where they do not apply. */
struct element_info {
	char model[NAME_MAX_LEN + 1];	 /* "ATECC608B" */
	char revision[NAME_MAX_LEN + 1]; /* "00006003", a TPM's firmware, a token's */
	char profile[NAME_MAX_LEN + 1];	 /* "trustflex-tls" */
	char where[256];		 /* "/dev/i2c-1 at 6c" */
};

struct element_operations {
	const char *kind; /* "file", "atecc608", "tpm2", "pkcs11" */
	const char
		*attestation; /* the best that its word is worth, as the server would say: "none" */
	/* NUL-ended, lower case. */
	status (*serial)(struct element *e, char out[ELEMENT_SERIAL_MAX + 1], struct diag *d);
	/* X || Y. NOT_FOUND: no key in this slot. */
	status (*point)(struct element *e, unsigned slot, uint8_t out[64], struct diag *d);
	/*
	 * A new key in the slot, in place of whatever was there, durable when this returns. DENIED for slot 0; a TPM
	 * and a token, which come without one, make it there once, at the factory.
	 */
	status (*generate)(struct element *e, unsigned slot, uint8_t out[64], struct diag *d);
	/*
	 * The same, with the element's proof over the server's challenge: the value of the evidence attribute
	 * (src/element/evidence.h), appended. UNAVAILABLE: the element did not get through; nothing is proven, try again.
	 */
	status (*attest)(struct element *e, unsigned slot, span challenge, uint8_t out[64],
		struct buffer *evidence, struct diag *d);
	/* ECDSA over a SHA-256 digest, R || S. NOT_FOUND. */
	status (*sign)(struct element *e, unsigned slot, const uint8_t digest[32], uint8_t out[64],
		struct diag *d);
	/* PEM of the birth certificate and its issuers, leaf first, appended. NOT_FOUND: never given one. */
	status (*birth)(struct element *e, struct buffer *pem, struct diag *d);
	/* A monotonic counter (0 or 1): its value, after one more where is_step. LIMIT: it is at its end. */
	status (*counter)(
		struct element *e, unsigned which, bool is_step, uint32_t *value, struct diag *d);
	/* For good: no new key in this slot. DENIED where its policy forbids it; EXISTS: it is locked. */
	status (*lock)(struct element *e, unsigned slot, struct diag *d);
	/*
	 * The slots of 2 to 4 in which no new key can be made, locked or by policy, a bit each. NULL: none are.
	 */
	status (*closed)(struct element *e, unsigned *mask, struct diag *d);
	status (*info)(struct element *e, struct element_info *out, struct diag *d);
	/* PKCS#8 in PEM, appended. NULL where keys cannot leave. */
	status (*reveal)(struct element *e, unsigned slot, struct buffer *pem, struct diag *d);
	void (*close)(struct element *e);
};

struct element {
	const struct element_operations *operations;
};

/*
 * By its address, as agent.conf's `element` and the commands have it:
 *
 *   file:FOLDER                            keys in files; the agent's default, DIR/element
 *   atecc608:/dev/i2c-N[@ADDRESS]          a part on a bus; 8-bit address in hex, the profile's 6c unless given
 *   atecc608:unix:SOCKET[#SERIAL][@ADDRESS]   a virtual part; which, where it has many; the address that answers unless given
 *   tpm2:TCTI                              "tpm2:device:/dev/tpmrm0", "tpm2:swtpm:path=..."
 *   pkcs11:MODULE[?token=LABEL&pin-file=FILE]   a token by the operator's module
 *
 * `folder` is where an element keeps what belongs beside it (the templates of its compressed certificates, a TPM's
 * key blobs). BAD_INPUT: the address; UNAVAILABLE: nobody answers there; NOT_FOUND. Free with element_close.
 */
MUST_USE status element_open(
	const char *address, const char *folder, struct element **out, struct diag *d);
void element_close(struct element *e); /* NULL is fine */
/* BAD_INPUT: none of the numbers above. Of elements without slots of their own: an ATECC608 has sixteen. */
MUST_USE status element_slot_check(unsigned slot, struct diag *d);
/* DENIED: of the same elements, a slot that is not locked. */
MUST_USE status element_lock_check(unsigned slot, struct diag *d);
/* For elements that keep the birth certificate beside them: FOLDER/birth.pem, appended. NOT_FOUND: never given one. */
MUST_USE status element_birth_file(const char *folder, struct buffer *pem, struct diag *d);

/*
 * Keys in files, for devices without an element and for tests: FOLDER/serial (text), slot0.key .. slot4.key (PKCS#8
 * in PEM, mode 0600), birth.pem. Whoever reads the disk has the keys, and it attests nothing.
 * NOT_FOUND where the folder has no serial.
 */
MUST_USE status element_file_open(const char *folder, struct element **out, struct diag *d);
/* An ATECC608, real or virtual; `rest` is the address after "atecc608:". */
MUST_USE status element_atecc608_open(
	const char *rest, const char *folder, struct element **out, struct diag *d);
/* A TPM 2.0 through libtss2; a PKCS#11 token. */
MUST_USE status element_tpm2_open(
	const char *rest, const char *folder, struct element **out, struct diag *d);
MUST_USE status element_pkcs11_open(
	const char *rest, const char *folder, struct element **out, struct diag *d);
