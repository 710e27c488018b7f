#include "crowd.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/pem.h>
#include <openssl/pkcs7.h>

#include "bench.h"
#include "base/file.h"
#include "base/text.h"
#include "pki/csr.h"
#include "pki/key.h"

#define PATH_ROOM (STAGE_ROOM + 128)
#define CSR_ROOM 4096
#define DESK_WIRES 8 /* connections of the buyers' desk */
#define BUYER "buyer"

static void
fail(const char *what)
{
	bench_fail("a device: %s", what);
}

/* --- factory and desk --- */

static const char *
units_folder(char out[PATH_ROOM])
{
	snprintf(out, PATH_ROOM, "%s/units", bench_folder());
	return out;
}

static void
make_units(const struct crowd *c)
{
	const struct stage *s = c->stage;
	char folder[PATH_ROOM], manifest[PATH_ROOM + 32], count[16];

	units_folder(folder);
	snprintf(manifest, sizeof(manifest), "%s/manifest.json", folder);
	snprintf(count, sizeof(count), "%zu", c->count);
	stage_run((const char *const[]){ s->tenure, "factory", "run", "--fleet", STAGE_FLEET,
		"--count", count, "--out", folder, "--client", s->client, NULL });
	stage_run((const char *const[]){ s->tenure, "manifest", "import", manifest, "--fleet",
		STAGE_FLEET, "--client", s->client, NULL });
	stage_run((const char *const[]){ s->tenure, "owner", "add", BUYER, "--title", BUYER,
		"--kind", "customer", "--client", s->client, NULL });
}

static void
learn_serials(struct crowd *c)
{
	char path[PATH_ROOM];
	DIR *folder = opendir(units_folder(path));
	struct dirent *entry;
	size_t n = 0;

	while (folder != NULL && n < c->count && (entry = readdir(folder)) != NULL) {
		if (strncmp(entry->d_name, "0123", 4) == 0) {
			snprintf(c->units[n].serial, sizeof(c->units[n].serial), "%.23s",
				entry->d_name);
			n++;
		}
	}
	if (folder != NULL) {
		closedir(folder);
	}
	if (n != c->count) {
		fail("it has no folder");
	}
}

struct desk {
	struct crowd *crowd;
	char token[128];
	span *requests;
};

static void
read_token(struct desk *k)
{
	char path[PATH_ROOM];
	struct buffer text;
	struct diag d = { 0 };

	snprintf(path, sizeof(path), "%s/admin.token", k->crowd->stage->home);
	buffer_init(&text, sizeof(k->token) - 1);
	bench_must(file_read(path, sizeof(k->token) - 1, &text, &d), &d);
	snprintf(k->token, sizeof(k->token), "%.*s", (int)text.len, (const char *)text.data);
	k->token[strcspn(k->token, "\r\n")] = '\0';
	buffer_wipe(&text);
}

static void
write_desk_request(struct desk *k, size_t unit, const char *verb, const char *body)
{
	const char *text = arena_printf(k->crowd->arena,
		"POST /api/v1/devices/%s/%s HTTP/1.1\r\nHost: localhost:%u\r\nAuthorization: "
		"Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
		k->crowd->units[unit].serial, verb, k->crowd->stage->port, k->token, strlen(body),
		body);

	if (text == NULL) {
		fail("no memory");
	}
	k->requests[unit] = span_text(text);
}

/* The code is shown once: it goes into the request that claims by it. */
static void
take_code(void *context, size_t unit, span body)
{
	static const char member[] = "\"code\":\"";
	struct desk *k = context;
	const char *at = memmem(body.data, body.len, member, sizeof(member) - 1);
	char text[128];

	if (at == NULL) {
		fail("it got no claim code");
	}
	snprintf(text, sizeof(text), "{\"code\":\"%.23s\",\"owner\":\"" BUYER "\"}",
		at + sizeof(member) - 1);
	write_desk_request(k, unit, "claim", text);
}

static void
claim_all(struct crowd *c)
{
	struct wire wires[DESK_WIRES];
	struct desk k = { .crowd = c,
		.requests = arena_alloc(c->arena, c->count * sizeof(*k.requests)) };
	struct wire_load load = { .wires = wires,
		.wire_count = DESK_WIRES,
		.requests = k.requests,
		.request_count = c->count,
		.count = c->count,
		.in_flight = DESK_WIRES,
		.answered = take_code,
		.context = &k };

	if (k.requests == NULL) {
		fail("no memory");
	}
	read_token(&k);
	for (size_t i = 0; i < DESK_WIRES; i++) {
		wire_open(&wires[i], c->stage->port, c->context, NULL, NULL);
	}
	for (size_t i = 0; i < c->count; i++) {
		write_desk_request(&k, i, "code", "{}");
	}
	wire_drive(&load);
	load.answered = NULL;
	wire_drive(&load);
	for (size_t i = 0; i < DESK_WIRES; i++) {
		wire_close(&wires[i]);
	}
}

