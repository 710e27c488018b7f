#pragma once
/* Peers' addresses: as text, whether one is of a list, and who counts as one. */
#include <stdint.h>
#include <sys/socket.h>

#include "base/status.h"

#define ADDRESS_TEXT_MAX 64 /* "[2001:db8::1]:40000" and a scope */
#define ADDRESS_RANGES_MAX 32

/* IPv4 as the IPv6 addresses that are mapped to it: 127.0.0.0/8 has 104 bits. */
struct address_range {
	uint8_t bytes[16];
	unsigned bits;
};

struct address_list {
	struct address_range ranges[ADDRESS_RANGES_MAX];
	size_t count;
};

/* "127.0.0.1, 10.0.0.0/8, 2001:db8::/32". An empty text is an empty list. BAD_INPUT, LIMIT. */
MUST_USE status address_list_read(const char *text, struct address_list *out, struct diag *d);
/* An address of another family than IPv4 and IPv6 is of no list. */
bool address_list_has(const struct address_list *l, const struct sockaddr_storage *a);

/* The same for whoever counts as one: an IPv4 address, also in its IPv6 form; of IPv6 the /64 that one customer has. */
uint64_t address_key(const struct sockaddr_storage *a);

/* "192.0.2.1:40000"; "" for one that has no such form. */
void address_text(const struct sockaddr_storage *a, char out[ADDRESS_TEXT_MAX]);
