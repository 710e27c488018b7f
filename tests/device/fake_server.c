#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support.h"

#include <openssl/pem.h>
#include <openssl/ssl.h>

#include "base/file.h"
#include "base/text.h"
#include "device/element/element.h"
#include "element/attestation.h"
#include "fake_server.h"
#include "pki/certificate.h"
#include "pki/cms.h"
#include "pki/csr.h"
#include "pki/pem.h"

#define REQUEST_MAX (32 << 10)
#define FACTORY_SLOTS 5

struct peer {
	bool is_birth, is_known;
	struct fake_issued *issued; /* or NULL */
};

struct asked {
	char method[8], path[200];
	long wait_s, version;
	span body;
};

struct reply {
	int code;
	const char *type;
	struct buffer body;
	bool is_lost;
};

struct serving {
	struct fake_server *server;
	struct fake_world *world;
	SSL *tls;
	struct arena *arena;
};

/* --- what it knows --- */

static void
find_peer(struct serving *s, struct peer *out)
{
	X509 *x = SSL_get0_peer_certificate(s->tls);
	uint8_t fingerprint[32];

	*out = (struct peer){ 0 };
	if (x == NULL) {
		return;
	}
	sha256(fake_der(s->arena, x), fingerprint);
	out->is_birth = memcmp(fingerprint, s->world->birth, 32) == 0;
	for (int i = 0; i < s->world->issued_count; i++) {
		if (memcmp(s->world->issued[i].fingerprint, fingerprint, 32) == 0) {
			out->issued = &s->world->issued[i];
		}
	}
	out->is_known = out->is_birth || out->issued != NULL;
}

/* "" where it is refused. */
static const char *
access_of(const struct serving *s, const struct peer *p)
{
	int state = s->world->state;

	if (p->is_birth) {
		return state == FAKE_AWAITING || state == FAKE_ACTIVE ? "enrolment" : "state";
	}
	if (state == FAKE_ACTIVE &&
		(p->issued->status == FAKE_CURRENT || p->issued->status == FAKE_PENDING)) {
		return "full";
	}
	return state == FAKE_AWAITING && p->issued->status == FAKE_PENDING ? "full" : "";
}

static void
confirm(struct serving *s, struct fake_issued *of)
{
	for (int i = 0; i < s->world->issued_count; i++) {
		if (s->world->issued[i].status == FAKE_CURRENT) {
			s->world->issued[i].status = FAKE_SUPERSEDED;
		}
	}
	of->status = FAKE_CURRENT;
	s->world->state = FAKE_ACTIVE;
	s->world->renew_now = 0;
	s->world->confirmed++;
	s->world->version++;
}

/* --- answers --- */

static void
problem_of(struct reply *r, int code, const char *kind, const char *detail)
{
	r->code = code;
	r->type = "application/problem+json";
	buffer_clear(&r->body);
	buffer_printf(&r->body, "{\"type\":\"/problems/%s\",\"status\":%d,\"detail\":\"%s\"}", kind,
		code, detail);
}

static void
problem(struct reply *r, int code, const char *detail)
{
	problem_of(r, code, "x", detail);
}

static void
answer_challenge(struct serving *s, const struct peer *p, struct reply *r)
{
	uint8_t challenge[16] = { 0 };
	char text[32];
	int number;

	if (!s->world->wants_proofs) {
		problem(r, 404, "no such path");
		return;
	}
	if (access_of(s, p)[0] == '\0' || strcmp(access_of(s, p), "state") == 0) {
		problem(r, 403, "no challenge for this one");
		return;
	}
	number = ++s->world->challenges;
	memcpy(challenge, &number, sizeof(number));
	r->type = "application/json";
	buffer_printf(&r->body,
		"{\"challenge\":\"%s\",\"purpose\":\"key\",\"expires\":\"2036-01-01T00:00:00Z\"}",
		base64url_encode(text, SPAN_ARRAY(challenge)));
}

