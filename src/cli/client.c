#include "cli/client.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <curl/curl.h>
#include <openssl/crypto.h>

#include "base/id.h"
#include "base/limits.h"
#include "base/text.h"
#include "cli/problem.h"

#define TRIES_MAX 6
#define WAIT_MAX_MS 30000 /* a server that asks for more is told to the user instead */
#define TOKEN_MAX 512
#define CONNECT_TIMEOUT_S 10L

struct client {
	CURL *curl;
	char *server;
	char *ca;
	struct curl_slist *authorization; /* "Authorization: Bearer ...", or NULL */
	long backoff_ms, timeout_s;
	char fault[CURL_ERROR_SIZE];
};

status
secret_file_read(const char *path, const char *what, size_t max, struct secret *out, struct diag *d)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	status s;

	if (fd < 0) {
		s = errno == ENOENT ? NOT_FOUND : IO;
		return diag_set(
			d, s, NULL, "cannot read the %s from %s: %s", what, path, strerror(errno));
	}
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 077) != 0) {
		s = diag_set(d, DENIED, NULL,
			"%s holds a %s and others may read it (mode %03o): chmod 600 %s", path,
			what, st.st_mode & 0777, path);
	} else {
		s = secret_read(out, fd, max, d);
		if (s != OK) {
			diag_prefix(d, "%s: ", path);
		}
	}
	close(fd);
	return s;
}

static status
take_token(struct client *c, const char *path, struct diag *d)
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~+/=";
	char header[TOKEN_MAX + 32];
	struct secret token;
	status s = secret_file_read(path, "token", TOKEN_MAX, &token, d);

	if (s != OK) {
		return s;
	}
	if (strspn((const char *)token.data, letters) != token.len) {
		s = diag_set(
			d, BAD_INPUT, "RFC 6750 2.1", "%s holds no token in its first line", path);
	} else {
		snprintf(header, sizeof(header), "Authorization: Bearer %s", (char *)token.data);
		c->authorization = curl_slist_append(NULL, header);
		s = c->authorization != NULL ? OK : NO_MEMORY;
		OPENSSL_cleanse(header, sizeof(header));
	}
	secret_wipe(&token);
	return s;
}

static bool
set_options(struct client *c, const struct client_options *o)
{
	CURL *h = c->curl;
	bool ok = curl_easy_setopt(h, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) ==
			  CURLE_OK &&
		  curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "https") == CURLE_OK &&
		  curl_easy_setopt(h, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) ==
			  CURLE_OK &&
		  curl_easy_setopt(h, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK &&
		  curl_easy_setopt(h, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK &&
		  curl_easy_setopt(h, CURLOPT_CAINFO, o->ca) == CURLE_OK &&
		  curl_easy_setopt(h, CURLOPT_CAPATH, NULL) == CURLE_OK &&
		  curl_easy_setopt(h, CURLOPT_ERRORBUFFER, c->fault) == CURLE_OK &&
		  curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
		  curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT, CONNECT_TIMEOUT_S) == CURLE_OK &&
		  curl_easy_setopt(h, CURLOPT_USERAGENT, "tenure") == CURLE_OK;

	if (ok && o->certificate != NULL) {
		ok = curl_easy_setopt(h, CURLOPT_SSLCERT, o->certificate) == CURLE_OK &&
		     curl_easy_setopt(h, CURLOPT_SSLKEY, o->key) == CURLE_OK;
	}
	/* A proxy of the environment is for the world outside, not for this machine itself. */
	if (ok && getenv("NO_PROXY") == NULL && getenv("no_proxy") == NULL) {
		ok = curl_easy_setopt(h, CURLOPT_NOPROXY, "localhost,127.0.0.1,::1") == CURLE_OK;
	}
	return ok;
}

static status
check_options(const struct client_options *o, struct diag *d)
{
	if (strncmp(o->server, "https://", 8) != 0 || o->server[8] == '\0') {
		return diag_set(d, BAD_INPUT, NULL,
			"the server's address must be https://..., not %.100s", o->server);
	}
	if (access(o->ca, R_OK) != 0) {
		return diag_set(d, NOT_FOUND, NULL, "cannot read the root certificate %s: %s",
			o->ca, strerror(errno));
	}
	return OK;
}

