#include "server/server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/count.h"
#include "base/log.h"
#include "base/pool.h"
#include "home/home.h"
#include "http/address.h"
#include "ledger/checkpoint.h"
#include "lifecycle/challenge.h"
#include "lifecycle/ocsp.h"
#include "server/jobs.h"
#include "server/routes.h"

#define CONFIGURATION_ARENA_MAX (1 << 20)
#define STORE_CACHE \
	(8 << 20) /* the writer's; a worker's reader has a quarter: an idle server stays small */
#define NOTE_KEY_ROOM 400

struct server {
	struct arena *arena;
	struct configuration configuration;
	int home_lock; /* -1: not held */
	struct life life;
	struct service service;
	struct http_server *http;
	struct jobs jobs;
	bool adopts_ledger;
	struct handed_sockets handed;
	struct router tls_router, plain_router;
	char ledger_key[NOTE_KEY_ROOM];
	char addresses[256];
};

/* --- what the parts tell each other ---------------------------------------------- */

static void
device_changed(void *context, int64_t device)
{
	struct server *s = context;

	if (s->http != NULL) {
		http_server_wake(s->http, service_topic(device));
	}
}

static void
certificate_ended(void *context, int64_t authority)
{
	struct server *s = context;

	jobs_revoked(&s->jobs, authority);
}

static void
store_committed(void *context, int64_t ledger_size)
{
	struct server *s = context;

	(void)ledger_size;
	if (s->life.sequencer != NULL) {
		sequencer_wake(s->life.sequencer);
	}
}

static status
is_ready(void *context, struct diag *d)
{
	return server_ready(context, d);
}

/* --- up, part by part ------------------------------------------------------------- */

static status
open_home(struct server *s, const char *home, struct diag *d)
{
	static const char *const levels[] = { "debug", "info", "warning", "error" };
	status st;

	s->arena = arena_new(CONFIGURATION_ARENA_MAX);
	if (s->arena == NULL) {
		return diag_set(d, NO_MEMORY, NULL, "no memory for the configuration");
	}
	st = configuration_load(s->arena, home, &s->configuration, d);
	if (st != OK) {
		return st;
	}
	for (unsigned i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
		if (strcmp(levels[i], s->configuration.log_level) == 0) {
			log_set_level((enum log_level)i);
		}
	}
	return home_take(s->configuration.home, &s->home_lock, d);
}

static status
start_signer(struct server *s, struct diag *d)
{
	const struct signer_options o = {
		.program = home_signer_program(s->arena, s->configuration.signer_program),
		.keys = s->configuration.keys,
		.profiles = s->configuration.profiles,
		.passphrase_file = s->configuration.passphrase_file,
		.channels = s->configuration.signer_channels,
	};

	return signer_start(&o, &s->life.signer, d);
}

static status
open_store(struct server *s, struct diag *d)
{
	const struct store_options o = {
		.location = s->configuration.database,
		.cache_bytes = STORE_CACHE,
		.on_commit = store_committed,
		.context = s,
	};

	status st = store_open(&o, &s->life.store, d);

	if (st == OK) {
		st = challenge_key_load(&s->life, d);
	}
	return st == OK ? ocsp_memory_new(s->life.store, &s->life.ocsp, d) : st;
}

/* The key by which everybody checks the ledger, as C2SP writes it. */
static status
find_ledger_key(struct server *s, struct diag *d)
{
	struct held_key *keys = NULL;
	struct note_key key;
	size_t count = 0;
	status st = signer_keys(s->life.signer, s->arena, &keys, &count, d);

	for (size_t i = 0; st == OK && i < count; i++) {
		if (keys[i].role == KEY_ROLE_LEDGER && keys[i].certificate.len == 32) {
			note_key_make(
				s->configuration.ledger_origin, 1, keys[i].certificate.data, &key);
			note_key_text(s->ledger_key, sizeof(s->ledger_key), &key);
			return OK;
		}
	}
	return st != OK ? st
			: diag_set(d, NOT_FOUND, NULL,
				  "the signer holds no key for the ledger: run tenure init again");
}

static status
start_ledger(struct server *s, struct diag *d)
{
	const struct sequencer_options o = {
		.store = s->life.store,
		.folder = s->configuration.ledger,
		.guard = s->configuration.ledger_guard,
		.origin = s->configuration.ledger_origin,
		.signer = signer_for_ledger(s->life.signer),
		.adopt = s->adopts_ledger,
	};
	status st = find_ledger_key(s, d);

	return st == OK ? sequencer_start(&o, &s->life.sequencer, d) : st;
}

