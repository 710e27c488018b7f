#include "talk.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buffer.h"

static int
connect_to(const struct stand *s)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons((uint16_t)http_server_port(s->server, 0)) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(0, connect(fd, (struct sockaddr *)&to, sizeof(to)));
	return fd;
}

void
talk_open(struct talk *t, struct stand *s, const char *identity, int version)
{
	char *pem = home_path(&s->home, arena_printf(s->home.arena, "%s.pem", identity));
	char *key = home_path(&s->home, arena_printf(s->home.arena, "%s.key", identity));

	*t = (struct talk){ .stand = s, .context = SSL_CTX_new(TLS_client_method()) };
	assert_non_null(t->context);
	assert_int_equal(1, SSL_CTX_set_min_proto_version(t->context, version));
	assert_int_equal(1, SSL_CTX_set_max_proto_version(t->context, version));
	assert_int_equal(1, SSL_CTX_use_certificate_file(t->context, pem, SSL_FILETYPE_PEM));
	assert_int_equal(1, SSL_CTX_use_PrivateKey_file(t->context, key, SSL_FILETYPE_PEM));
	t->ssl = SSL_new(t->context);
	assert_int_equal(1, SSL_set_fd(t->ssl, connect_to(s)));
	assert_int_equal(1, SSL_connect(t->ssl));
}

void
talk_close(struct talk *t)
{
	int fd = SSL_get_fd(t->ssl);

	SSL_free(t->ssl);
	SSL_CTX_free(t->context);
	close(fd);
}

size_t
talk_binding(struct talk *t, enum talk_link link, uint8_t out[64])
{
	static const char label[] = "EXPORTER-Channel-Binding";

	switch (link) {
	case LINK_UNIQUE:
		return SSL_get_finished(t->ssl, out, 64);
	case LINK_EXPORTER:
		assert_int_equal(1, SSL_export_keying_material(t->ssl, out, 32, label,
					    sizeof(label) - 1, (const uint8_t *)"", 0, 1));
		return 32;
	case LINK_WRONG:
		memset(out, 0x5a, 12);
		return 12;
	case LINK_NONE:
		break;
	}
	return 0;
}

void
talk_send(struct talk *t, const char *path, const char *type, span body)
{
	struct buffer text;

	buffer_init(&text, 1 << 16);
	buffer_printf(&text,
		"POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: %s\r\n"
		"Content-Length: %zu\r\nConnection: close\r\n\r\n",
		path, type, body.len);
	buffer_put(&text, body);
	assert_int_equal((int)text.len, SSL_write(t->ssl, text.data, (int)text.len));
	buffer_wipe(&text);
}

int
talk_receive(struct talk *t, const char **answer)
{
	struct buffer text;
	char piece[4096];
	int n;

	buffer_init(&text, 1 << 16);
	while ((n = SSL_read(t->ssl, piece, sizeof(piece))) > 0) {
		buffer_put(&text, span_of(piece, (size_t)n));
	}
	*answer = arena_string(t->stand->home.arena, buffer_span(&text));
	buffer_wipe(&text);
	assert_int_equal(0, strncmp(*answer, "HTTP/1.1 ", 9));
	return (int)strtol(*answer + 9, NULL, 10);
}

int
talk_post(struct talk *t, const char *path, const char *type, span body, const char **answer)
{
	talk_send(t, path, type, body);
	return talk_receive(t, answer);
}