status
client_new(const struct client_options *o, struct client **out, struct diag *d)
{
	struct client *c = NULL;
	status s = check_options(o, d);

	if (s != OK) {
		return s;
	}
	c = calloc(1, sizeof(*c));
	if (c == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != 0 ||
		(c->curl = curl_easy_init()) == NULL || (c->server = strdup(o->server)) == NULL ||
		(c->ca = strdup(o->ca)) == NULL || !set_options(c, o)) {
		client_free(c);
		return diag_set(d, NO_MEMORY, NULL, "the HTTP library cannot be set up");
	}
	for (size_t len = strlen(c->server); c->server[len - 1] == '/'; len--) {
		c->server[len - 1] = '\0';
	}
	c->timeout_s = o->timeout_s > 0 ? o->timeout_s : 60;
	c->backoff_ms = o->backoff_ms > 0 ? o->backoff_ms : 200;
	if (o->token_file != NULL) {
		s = take_token(c, o->token_file, d);
	}
	if (s != OK) {
		client_free(c);
		return s;
	}
	*out = c;
	return OK;
}

void
client_free(struct client *c)
{
	if (c == NULL) {
		return;
	}
	if (c->authorization != NULL) {
		OPENSSL_cleanse(c->authorization->data, strlen(c->authorization->data));
	}
	curl_slist_free_all(c->authorization);
	curl_easy_cleanup(c->curl);
	free(c->server);
	free(c->ca);
	free(c);
}

void
client_reply_wipe(struct client_reply *r)
{
	buffer_wipe(&r->body);
}

/* --- one try --- */

struct attempt {
	struct client_reply *reply;
	int64_t retry_after_s; /* -1: the server did not say */
};

static size_t
take_body(char *data, size_t size, size_t count, void *context)
{
	struct attempt *t = context;

	buffer_put(&t->reply->body, span_of(data, size * count));
	return buffer_failed(&t->reply->body) ? 0 : size * count;
}

static size_t
take_header(char *data, size_t size, size_t count, void *context)
{
	static const char name[] = "retry-after:";
	struct attempt *t = context;
	size_t len = size * count, from = sizeof(name) - 1, to = len;

	if (len > from && strncasecmp(data, name, from) == 0) {
		while (from < to && (data[from] == ' ' || data[from] == '\t')) {
			from++;
		}
		while (to > from && (data[to - 1] == '\r' || data[to - 1] == '\n')) {
			to--;
		}
		if (number_parse(span_of(data + from, to - from), &t->retry_after_s) != OK) {
			t->retry_after_s = -1;
		}
	}
	return len;
}

static struct curl_slist *
headers_of(const struct client *c, const struct client_request *r, const char *key)
{
	char line[160];
	struct curl_slist *list = curl_slist_append(NULL, "Expect:"), *more = list;

	if (more != NULL && c->authorization != NULL) {
		more = curl_slist_append(list, c->authorization->data);
	}
	if (more != NULL && (r->body.len > 0 || r->content_type != NULL)) {
		snprintf(line, sizeof(line), "Content-Type: %s",
			r->content_type != NULL ? r->content_type : "application/json");
		more = curl_slist_append(list, line);
	}
	if (more != NULL && key != NULL) {
		snprintf(line, sizeof(line), "Idempotency-Key: %s", key);
		more = curl_slist_append(list, line);
	}
	if (more == NULL) {
		curl_slist_free_all(list);
		return NULL;
	}
	return list;
}

