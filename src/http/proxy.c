#include "http/proxy.h"

#include <netinet/in.h>
#include <string.h>

#include "base/limits.h"

#define CLAUSE "PROXY protocol 2.2"
#define VERSION 2

enum { COMMAND_LOCAL = 0, COMMAND_PROXY = 1 };
enum { FAMILY_UNSPEC = 0x00, FAMILY_TCP4 = 0x11, FAMILY_TCP6 = 0x21 };
#define TYPE_CRC32C 0x03

static const uint8_t signature[12] = { 0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49,
	0x54, 0x0a };

static unsigned
number_at(span bytes, size_t at)
{
	return (unsigned)(bytes.data[at] << 8 | bytes.data[at + 1]);
}

size_t
proxy_header_len(span bytes)
{
	return PROXY_HEADER_FIXED + (bytes.len >= PROXY_HEADER_FIXED ? number_at(bytes, 14) : 0);
}

/* RFC 3720 B.4 names the polynomial. A header is short and rare: no table. */
static uint32_t
crc32c(uint32_t crc, uint8_t byte)
{
	crc ^= byte;
	for (int i = 0; i < 8; i++) {
		crc = crc >> 1 ^ (crc & 1 ? UINT32_C(0x82f63b78) : 0);
	}
	return crc;
}

/* Over the whole header, with zeros where the checksum itself stands. */
static bool
checksum_holds(span header, size_t at)
{
	uint32_t crc = UINT32_MAX, said = 0;

	for (size_t i = 0; i < header.len; i++) {
		bool is_said = i >= at && i < at + 4;

		crc = crc32c(crc, is_said ? 0 : header.data[i]);
		said = is_said ? said << 8 | header.data[i] : said;
	}
	return (crc ^ UINT32_MAX) == said;
}

/* Type, 16 bits of length, value; what they say is not asked for, but a checksum must hold. */
static status
check_tlvs(span header, size_t at, struct diag *d)
{
	while (at < header.len) {
		size_t left = header.len - at, len;

		if (left < 3 || (len = number_at(header, at + 1)) > left - 3) {
			return diag_set_at(
				d, BAD_INPUT, CLAUSE, at, "a TLV goes beyond the header's end");
		}
		if (header.data[at] == TYPE_CRC32C &&
			(len != 4 || !checksum_holds(header, at + 3))) {
			return diag_set_at(d, BAD_INPUT, CLAUSE, at, "the checksum does not hold");
		}
		at += 3 + len;
	}
	return OK;
}

static void
take_v4(span header, struct sockaddr_storage *out)
{
	struct sockaddr_in a = { .sin_family = AF_INET };

	memcpy(&a.sin_addr, header.data + PROXY_HEADER_FIXED, 4);
	memcpy(&a.sin_port, header.data + PROXY_HEADER_FIXED + 8, 2);
	memcpy(out, &a, sizeof(a));
}

static void
take_v6(span header, struct sockaddr_storage *out)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6 };

	memcpy(&a.sin6_addr, header.data + PROXY_HEADER_FIXED, 16);
	memcpy(&a.sin6_port, header.data + PROXY_HEADER_FIXED + 32, 2);
	memcpy(out, &a, sizeof(a));
}

/* Source and destination, addresses then ports. `*behind` gets where TLVs begin. */
static status
read_addresses(span header, struct proxy_header *out, size_t *behind, struct diag *d)
{
	unsigned family = header.data[13];
	size_t len = family == FAMILY_TCP4 ? 12 : family == FAMILY_TCP6 ? 36 : 0;

	if (family != FAMILY_UNSPEC && len == 0) {
		return diag_set_at(d, BAD_INPUT, CLAUSE, 13, "neither TCP over IPv4 nor over IPv6");
	}
	if (header.len < PROXY_HEADER_FIXED + len) {
		return diag_set_at(d, BAD_INPUT, CLAUSE, 14, "too short for its addresses");
	}
	if (family == FAMILY_TCP4) {
		take_v4(header, &out->from);
	} else if (family == FAMILY_TCP6) {
		take_v6(header, &out->from);
	} else {
		out->is_own = true;
	}
	/* What follows an address that is not said has no form of its own. */
	*behind = family == FAMILY_UNSPEC ? header.len : PROXY_HEADER_FIXED + len;
	return OK;
}

static status
check_fixed(span bytes, struct diag *d)
{
	size_t known = bytes.len < sizeof(signature) ? bytes.len : sizeof(signature);

	if (memcmp(bytes.data, signature, known) != 0) {
		return diag_set(d, BAD_INPUT, CLAUSE,
			"a connection that does not begin with the PROXY protocol's version 2");
	}
	if (bytes.len > 12 &&
		(bytes.data[12] >> 4 != VERSION || (bytes.data[12] & 15) > COMMAND_PROXY)) {
		return diag_set_at(
			d, BAD_INPUT, CLAUSE, 12, "another version than 2, or no such command");
	}
	if (proxy_header_len(bytes) > PROXY_HEADER_MAX) {
		return diag_set_at(
			d, LIMIT, CLAUSE, 14, "a header of over %d bytes", PROXY_HEADER_MAX);
	}
	return OK;
}

status
proxy_header_read(span bytes, struct proxy_header *out, struct diag *d)
{
	size_t len = proxy_header_len(bytes), behind = 0;
	span header;
	status st = OK;

	*out = (struct proxy_header){ .is_own = false };
	if (bytes.len > 0) {
		st = check_fixed(bytes, d);
	}
	if (st != OK || bytes.len < PROXY_HEADER_FIXED || bytes.len < len) {
		return st != OK ? st : UNAVAILABLE;
	}
	header = span_slice(bytes, 0, len);
	if ((header.data[12] & 15) == COMMAND_LOCAL) {
		out->is_own = true;
		return OK; /* the rest is to be passed over, whatever it is */
	}
	st = read_addresses(header, out, &behind, d);
	return st == OK ? check_tlvs(header, behind, d) : st;
}