/* The kind of problem that the request's proof has, or NULL. */
static const char *
judge_proof(struct serving *s, const struct csr *csr)
{
	const struct attestation_anchor known = { .kind = EVIDENCE_ATECC608,
		.serial = s->world->serial,
		.model = "ATECC608B",
		.profile = "trustflex-tls" };
	struct attestation_anchor anchor = known;
	struct attestation attestation;
	struct evidence e;
	int number = 0;

	memcpy(anchor.key, s->world->anchor, sizeof(anchor.key));
	if (csr_attribute(csr, OID_EVIDENCE).len == 0) {
		return "attestation-required";
	}
	if (evidence_read(csr_attribute(csr, OID_EVIDENCE), &e, NULL) != OK) {
		return "attestation-malformed";
	}
	memcpy(&number, e.challenge.data, sizeof(number));
	if (e.challenge.len != 16 || number > s->world->challenges) {
		return "attestation-challenge-foreign";
	}
	if (s->world->refuses_proofs || number < s->world->challenge_least) {
		return "attestation-challenge-expired";
	}
	if (attestation_check(&e, &anchor, csr->key.point, &attestation, NULL) != OK ||
		!attestation.is_proven) {
		return "attestation-failed";
	}
	s->world->challenge_least = number + 1; /* burnt */
	s->world->proven++;
	return NULL;
}

static void
wait_for_change(struct serving *s, const struct asked *a)
{
	struct pollfd p = { .fd = SSL_get_fd(s->tls), .events = POLLIN };

	for (long ms = 0; ms < a->wait_s * 1000 && s->world->version == a->version; ms += 5) {
		if (poll(&p, 1, 5) > 0) {
			return; /* the other side is gone */
		}
	}
}

static void
answer_state(struct serving *s, const struct asked *a, struct peer *p, struct reply *r)
{
	static const char *const names[] = { "HELD", "AWAITING_DEVICE", "ACTIVE", "SUSPENDED" };
	const char *access = access_of(s, p);
	char now[TIME_TEXT_MAX];

	if (access[0] == '\0') {
		problem(r, 403, "the certificate is refused");
		return;
	}
	if (p->issued != NULL && p->issued->status == FAKE_PENDING) {
		confirm(s, p->issued);
	}
	wait_for_change(s, a);
	access = access_of(s, p);
	if (access[0] == '\0') {
		problem(r, 403, "the certificate is refused by now");
		return;
	}
	r->type = "application/json";
	buffer_printf(&r->body,
		"{\"device\":\"06f3\",\"serial\":\"%s\",\"fleet\":\"lamps\",\"state\":\"%s\","
		"\"access\":\"%s\",\"why\":\"because\",\"version\":%d,\"renew_after\":null,"
		"\"renew_now\":%s,\"certificate\":null,\"time\":\"%s\"}",
		s->world->serial, names[s->world->state], access, s->world->version,
		s->world->renew_now ? "true" : "false", time_text(now, clock_now_s(&clock_system)));
}

static X509 *
issue(struct serving *s, EVP_PKEY *key, enum fake_fault fault)
{
	const struct fake_pki *pki = &s->server->pki;
	struct fake_subject x = { .common_name = s->world->serial,
		.serial = "06f3",
		.key = key,
		.from_s = -60,
		.to_s = 30 * 86400,
		.usage = "critical,digitalSignature",
		.extended_usage = "clientAuth" };

	switch (fault) {
	case FAKE_OTHER_KEY:
		x.key = pki->server.key;
		break;
	case FAKE_OTHER_SERIAL:
		x.common_name = "0123ffffffffffff01";
		break;
	case FAKE_CA_CERTIFICATE:
		x.is_ca = true;
		break;
	case FAKE_NOT_YET_VALID:
		x.from_s = 86400;
		break;
	case FAKE_EXPIRED:
		x.from_s = -86400;
		x.to_s = -3600;
		break;
	default:
		break;
	}
	return fake_certificate(&x, fault == FAKE_STRANGER_CA ? &pki->stranger : &pki->issuing);
}

