/*
 * The PROXY protocol's header from a balancer.
 *
 * Held: no prefix of a header is one, and none is refused whose whole is not; what stands behind it changes nothing;
 * an address that was read has a text; nothing that was refused lacks a clause.
 */
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "http/address.h"
#include "http/proxy.h"

static void
must(bool holds)
{
	if (!holds) {
		abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	span bytes = span_of(data, size);
	size_t len = proxy_header_len(bytes);
	struct proxy_header h, again;
	char text[ADDRESS_TEXT_MAX];
	struct diag d;
	status s;

	diag_clear(&d);
	s = proxy_header_read(bytes, &h, &d);
	must(s == OK || s == UNAVAILABLE ||
		((s == BAD_INPUT || s == LIMIT) && d.clause[0] != '\0'));
	if (s != OK) {
		return 0;
	}
	must(len <= size && len <= PROXY_HEADER_MAX);
	for (size_t short_by = 1; short_by <= len; short_by++) {
		must(proxy_header_read(span_slice(bytes, 0, len - short_by), &again, NULL) ==
			UNAVAILABLE);
	}
	must(proxy_header_read(span_slice(bytes, 0, len), &again, NULL) == OK);
	must(memcmp(&h, &again, sizeof(h)) == 0);
	if (!h.is_own) {
		address_text(&h.from, text);
		must(text[0] != '\0');
	}
	return 0;
}
