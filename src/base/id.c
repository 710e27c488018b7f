#include "base/id.h"

#include <openssl/rand.h>

#include "base/text.h"

status
id_new(const struct clock *c, id *out)
{
	uint64_t ms = (uint64_t)c->wall_ms(c);

	if (RAND_bytes(out->bytes, sizeof(out->bytes)) != 1) {
		return BUG;
	}
	for (int i = 0; i < 6; i++) {
		out->bytes[i] = (uint8_t)(ms >> (40 - 8 * i));
	}
	return OK;
}

status
id_next(const struct clock *c, id *out)
{
	static _Thread_local id own;
	static _Thread_local uint32_t count;
	uint64_t ms = (uint64_t)c->wall_ms(c);

	if (id_is_zero(&own) && id_new(c, &own) != OK) {
		return BUG;
	}
	*out = own;
	count++;
	for (int i = 0; i < 6; i++) {
		out->bytes[i] = (uint8_t)(ms >> (40 - 8 * i));
	}
	for (int i = 0; i < 4; i++) {
		out->bytes[12 + i] = (uint8_t)(count >> (24 - 8 * i));
	}
	return OK;
}

char *
id_text(char out[ID_TEXT_LEN + 1], const id *i)
{
	base32_encode(out, SPAN_ARRAY(i->bytes));
	for (char *c = out; *c != '\0'; c++) {
		if (*c >= 'A' && *c <= 'Z') {
			*c = (char)(*c - 'A' + 'a');
		}
	}
	return out;
}

status
id_parse(span text, id *out)
{
	if (text.len != ID_TEXT_LEN) {
		return BAD_INPUT;
	}
	return base32_decode(text, out->bytes, sizeof(out->bytes));
}
