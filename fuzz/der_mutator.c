/*
 * A mutator that knows DER: bytes changed at random nearly always break a length, and nothing
 * behind the first header is ever reached. This one changes the tree and writes the lengths anew.
 *
 * The tree is a flat list in the order of the encoding, each element with the depth it stands at. Strings
 * that hold DER (extnValue, keys) count as constructed.
 */
#include <string.h>

#include "base/buffer.h"
#include "fuzz.h"

#define ELEMENTS_MAX 512
#define DEPTH_MAX 24
#define TREE_BYTES_MAX (1 << 16)

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);

struct element {
	uint8_t tag;
	bool holds;	/* its content is the elements behind it that are deeper */
	uint8_t prefix; /* bytes before them: 1 in a BIT STRING */
	uint8_t depth;
	span content; /* of a primitive one */
};

struct tree {
	struct element elements[ELEMENTS_MAX];
	size_t count;
};

static uint32_t random_state;

static uint32_t
random_below(uint32_t n)
{
	random_state = random_state * 1664525u + 1013904223u;
	return n > 0 ? (random_state >> 8) % n : 0;
}

/* The header at the front, lengths as found; false where there is none. */
static bool
split(span in, uint8_t *tag, span *content, size_t *whole)
{
	size_t len, count = 0;

	if (in.len < 2) {
		return false;
	}
	len = in.data[1];
	if (len >= 0x80) {
		count = len & 0x7f;
		if (count == 0 || count > 3 || in.len - 2 < count) {
			return false;
		}
		len = 0;
		for (size_t i = 0; i < count; i++) {
			len = len << 8 | in.data[2 + i];
		}
	}
	if (len > in.len - 2 - count) {
		return false;
	}
	*tag = in.data[0];
	*content = span_slice(in, 2 + count, len);
	*whole = 2 + count + len;
	return true;
}

static bool
is_elements(span in)
{
	uint8_t tag;
	span content;
	size_t whole;

	if (in.len == 0) {
		return false;
	}
	while (in.len > 0) {
		if (!split(in, &tag, &content, &whole)) {
			return false;
		}
		in = span_slice(in, whole, SIZE_MAX);
	}
	return true;
}

static bool
grow_tree(struct tree *t, span in, uint8_t depth)
{
	while (in.len > 0) {
		struct element *e = &t->elements[t->count];
		size_t whole;
		span inner;

		if (t->count == ELEMENTS_MAX || depth == DEPTH_MAX ||
			!split(in, &e->tag, &e->content, &whole)) {
			return false;
		}
		t->count++;
		e->depth = depth;
		e->prefix = e->tag == 0x03 && e->content.len > 1;
		inner = span_slice(e->content, e->prefix, SIZE_MAX);
		e->holds = (e->tag & 0x20) != 0 ||
			   ((e->tag == 0x04 || e->tag == 0x03) && is_elements(inner));
		if (e->holds && !grow_tree(t, inner, (uint8_t)(depth + 1))) {
			return false;
		}
		in = span_slice(in, whole, SIZE_MAX);
	}
	return true;
}

/* Behind the last element that stands inside element `at`. */
static size_t
end_of(const struct tree *t, size_t at)
{
	size_t end = at + 1;

	while (end < t->count && t->elements[end].depth > t->elements[at].depth) {
		end++;
	}
	return end;
}

static void
put_header(struct buffer *out, uint8_t tag, size_t len)
{
	buffer_put_byte(out, tag);
	if (len >= 0x100) {
		buffer_put_byte(out, 0x82);
		buffer_put_byte(out, (uint8_t)(len >> 8));
	} else if (len >= 0x80) {
		buffer_put_byte(out, 0x81);
	}
	buffer_put_byte(out, (uint8_t)len);
}

static void
write_tree(const struct tree *t, size_t from, size_t end, struct buffer *out)
{
	while (from < end) {
		const struct element *e = &t->elements[from];
		size_t next = end_of(t, from);

		if (e->holds) {
			struct buffer inner;

			buffer_init(&inner, TREE_BYTES_MAX);
			if (e->prefix > 0) {
				buffer_put_byte(&inner, 0);
			}
			write_tree(t, from + 1, next, &inner);
			out->failed = out->failed || inner.failed;
			put_header(out, e->tag, inner.len);
			buffer_put(out, buffer_span(&inner));
			buffer_wipe(&inner);
		} else {
			put_header(out, e->tag, e->content.len);
			buffer_put(out, e->content);
		}
		from = next;
	}
}

static void
remove_elements(struct tree *t, size_t from, size_t end)
{
	memmove(t->elements + from, t->elements + end, (t->count - end) * sizeof(t->elements[0]));
	t->count -= end - from;
}

/* A copy of element `from` with all inside it, in front of element `to` and at its depth. */
static void
copy_element(struct tree *t, size_t from, size_t to)
{
	size_t end = end_of(t, from), count = end - from;
	struct element copied[64];
	int shift = t->elements[to].depth - t->elements[from].depth;

	if (count > 64 || t->count + count > ELEMENTS_MAX) {
		return;
	}
	memcpy(copied, t->elements + from, count * sizeof(copied[0]));
	for (size_t i = 0; i < count; i++) {
		copied[i].depth = (uint8_t)(copied[i].depth + shift);
	}
	memmove(t->elements + to + count, t->elements + to,
		(t->count - to) * sizeof(t->elements[0]));
	memcpy(t->elements + to, copied, count * sizeof(copied[0]));
	t->count += count;
}

static const uint8_t tags[] = { 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x0a, 0x0c, 0x13, 0x16, 0x17,
	0x18, 0x1e, 0x30, 0x31, 0x80, 0x81, 0x82, 0xa0, 0xa1, 0xa2, 0xa3 };

/* `scratch` of 4096 bytes holds changed content. */
static void
change_tree(struct tree *t, uint8_t *scratch)
{
	size_t at = random_below((uint32_t)t->count);
	struct element *e = &t->elements[at];
	size_t len;

	switch (random_below(8)) {
	case 0:
		if (t->count > 1) {
			remove_elements(t, at, end_of(t, at));
		}
		break;
	case 1:
		copy_element(t, at, random_below((uint32_t)t->count));
		break;
	case 2:
		copy_element(t, at, at);
		break;
	case 3:
		e->tag = tags[random_below(sizeof(tags))];
		break;
	default:
		if (e->holds || e->content.len > 2048) {
			break;
		}
		len = e->content.len;
		if (len > 0) {
			memcpy(scratch, e->content.data, len);
		}
		len = LLVMFuzzerMutate(scratch, len, 2048);
		e->content = span_of(scratch, len);
		break;
	}
}

size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
	static struct tree t;
	uint8_t scratch[4096];
	struct buffer out;

	random_state = seed;
	t.count = 0;
	if (random_below(4) == 0 || !grow_tree(&t, span_of(data, size), 0) || t.count == 0) {
		return LLVMFuzzerMutate(data, size, max_size);
	}
	change_tree(&t, scratch);
	buffer_init(&out, TREE_BYTES_MAX);
	write_tree(&t, 0, t.count, &out);
	if (!out.failed && out.len > 0 && out.len <= max_size) {
		memcpy(data, out.data, out.len);
		size = out.len;
	}
	buffer_wipe(&out);
	return size;
}