static void
put_certificates(struct serving *s, const span *list, size_t count, struct reply *r)
{
	struct buffer cms;
	struct diag d = { 0 };

	buffer_init(&cms, 32 << 10);
	assert_ok(cms_certificates_write(list, count, &cms, &d), d);
	r->type = "application/pkcs7-mime; smime-type=certs-only";
	base64_write(&r->body, buffer_span(&cms), 64);
	buffer_wipe(&cms);
}

static struct fake_issued *
find_request(struct serving *s, const uint8_t request[32], const uint8_t key[32], bool *is_seen)
{
	struct fake_issued *found = NULL;

	*is_seen = false;
	for (int i = 0; i < s->world->issued_count; i++) {
		struct fake_issued *one = &s->world->issued[i];

		*is_seen = *is_seen || memcmp(one->key, key, 32) == 0;
		if (memcmp(one->request, request, 32) == 0 &&
			(one->status == FAKE_PENDING || one->status == FAKE_CURRENT)) {
			found = one;
		}
	}
	return found;
}

static struct fake_issued *
record(struct serving *s, const struct csr *csr, span request, X509 *x)
{
	struct fake_issued *to = &s->world->issued[s->world->issued_count];
	span der = fake_der(s->arena, x);

	assert_true(s->world->issued_count < FAKE_CERTIFICATES_MAX && der.len <= sizeof(to->der));
	for (int i = 0; i < s->world->issued_count; i++) {
		if (s->world->issued[i].status == FAKE_PENDING) {
			s->world->issued[i].status = FAKE_WITHDRAWN;
		}
	}
	*to = (struct fake_issued){ .status = FAKE_PENDING, .len = der.len };
	memcpy(to->der, der.data, der.len);
	certificate_fingerprint(der, to->fingerprint);
	sha256(request, to->request);
	public_key_hash(&csr->key, to->key);
	s->world->issued_count++;
	return to;
}

static bool
may_enrol(struct serving *s, const struct peer *p, bool is_renewal, const struct csr *csr)
{
	struct certificate_view current;
	const char *access = access_of(s, p);

	if (!is_renewal) {
		return strcmp(access, "enrolment") == 0;
	}
	return strcmp(access, "full") == 0 && p->issued != NULL &&
	       certificate_read(span_of(p->issued->der, p->issued->len), &current, NULL) == OK &&
	       name_equal(&current.subject, &csr->subject);
}

static void
answer_enrolment(struct serving *s, const struct asked *a, const struct peer *p,
	enum fake_fault fault, struct reply *r)
{
	bool is_renewal = strstr(a->path, "simplereenroll") != NULL, is_seen;
	uint8_t request[32], key[32];
	struct fake_issued *found;
	struct diag d = { 0 };
	struct csr csr;
	span der, root;

	assert_ok(csr_unwrap(s->arena, a->body, &der, &d), d);
	assert_ok(csr_read(der, &csr, &d), d);
	sha256(der, request);
	public_key_hash(&csr.key, key);
	if (!may_enrol(s, p, is_renewal, &csr)) {
		problem(r, 403, "the device is held: nobody owns it yet");
		return;
	}
	s->world->enrolments++;
	found = find_request(s, request, key, &is_seen);
	if (found == NULL && is_seen) {
		problem(r, 409, "this key was seen before");
		return;
	}
	if (found == NULL && s->world->wants_proofs) {
		const char *kind = judge_proof(s, &csr);

		if (kind != NULL) {
			problem_of(r, 403, kind, "the proof of the key");
			return;
		}
	}
	if (found != NULL) {
		s->world->repeats++;
	} else {
		const uint8_t *at = csr.key.spki.data;
		EVP_PKEY *public = d2i_PUBKEY(NULL, &at, (long)csr.key.spki.len);
		X509 *x = issue(s, public, fault);

		found = record(s, &csr, der, x);
		X509_free(x);
		EVP_PKEY_free(public);
	}
	root = fake_der(s->arena, s->server->pki.root.certificate);
	if (fault == FAKE_NOTHING_ISSUED) {
		put_certificates(s, &root, 1, r);
	} else {
		der = span_of(found->der, found->len);
		put_certificates(s, &der, 1, r);
	}
}

