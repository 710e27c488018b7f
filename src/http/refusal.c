#include "http/refusal.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "base/check.h"

static const struct {
	const char *layer, *kind;
} names[] = { { "http", "line-end" }, { "http", "request-line" }, { "http", "method" },
	{ "http", "version" }, { "http", "target" }, { "http", "target-size" }, { "http", "host" },
	{ "http", "header-line" }, { "http", "header-folded" }, { "http", "header-name" },
	{ "http", "header-value" }, { "http", "header-twice" }, { "http", "header-size" },
	{ "http", "length" }, { "http", "transfer-coding" }, { "http", "expectation" },
	{ "http", "chunk" }, { "http", "body-size" }, { "http", "other" }, { "tls", "not-tls" },
	{ "tls", "version" }, { "tls", "terms" }, { "tls", "protocol" }, { "tls", "certificate" },
	{ "tls", "alert" }, { "tls", "closed" }, { "tls", "identity" }, { "tls", "other" },
	{ "proxy", "from" }, { "proxy", "header" }, { "proxy", "closed" },
	{ "limit", "connections" }, { "limit", "address" }, { "limit", "bodies" },
	{ "limit", "queue" }, { "limit", "evicted" }, { "timeout", "proxy" },
	{ "timeout", "handshake" }, { "timeout", "header" }, { "timeout", "body" },
	{ "timeout", "reply" } };
_Static_assert(COUNT_OF(names) == REFUSAL_COUNT, "every refusal has a name");

const char *
refusal_layer(enum refusal r)
{
	return names[r].layer;
}

const char *
refusal_kind(enum refusal r)
{
	return names[r].kind;
}

/* Each rule that a request can break is quoted by one clause. */
static const struct {
	const char *clause;
	enum refusal kind;
} rules[] = {
	{ "RFC 9112 2.2", REFUSAL_LINE_END },
	{ "RFC 9112 3", REFUSAL_REQUEST_LINE },
	{ "RFC 9112 3.1", REFUSAL_REQUEST_LINE },
	{ "RFC 9110 9.1", REFUSAL_METHOD },
	{ "RFC 9112 2.3", REFUSAL_VERSION },
	{ "RFC 9110 15.6.6", REFUSAL_VERSION },
	{ "RFC 3986 2", REFUSAL_TARGET },
	{ "RFC 3986 2.1", REFUSAL_TARGET },
	{ "RFC 3986 7.3", REFUSAL_TARGET },
	{ "RFC 3986 6.2.2.3", REFUSAL_TARGET },
	{ "RFC 9112 3.2.1", REFUSAL_TARGET },
	{ "RFC 9112 3.2.2", REFUSAL_TARGET },
	{ "RFC 9110 15.5.15", REFUSAL_TARGET_SIZE },
	{ "RFC 9112 3.2", REFUSAL_HOST },
	{ "RFC 9112 5", REFUSAL_HEADER_LINE },
	{ "RFC 9112 5.2", REFUSAL_HEADER_FOLDED },
	{ "RFC 9112 5.1", REFUSAL_HEADER_NAME },
	{ "RFC 9110 5.5", REFUSAL_HEADER_VALUE },
	{ "RFC 9110 5.3", REFUSAL_HEADER_TWICE },
	{ "RFC 6585 5", REFUSAL_HEADER_SIZE },
	{ "RFC 9112 6.3", REFUSAL_LENGTH },
	{ "RFC 9112 6.1", REFUSAL_TRANSFER_CODING },
	{ "RFC 9110 10.1.1", REFUSAL_EXPECTATION },
	{ "RFC 9112 7.1", REFUSAL_CHUNK },
	{ "RFC 9112 7.1.1", REFUSAL_CHUNK },
	{ "RFC 9112 7.1.2", REFUSAL_CHUNK },
	{ "RFC 9110 15.5.14", REFUSAL_BODY_SIZE },
};

enum refusal
refusal_of_request(const struct diag *d)
{
	for (size_t i = 0; i < COUNT_OF(rules); i++) {
		if (strcmp(d->clause, rules[i].clause) == 0) {
			return rules[i].kind;
		}
	}
	return d->status == NO_MEMORY ? REFUSAL_LIMIT_BODIES : REFUSAL_REQUEST_OTHER;
}

enum refusal
refusal_of_handshake(void)
{
	unsigned long error = ERR_peek_error();

	if (error == 0) {
		return REFUSAL_TLS_CLOSED;
	}
	if (ERR_GET_LIB(error) != ERR_LIB_SSL) {
		return REFUSAL_TLS_OTHER;
	}
	switch (ERR_GET_REASON(error)) {
	case SSL_R_WRONG_VERSION_NUMBER:
	case SSL_R_HTTP_REQUEST:
	case SSL_R_HTTPS_PROXY_REQUEST:
	case SSL_R_UNKNOWN_PROTOCOL:
	case SSL_R_RECORD_TOO_SMALL:
	case SSL_R_PACKET_LENGTH_TOO_LONG:
		return REFUSAL_TLS_NONE;
	case SSL_R_UNSUPPORTED_PROTOCOL:
	case SSL_R_VERSION_TOO_LOW:
	case SSL_R_INAPPROPRIATE_FALLBACK:
		return REFUSAL_TLS_VERSION;
	case SSL_R_NO_SHARED_CIPHER:
	case SSL_R_NO_SUITABLE_KEY_SHARE:
	case SSL_R_NO_SHARED_GROUPS:
	case SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM:
		return REFUSAL_TLS_TERMS;
	case SSL_R_NO_APPLICATION_PROTOCOL:
		return REFUSAL_TLS_PROTOCOL;
	case SSL_R_CERTIFICATE_VERIFY_FAILED:
	case SSL_R_EXCESSIVE_MESSAGE_SIZE:
	case SSL_R_BAD_SIGNATURE:
	case SSL_R_CERT_LENGTH_MISMATCH:
		return REFUSAL_TLS_CERTIFICATE;
	case SSL_R_UNEXPECTED_EOF_WHILE_READING:
		return REFUSAL_TLS_CLOSED;
	default:
		/* libssl: the number of an alert that came, above this one. */
		return ERR_GET_REASON(error) > SSL_AD_REASON_OFFSET ? REFUSAL_TLS_ALERT
								    : REFUSAL_TLS_OTHER;
	}
}