/* --- each device --- */

static void
load_birth(struct crowd_unit *u)
{
	char folder[PATH_ROOM], path[PATH_ROOM + 64];
	FILE *certificate, *key;

	units_folder(folder);
	snprintf(path, sizeof(path), "%s/%s/element/birth.pem", folder, u->serial);
	certificate = fopen(path, "r");
	snprintf(path, sizeof(path), "%s/%s/element/slot0.key", folder, u->serial);
	key = fopen(path, "r");
	if (certificate == NULL || key == NULL) {
		fail("its files are not there");
	}
	u->certificate = PEM_read_X509(certificate, NULL, NULL, NULL);
	u->key = PEM_read_PrivateKey(key, NULL, NULL, NULL);
	fclose(certificate);
	fclose(key);
	if (u->certificate == NULL || u->key == NULL) {
		fail("its birth identity cannot be read");
	}
}

void
crowd_write_request(struct crowd *c, struct crowd_unit *u)
{
	const struct simple_name subject = { .common_name = "device" };
	struct private_key key = { 0 };
	struct csr_signer signer = { .sign = csr_sign_by_key, .context = &key };
	struct public_key public;
	uint8_t spki[600];
	struct buffer der;
	struct diag d = { 0 };
	const char *body, *text;

	buffer_init(&der, CSR_ROOM);
	bench_must(private_key_generate(KEY_P256, &key, &d), &d);
	bench_must(private_key_public(&key, spki, sizeof(spki), &public, &d), &d);
	bench_must(
		csr_write(&subject, &public, OID_UNKNOWN, span_of(NULL, 0), &signer, &der, &d), &d);
	body = base64_encode(c->arena, buffer_span(&der));
	buffer_wipe(&der);
	text = body == NULL ? NULL
			    : arena_printf(c->arena,
				      "POST /.well-known/est/" STAGE_FLEET
				      "/simpleenroll HTTP/1.1\r\nHost: localhost:%u\r\n"
				      "Content-Type: application/pkcs10\r\nContent-Length: "
				      "%zu\r\n\r\n%s",
				      c->stage->port, strlen(body), body);
	if (text == NULL) {
		fail("no memory");
	}
	u->enrol = span_text(text);
	u->new_key = key.key;
}

void
crowd_begin(struct crowd *c, const struct stage *s, size_t count)
{
	*c = (struct crowd){ .stage = s,
		.arena = arena_new((64 << 20) + count * 2048),
		.context = wire_context(),
		.count = count,
		.units = calloc(count, sizeof(*c->units)) };
	if (c->arena == NULL || c->units == NULL) {
		fail("no memory");
	}
}

void
crowd_open(struct crowd *c, const struct stage *s, size_t count)
{
	crowd_begin(c, s, count);
	make_units(c);
	learn_serials(c);
	claim_all(c);
	for (size_t i = 0; i < count; i++) {
		load_birth(&c->units[i]);
		crowd_write_request(c, &c->units[i]);
	}
}

void
crowd_close(struct crowd *c)
{
	for (size_t i = 0; i < c->count; i++) {
		X509_free(c->units[i].certificate);
		EVP_PKEY_free(c->units[i].key);
		EVP_PKEY_free(c->units[i].new_key);
	}
	free(c->units);
	SSL_CTX_free(c->context);
	arena_free(c->arena);
}

void
crowd_connect(const struct crowd *c, size_t unit, struct wire *w)
{
	wire_open(w, c->stage->port, c->context, c->units[unit].certificate, c->units[unit].key);
}

void
crowd_dial(const struct crowd *c, size_t unit, struct wire *w)
{
	wire_dial(w, c->stage->port, c->context, c->units[unit].certificate, c->units[unit].key);
}

void
crowd_enrolled(struct crowd *c, size_t unit, span body)
{
	struct crowd_unit *u = &c->units[unit];
	const uint8_t *at;
	PKCS7 *p = NULL;
	span der;

	if (base64_decode(c->arena, body, &der) == OK) {
		at = der.data;
		p = d2i_PKCS7(NULL, &at, (long)der.len);
	}
	if (p == NULL || !PKCS7_type_is_signed(p) || sk_X509_num(p->d.sign->cert) != 1) {
		fail("it was not given a certificate");
		return;
	}
	X509_free(u->certificate);
	EVP_PKEY_free(u->key);
	u->certificate = X509_dup(sk_X509_value(p->d.sign->cert, 0));
	u->key = u->new_key;
	u->new_key = NULL;
	PKCS7_free(p);
}