static bool
prepare(struct client *c, const struct client_request *r, const char *url, struct attempt *t)
{
	CURL *h = c->curl;
	bool is_get = strcmp(r->method, "GET") == 0;
	long timeout_s = r->timeout_s > 0 ? r->timeout_s : c->timeout_s;
	bool ok = curl_easy_setopt(h, CURLOPT_URL, url) == CURLE_OK &&
		  curl_easy_setopt(h, CURLOPT_TIMEOUT, timeout_s) == CURLE_OK &&
		  curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, take_body) == CURLE_OK &&
		  curl_easy_setopt(h, CURLOPT_WRITEDATA, t) == CURLE_OK &&
		  curl_easy_setopt(h, CURLOPT_HEADERFUNCTION, take_header) == CURLE_OK &&
		  curl_easy_setopt(h, CURLOPT_HEADERDATA, t) == CURLE_OK &&
		  curl_easy_setopt(h, CURLOPT_HTTPGET, 1L) == CURLE_OK &&
		  curl_easy_setopt(h, CURLOPT_CUSTOMREQUEST, NULL) == CURLE_OK;

	/* A write goes over a connection of its own: on a kept one that turns out dead, libcurl would ask
	 * again by itself, and nobody would know that the first try may have been done. */
	ok = ok && curl_easy_setopt(h, CURLOPT_FRESH_CONNECT, is_get ? 0L : 1L) == CURLE_OK;
	if (ok && !is_get) {
		ok = curl_easy_setopt(h, CURLOPT_POST, 1L) == CURLE_OK &&
		     curl_easy_setopt(h, CURLOPT_CUSTOMREQUEST, r->method) == CURLE_OK &&
		     curl_easy_setopt(h, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body.len) ==
			     CURLE_OK &&
		     curl_easy_setopt(h, CURLOPT_POSTFIELDS,
			     r->body.len > 0 ? (const char *)r->body.data : "") == CURLE_OK;
	}
	return ok;
}

static CURLcode
try_once(struct client *c, const struct client_request *r, const char *key, struct attempt *t)
{
	char url[HTTP_TARGET_MAX + 512];
	struct curl_slist *headers = headers_of(c, r, key);
	CURLcode code = CURLE_OUT_OF_MEMORY;
	long http_status = 0;

	buffer_clear(&t->reply->body);
	t->retry_after_s = -1;
	c->fault[0] = '\0';
	if ((size_t)snprintf(url, sizeof(url), "%s%s", c->server, r->path) >= sizeof(url)) {
		code = CURLE_FILESIZE_EXCEEDED; /* of the request: nothing was sent */
	} else if (headers != NULL && prepare(c, r, url, t) &&
		   curl_easy_setopt(c->curl, CURLOPT_HTTPHEADER, headers) == CURLE_OK) {
		code = curl_easy_perform(c->curl);
	}
	if (code == CURLE_OK) {
		(void)curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &http_status);
	}
	t->reply->http_status = (int)http_status;
	(void)curl_easy_setopt(c->curl, CURLOPT_HTTPHEADER, NULL);
	for (struct curl_slist *h = headers; h != NULL; h = h->next) {
		OPENSSL_cleanse(h->data, strlen(h->data));
	}
	curl_slist_free_all(headers);
	return code;
}

/* --- until there is an answer --- */

/* The connection broke after it stood: the request may have been done. */
static bool
was_lost(CURLcode code)
{
	return code == CURLE_GOT_NOTHING || code == CURLE_RECV_ERROR || code == CURLE_SEND_ERROR ||
	       code == CURLE_PARTIAL_FILE || code == CURLE_OPERATION_TIMEDOUT;
}

static bool
says_later(int http_status)
{
	return http_status == 503 || http_status == 429 || http_status == 502 || http_status == 504;
}

