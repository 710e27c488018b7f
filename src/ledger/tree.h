#pragma once
/*
 * The Merkle tree of RFC 6962 2.1: leaf = SHA-256(00 || entry), node =
 * SHA-256(01 || left || right), the empty tree's root = SHA-256(""). Pure.
 */
#include "base/arena.h"
#include "base/status.h"

#define HASH_LEN 32
#define TREE_PROOF_MAX 64

typedef struct hash {
	uint8_t bytes[HASH_LEN];
} hash;

hash tree_leaf(span entry);
hash tree_node(const hash *left, const hash *right);

/* The roots of the complete subtrees from left to right: all that appending needs. */
struct frontier {
	uint64_t size;
	hash roots[64]; /* [k]: of 2^k leaves, where bit k of size is set */
};
void frontier_append(struct frontier *f, const hash *leaf);
hash frontier_root(const struct frontier *f);

/* The root of `count` hashes of one level. `hashes` is overwritten. count is 1 .. 256, a power of two. */
hash tree_fold(hash *hashes, size_t count);

/*
 * Where proofs take their hashes from: the subtree of 2^level leaves that begins at leaf
 * index << level, complete within the tree.
 */
struct tree_reader {
	status (*node)(void *context, unsigned level, uint64_t index, hash *out, struct diag *d);
	void *context;
};

/* RFC 6962 2.1.1: the leaf's sibling first. `*count` of at most TREE_PROOF_MAX hashes. */
MUST_USE status tree_inclusion_proof(const struct tree_reader *r, uint64_t index, uint64_t size,
	hash proof[TREE_PROOF_MAX], size_t *count, struct diag *d);
/* RFC 6962 2.1.2, from `old_size` (1 .. size). */
MUST_USE status tree_consistency_proof(const struct tree_reader *r, uint64_t old_size,
	uint64_t size, hash proof[TREE_PROOF_MAX], size_t *count, struct diag *d);
/* RFC 9162 2.1.3.2 and 2.1.4.2. CRYPTO when it does not prove it. */
MUST_USE status tree_inclusion_verify(const hash *leaf, uint64_t index, uint64_t size,
	const hash *proof, size_t count, const hash *root);
MUST_USE status tree_consistency_verify(uint64_t old_size, const hash *old_root, uint64_t size,
	const hash *root, const hash *proof, size_t count);
/* The root at `size`. */
MUST_USE status tree_root(const struct tree_reader *r, uint64_t size, hash *out, struct diag *d);
