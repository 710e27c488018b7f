/* Signed notes, proofs and verifier keys: read, printed, read again; a signature that is not there never checks. */
#define FUZZ_MAX_LEN 16384
#include <inttypes.h>

#include "base/text.h"
#include "fuzz.h"
#include "ledger/checkpoint.h"

static void
print_note(const struct checkpoint *c, struct arena *a, struct buffer *out)
{
	buffer_put(out, c->text);
	buffer_put_byte(out, '\n');
	for (size_t i = 0; i < c->signature_count; i++) {
		const struct note_signature *n = &c->signatures[i];
		struct buffer line;

		buffer_init(&line, FUZZ_MAX_LEN);
		buffer_put(&line, SPAN_ARRAY(n->key_id));
		buffer_put(&line, n->signature);
		buffer_printf(out, "\xe2\x80\x94 %.*s %s\n", (int)n->name.len,
			(const char *)n->name.data, base64_encode(a, buffer_span(&line)));
		buffer_wipe(&line);
	}
}

static void
check_note(struct arena *a, span input)
{
	struct checkpoint once, twice;
	struct note_key key;
	struct buffer b;
	char head[400];
	uint8_t zero[32] = { 0 };

	if (checkpoint_parse(a, input, &once, NULL) != OK) {
		return;
	}
	buffer_init(&b, 4 * FUZZ_MAX_LEN);
	print_note(&once, a, &b);
	HOLDS(!buffer_failed(&b));
	HOLDS(checkpoint_parse(a, buffer_span(&b), &twice, NULL) == OK);
	HOLDS(span_equal(once.text, twice.text) && span_equal(once.origin, twice.origin));
	HOLDS(once.size == twice.size && memcmp(&once.root, &twice.root, HASH_LEN) == 0);
	HOLDS(once.signature_count == twice.signature_count);
	for (size_t i = 0; i < once.signature_count; i++) {
		HOLDS(span_equal(once.signatures[i].signature, twice.signatures[i].signature));
	}
	/* The signed text begins with what was read out of it. */
	snprintf(head, sizeof(head), "%.*s\n%" PRIu64 "\n%s\n", (int)once.origin.len,
		(const char *)once.origin.data, once.size,
		base64_encode(a, SPAN_ARRAY(once.root.bytes)));
	HOLDS(span_is(span_slice(once.text, 0, strlen(head)), head));
	note_key_make("log.test/x", 1, zero, &key);
	HOLDS(checkpoint_verify(&once, &key, NULL) != OK);
	buffer_wipe(&b);
}

static void
check_proof(struct arena *a, span input)
{
	struct log_proof once, twice;
	struct note_key key;
	struct buffer b;
	uint8_t zero[32] = { 0 };

	if (proof_parse(a, input, &once, NULL) != OK) {
		return;
	}
	buffer_init(&b, 2 * FUZZ_MAX_LEN);
	proof_write(&once, &b);
	HOLDS(!buffer_failed(&b));
	HOLDS(proof_parse(a, buffer_span(&b), &twice, NULL) == OK);
	HOLDS(once.index == twice.index && once.count == twice.count);
	HOLDS(once.count == 0 || memcmp(once.hashes, twice.hashes, once.count * HASH_LEN) == 0);
	HOLDS(span_equal(once.checkpoint, twice.checkpoint));
	note_key_make("log.test/x", 1, zero, &key);
	HOLDS(proof_verify(a, &once, span_text("{}"), &key, NULL) != OK);
	buffer_wipe(&b);
}

static void
check_key(span input)
{
	struct note_key once, twice;
	char text[400];

	if (note_key_parse(input, &once, NULL) == OK) {
		note_key_text(text, sizeof(text), &once);
		HOLDS(note_key_parse(span_text(text), &twice, NULL) == OK);
		HOLDS(memcmp(&once, &twice, sizeof(once)) == 0);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct arena *a = arena_new(4 << 20);
	span input = span_of(data, len);

	HOLDS(a != NULL);
	check_note(a, input);
	check_proof(a, input);
	check_key(input);
	arena_free(a);
	return 0;
}