static void
answer(struct serving *s, const struct asked *a, enum fake_fault fault, struct reply *r)
{
	struct peer p;
	span list[2] = { fake_der(s->arena, s->server->pki.issuing.certificate),
		fake_der(s->arena, s->server->pki.root.certificate) };

	find_peer(s, &p);
	if (strcmp(a->path, "/.well-known/est/lamps/cacerts") == 0) {
		put_certificates(s, list, 2, r);
	} else if (!p.is_known) {
		problem(r, 401, "nobody knows this certificate");
	} else if (strcmp(a->path, "/device/v1/state") == 0) {
		answer_state(s, a, &p, r);
	} else if (strcmp(a->path, "/device/v1/challenge") == 0) {
		answer_challenge(s, &p, r);
	} else if (strcmp(a->method, "POST") == 0) {
		answer_enrolment(s, a, &p, fault, r);
	} else {
		problem(r, 404, "no such path");
	}
}

/* --- bytes --- */

static void
send_text(struct serving *s, const char *text, size_t len)
{
	if (len > 0) {
		(void)SSL_write(s->tls, text, (int)len);
	}
}

static void
send_endless(struct serving *s, bool is_chunked)
{
	static const char chunk[] = "1000\r\n";
	static char filler[4096 + 2];

	memset(filler, 'A', 4096);
	memcpy(filler + 4096, "\r\n", 2);
	for (int i = 0; i < 4096; i++) {
		if ((is_chunked && SSL_write(s->tls, chunk, 6) <= 0) ||
			SSL_write(s->tls, filler, is_chunked ? 4098 : 4096) <= 0) {
			return;
		}
	}
}

static void
send_reply(struct serving *s, struct reply *r, enum fake_fault fault)
{
	char head[512];
	size_t len = fault == FAKE_HUGE ? (size_t)16 << 20 : r->body.len;
	bool is_chunked = fault == FAKE_CHUNKED || fault == FAKE_ENDLESS;
	int n;

	if (is_chunked) {
		n = snprintf(head, sizeof(head),
			"HTTP/1.1 %d x\r\nContent-Type: %s\r\nTransfer-Encoding: chunked\r\n\r\n",
			r->code, r->type);
	} else {
		n = snprintf(head, sizeof(head),
			"HTTP/1.1 %d x\r\nContent-Type: %s\r\nContent-Length: %zu\r\n%s\r\n",
			r->code, r->type, len, r->code == 503 ? "Retry-After: 1\r\n" : "");
	}
	send_text(s, head, (size_t)n);
	if (fault == FAKE_HUGE || fault == FAKE_ENDLESS) {
		send_endless(s, fault == FAKE_ENDLESS);
	} else if (fault == FAKE_CHUNKED) {
		size_t half = len / 2;

		n = snprintf(head, sizeof(head), "%zx\r\n", half);
		send_text(s, head, (size_t)n);
		send_text(s, (char *)r->body.data, half);
		n = snprintf(head, sizeof(head), "\r\n%zX\r\n", len - half);
		send_text(s, head, (size_t)n);
		send_text(s, (char *)r->body.data + half, len - half);
		send_text(s, "\r\n0\r\n\r\n", 7);
	} else {
		send_text(s, (char *)r->body.data, fault == FAKE_CUTS ? len / 2 : len);
	}
}

/* The faults that hold for any answer. */
static void
spoil(struct reply *r, enum fake_fault fault)
{
	switch (fault) {
	case FAKE_WRONG_TYPE:
		r->type = "text/html";
		break;
	case FAKE_NO_BASE64:
		buffer_clear(&r->body);
		buffer_put_text(&r->body, "<html>%%%</html>");
		break;
	case FAKE_NO_CMS:
		buffer_clear(&r->body);
		buffer_put_text(&r->body, "MAMCAQA=");
		break;
	case FAKE_REDIRECTS:
		problem(r, 307, "over there");
		break;
	case FAKE_BUSY:
		problem(r, 503, "later");
		break;
	default:
		break;
	}
}

