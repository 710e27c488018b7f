#include "home/configuration.h"
#include <unistd.h>
#include "base/check.h"
#include "base/limits.h"

#define MINUTE 60
#define HOUR 3600
#define DAY 86400
#define LOOPS_MAX 64
#define WORKERS_MAX 256 /* each has its thread, and a reader of the store */
#define WORKERS_A_CORE 32

const struct conf_key configuration_keys[] = {
	{ "", "database", CONF_PATH, "tenure.db", 0, 0, "the SQLite file" },
	{ "", "keys", CONF_PATH, "keys", 0, 0,
		"folder of the CA keys, encrypted; the signer's only" },
	{ "", "profiles", CONF_PATH, "profiles", 0, 0,
		"folder of certificate profiles that replace or add to the built-in ones" },
	{ "", "ledger", CONF_PATH, "ledger", 0, 0, "folder of the ledger's tiles and checkpoint" },
	{ "", "crl", CONF_PATH, "crl", 0, 0, "folder of the published CRLs" },
	{ "", "ledger_guard", CONF_PATH, NULL, 0, 0,
		"file outside the home that remembers the last published checkpoint, so that a "
		"home "
		"restored from a backup is noticed" },
	{ "", "ledger_origin", CONF_TEXT, NULL, 0, 0, "the ledger's name on its checkpoints" },
	{ "", "log", CONF_TEXT, "info", 0, 0, "debug, info, warning or error" },

	{ "server", "listen", CONF_TEXT, "127.0.0.1:8443", 0, 0,
		"address and port for TLS; port 0: any free one" },
	{ "server", "listen_plain", CONF_TEXT, "127.0.0.1:8080", 0, 0,
		"address and port for plain HTTP (OCSP, CRLs and CA certificates only); empty: "
		"none" },
	{ "server", "proxy_protocol", CONF_TEXT, "off", 0, 0,
		"off, or v2: each connection to the TLS port begins with the PROXY protocol's "
		"version "
		"2, and comes from proxy_from" },
	{ "server", "proxy_protocol_plain", CONF_TEXT, "off", 0, 0, "the same of the plain port" },
	{ "server", "proxy_from", CONF_TEXT, "", 0, 0,
		"addresses and networks of the load balancers that speak it, by comma: 192.0.2.7, "
		"10.0.0.0/8" },
	{ "server", "url", CONF_TEXT, "https://localhost:8443", 0, 0,
		"how devices and operators reach the TLS port" },
	{ "server", "plain_url", CONF_TEXT, "http://localhost:8080", 0, 0,
		"where certificates point to for OCSP and CRLs; cannot change for those issued" },
	{ "server", "names", CONF_TEXT, "localhost,127.0.0.1", 0, 0,
		"DNS names and addresses in the server's own certificate" },
	{ "server", "authority", CONF_TEXT, "", 0, 0,
		"which of our CAs issues the server's own certificate; empty: the first issuing "
		"one" },
	{ "server", "certificate_lifetime", CONF_DURATION, "30d", HOUR, 398 * DAY,
		"of the server's own certificate; it renews itself at two thirds" },
	{ "server", "drain", CONF_DURATION, "20s", 0, 10 * MINUTE,
		"how long requests under way may take to end at a stop" },

	{ "http", "loops", CONF_NUMBER, "0", 0, LOOPS_MAX, "event loops; 0: one a core, up to 64" },
	{ "http", "workers", CONF_NUMBER, "0", 0, WORKERS_MAX,
		"worker threads; 0: 32 a core, up to 256, as most of them wait for the disk" },
	{ "http", "queue", CONF_NUMBER, "512", 1, 65536,
		"requests that may wait for a worker; more get 503 and Retry-After" },
	{ "http", "connections", CONF_NUMBER, "10000", 16, 1000000,
		"open connections at the most; idle ones go for new ones" },
	{ "http", "address_connections", CONF_NUMBER, "0", 0, 1000000,
		"of them from one address (an IPv6 /64 is one); 0: half, 64 at least" },
	{ "http", "backlog", CONF_NUMBER, "1024", 1, 65535,
		"connections that the kernel holds until they are taken" },
	{ "http", "handshake_timeout", CONF_DURATION, "10s", 1, HOUR,
		"for a TLS handshake, with the PROXY protocol before it" },
	{ "http", "header_timeout", CONF_DURATION, "10s", 1, HOUR, "to send a request's header" },
	{ "http", "header_size", CONF_SIZE, "16k", 1024, HTTP_HEADER_MAX,
		"bytes of a request's header" },
	{ "http", "body_timeout", CONF_DURATION, "60s", 1, HOUR, "without any byte of a body" },
	{ "http", "idle_timeout", CONF_DURATION, "75s", 1, HOUR,
		"between requests of a connection" },
	{ "http", "rate", CONF_SIZE, "256", 1, 1 << 20,
		"bytes a second of a body, either way, at the least over all" },
	{ "http", "unasked_body", CONF_SIZE, "16k", 1024, 1 << 20,
		"bytes of a body that are read before it is known who asks" },
	{ "http", "bodies", CONF_SIZE, "1g", 1 << 20, INT64_C(1) << 40,
		"bytes of all bodies under way; more get 503" },
	{ "http", "linger", CONF_DURATION, "2s", 1, MINUTE,
		"how long a connection is read on after a refusal, so that it reaches its sender" },
	{ "http", "linger_size", CONF_SIZE, "4m", 1024, 1 << 30, "and how many bytes" },
	{ "http", "sessions", CONF_NUMBER, "8192", 1, 1000000,
		"TLS sessions that are kept for resumption; each holds its client's certificates" },
	{ "http", "session_lifetime", CONF_DURATION, "2h", MINUTE, DAY,
		"of a TLS session, then its client shakes hands in full" },
	{ "http", "poll", CONF_DURATION, "60s", 1, HOUR,
		"the longest wait of a device's long poll" },

	{ "signer", "program", CONF_PATH, "", 0, 0, "tenure-signer; empty: beside tenured" },
	{ "signer", "passphrase_file", CONF_PATH, "", 0, 0,
		"file with the passphrase of the keys, mode 0600; empty: systemd's credential "
		"\"passphrase\", "
		"or a prompt" },
	{ "signer", "channels", CONF_NUMBER, "2", 1, 64, "requests to the signer at a time" },

	{ "schedule", "crl_every", CONF_DURATION, "1h", MINUTE, 7 * DAY,
		"CRLs are published so often, and with each revocation" },
	{ "schedule", "crl_lifetime", CONF_DURATION, "24h", 10 * MINUTE, 30 * DAY,
		"from a CRL's date to its next update" },
	{ "schedule", "withdraw_after", CONF_DURATION, "30d", HOUR, 365 * DAY,
		"a certificate that was not used so long after its notBefore is taken back" },
};
const size_t configuration_key_count = COUNT_OF(configuration_keys);

