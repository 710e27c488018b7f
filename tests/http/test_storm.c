/* Clients that do everything at once and nothing to its end: afterwards the server must have nothing left. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>

#include "fixture.h"

#define THREADS 8

static struct fixture f;
static pthread_mutex_t waking = PTHREAD_MUTEX_INITIALIZER;

struct attacker {
	unsigned seed;
	int rounds;
	atomic_bool *ends;
	SSL_CTX *context;
	const struct credential *credential;
};

static unsigned
dice(struct attacker *a, unsigned sides)
{
	a->seed = a->seed * 1103515245 + 12345;
	return (a->seed >> 12) % sides;
}

static const char *const requests[] = {
	"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
	"GET /wait?v=0&wait=20 HTTP/1.1\r\nHost: x\r\n\r\n",
	"GET /wait?v=0&wait=60000 HTTP/1.1\r\nHost: x\r\n\r\n",
	"GET /big?size=300000 HTTP/1.1\r\nHost: x\r\n\r\n",
	"GET /peer HTTP/1.1\r\nHost: x\r\n\r\n",
	"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello",
	"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
	"POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n",
	"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
	"GET /last HTTP/1.1\r\nHost: x\r\n\r\n",
	"GET /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nabcd",
	"BAD\r\n\r\n",
	"\x16\x03\x01\x02",
};

static int
open_socket(unsigned port)
{
	const struct timeval limit = { 0, 20000 };
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static void
send_some(SSL *ssl, int fd, const char *text, size_t len)
{
	ERR_clear_error();
	if (ssl != NULL) {
		SSL_write(ssl, text, (int)len);
	} else if (send(fd, text, len, MSG_NOSIGNAL) < 0) {
		return; /* it has been closed: that is what happens here */
	}
}

static void
read_some(struct attacker *a, SSL *ssl, int fd)
{
	char room[4096];

	for (unsigned i = dice(a, 20); i > 0; i--) {
		ERR_clear_error();
		if ((ssl != NULL ? SSL_read(ssl, room, sizeof(room))
				 : (int)recv(fd, room, sizeof(room), 0)) <= 0) {
			return;
		}
	}
}

static void
talk(struct attacker *a, SSL *ssl, int fd)
{
	for (unsigned n = dice(a, 6); n > 0; n--) {
		const char *text = requests[dice(a, sizeof(requests) / sizeof(requests[0]))];
		size_t len = strlen(text), cut = dice(a, 4) == 0 ? dice(a, (unsigned)len) : len;

		send_some(ssl, fd, text, cut);
		if (dice(a, 3) == 0) {
			send_some(ssl, fd, text + cut, len - cut);
		}
		if (dice(a, 2) == 0) {
			read_some(a, ssl, fd);
		}
		if (dice(a, 3) == 0) {
			atomic_fetch_add(&f.value, dice(a, 2));
			pthread_mutex_lock(&waking);
			if (!atomic_load(a->ends)) {
				http_server_wake(f.server, 77);
			}
			pthread_mutex_unlock(&waking);
		}
	}
}

static void
visit(struct attacker *a)
{
	bool is_tls = dice(a, 3) == 0;
	int fd = open_socket(is_tls ? f.tls : f.plain);
	SSL *ssl = NULL;

	if (fd < 0) {
		return;
	}
	if (is_tls) {
		ssl = SSL_new(a->context);
		SSL_set_fd(ssl, fd);
	}
	if (ssl == NULL || SSL_connect(ssl) == 1) {
		talk(a, ssl, fd);
	}
	if (dice(a, 4) == 0) {
		const struct linger reset = { 1, 0 };

		setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	} else if (ssl != NULL && dice(a, 2) == 0) {
		SSL_shutdown(ssl);
	}
	SSL_free(ssl);
	ERR_clear_error();
	close(fd);
}

static void *
attack(void *argument)
{
	struct attacker *a = argument;

	for (int i = 0; i < a->rounds && !atomic_load(a->ends); i++) {
		visit(a);
	}
	return NULL;
}

static SSL_CTX *
make_context(const struct credential *c)
{
	const unsigned char *der = c->der;
	X509 *x = d2i_X509(NULL, &der, (long)c->der_len);
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());

	SSL_CTX_use_certificate(context, x);
	SSL_CTX_use_PrivateKey(context, c->key);
	X509_free(x);
	return context;
}

static uint64_t
left_over(const struct fixture *x)
{
	struct http_counters c = fixture_counters(x);

	return c.connections_open + c.parked;
}

static void
run_storm(int rounds, bool stops)
{
	struct http_options o = fixture_options(&f);
	struct credential credential;
	struct attacker attackers[THREADS];
	pthread_t threads[THREADS];
	atomic_bool ends = false;
	SSL_CTX *context;

	o.workers = 3;
	o.queue_max = 4;
	fixture_start(&f, &o);
	credential_make(&credential, "device", 0);
	context = make_context(&credential);
	for (unsigned i = 0; i < THREADS; i++) {
		attackers[i] =
			(struct attacker){ i * 7919 + 1, rounds, &ends, context, &credential };
		pthread_create(&threads[i], NULL, attack, &attackers[i]);
	}
	if (stops) {
		while (fixture_counters(&f).requests < 200) {
			poll(NULL, 0, 1);
		}
		pthread_mutex_lock(&waking); /* nobody wakes a server that is stopped */
		atomic_store(&ends, true);
		pthread_mutex_unlock(&waking);
		http_server_stop(f.server, 0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
	}
	if (!stops) {
		struct client c;

		fixture_wait(&f, left_over, 0);
		client_open(&c, f.plain);
		client_ask(&c, requests[0], 200, "hello");
		client_close(&c);
		http_server_stop(f.server, 1000);
	}
	SSL_CTX_free(context);
	credential_wipe(&credential);
	credential_wipe(&f.identity);
}

static void
nothing_is_left_after_a_storm(void **state)
{
	(void)state;
	run_storm(60, false);
}

static void
a_server_may_be_stopped_in_a_storm(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		run_storm(1000000, true);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_left_after_a_storm),
		cmocka_unit_test(a_server_may_be_stopped_in_a_storm),
	};

	/* libssl's sockets of the clients know no MSG_NOSIGNAL. */
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("http storm", tests, NULL, NULL);
}