static bool
read_request(struct serving *s, char *text, struct asked *out)
{
	size_t len = 0, body_len = 0, head_len = 0;
	const char *end = NULL, *length;

	*out = (struct asked){ .version = -1 };
	while (end == NULL || len < head_len + body_len) {
		int n = SSL_read(s->tls, text + len, (int)(REQUEST_MAX - 1 - len));

		if (n <= 0) {
			return false;
		}
		len += (size_t)n;
		text[len] = '\0';
		end = strstr(text, "\r\n\r\n");
		length = strstr(text, "Content-Length: ");
		head_len = end != NULL ? (size_t)(end - text) + 4 : 0;
		body_len = length != NULL ? strtoul(length + 16, NULL, 10) : 0;
	}
	assert_int_equal(sscanf(text, "%7s %199[^? ]?wait=%ld&version=%ld", out->method, out->path,
				 &out->wait_s, &out->version) >= 2,
		1);
	out->body = span_of(text + head_len, body_len);
	return true;
}

static bool
serve_one(struct serving *s)
{
	char text[REQUEST_MAX];
	struct asked a;
	struct reply r = { .code = 200, .type = "text/plain" };
	enum fake_fault fault = FAKE_NO_FAULT;
	bool stays;

	if (!read_request(s, text, &a)) {
		return false;
	}
	s->world->requests++;
	if (strcmp(a.path, "/.well-known/est/lamps/cacerts") != 0) {
		fault = (enum fake_fault)atomic_exchange(&s->world->fault, FAKE_NO_FAULT);
	}
	if (fault == FAKE_CLOSES_BEFORE) {
		return false;
	}
	buffer_init(&r.body, 64 << 10);
	answer(s, &a, fault, &r);
	spoil(&r, fault);
	if (fault == FAKE_NOT_HTTP) {
		send_text(s, "220 mail.example ESMTP\r\n\r\n", 26);
	} else if (fault != FAKE_LOSES_REPLY) {
		send_reply(s, &r, fault);
	}
	stays = fault == FAKE_NO_FAULT || fault == FAKE_CHUNKED;
	buffer_wipe(&r.body);
	arena_reset(s->arena);
	return stays;
}

static int
take_any(int ok, X509_STORE_CTX *c)
{
	(void)ok, (void)c;
	return 1; /* it knows certificates by fingerprint */
}

static void
serve(struct fake_server *server)
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());
	struct serving s = { .server = server, .world = server->world };

	SSL_CTX_use_certificate(context, server->pki.server.certificate);
	SSL_CTX_use_PrivateKey(context, server->pki.server.key);
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, take_any);
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	s.arena = arena_new(4 << 20);
	for (;;) {
		int fd = accept(server->listener, NULL, NULL), on = 1;

		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));

		s.tls = SSL_new(context);
		SSL_set_fd(s.tls, fd);
		if (SSL_accept(s.tls) == 1) {
			s.world->handshakes++;
			while (serve_one(&s)) {
			}
		}
		SSL_free(s.tls);
		close(fd);
	}
}

/* --- for the tests --- */

void
fake_server_start(struct fake_server *s)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);

	*s = (struct fake_server){ 0 };
	fake_pki_make(&s->pki);
	s->world = mmap(
		NULL, sizeof(*s->world), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(s->world != MAP_FAILED);
	s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(s->listener, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(s->listener, 16), 0);
	assert_int_equal(getsockname(s->listener, (struct sockaddr *)&at, &len), 0);
	s->port = ntohs(at.sin_port);
	snprintf(s->url, sizeof(s->url), "https://127.0.0.1:%u", s->port);
	s->pid = fork();
	assert_true(s->pid >= 0);
	if (s->pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		signal(SIGPIPE, SIG_IGN);
		serve(s);
		_exit(1);
	}
	close(s->listener);
}

