#include "support.h"

#include "base/check.h"
#include "base/text.h"
#include "ledger/tree.h"

#define LEAVES 300

static hash leaves[LEAVES];

/* RFC 6962 2.1 word for word. */
static hash
naive(uint64_t begin, uint64_t end)
{
	uint64_t k = 1;
	hash left, right;

	if (end - begin == 1) {
		return leaves[begin];
	}
	while (2 * k < end - begin) {
		k *= 2;
	}
	left = naive(begin, begin + k);
	right = naive(begin + k, end);
	return tree_node(&left, &right);
}

static status
read_node(void *context, unsigned level, uint64_t index, hash *out, struct diag *d)
{
	(void)context;
	(void)d;
	*out = naive(index << level, (index + 1) << level);
	return OK;
}

static const struct tree_reader reader = { read_node, NULL };

static int
set_up(void **state)
{
	(void)state;
	for (unsigned i = 0; i < LEAVES; i++) {
		leaves[i] = tree_leaf(span_of(&i, sizeof(i)));
	}
	return 0;
}

static void
known_hashes(void **state)
{
	/* RFC 6962's empty tree and leaf, as every log computes them. */
	struct frontier f = { 0 };
	hash h = frontier_root(&f);
	char hex[65];

	(void)state;
	assert_string_equal(hex_encode(hex, SPAN_ARRAY(h.bytes)),
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	h = tree_leaf((span){ NULL, 0 });
	assert_string_equal(hex_encode(hex, SPAN_ARRAY(h.bytes)),
		"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
}

static void
roots_of_every_size(void **state)
{
	struct frontier f = { 0 };

	(void)state;
	for (uint64_t n = 1; n <= LEAVES; n++) {
		hash a, b = naive(0, n), c;
		struct diag d = { 0 };

		frontier_append(&f, &leaves[n - 1]);
		a = frontier_root(&f);
		assert_memory_equal(&a, &b, sizeof(a));
		assert_ok(tree_root(&reader, n, &c, &d), d);
		assert_memory_equal(&c, &b, sizeof(c));
	}
}

static void
every_inclusion_proof(void **state)
{
	(void)state;
	for (uint64_t n = 1; n <= LEAVES; n += n < 40 ? 1 : 13) {
		hash root = naive(0, n), wrong = root;

		wrong.bytes[0] ^= 1;
		for (uint64_t i = 0; i < n; i++) {
			hash proof[TREE_PROOF_MAX];
			struct diag d = { 0 };
			size_t count;

			assert_ok(tree_inclusion_proof(&reader, i, n, proof, &count, &d), d);
			assert_int_equal(
				tree_inclusion_verify(&leaves[i], i, n, proof, count, &root), OK);
			assert_int_equal(
				tree_inclusion_verify(&leaves[i], i, n, proof, count, &wrong),
				CRYPTO);
			assert_int_equal(
				tree_inclusion_verify(&leaves[i], n, n, proof, count, &root),
				CRYPTO);
			if (n > 1) {
				assert_int_equal(tree_inclusion_verify(
							 &leaves[i], i ^ 1, n, proof, count, &root),
					CRYPTO);
				assert_int_equal(tree_inclusion_verify(
							 &leaves[i], i, n, proof, count - 1, &root),
					CRYPTO);
			}
		}
	}
}

static void
every_consistency_proof(void **state)
{
	(void)state;
	for (uint64_t n = 1; n <= 150; n += n < 40 ? 1 : 7) {
		hash root = naive(0, n);

		for (uint64_t m = 1; m <= n; m++) {
			hash old = naive(0, m), proof[TREE_PROOF_MAX], forged;
			struct diag d = { 0 };
			size_t count;

			assert_ok(tree_consistency_proof(&reader, m, n, proof, &count, &d), d);
			assert_int_equal(
				tree_consistency_verify(m, &old, n, &root, proof, count), OK);
			forged = old;
			forged.bytes[5] ^= 4;
			assert_int_equal(
				tree_consistency_verify(m, &forged, n, &root, proof, count),
				CRYPTO);
			if (count > 0) {
				proof[count / 2].bytes[0] ^= 1;
				assert_int_equal(
					tree_consistency_verify(m, &old, n, &root, proof, count),
					CRYPTO);
			}
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_hashes),
		cmocka_unit_test(roots_of_every_size),
		cmocka_unit_test(every_inclusion_proof),
		cmocka_unit_test(every_consistency_proof),
	};

	return cmocka_run_group_tests_name("tree", tests, set_up, NULL);
}
