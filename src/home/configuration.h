#pragma once
/*
 * tenure.conf: the one table of keys, and the values as the server uses them. `tenure init`
 * writes the file by the same table, the man page is printed from it.
 */
#include "base/buffer.h"
#include "base/conf.h"

extern const struct conf_key configuration_keys[];
extern const size_t configuration_key_count;

struct configuration {
	const char *home;
	const char *database;	  /* path, or later a postgresql:// address */
	const char *keys;	  /* folder of the signer's keys */
	const char *profiles;	  /* folder; need not be there */
	const char *ledger;	  /* folder of tiles and checkpoint */
	const char *crl;	  /* folder of published CRLs */
	const char *ledger_guard; /* file outside the home */
	const char *ledger_origin;

	const char *listen;				   /* "address:port" of TLS */
	const char *listen_plain;			   /* of plain HTTP; "" for none */
	const char *proxy_protocol, *proxy_protocol_plain; /* "off", "v2" */
	const char *proxy_from;				   /* addresses by comma */
	const char *url;       /* how devices and operators reach the TLS port */
	const char *plain_url; /* what certificates point to */
	const char *names;     /* DNS names and addresses of the listener's certificate, by comma */
	const char *server_authority;
	int64_t server_certificate_s;

	const char *signer_program;  /* "" : beside this program */
	const char *passphrase_file; /* "": systemd's credential, or a prompt */
	unsigned signer_channels;

	unsigned loops, workers; /* 0: by the number of cores; configuration_loops, _workers */
	size_t queue_max;
	size_t connections_max;
	size_t address_connections; /* 0: by connections_max */
	int backlog;
	size_t header_size, unasked_body, bodies;
	int64_t rate, linger_s, linger_size;
	long sessions, session_lifetime_s;
	int64_t handshake_timeout_s;
	int64_t header_timeout_s, body_timeout_s, idle_timeout_s, poll_max_s, drain_s;

	int64_t crl_every_s, crl_lifetime_s;
	int64_t withdraw_after_s;
	const char *log_level;
};

/* Reads `home`/tenure.conf into the arena. NOT_FOUND where the home was never initialised, else BAD_INPUT
 * with the line of the fault. What does not fit together (a CRL that expires before the next one) is refused too. */
MUST_USE status configuration_load(
	struct arena *a, const char *home, struct configuration *out, struct diag *d);

/* How many there are to be on a machine of so many cores: what the file says, or by the cores, within the same bounds. */
unsigned configuration_loops(const struct configuration *c, unsigned cores);
unsigned configuration_workers(const struct configuration *c, unsigned cores);

/* A value that `tenure init` was given. */
struct configuration_value {
	const char *section, *name;
	const char *value; /* NULL: the default */
};
/*
 * The whole file by the table: each key with its help, those that were not given commented out with their
 * defaults. BAD_INPUT for a value that the file's form cannot hold. Appends.
 */
MUST_USE status configuration_text(
	const struct configuration_value *values, size_t count, struct buffer *out, struct diag *d);