static void
take_paths(const struct conf *c, struct configuration *out)
{
	out->database = conf_text(c, "", "database");
	out->keys = conf_text(c, "", "keys");
	out->profiles = conf_text(c, "", "profiles");
	out->ledger = conf_text(c, "", "ledger");
	out->crl = conf_text(c, "", "crl");
	out->ledger_guard = conf_text(c, "", "ledger_guard");
	out->ledger_origin = conf_text(c, "", "ledger_origin");
	out->log_level = conf_text(c, "", "log");
	out->signer_program = conf_text(c, "signer", "program");
	out->passphrase_file = conf_text(c, "signer", "passphrase_file");
	out->signer_channels = (unsigned)conf_number(c, "signer", "channels");
}

static void
take_server(const struct conf *c, struct configuration *out)
{
	out->listen = conf_text(c, "server", "listen");
	out->listen_plain = conf_text(c, "server", "listen_plain");
	out->proxy_protocol = conf_text(c, "server", "proxy_protocol");
	out->proxy_protocol_plain = conf_text(c, "server", "proxy_protocol_plain");
	out->proxy_from = conf_text(c, "server", "proxy_from");
	out->url = conf_text(c, "server", "url");
	out->plain_url = conf_text(c, "server", "plain_url");
	out->names = conf_text(c, "server", "names");
	out->server_authority = conf_text(c, "server", "authority");
	out->server_certificate_s = conf_number(c, "server", "certificate_lifetime");
	out->drain_s = conf_number(c, "server", "drain");
	out->crl_every_s = conf_number(c, "schedule", "crl_every");
	out->crl_lifetime_s = conf_number(c, "schedule", "crl_lifetime");
	out->withdraw_after_s = conf_number(c, "schedule", "withdraw_after");
}

