#include "ledger/tree.h"

#include "pki/key.h"

hash
tree_leaf(span entry)
{
	static const uint8_t prefix = 0x00;
	hash h = { 0 };

	sha256_two(span_of(&prefix, 1), entry, h.bytes);
	return h;
}

hash
tree_node(const hash *left, const hash *right)
{
	uint8_t both[1 + 2 * HASH_LEN] = { 0x01 };
	hash h = { 0 };

	memcpy(both + 1, left->bytes, HASH_LEN);
	memcpy(both + 1 + HASH_LEN, right->bytes, HASH_LEN);
	sha256(SPAN_ARRAY(both), h.bytes);
	return h;
}

void
frontier_append(struct frontier *f, const hash *leaf)
{
	hash h = *leaf;
	unsigned level = 0;

	for (; (f->size >> level & 1) != 0; level++) {
		h = tree_node(&f->roots[level], &h);
	}
	f->roots[level] = h;
	f->size++;
}

hash
frontier_root(const struct frontier *f)
{
	bool has_any = false;
	hash h = { 0 };

	if (f->size == 0) {
		sha256((span){ NULL, 0 }, h.bytes);
		return h;
	}
	for (unsigned level = 0; level < 64; level++) {
		if ((f->size >> level & 1) == 0) {
			continue;
		}
		h = has_any ? tree_node(&f->roots[level], &h) : f->roots[level];
		has_any = true;
	}
	return h;
}

hash
tree_fold(hash *hashes, size_t count)
{
	for (; count > 1; count /= 2) {
		for (size_t i = 0; i < count / 2; i++) {
			hashes[i] = tree_node(&hashes[2 * i], &hashes[2 * i + 1]);
		}
	}
	return hashes[0];
}

/* The largest power of two below n, n > 1. */
static uint64_t
split(uint64_t n)
{
	return UINT64_C(1) << (63 - __builtin_clzll(n - 1));
}

/* MTH of the leaves from begin to end (RFC 6962 2.1): at most one complete subtree a bit. */
static status
range_root(const struct tree_reader *r, uint64_t begin, uint64_t end, hash *out, struct diag *d)
{
	uint64_t size = end - begin, left_size;
	hash left, right;
	status s;

	if ((size & (size - 1)) == 0) {
		unsigned level = (unsigned)__builtin_ctzll(size);

		return r->node(r->context, level, begin >> level, out, d);
	}
	left_size = split(size);
	s = range_root(r, begin, begin + left_size, &left, d);
	if (s == OK) {
		s = range_root(r, begin + left_size, end, &right, d);
	}
	if (s == OK) {
		*out = tree_node(&left, &right);
	}
	return s;
}

status
tree_root(const struct tree_reader *r, uint64_t size, hash *out, struct diag *d)
{
	if (size == 0) {
		sha256((span){ NULL, 0 }, out->bytes);
		return OK;
	}
	return range_root(r, 0, size, out, d);
}

status
tree_inclusion_proof(const struct tree_reader *r, uint64_t index, uint64_t size,
	hash proof[TREE_PROOF_MAX], size_t *count, struct diag *d)
{
	uint64_t begin = 0, end = size;
	hash from_top[TREE_PROOF_MAX];
	status s = OK;

	*count = 0;
	if (index >= size) {
		return diag_set(d, NOT_FOUND, NULL, "entry %llu is not in a ledger of %llu",
			(unsigned long long)index, (unsigned long long)size);
	}
	while (s == OK && end - begin > 1) {
		uint64_t middle = begin + split(end - begin);
		bool is_left = index < middle;

		s = is_left ? range_root(r, middle, end, &from_top[*count], d)
			    : range_root(r, begin, middle, &from_top[*count], d);
		(*count)++;
		*(is_left ? &end : &begin) = middle;
	}
	for (size_t i = 0; i < *count; i++) {
		proof[i] = from_top[*count - 1 - i];
	}
	return s;
}

status
tree_consistency_proof(const struct tree_reader *r, uint64_t old_size, uint64_t size,
	hash proof[TREE_PROOF_MAX], size_t *count, struct diag *d)
{
	uint64_t begin = 0, end = size;
	hash from_top[TREE_PROOF_MAX];
	bool is_whole = true; /* the old tree's part is the whole of what is left */
	status s = OK;

	*count = 0;
	if (old_size == 0 || old_size > size) {
		return diag_set(d, BAD_INPUT, "RFC 6962 2.1.2", "no consistency from %llu to %llu",
			(unsigned long long)old_size, (unsigned long long)size);
	}
	while (s == OK && old_size != end) {
		uint64_t middle = begin + split(end - begin);
		bool is_left = old_size <= middle;

		s = is_left ? range_root(r, middle, end, &from_top[*count], d)
			    : range_root(r, begin, middle, &from_top[*count], d);
		(*count)++;
		is_whole = is_whole && is_left;
		*(is_left ? &end : &begin) = middle;
	}
	if (s == OK && !is_whole) {
		s = range_root(r, begin, end, &from_top[*count], d);
		(*count)++;
	}
	for (size_t i = 0; i < *count; i++) {
		proof[i] = from_top[*count - 1 - i];
	}
	return s;
}

static status
is_root(const hash *computed, const hash *root)
{
	return memcmp(computed->bytes, root->bytes, HASH_LEN) == 0 ? OK : CRYPTO;
}

status
tree_inclusion_verify(const hash *leaf, uint64_t index, uint64_t size, const hash *proof,
	size_t count, const hash *root)
{
	uint64_t fn = index, sn = size - 1;
	hash h = *leaf;

	if (index >= size) {
		return CRYPTO;
	}
	for (size_t i = 0; i < count; i++) {
		if (sn == 0) {
			return CRYPTO;
		}
		if ((fn & 1) != 0 || fn == sn) {
			h = tree_node(&proof[i], &h);
			while ((fn & 1) == 0 && fn != 0) {
				fn >>= 1;
				sn >>= 1;
			}
		} else {
			h = tree_node(&h, &proof[i]);
		}
		fn >>= 1;
		sn >>= 1;
	}
	return sn == 0 ? is_root(&h, root) : CRYPTO;
}

status
tree_consistency_verify(uint64_t old_size, const hash *old_root, uint64_t size, const hash *root,
	const hash *proof, size_t count)
{
	uint64_t fn = old_size - 1, sn = size - 1;
	size_t at = 0;
	hash first, second;

	if (old_size == 0 || old_size > size) {
		return CRYPTO;
	}
	if (old_size == size) {
		return count == 0 ? is_root(old_root, root) : CRYPTO;
	}
	if ((old_size & (old_size - 1)) == 0) {
		first = *old_root;
	} else if (count > 0) {
		first = proof[at++];
	} else {
		return CRYPTO;
	}
	second = first;
	for (; (fn & 1) != 0; fn >>= 1) {
		sn >>= 1;
	}
	for (; at < count; at++) {
		if (sn == 0) {
			return CRYPTO;
		}
		if ((fn & 1) != 0 || fn == sn) {
			first = tree_node(&proof[at], &first);
			second = tree_node(&proof[at], &second);
			while ((fn & 1) == 0 && fn != 0) {
				fn >>= 1;
				sn >>= 1;
			}
		} else {
			second = tree_node(&second, &proof[at]);
		}
		fn >>= 1;
		sn >>= 1;
	}
	if (sn != 0 || is_root(&first, old_root) != OK) {
		return CRYPTO;
	}
	return is_root(&second, root);
}
