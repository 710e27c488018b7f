#include "http/address.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "http/syntax.h"

static const uint8_t v4_mapped[12] = { [10] = 0xff, [11] = 0xff };

static bool
bytes_of(const struct sockaddr_storage *a, uint8_t out[16])
{
	union {
		struct sockaddr_storage any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} u = { .any = *a };

	if (a->ss_family == AF_INET) {
		memcpy(out, v4_mapped, sizeof(v4_mapped));
		memcpy(out + sizeof(v4_mapped), &u.v4.sin_addr, 4);
	} else if (a->ss_family == AF_INET6) {
		memcpy(out, &u.v6.sin6_addr, 16);
	} else {
		return false;
	}
	return true;
}

uint64_t
address_key(const struct sockaddr_storage *a)
{
	uint8_t bytes[16];
	uint32_t v4;
	uint64_t network;

	if (!bytes_of(a, bytes)) {
		return 0;
	}
	if (memcmp(bytes, v4_mapped, sizeof(v4_mapped)) == 0) {
		memcpy(&v4, bytes + sizeof(v4_mapped), sizeof(v4));
		return v4;
	}
	memcpy(&network, bytes, sizeof(network));
	return network;
}

static bool
is_in(const struct address_range *r, const uint8_t bytes[16])
{
	unsigned whole = r->bits / 8, rest = r->bits % 8;

	if (memcmp(r->bytes, bytes, whole) != 0) {
		return false;
	}
	return rest == 0 || ((r->bytes[whole] ^ bytes[whole]) >> (8 - rest)) == 0;
}

bool
address_list_has(const struct address_list *l, const struct sockaddr_storage *a)
{
	uint8_t bytes[16];

	if (!bytes_of(a, bytes)) {
		return false;
	}
	for (size_t i = 0; i < l->count; i++) {
		if (is_in(&l->ranges[i], bytes)) {
			return true;
		}
	}
	return false;
}

/* "ADDRESS" or "ADDRESS/BITS"; what the bits leave over must be zero, or something else was meant. */
static bool
read_range(span text, struct address_range *out)
{
	span name = { NULL, 0 };
	char host[INET6_ADDRSTRLEN];
	int64_t bits;
	unsigned most, first;

	span_split(&text, '/', &name);
	if (name.len == 0 || name.len >= sizeof(host)) {
		return false;
	}
	memcpy(host, name.data, name.len);
	host[name.len] = '\0';
	if (inet_pton(AF_INET, host, out->bytes + 12) == 1) {
		memcpy(out->bytes, v4_mapped, sizeof(v4_mapped));
		most = 32;
		first = 96;
	} else if (inet_pton(AF_INET6, host, out->bytes) == 1) {
		most = 128;
		first = 0;
	} else {
		return false;
	}
	bits = most;
	if (text.data != NULL && (number_parse(text, &bits) != OK || bits > most)) {
		return false;
	}
	out->bits = first + (unsigned)bits;
	for (unsigned at = out->bits; at < 128; at++) {
		if (out->bytes[at / 8] >> (7 - at % 8) & 1) {
			return false;
		}
	}
	return true;
}

status
address_list_read(const char *text, struct address_list *out, struct diag *d)
{
	span rest = span_text(text), part = { NULL, 0 };

	*out = (struct address_list){ 0 };
	if (span_trim(rest).len == 0) {
		return OK;
	}
	while (span_split(&rest, ',', &part)) {
		span name = span_trim(part);

		if (out->count == ADDRESS_RANGES_MAX) {
			return diag_set(d, LIMIT, NULL, "at most %d addresses", ADDRESS_RANGES_MAX);
		}
		if (!read_range(name, &out->ranges[out->count])) {
			return diag_set(d, BAD_INPUT, NULL,
				"\"%.*s\" is neither an address nor a network, as 10.0.0.0/8",
				(int)(name.len < 64 ? name.len : 64), (const char *)name.data);
		}
		out->count++;
	}
	return OK;
}

void
address_text(const struct sockaddr_storage *a, char out[ADDRESS_TEXT_MAX])
{
	socklen_t len =
		a->ss_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
	char host[48], port[8];

	out[0] = '\0';
	if (a->ss_family != AF_INET && a->ss_family != AF_INET6) {
		return;
	}
	if (getnameinfo((const struct sockaddr *)a, len, host, sizeof(host), port, sizeof(port),
		    NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
		out[0] = '\0';
	} else if (a->ss_family == AF_INET6) {
		snprintf(out, ADDRESS_TEXT_MAX, "[%s]:%s", host, port);
	} else {
		snprintf(out, ADDRESS_TEXT_MAX, "%s:%s", host, port);
	}
}
