/* Random and Nonce: where TempKey begins. */
#include <openssl/crypto.h>

#include "device/virtual/commands.h"
#include "device/virtual/layouts.h"

#define NUM_IN_LEN 20

#define MODE_SEED 0    /* random, and the generator's seed is renewed */
#define MODE_NO_SEED 1 /* random, and it is not */
#define MODE_PASS_THROUGH 3
#define MODE_KIND 0x03
#define MODE_64 0x20 /* 64 bytes, not 32 */
#define MODE_TARGET 0xC0
#define TARGET_TEMP_KEY 0x00
#define TARGET_DIGEST_BUFFER 0x40
#define TARGET_ALTERNATE 0x80
#define CALCULATE 0x8000

enum part_status
part_random_command(struct part *p, const struct part_call *c, struct part_answer *out)
{
	if (c->data_len != 0 || c->param1 > MODE_NO_SEED || c->param2 != 0) {
		return PART_PARSE;
	}
	part_random(p, out->data);
	out->len = 32;
	return PART_OK;
}

static void
mix(const uint8_t first[32], const struct part_call *c, uint8_t out[32])
{
	uint8_t message[LAYOUT_NONCE_LEN];

	layout_nonce(c, first, message);
	layout_digest(message, sizeof(message), out);
}

/* A random answer, and TempKey out of it; or, told to calculate, TempKey out of the TempKey that is there. */
static enum part_status
nonce_random(struct part *p, const struct part_call *c, struct part_answer *out)
{
	uint8_t value[32];

	if (c->data_len != NUM_IN_LEN || (c->param2 & ~CALCULATE) != 0) {
		return PART_PARSE;
	}
	if ((c->param2 & CALCULATE) == 0) {
		part_random(p, out->data);
		out->len = 32;
		mix(out->data, c, value);
		part_temp_set(p, value, PART_TEMP_RANDOM);
		return PART_OK;
	}
	if (!p->live.temp.is_valid || p->live.temp.is_private) {
		return PART_EXECUTION;
	}
	mix(p->live.temp.value, c, value);
	part_temp_set(p, value, p->live.temp.source_is_input ? PART_TEMP_INPUT : PART_TEMP_RANDOM);
	OPENSSL_cleanse(value, sizeof(value));
	return PART_OK;
}

static enum part_status
pass_through(struct part *p, const struct part_call *c)
{
	size_t len = (c->param1 & MODE_64) != 0 ? 64 : 32;
	unsigned target = c->param1 & MODE_TARGET;

	if (c->data_len != len || c->param2 != 0 || target == MODE_TARGET ||
		(target == TARGET_ALTERNATE && len == 64)) {
		return PART_PARSE;
	}
	if (target == TARGET_TEMP_KEY) {
		part_temp_set(p, c->data, PART_TEMP_INPUT);
		memcpy(p->live.temp.value, c->data, len);
		p->live.temp.is_64 = len == 64;
	} else if (target == TARGET_DIGEST_BUFFER) {
		part_digest_buffer_set(p, c->data, len);
	} else {
		memcpy(p->live.alternate_key, c->data, len);
		p->live.alternate_key_is_valid = true;
	}
	return PART_OK;
}

enum part_status
part_nonce(struct part *p, const struct part_call *c, struct part_answer *out)
{
	if ((c->param1 & MODE_KIND) == MODE_PASS_THROUGH &&
		(c->param1 & ~(MODE_KIND | MODE_64 | MODE_TARGET)) == 0) {
		return pass_through(p, c);
	}
	return c->param1 <= MODE_NO_SEED ? nonce_random(p, c, out) : PART_PARSE;
}
