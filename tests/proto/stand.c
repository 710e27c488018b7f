#include "stand.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "lifecycle/establish.h"
#include "pki/cms.h"
#include "pki/pem.h"
#include "proto/routes.h"

#define WORKERS 4

/* --- the clock --- */

static int64_t
wall(const struct clock *c)
{
	const struct stand_clock *own = (const struct stand_clock *)c;

	return clock_system.wall_ms(&clock_system) + own->ahead_ms;
}

static int64_t
monotonic(const struct clock *c)
{
	(void)c;
	return clock_system.monotonic_ms(&clock_system);
}

void
stand_move(struct stand *s, int64_t seconds)
{
	s->clock.ahead_ms += seconds * 1000;
	s->home.session.now_s = clock_now_s(&s->clock.clock);
}

/* --- the server --- */

static void
start_ledger(struct stand *s)
{
	const struct sequencer_options o = { .store = s->home.store,
		.folder = s->configuration.ledger,
		.guard = home_path(&s->home, "guard"),
		.origin = "ledger.test/works",
		.signer = signer_for_ledger(s->home.signer) };
	struct diag d = { 0 };

	assert_ok(sequencer_start(&o, &s->sequencer, &d), d);
	s->home.life.sequencer = s->sequencer;
}

static void
found(struct stand *s)
{
	const struct establish_request r = { .company = "Test Works",
		.maker = "works",
		.ledger_origin = "ledger.test/works",
		.phase = PHASE_PRODUCTION,
		.fleet = "lamps",
		.admin = "ada" };
	struct reader *reader = s->home.reader;
	struct arena *a = s->home.arena;
	struct diag d = { 0 };

	assert_ok(establish(&s->home.session, &r, s->admin, &d), d);
	assert_int_equal(OK, read_fleet_by_name(reader, "lamps", &s->fleet));
	assert_int_equal(OK, read_owner_by_name(reader, "works", &s->maker));
	assert_int_equal(OK, read_authority_by_name(reader, a, "root-production", &s->root));
	assert_int_equal(OK, read_authority_by_name(reader, a, "issuing-production", &s->issuing));
	assert_int_equal(OK, read_authority_by_name(reader, a, "factory-production", &s->factory));
	home_write_pem(&s->home, "root.pem", s->root.der);
	home_write_pem(&s->home, "issuing.pem", s->issuing.der);
}

static void
changed(void *context, int64_t device)
{
	struct stand *s = context;

	http_server_wake(s->server, service_topic(device));
}

static const struct route *const tls_tables[] = { est_routes, device_routes, ledger_routes,
	ocsp_routes, crl_routes, ca_routes };
static const struct route *const plain_tables[] = { ocsp_routes, crl_routes, ca_routes };

static void
give_identity(struct stand *s)
{
	struct server_certificate_request r = { .authority = "", .names = "127.0.0.1" };
	uint8_t spki[SPKI_P256_LEN];
	struct private_key key;
	struct public_key public;
	span chain[CHAIN_LEN_MAX];
	struct diag d = { 0 };
	size_t count;

	assert_ok(private_key_generate(KEY_P256, &key, &d), d);
	assert_ok(private_key_public(&key, spki, sizeof(spki), &public, &d), d);
	r.spki = public.spki;
	assert_ok(server_certificate_issue(&s->home.session, &r, chain, &count, &d), d);
	assert_ok(http_server_identity(s->server, chain, count, key.key, &d), d);
	private_key_wipe(&key);
}

static void
serve(struct stand *s)
{
	struct http_options o = { .listens = { { "127.0.0.1:0", true, &s->tls_router },
					  { "127.0.0.1:0", false, &s->plain_router } },
		.listen_count = 2,
		.loops = 1,
		.workers = WORKERS,
		.clock = &s->clock.clock };
	struct diag d = { 0 };

	s->service = (struct service){ .life = &s->home.life,
		.configuration = &s->configuration,
		.version = "0",
		.ledger_key = "" };
	assert_ok(service_open(&s->service, WORKERS, &d), d);
	s->tls_router = (struct router){ .tables = tls_tables,
		.table_count = sizeof(tls_tables) / sizeof(tls_tables[0]),
		.context = &s->service };
	s->plain_router = (struct router){ .tables = plain_tables,
		.table_count = sizeof(plain_tables) / sizeof(plain_tables[0]),
		.context = &s->service };
	assert_ok(http_server_start(&o, &s->server, &d), d);
	snprintf(s->tls, sizeof(s->tls), "https://127.0.0.1:%u", http_server_port(s->server, 0));
	snprintf(s->plain, sizeof(s->plain), "http://127.0.0.1:%u", http_server_port(s->server, 1));
	s->home.life.on_device = changed;
	s->home.life.context = s;
}

