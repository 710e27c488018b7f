#include "base/span.h"

#include <openssl/crypto.h>

size_t
span_find(span in, span what)
{
	const uint8_t *at;

	if (what.len == 0) {
		return 0;
	}
	at = what.len <= in.len ? memmem(in.data, in.len, what.data, what.len) : NULL;
	return at != NULL ? (size_t)(at - in.data) : SIZE_MAX;
}

bool
span_take_line(span *rest, span *line)
{
	size_t len = span_find(*rest, span_text("\n"));

	if (len == SIZE_MAX) {
		return false;
	}
	*line = span_slice(*rest, 0, len);
	*rest = span_slice(*rest, len + 1, SIZE_MAX);
	return true;
}

bool
span_equal_secret(span a, span b)
{
	return a.len == b.len && (a.len == 0 || CRYPTO_memcmp(a.data, b.data, a.len) == 0);
}