static const char *
proxies_of(const struct configuration *c, const char *protocol)
{
	return strcmp(protocol, "v2") == 0 ? c->proxy_from : NULL;
}

static void
add_listeners(struct server *s, struct http_options *o)
{
	const struct configuration *c = &s->configuration;

	o->listens[0] = (struct http_listen){ .address = c->listen,
		.is_tls = true,
		.router = &s->tls_router,
		.proxies = proxies_of(c, c->proxy_protocol) };
	o->listens[1] = (struct http_listen){ .address = c->listen_plain,
		.router = &s->plain_router,
		.proxies = proxies_of(c, c->proxy_protocol_plain) };
	o->listens[0].has_socket = s->handed.tls >= 0;
	o->listens[0].socket = s->handed.tls;
	o->listens[1].has_socket = s->handed.plain >= 0;
	o->listens[1].socket = s->handed.plain;
	o->listen_count = c->listen_plain[0] != '\0' || s->handed.plain >= 0 ? 2 : 1;
}

static status
start_http(struct server *s, struct diag *d)
{
	const struct configuration *c = &s->configuration;
	unsigned workers = configuration_workers(c, processors());
	struct http_options o = {
		.is_held = true, /* until it has a certificate to show */
		.loops = configuration_loops(c, processors()),
		.workers = workers,
		.queue_max = c->queue_max,
		.connections_max = c->connections_max,
		.header_timeout_ms = c->header_timeout_s * 1000,
		.body_timeout_ms = c->body_timeout_s * 1000,
		.idle_timeout_ms = c->idle_timeout_s * 1000,
		.address_max = c->address_connections,
		.backlog = c->backlog,
		.bodies_max = c->bodies,
		.header_max = c->header_size,
		.body_unasked = c->unasked_body,
		.handshake_timeout_ms = c->handshake_timeout_s * 1000,
		.rate_min = (uint64_t)c->rate,
		.linger_ms = c->linger_s * 1000,
		.linger_max = (uint64_t)c->linger_size,
		.sessions_max = c->sessions,
		.session_lifetime_s = c->session_lifetime_s,
		.clock = &clock_system,
	};
	status st;

	add_listeners(s, &o);
	s->service = (struct service){ .life = &s->life,
		.configuration = c,
		.version = TENURE_VERSION,
		.ledger_key = s->ledger_key,
		.ready = is_ready,
		.context = s };
	s->tls_router = (struct router){ .tables = tls_tables,
		.table_count = tls_table_count,
		.context = &s->service,
		.admits = service_admits,
		.finished = api_count };
	s->plain_router = (struct router){ .tables = plain_tables,
		.table_count = plain_table_count,
		.context = &s->service,
		.admits = service_admits,
		.finished = api_count };
	st = service_open(&s->service, workers, d);
	return st == OK ? http_server_start(&o, &s->http, d) : st;
}

static status
start_jobs(struct server *s, struct diag *d)
{
	const struct configuration *c = &s->configuration;
	status st;

	s->service.server = s->http;
	s->jobs.life = &s->life;
	s->jobs.configuration = c;
	s->jobs.server = s->http;
	s->jobs.identity =
		(struct listener_identity){ .folder = arena_printf(s->arena, "%s/tls", c->home),
			.authority = c->server_authority,
			.names = c->names,
			.lifetime_s = c->server_certificate_s };
	if (s->jobs.identity.folder == NULL) {
		return diag_set(d, NO_MEMORY, NULL, "no memory for a path");
	}
	st = jobs_open(&s->jobs, d);
	if (st == OK) {
		st = jobs_identity(&s->jobs, d);
	}
	if (st == OK) {
		st = jobs_start(&s->jobs, d);
	}
	return st;
}

static void
note_addresses(struct server *s)
{
	const char *plain = http_server_address(s->http, 1);

	snprintf(s->addresses, sizeof(s->addresses), "https://%s%s%s",
		http_server_address(s->http, 0), plain[0] != '\0' ? " http://" : "", plain);
}