void
stand_open(struct stand *s)
{
	struct diag d = { 0 };

	*s = (struct stand){ .clock = { .clock = { wall, monotonic } } };
	home_open(&s->home);
	s->home.life.clock = &s->clock.clock;
	stand_move(s, 0);
	s->configuration = (struct configuration){
		.ledger = home_path(&s->home, "ledger"), .crl = s->home.crl, .poll_max_s = 120
	};
	assert_ok(folder_make(s->configuration.ledger, 0700, &d), d);
	found(s);
	start_ledger(s);
	serve(s);
	give_identity(s);
}

void
stand_close(struct stand *s)
{
	http_server_stop(s->server, 1000);
	service_close(&s->service);
	sequencer_stop(s->sequencer);
	home_close(&s->home);
}

/* --- devices --- */

static span
born(struct stand *s, const char *unique_id, const char *name)
{
	struct birth_request r = { .phase = PHASE_PRODUCTION,
		.organization = "Test Works",
		.not_before_s = s->home.session.now_s,
		.years = 20 };
	uint8_t spki[SPKI_P256_LEN];
	struct issue_result result;
	struct private_key key;
	struct public_key public;
	struct buffer pem;
	struct diag d = { 0 };

	snprintf(r.authority, sizeof(r.authority), "%s", s->factory.name);
	snprintf(r.unique_id, sizeof(r.unique_id), "%s", unique_id);
	assert_ok(private_key_generate(KEY_P256, &key, &d), d);
	assert_ok(private_key_public(&key, spki, sizeof(spki), &public, &d), d);
	memcpy(r.point, public.point, sizeof(r.point));
	buffer_init(&pem, 4096);
	assert_ok(private_key_write_plain(&key, &pem, &d), d);
	home_write(&s->home, arena_printf(s->home.arena, "%s.key", name), buffer_span(&pem));
	buffer_wipe(&pem);
	private_key_wipe(&key);
	assert_ok(signer_issue_birth(s->home.signer, s->home.arena, &r, 1, &result, &d), d);
	assert_ok(result.status, result.diag);
	home_write_pem(&s->home, arena_printf(s->home.arena, "%s.pem", name), result.der);
	return result.der;
}

struct device
stand_device(struct stand *s, const char *name, unsigned number, enum device_state in)
{
	struct home_fleet f = { .maker = s->maker, .fleet = s->fleet };
	struct device device = home_device_add(&s->home, &f, number, in);
	struct change *c = change_new(s->home.arena);
	struct certificate k = { .kind = CERTIFICATE_BIRTH,
		.status = CERTIFICATE_CURRENT,
		.authority = s->factory.row,
		.device = device.row,
		.issued_s = s->home.session.now_s };
	struct certificate_view view;
	struct diag d = { 0 };

	k.der = born(s, device.serial, name);
	assert_ok(certificate_read(k.der, &view, &d), d);
	memcpy(k.serial, view.serial.data, view.serial.len);
	k.serial_len = view.serial.len;
	certificate_fingerprint(k.der, k.fingerprint);
	public_key_hash(&view.key, k.key_hash);
	sha256(view.issuer.der, k.issuer_hash);
	k.not_before_s = view.not_before_s;
	k.not_after_s = view.not_after_s;
	change_certificate_add(c, &k);
	change_link(c, &device.birth_certificate, CHANGE_REF(&k));
	change_device_set(c, &device);
	assert_ok(store_commit(s->home.store, c, NULL, &d), d);
	return stand_device_now(s, device.row);
}

struct device
stand_device_now(struct stand *s, int64_t row)
{
	struct device d;

	assert_int_equal(OK, read_device(s->home.reader, row, &d));
	return d;
}

span
stand_csr(struct stand *s, const char *next, const char *subject)
{
	char *key = home_path(&s->home, arena_printf(s->home.arena, "%s.key", next));

	assert_int_equal(0, home_run(&s->home, NULL,
				    (const char *[]){ "openssl", "req", "-new", "-newkey", "ec",
					    "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
					    "-keyout", key, "-subj", subject, "-outform", "DER",
					    "-out", home_path(&s->home, "csr.der"), NULL }));
	return bytes_of_file(s->home.arena, home_path(&s->home, "csr.der"));
}

