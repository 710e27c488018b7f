#include "fake_server.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "support.h"

#define REQUEST_MAX (64 << 20)
#define CONNECTIONS_MAX 256

struct connection {
	struct fake_server *server;
	int fd;
};

struct fake_server {
	SSL_CTX *context;
	struct connection connections[CONNECTIONS_MAX];
	pthread_t threads[CONNECTIONS_MAX];
	size_t connection_count;
	int listener, stop[2];
	char url[64];
	pthread_t thread;
	pthread_mutex_t lock;
	const struct fake_step *steps;
	size_t step_count, step;
	fake_handler *handler;
	void *handler_context;
	struct fake_request requests[FAKE_REQUESTS_MAX];
	size_t request_count;
};

/* --- certificates --- */

static void
add_extension(X509 *certificate, int nid, const char *value)
{
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

	X509_add_ext(certificate, e, -1);
	X509_EXTENSION_free(e);
}

static X509 *
make_certificate(EVP_PKEY *key, const char *name, X509 *issuer, EVP_PKEY *issuer_key)
{
	X509 *c = X509_new();

	X509_set_version(c, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(c), issuer != NULL ? 2 : 1);
	X509_gmtime_adj(X509_getm_notBefore(c), -3600);
	X509_gmtime_adj(X509_getm_notAfter(c), 86400);
	X509_NAME_add_entry_by_txt(
		X509_get_subject_name(c), "CN", MBSTRING_ASC, (const uint8_t *)name, -1, -1, 0);
	X509_set_issuer_name(c, X509_get_subject_name(issuer != NULL ? issuer : c));
	X509_set_pubkey(c, key);
	add_extension(c, NID_basic_constraints, issuer == NULL ? "critical,CA:TRUE" : "CA:FALSE");
	if (issuer != NULL) {
		add_extension(c, NID_subject_alt_name, "IP:127.0.0.1,DNS:localhost");
	}
	X509_sign(c, issuer_key != NULL ? issuer_key : key, EVP_sha256());
	return c;
}

static void
write_pem(const char *folder, const char *name, X509 *certificate)
{
	char path[1200];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "w");
	PEM_write_X509(f, certificate);
	fclose(f);
}

void
fake_certificate(const char *folder, const char *name, const char *kind)
{
	EVP_PKEY *key = strcmp(kind, "RSA") == 0 ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256");
	X509 *certificate = make_certificate(key, name, NULL, NULL);
	char path[600];
	FILE *f;

	snprintf(path, sizeof(path), "%.500s.pem", name);
	write_pem(folder, path, certificate);
	snprintf(path, sizeof(path), "%s/%s.key", folder, name);
	f = fopen(path, "w");
	PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL);
	fclose(f);
	X509_free(certificate);
	EVP_PKEY_free(key);
}

static SSL_CTX *
make_context(const char *folder)
{
	EVP_PKEY *root_key = EVP_EC_gen("P-256"), *key = EVP_EC_gen("P-256");
	EVP_PKEY *other_key = EVP_EC_gen("P-256");
	X509 *root = make_certificate(root_key, "root", NULL, NULL);
	X509 *other = make_certificate(other_key, "other root", NULL, NULL);
	X509 *leaf = make_certificate(key, "localhost", root, root_key);
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());

	write_pem(folder, "root.pem", root);
	write_pem(folder, "other.pem", other);
	SSL_CTX_use_certificate(context, leaf);
	SSL_CTX_use_PrivateKey(context, key);
	X509_free(root);
	X509_free(other);
	X509_free(leaf);
	EVP_PKEY_free(root_key);
	EVP_PKEY_free(other_key);
	EVP_PKEY_free(key);
	return context;
}

/* --- requests --- */

static void
take_header(const char *header, const char *name, char *out, size_t room)
{
	size_t len = strlen(name);

	for (const char *line = strstr(header, "\r\n"); line != NULL; line = strstr(line, "\r\n")) {
		line += 2;
		if (strncasecmp(line, name, len) == 0 && line[len] == ':') {
			line += len + 1 + strspn(line + len + 1, " ");
			snprintf(out, room, "%.*s", (int)strcspn(line, "\r"), line);
			return;
		}
	}
}

/* One whole request, or false at the end of the connection. */
static bool
read_request(SSL *ssl, struct fake_request *out)
{
	char *bytes = malloc(REQUEST_MAX), length[32] = "0", *end = NULL;
	size_t len = 0, want = 0;

	while (end == NULL || len < want) {
		int n = len + 1 < REQUEST_MAX
				? SSL_read(ssl, bytes + len, (int)(REQUEST_MAX - 1 - len))
				: 0;

		if (n <= 0) {
			free(bytes);
			return false;
		}
		len += (size_t)n;
		bytes[len] = '\0';
		if (end == NULL && (end = strstr(bytes, "\r\n\r\n")) != NULL) {
			*end = '\0';
			take_header(bytes, "Content-Length", length, sizeof(length));
			want = (size_t)(end - bytes) + 4 + strtoul(length, NULL, 10);
		}
	}
	*out = (struct fake_request){ 0 };
	sscanf(bytes, "%15s %511s", out->method, out->path);
	take_header(bytes, "Idempotency-Key", out->key, sizeof(out->key));
	take_header(bytes, "Authorization", out->authorization, sizeof(out->authorization));
	take_header(bytes, "Content-Type", out->content_type, sizeof(out->content_type));
	out->body_len = want - (size_t)(end - bytes) - 4;
	out->body = strndup(end + 4, out->body_len);
	free(bytes);
	return true;
}