status
server_start(const char *home, bool adopts_ledger, const struct handed_sockets *handed,
	struct server **out, struct diag *d)
{
	static status (*const parts[])(struct server *, struct diag *) = { start_signer, open_store,
		start_ledger, start_http, start_jobs };
	struct server *s = calloc(1, sizeof(*s));
	status st;

	if (s == NULL) {
		return diag_set(d, NO_MEMORY, NULL, "no memory for the server");
	}
	s->home_lock = -1;
	pthread_mutex_init(&s->jobs.lock, NULL);
	s->adopts_ledger = adopts_ledger;
	s->handed = *handed;
	st = open_home(s, home, d);
	if (st == OK) {
		s->life = (struct life){ .clock = &clock_system,
			.plain_url = s->configuration.plain_url,
			.crl_folder = s->configuration.crl,
			.crl_lifetime_s = s->configuration.crl_lifetime_s,
			.withdraw_after_s = s->configuration.withdraw_after_s,
			.threads = processors(),
			.on_device = device_changed,
			.on_revocation = certificate_ended,
			.context = s };
	}
	for (size_t i = 0; st == OK && i < sizeof(parts) / sizeof(parts[0]); i++) {
		st = parts[i](s, d);
	}
	if (st != OK) {
		server_stop(s);
		return st;
	}
	note_addresses(s);
	http_server_open(s->http);
	*out = s;
	return OK;
}

/* `kept` NULL: the sockets are closed. */
static void
stop(struct server *s, struct handed_sockets *kept)
{
	int64_t drain_ms = s->configuration.drain_s * 1000;
	int sockets[4] = { -1, -1, -1, -1 };

	/* The jobs first: they wake long polls, and nobody may once the HTTP server is gone. */
	jobs_close(&s->jobs);
	if (s->http != NULL && kept != NULL) {
		http_server_stop_keeping(s->http, drain_ms, sockets);
		*kept = (struct handed_sockets){ sockets[0], sockets[1] };
	} else {
		http_server_stop(s->http, drain_ms);
	}
	s->http = NULL;
	service_close(&s->service);
	if (s->life.sequencer != NULL) {
		sequencer_stop(s->life.sequencer);
		s->life.sequencer = NULL;
	}
	ocsp_memory_free(s->life.ocsp);
	if (s->life.store != NULL) {
		store_close(s->life.store);
	}
	if (s->life.signer != NULL) {
		signer_stop(s->life.signer);
	}
	if (s->home_lock >= 0) {
		close(s->home_lock);
	}
	arena_free(s->arena);
	pthread_mutex_destroy(&s->jobs.lock);
	free(s);
}

void
server_stop(struct server *s)
{
	if (s != NULL) {
		stop(s, NULL);
	}
}

void
server_stop_keeping(struct server *s, struct handed_sockets *kept)
{
	stop(s, kept);
}

/* The listening sockets go on, and with them what was said of them. */
static status
check_restart(const struct configuration *now, const struct configuration *next, struct diag *d)
{
	struct address_list ignored;

	if (strcmp(now->listen, next->listen) != 0 ||
		strcmp(now->listen_plain, next->listen_plain) != 0) {
		return diag_set(d, CONFLICT, NULL,
			"listen or listen_plain was changed: the sockets that are open would be "
			"kept; stop it and start it");
	}
	return address_list_read(next->proxy_from, &ignored, d);
}

status
server_may_restart(const struct server *s, struct diag *d)
{
	struct arena *scratch = arena_new(CONFIGURATION_ARENA_MAX);
	struct configuration c;
	status st = scratch != NULL
			    ? configuration_load(scratch, s->configuration.home, &c, d)
			    : diag_set(d, NO_MEMORY, NULL, "no memory for the configuration");

	if (st == OK) {
		st = check_restart(&s->configuration, &c, d);
	}
	arena_free(scratch);
	return st;
}

status
server_ready(struct server *s, struct diag *d)
{
	uint64_t published;
	status st = store_health(s->life.store, d);

	if (st == OK) {
		st = signer_health(s->life.signer, d);
	}
	if (st == OK) {
		st = sequencer_health(s->life.sequencer, &published, d);
	}
	return st == OK ? jobs_health(&s->jobs, clock_now_s(s->life.clock), d) : st;
}

const char *
server_addresses(const struct server *s)
{
	return s->addresses;
}

const char *
server_home(const struct server *s)
{
	return s->configuration.home;
}
