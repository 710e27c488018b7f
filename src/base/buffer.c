#include "base/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <openssl/crypto.h>

#include "base/check.h"

#define FIRST_ROOM 256

void
buffer_init(struct buffer *b, size_t cap)
{
	*b = (struct buffer){ .cap = cap };
}

void
buffer_wipe(struct buffer *b)
{
	if (b->data != NULL) {
		OPENSSL_cleanse(b->data, b->room);
		free(b->data);
	}
	*b = (struct buffer){ .cap = b->cap };
}

void
buffer_clear(struct buffer *b)
{
	b->len = 0;
	b->failed = b->is_over = false;
}

status
buffer_fault(const struct buffer *b)
{
	return !b->failed ? OK : b->is_over ? LIMIT : NO_MEMORY;
}

static bool
make_room(struct buffer *b, size_t more)
{
	size_t need, room = b->room > 0 ? b->room : FIRST_ROOM;
	uint8_t *data;

	if (!size_add(b->len, more, &need) || need > b->cap) {
		b->is_over = true;
		return false;
	}
	if (need <= b->room) {
		return true;
	}
	while (room < need) {
		room = room > b->cap / 2 ? b->cap : room * 2;
	}
	data = malloc(room);
	if (data == NULL) {
		return false;
	}
	if (b->len > 0) {
		memcpy(data, b->data, b->len);
	}
	if (b->data != NULL) {
		OPENSSL_cleanse(b->data, b->len);
		free(b->data);
	}
	b->data = data;
	b->room = room;
	return true;
}

uint8_t *
buffer_grow(struct buffer *b, size_t len)
{
	uint8_t *p;

	if (b->failed || !make_room(b, len)) {
		b->failed = true;
		return NULL;
	}
	p = b->data + b->len;
	b->len += len;
	return p;
}

void
buffer_put(struct buffer *b, span s)
{
	uint8_t *p = s.len > 0 ? buffer_grow(b, s.len) : NULL;

	if (p != NULL) {
		memcpy(p, s.data, s.len);
	}
}

void
buffer_put_byte(struct buffer *b, uint8_t byte)
{
	buffer_put(b, span_of(&byte, 1));
}

void
buffer_put_text(struct buffer *b, const char *text)
{
	buffer_put(b, span_text(text));
}

void
buffer_printf(struct buffer *b, const char *format, ...)
{
	char small[512];
	va_list list;
	int n;

	va_start(list, format);
	n = vsnprintf(small, sizeof(small), format, list);
	va_end(list);
	if (n < 0) {
		b->failed = true;
	} else if ((size_t)n < sizeof(small)) {
		buffer_put(b, span_of(small, (size_t)n));
	} else if (!b->failed && make_room(b, (size_t)n + 1)) {
		va_start(list, format);
		vsnprintf((char *)b->data + b->len, (size_t)n + 1, format, list);
		va_end(list);
		b->len += (size_t)n;
	} else {
		b->failed = true;
	}
}
