#include "base/span.h"

#include <openssl/crypto.h>

bool
span_equal_secret(span a, span b)
{
	return a.len == b.len && (a.len == 0 || CRYPTO_memcmp(a.data, b.data, a.len) == 0);
}
