#pragma once
/*
 * A server as a device sees one, in a process of its own: TLS, the state, EST, one device, and faults on order.
 * It knows certificates by fingerprint, gives the same certificate for the same request, and confirms by
 * first use, as docs/api.md says. What it knows is in shared memory, so that the test sees and sets it.
 */
#include <stdatomic.h>

#include "fake_pki.h"

enum fake_state { FAKE_HELD, FAKE_AWAITING, FAKE_ACTIVE, FAKE_SUSPENDED };

/* What it does wrong, once, at the next request of the kind. */
enum fake_fault {
	FAKE_NO_FAULT,
	FAKE_LOSES_REPLY,   /* does it, then closes */
	FAKE_CLOSES_BEFORE, /* closes, nothing done */
	FAKE_CUTS,	    /* half of the answer */
	FAKE_HUGE,	    /* says and sends far too much */
	FAKE_ENDLESS,	    /* chunks without an end */
	FAKE_WRONG_TYPE,
	FAKE_NO_BASE64,
	FAKE_NO_CMS,
	FAKE_NOT_HTTP,
	FAKE_REDIRECTS,
	FAKE_BUSY, /* 503, Retry-After: 1 */
	FAKE_OTHER_KEY,
	FAKE_OTHER_SERIAL,
	FAKE_STRANGER_CA,
	FAKE_CA_CERTIFICATE, /* issues a CA */
	FAKE_NOT_YET_VALID,
	FAKE_EXPIRED,
	FAKE_NOTHING_ISSUED, /* a CMS of other certificates */
	FAKE_CHUNKED,	     /* no fault: the answer in chunks */
	FAKE_FAULT_COUNT
};

enum fake_status { FAKE_PENDING, FAKE_CURRENT, FAKE_SUPERSEDED, FAKE_REVOKED, FAKE_WITHDRAWN };

#define FAKE_CERTIFICATES_MAX 64
#define FAKE_SERIAL "0123a1b2c3d4e5f601"

struct fake_issued {
	uint8_t fingerprint[32], request[32], key[32]; /* SHA-256 */
	enum fake_status status;
	size_t len;
	uint8_t der[2048];
	uint8_t subject[256]; /* DER of the name, for renewals */
	size_t subject_len;
};

struct fake_world {
	_Atomic int state, version, fault, renew_now;
	_Atomic int issued_count, enrolments, repeats, confirmed;
	_Atomic int handshakes, requests;
	/* Proofs of keys: a challenge is a number; those below `challenge_least` have run out. */
	_Atomic int wants_proofs, refuses_proofs, challenges, challenge_least, proven;
	uint8_t anchor[64]; /* slot 1's key */
	uint8_t birth[32];  /* fingerprint */
	char serial[32];
	struct fake_issued issued[FAKE_CERTIFICATES_MAX];
};

struct fake_server {
	struct fake_world *world;
	struct fake_pki pki;
	int pid;
	unsigned port;
	char url[64];
	const char *element; /* the device's, as agent.conf has it; NULL: files in its folder */
	int listener;
};

void fake_server_start(struct fake_server *s);
void fake_server_stop(struct fake_server *s);
/* A new device in this folder: element, birth identity, ca.pem, agent.conf; the server knows it as `state`.
 * With s->element the keys are that element's, whose serial number must be FAKE_SERIAL. */
void fake_device_make(struct fake_server *s, const char *folder, enum fake_state state);
void fake_set_state(struct fake_server *s, enum fake_state state);
/* How many issued certificates were never confirmed and never will be. */
int fake_lost(const struct fake_server *s);
