#pragma once
/*
 * Certificates in 72 bytes, as an ATECC608 keeps them in a slot: what changes from one certificate to the next. The rest is a
 * template, kept beside the element. Pure; any thread.
 *
 *	 0-63 signature R || S
 *	64-66 dates, one number: (year - 2000):5 | month:4 | day:5 | hour:5 | years of validity:5 (0: until 9999-12-31)
 *	67-68 signer id, printed as four digits behind "Signer " in a CN
 *	69    template id << 4 | chain id
 *	70    source of the serial number << 4 | 0
 *	71    0
 *
 * Sources: 8 = 40 | serial number of the chip; 9 = 40 | signer id; A = SHA-256(X | Y | dates), B = SHA-256(serial number of the
 * chip | dates), both their first 16 bytes with the first one as (b & 7F) | 40. The stored ones, 0 and 7, are not known here.
 *
 * A template, in a form of our own:
 *
 *	"TCT" 01 | COMPRESSED_FIELDS times (offset u16 BE | length u8), 0 0 where the certificate has none | TBSCertificate
 *
 * whose fields are, in this order: serial number, notBefore, notAfter, signer id in the issuer, signer id in the subject, X || Y,
 * subject key id, authority key id, the chip's serial number in the subject. They are 00 in the TBSCertificate.
 */
#include "base/buffer.h"
#include "pki/certificate.h"

#define COMPRESSED_LEN 72
#define COMPRESSED_FIELDS 9
#define COMPRESSED_TBS_MAX 2048 /* the known shapes have 411 and 430 bytes */
#define COMPRESSED_TEMPLATE_MAX (4 + 3 * COMPRESSED_FIELDS + COMPRESSED_TBS_MAX)
#define CHIP_SERIAL_LEN 9

/* The chip maker's own: 3 and 0 for devices, 1 and 0 for signers. 0 to 15 each. */
struct compressed_ids {
	unsigned template_id, chain_id;
};

/* What the reader knows besides. */
struct compressed_parts {
	const uint8_t *point; /* X || Y of the certificate's own key */
	const uint8_t *
		issuer_point; /* of its issuer's, whose SHA-1 is the authority key id; or NULL and: */
	span authority_key_id;	    /* 20 bytes */
	const uint8_t *chip_serial; /* CHIP_SERIAL_LEN bytes, NULL: unknown */
};

/* Appends the template of this certificate and its like. BAD_INPUT: no P-256 with SHA-256, a key id that is none of RFC 5280 4.2.1.2
 * (1), or no certificate at all; LIMIT: too long. */
MUST_USE status compressed_template_of(span certificate, struct buffer *out, struct diag *d);
/* BAD_INPUT says what 72 bytes and this template cannot carry. What is written has been rebuilt and is this certificate, byte for byte. */
MUST_USE status compressed_write(span certificate, span template, struct compressed_ids ids,
	uint8_t out[COMPRESSED_LEN], struct diag *d);
/*
 * Appends the certificate, DER. Nothing says that it is genuine: its signature is the reader's to check. BAD_INPUT: a template
 * or 72 bytes that are none, or a part that is wanted and not there.
 */
MUST_USE status compressed_rebuild(span template, const uint8_t compressed[COMPRESSED_LEN],
	const struct compressed_parts *parts, struct buffer *out, struct diag *d);