static void
take_http(const struct conf *c, struct configuration *out)
{
	out->loops = (unsigned)conf_number(c, "http", "loops");
	out->workers = (unsigned)conf_number(c, "http", "workers");
	out->queue_max = (size_t)conf_number(c, "http", "queue");
	out->connections_max = (size_t)conf_number(c, "http", "connections");
	out->header_timeout_s = conf_number(c, "http", "header_timeout");
	out->body_timeout_s = conf_number(c, "http", "body_timeout");
	out->idle_timeout_s = conf_number(c, "http", "idle_timeout");
	out->poll_max_s = conf_number(c, "http", "poll");
	out->address_connections = (size_t)conf_number(c, "http", "address_connections");
	out->backlog = (int)conf_number(c, "http", "backlog");
	out->handshake_timeout_s = conf_number(c, "http", "handshake_timeout");
	out->header_size = (size_t)conf_number(c, "http", "header_size");
	out->rate = conf_number(c, "http", "rate");
	out->unasked_body = (size_t)conf_number(c, "http", "unasked_body");
	out->bodies = (size_t)conf_number(c, "http", "bodies");
	out->linger_s = conf_number(c, "http", "linger");
	out->linger_size = conf_number(c, "http", "linger_size");
	out->sessions = (long)conf_number(c, "http", "sessions");
	out->session_lifetime_s = (long)conf_number(c, "http", "session_lifetime");
}

/* A guard inside the home would be restored together with it. */
static bool
is_inside(const char *path, const char *folder)
{
	size_t len = strlen(folder);
	return strncmp(path, folder, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

static bool
is_url(const char *text, const char *scheme)
{
	size_t len = strlen(scheme);
	return strncmp(text, scheme, len) == 0 && text[len] != '\0' &&
	       text[strlen(text) - 1] != '/';
}

static bool
is_proxy_word(const char *text)
{
	return strcmp(text, "off") == 0 || strcmp(text, "v2") == 0;
}

static status
check(const char *path, const struct configuration *c, struct diag *d)
{
	if (is_inside(c->ledger_guard, c->home)) {
		return diag_set(d, BAD_INPUT, NULL,
			"%s: ledger_guard lies inside the home; a restored backup would bring its "
			"own",
			path);
	}
	if (!is_url(c->url, "https://") || !is_url(c->plain_url, "http://")) {
		return diag_set(d, BAD_INPUT, NULL,
			"%s: url must be https://..., plain_url http://..., without a / at the end",
			path);
	}
	if (!is_proxy_word(c->proxy_protocol) || !is_proxy_word(c->proxy_protocol_plain)) {
		return diag_set(d, BAD_INPUT, NULL,
			"%s: proxy_protocol and proxy_protocol_plain are off or v2", path);
	}
	if ((strcmp(c->proxy_protocol, "v2") == 0 || strcmp(c->proxy_protocol_plain, "v2") == 0) &&
		c->proxy_from[0] == '\0') {
		return diag_set(d, BAD_INPUT, NULL,
			"%s: with the PROXY protocol, proxy_from must say whose word counts", path);
	}
	if (c->crl_lifetime_s < 2 * c->crl_every_s) {
		return diag_set(d, BAD_INPUT, NULL,
			"%s: crl_lifetime must be twice crl_every or more, or CRLs expire between "
			"two "
			"publications",
			path);
	}
	return OK;
}

status
configuration_load(struct arena *a, const char *home, struct configuration *out, struct diag *d)
{
	struct conf *c = NULL;
	const char *path = arena_printf(a, "%s/tenure.conf", home);
	const char *copy = arena_string(a, span_text(home));
	if (!path || !copy) {
		return diag_set(d, NO_MEMORY, NULL, "no memory for the configuration");
	}
	if (access(path, F_OK) != 0) {
		return diag_set(d, NOT_FOUND, NULL,
			"%s: is no home of Tenure (no tenure.conf); run tenure init", home);
	}
	status s = conf_load(a, path, copy, configuration_keys, configuration_key_count, &c, d);
	if (s != OK) {
		return s;
	}
	*out = (struct configuration){ .home = copy };
	take_paths(c, out);
	take_server(c, out);
	take_http(c, out);
	return check(path, out, d);
}

static unsigned
at_most(unsigned n, unsigned most)
{
	return n < most ? n : most;
}

unsigned
configuration_loops(const struct configuration *c, unsigned cores)
{
	return c->loops > 0 ? c->loops : at_most(cores, LOOPS_MAX);
}

unsigned
configuration_workers(const struct configuration *c, unsigned cores)
{
	return c->workers > 0 ? c->workers : at_most(WORKERS_A_CORE * cores, WORKERS_MAX);
}