static status
transport_fault(const struct client *c, CURLcode code, struct diag *d)
{
	const char *words = c->fault[0] != '\0' ? c->fault : curl_easy_strerror(code);

	switch (code) {
	case CURLE_PEER_FAILED_VERIFICATION:
		return diag_set(d, CRYPTO, "RFC 9110 4.3.4",
			"%s is not to be trusted with %s as its root: %s; is it the right server, "
			"and the right --ca?",
			c->server, c->ca, words);
	case CURLE_SSL_CACERT_BADFILE:
		return diag_set(d, BAD_INPUT, NULL, "%s is no PEM certificate", c->ca);
	case CURLE_SSL_CERTPROBLEM:
		return diag_set(d, BAD_INPUT, NULL, "the client certificate or its key: %s", words);
	case CURLE_URL_MALFORMAT:
	case CURLE_UNSUPPORTED_PROTOCOL:
		return diag_set(
			d, BAD_INPUT, NULL, "%s is no address of a server: %s", c->server, words);
	case CURLE_FILESIZE_EXCEEDED:
		return diag_set(d, BAD_INPUT, NULL, "what is asked for has too long a name");
	case CURLE_WRITE_ERROR:
		return diag_set(d, LIMIT, NULL, "%s answered more than %d bytes", c->server,
			CLIENT_REPLY_MAX);
	case CURLE_OUT_OF_MEMORY:
		return diag_set(d, NO_MEMORY, NULL, "no memory to ask %s", c->server);
	default:
		return diag_set(d, UNAVAILABLE, NULL, "cannot reach %s: %s", c->server, words);
	}
}

static void
sleep_ms(int64_t ms)
{
	struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	while (nanosleep(&t, &t) != 0 && errno == EINTR) {
	}
}

/* How long to wait before try number `tries`; -1: no more. */
static int64_t
wait_for(const struct client *c, CURLcode code, const struct attempt *t, int tries)
{
	int64_t wait_ms = c->backoff_ms << (tries - 1);
	bool later = code == CURLE_OK && says_later(t->reply->http_status);

	bool never_stood = code == CURLE_COULDNT_CONNECT || code == CURLE_SSL_CONNECT_ERROR;

	if (tries >= TRIES_MAX || (!later && !was_lost(code) && !never_stood)) {
		return -1;
	}
	/* A server that restarts is back within a second or two; one that is not there is not waited for. */
	if ((never_stood && tries > 2) || (code == CURLE_OPERATION_TIMEDOUT && tries > 1)) {
		return -1;
	}
	if (later && t->retry_after_s >= 0) {
		wait_ms = t->retry_after_s * 1000;
	}
	return wait_ms <= WAIT_MAX_MS ? wait_ms : -1;
}

static status
new_key(char key[ID_TEXT_LEN + 1], struct diag *d)
{
	id i;

	if (id_new(&clock_system, &i) != OK) {
		return diag_set(d, BUG, NULL, "the system has no randomness");
	}
	id_text(key, &i);
	return OK;
}

status
client_send(
	struct client *c, const struct client_request *r, struct client_reply *out, struct diag *d)
{
	bool has_key = strcmp(r->method, "GET") != 0 && !r->is_keyless;
	struct attempt t = { .reply = out, .retry_after_s = -1 };
	char key[ID_TEXT_LEN + 1] = "";
	int64_t wait_ms = 0;
	CURLcode code = CURLE_OK;

	*out = (struct client_reply){ 0 };
	buffer_init(&out->body, CLIENT_REPLY_MAX);
	if (has_key && new_key(key, d) != OK) {
		return BUG;
	}
	for (int tries = 1; wait_ms >= 0; tries++) {
		sleep_ms(wait_ms);
		code = try_once(c, r, has_key ? key : NULL, &t);
		out->was_repeated = out->was_repeated || was_lost(code);
		wait_ms = wait_for(c, code, &t, tries);
		if (was_lost(code) && r->is_keyless && !r->is_repeatable) {
			return diag_set(d, UNAVAILABLE, NULL,
				"the connection to %s was lost before its answer came: it may have "
				"been "
				"done; look before you try again",
				c->server);
		}
	}
	if (code != CURLE_OK) {
		return transport_fault(c, code, d);
	}
	/* Taken away by the first try, whose answer was lost. */
	if (out->was_repeated && out->http_status == 404 && strcmp(r->method, "DELETE") == 0) {
		out->http_status = 204;
		buffer_clear(&out->body);
	}
	if (out->http_status >= 200 && out->http_status < 300) {
		return OK;
	}
	return problem_read(out->http_status, buffer_span(&out->body), t.retry_after_s, d);
}