static char *
next_answer(struct fake_server *s, const struct fake_request *r)
{
	char *answer;

	if (s->handler != NULL) {
		return s->handler(s->handler_context, r);
	}
	if (s->step >= s->step_count) {
		return fake_answer(500, "text/plain", "", "the script has ended");
	}
	answer = s->steps[s->step].answer != NULL ? strdup(s->steps[s->step].answer) : NULL;
	s->step++;
	return answer;
}

/* A body may have NUL bytes: as long as its header says. */
static size_t
answer_len(const char *answer)
{
	const char *end = strstr(answer, "\r\n\r\n");
	size_t header = end != NULL ? (size_t)(end - answer) : strlen(answer);
	char *copy = strndup(answer, header), length[32] = "0";

	take_header(copy, "Content-Length", length, sizeof(length));
	free(copy);
	return header + (end != NULL ? 4 : 0) + strtoul(length, NULL, 10);
}

static void
serve(struct fake_server *s, SSL *ssl)
{
	struct fake_request r;

	while (read_request(ssl, &r)) {
		char *answer;

		pthread_mutex_lock(&s->lock);
		if (s->request_count < FAKE_REQUESTS_MAX) {
			s->requests[s->request_count] = r; /* those behind are counted only */
		}
		s->request_count++;
		answer = next_answer(s, &r);
		if (s->request_count > FAKE_REQUESTS_MAX) {
			free(r.body);
		}
		pthread_mutex_unlock(&s->lock);
		if (answer == NULL) {
			return;
		}
		SSL_write(ssl, answer, (int)answer_len(answer));
		free(answer);
	}
}

static void *
run_connection(void *argument)
{
	struct connection *k = argument;
	SSL *ssl = SSL_new(k->server->context);

	SSL_set_fd(ssl, k->fd);
	if (SSL_accept(ssl) == 1) {
		serve(k->server, ssl);
	}
	SSL_free(ssl);
	shutdown(k->fd, SHUT_RDWR);
	return NULL;
}

static void
take_connection(struct fake_server *s, int fd)
{
	struct connection *k = &s->connections[s->connection_count];

	if (s->connection_count == CONNECTIONS_MAX) {
		fail_msg("more than %d connections", CONNECTIONS_MAX);
	}
	*k = (struct connection){ s, fd };
	pthread_create(&s->threads[s->connection_count++], NULL, run_connection, k);
}

static void *
run(void *argument)
{
	struct fake_server *s = argument;
	struct pollfd wait[2] = { { .fd = s->listener, .events = POLLIN },
		{ .fd = s->stop[0], .events = POLLIN | POLLHUP } };

	while (poll(wait, 2, -1) > 0 && wait[1].revents == 0) {
		take_connection(s, accept(s->listener, NULL, NULL));
	}
	for (size_t i = 0; i < s->connection_count; i++) {
		shutdown(s->connections[i].fd, SHUT_RDWR);
		pthread_join(s->threads[i], NULL);
		close(s->connections[i].fd);
	}
	return NULL;
}

char *
fake_bytes(int http_status, const char *content_type, span body)
{
	char *answer = malloc(512 + body.len);
	int n = snprintf(answer, 512,
		"HTTP/1.1 %d Word\r\nContent-Type: %s\r\nContent-Length: %zu\r\n\r\n", http_status,
		content_type, body.len);

	memcpy(answer + n, body.data, body.len);
	return answer;
}

char *
fake_answer(int http_status, const char *content_type, const char *headers, const char *body)
{
	char *text = NULL;

	if (asprintf(&text,
		    "HTTP/1.1 %d Word\r\nContent-Type: %s\r\nContent-Length: %zu\r\n%s\r\n%s",
		    http_status, content_type, strlen(body), headers, body) < 0) {
		fail_msg("no memory");
	}
	return text;
}

static struct fake_server *
start(const char *folder)
{
	struct fake_server *s = calloc(1, sizeof(*s));
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(address);

	s->context = make_context(folder);
	s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(s->listener, (struct sockaddr *)&address, len) != 0 ||
		listen(s->listener, 16) != 0 ||
		getsockname(s->listener, (struct sockaddr *)&address, &len) != 0 ||
		pipe(s->stop) != 0) {
		fail_msg("no listener");
	}
	snprintf(s->url, sizeof(s->url), "https://127.0.0.1:%d", ntohs(address.sin_port));
	pthread_mutex_init(&s->lock, NULL);
	return s;
}

struct fake_server *
fake_start(const char *folder, const struct fake_step *steps, size_t count)
{
	struct fake_server *s = start(folder);

	s->steps = steps;
	s->step_count = count;
	pthread_create(&s->thread, NULL, run, s);
	return s;
}

struct fake_server *
fake_start_handler(const char *folder, fake_handler *handler, void *context)
{
	struct fake_server *s = start(folder);

	s->handler = handler;
	s->handler_context = context;
	pthread_create(&s->thread, NULL, run, s);
	return s;
}

const char *
fake_url(const struct fake_server *s)
{
	return s->url;
}

size_t
fake_request_count(struct fake_server *s)
{
	size_t count;

	pthread_mutex_lock(&s->lock);
	count = s->request_count;
	pthread_mutex_unlock(&s->lock);
	return count;
}

const struct fake_request *
fake_request(struct fake_server *s, size_t at)
{
	if (at >= fake_request_count(s) || at >= FAKE_REQUESTS_MAX) {
		fail_msg("request %zu was not made", at);
	}
	return &s->requests[at];
}

void
fake_stop(struct fake_server *s)
{
	close(s->stop[1]);
	pthread_join(s->thread, NULL);
	close(s->stop[0]);
	close(s->listener);
	SSL_CTX_free(s->context);
	for (size_t i = 0; i < s->request_count && i < FAKE_REQUESTS_MAX; i++) {
		free(s->requests[i].body);
	}
	pthread_mutex_destroy(&s->lock);
	free(s);
}
