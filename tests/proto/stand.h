#pragma once
/*
 * The protocols as their clients meet them: a founded home with the real store, signer and ledger, behind the real
 * server on loopback; asked by curl. The clock is the system's, moved by stand_move.
 */
#include "../lifecycle/home.h"

#include "http/service.h"
#include "lifecycle/registry.h"

struct stand_clock {
	struct clock clock; /* first */
	_Atomic int64_t ahead_ms;
};

struct stand {
	struct home home;
	struct stand_clock clock;
	struct configuration configuration;
	struct service service;
	struct router tls_router, plain_router;
	struct http_server *server;
	struct sequencer *sequencer;
	char tls[64], plain[64]; /* "https://127.0.0.1:PORT" */
	char admin[TOKEN_TEXT_MAX];
	struct fleet fleet; /* "lamps" */
	struct owner maker;
	struct authority root, issuing, factory;
};

void stand_open(struct stand *s);
void stand_close(struct stand *s);
void stand_move(struct stand *s, int64_t seconds);

/* A device with a birth certificate by our factory signer; NAME.key and NAME.pem are its files. */
struct device stand_device(
	struct stand *s, const char *name, unsigned number, enum device_state in);
/* A request by a new key, DER, from openssl; NEXT.key is the key's file. `subject` "/" for an empty one. */
span stand_csr(struct stand *s, const char *next, const char *subject);

struct asked {
	const char *url;	/* whole */
	const char *identity;	/* NAME of key and certificate; NULL: none */
	const char *options[8]; /* further ones of curl, up to the first NULL */
	span body;		/* empty: GET */
	const char *type;	/* of the body */
};
struct seen {
	int status;
	const char *head; /* the header lines */
	span body;
};
struct seen stand_ask(struct stand *s, const struct asked *a);
/* The value of a header, or NULL. In the arena. */
const char *seen_header(struct stand *s, const struct seen *r, const char *name);
bool seen_says(const struct seen *r, const char *words);

/* base64 of the DER in lines of 64. */
span stand_base64(struct stand *s, span der);
/* The one certificate of an EST answer, kept as NAME.pem. */
span stand_keep_issued(struct stand *s, const char *name, const struct seen *r);
/* Enrols with `identity`; the new identity's files are named `next`. */
span stand_enrol(struct stand *s, const char *identity, const char *operation, const char *next);
char *stand_url(struct stand *s, const char *base, const char *path);
struct device stand_device_now(struct stand *s, int64_t row);