void
fake_server_stop(struct fake_server *s)
{
	if (s->pid <= 0) {
		return; /* it was never started */
	}
	kill(s->pid, SIGKILL);
	waitpid(s->pid, NULL, 0);
	munmap(s->world, sizeof(*s->world));
	fake_pki_free(&s->pki);
}

void
fake_set_state(struct fake_server *s, enum fake_state state)
{
	s->world->state = state;
	s->world->version++;
}

int
fake_lost(const struct fake_server *s)
{
	int lost = 0;

	for (int i = 0; i < s->world->issued_count; i++) {
		lost += s->world->issued[i].status == FAKE_WITHDRAWN;
	}
	return lost;
}

static void
write_file(const char *folder, const char *name, const char *text)
{
	char path[600];
	struct diag d = { 0 };

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	assert_ok(file_replace(path, span_text(text), 0600, &d), d);
}

/* The part's birth key; what its slot 1 signs is believed from now on. */
static EVP_PKEY *
key_of_element(struct fake_server *s, const char *folder)
{
	struct element *e = NULL;
	uint8_t point[64], spki[SPKI_P256_LEN];
	const uint8_t *at = spki;
	struct diag d = { 0 };

	assert_ok(element_open(s->element, folder, &e, &d), d);
	assert_ok(e->operations->point(e, 1, s->world->anchor, &d), d);
	assert_ok(e->operations->point(e, 0, point, &d), d);
	element_close(e);
	spki_of_point(point, spki);
	return d2i_PUBKEY(NULL, &at, sizeof(spki));
}

static X509 *
make_birth(struct fake_server *s, const char *folder)
{
	struct fake_subject x = { .common_name = "sn0123A1B2C3D4E5F601",
		.serial = s->world->serial,
		.from_s = -3600,
		.to_s = 1000L * 86400,
		.usage = "critical,digitalSignature,keyAgreement" };
	char path[600];
	X509 *certificate;
	FILE *f;

	if (s->element != NULL) {
		x.key = key_of_element(s, folder);
	} else {
		x.key = EVP_EC_gen("P-256");
		snprintf(path, sizeof(path), "%s/element/slot0.key", folder);
		f = fopen(path, "w");
		assert_non_null(f);
		assert_int_equal(PEM_write_PKCS8PrivateKey(f, x.key, NULL, NULL, 0, NULL, NULL), 1);
		fclose(f);
	}
	certificate = fake_certificate(&x, &s->pki.factory);
	EVP_PKEY_free(x.key);
	return certificate;
}

void
fake_device_make(struct fake_server *s, const char *folder, enum fake_state state)
{
	struct arena *a = arena_new(1 << 20);
	X509 *list[3] = { NULL, s->pki.factory.certificate, NULL };
	X509 *ca[2] = { s->pki.root.certificate, NULL };
	char path[600], conf[512];

	memset(s->world, 0, sizeof(*s->world));
	snprintf(s->world->serial, sizeof(s->world->serial), FAKE_SERIAL);
	snprintf(path, sizeof(path), "%s/element", folder);
	assert_int_equal(mkdir(path, 0700), 0);
	if (s->element == NULL) {
		write_file(folder, "element/serial", FAKE_SERIAL "\n");
	}
	s->world->wants_proofs = s->element != NULL;
	list[0] = make_birth(s, folder);
	sha256(fake_der(a, list[0]), s->world->birth);
	snprintf(path, sizeof(path), "%s/element/birth.pem", folder);
	fake_write_pem(path, list);
	snprintf(path, sizeof(path), "%s/ca.pem", folder);
	fake_write_pem(path, ca);
	snprintf(conf, sizeof(conf),
		"server = %s\nfleet = lamps\npoll = 5s\nretry_least = 1s\nelement = %s\n", s->url,
		s->element != NULL ? s->element : "");
	write_file(folder, "agent.conf", conf);
	s->world->version = 1;
	s->world->state = state;
	X509_free(list[0]);
	arena_free(a);
}