/* --- asking --- */

char *
stand_url(struct stand *s, const char *base, const char *path)
{
	return arena_printf(s->home.arena, "%s%s", base, path);
}

struct seen
stand_ask(struct stand *s, const struct asked *a)
{
	struct arena *arena = s->home.arena;
	const char *argv[40] = { "curl", "-sS", "--http1.1", "--path-as-is", "--max-time", "60",
		"--cacert", home_path(&s->home, "root.pem"), "-D", home_path(&s->home, "head"),
		"-o", home_path(&s->home, "body") };
	size_t n = 12;
	struct seen r = { 0 };
	span head;

	home_write(&s->home, "body", span_of(NULL, 0));
	home_write(&s->home, "head", span_of(NULL, 0));
	if (a->identity != NULL) {
		argv[n++] = "--cert";
		argv[n++] = home_path(&s->home, arena_printf(arena, "%s.pem", a->identity));
		argv[n++] = "--key";
		argv[n++] = home_path(&s->home, arena_printf(arena, "%s.key", a->identity));
	}
	if (a->type != NULL) {
		home_write(&s->home, "sent", a->body);
		argv[n++] = "--data-binary";
		argv[n++] = arena_printf(arena, "@%s", home_path(&s->home, "sent"));
		argv[n++] = "-H";
		argv[n++] = arena_printf(arena, "Content-Type: %s", a->type);
	}
	for (size_t k = 0; a->options[k] != NULL; k++) {
		argv[n++] = a->options[k];
	}
	argv[n++] = a->url;
	argv[n] = NULL;
	if (home_run(&s->home, "curl", argv) != 0) {
		fail_msg("curl %s: %s", a->url,
			arena_string(arena, bytes_of_file(arena, home_path(&s->home, "curl"))));
	}
	head = bytes_of_file(arena, home_path(&s->home, "head"));
	r.head = arena_string(arena, head);
	r.body = bytes_of_file(arena, home_path(&s->home, "body"));
	assert_true(strncmp(r.head, "HTTP/1.1 ", 9) == 0);
	r.status = (int)strtol(r.head + 9, NULL, 10);
	return r;
}

const char *
seen_header(struct stand *s, const struct seen *r, const char *name)
{
	size_t len = strlen(name);

	for (const char *line = r->head; line != NULL && *line != '\0';) {
		const char *end = strstr(line, "\r\n");

		if (end == NULL) {
			return NULL;
		}
		if (strncasecmp(line, name, len) == 0 && line[len] == ':') {
			line += len + 1;
			line += strspn(line, " ");
			return arena_string(s->home.arena, span_of(line, (size_t)(end - line)));
		}
		line = end + 2;
	}
	return NULL;
}

bool
seen_says(const struct seen *r, const char *words)
{
	return memmem(r->body.data, r->body.len, words, strlen(words)) != NULL;
}

/* --- EST --- */

span
stand_base64(struct stand *s, span der)
{
	struct buffer text;
	span out;

	buffer_init(&text, 1 << 16);
	base64_write(&text, der, 64);
	out = arena_copy(s->home.arena, buffer_span(&text));
	buffer_wipe(&text);
	return out;
}

span
stand_keep_issued(struct stand *s, const char *name, const struct seen *r)
{
	span der, list[CMS_CERTIFICATES_MAX];
	struct diag d = { 0 };
	size_t count;

	assert_int_equal(200, r->status);
	assert_int_equal(OK, base64_decode(s->home.arena, r->body, &der));
	assert_ok(cms_certificates_read(der, list, &count, &d), d);
	assert_int_equal(1, count);
	home_write_pem(&s->home, arena_printf(s->home.arena, "%s.pem", name), list[0]);
	return list[0];
}

span
stand_enrol(struct stand *s, const char *identity, const char *operation, const char *next)
{
	struct asked a = { .identity = identity, .type = "application/pkcs10" };
	struct seen r;

	a.url = arena_printf(s->home.arena, "%s/.well-known/est/lamps/%s", s->tls, operation);
	a.body = stand_base64(s, stand_csr(s, next, "/"));
	r = stand_ask(s, &a);
	if (r.status != 200) {
		fail_msg("%s: %d %.*s", operation, r.status, (int)r.body.len,
			(const char *)r.body.data);
	}
	return stand_keep_issued(s, next, &r);
}
