/*
 * PrivWrite: a private key from outside. In the clear only while the data zone is unlocked; later encrypted under the slot's WriteKey,
 * whose GenDig made TempKey, and only where SlotConfig bit 14 lets it.
 *
 *	zone 00  data = 00 00 00 00 | number32
 *	zone 40  data = (the same XOR (TempKey | SHA-256(TempKey)[0..3])) | MAC32
 *
 * Inferred: a number that is none of P-256, a wrong MAC: an execution error; the slot's own lock holds here too.
 */
#include <openssl/crypto.h>

#include "device/virtual/commands.h"
#include "device/virtual/layouts.h"
#include "device/virtual/p256.h"
#include "device/virtual/policy.h"
#include "pki/key.h"

#define PLAIN_LEN 36

static bool
decrypt(const struct part *p, const struct part_call *c, uint8_t plain[PLAIN_LEN])
{
	const uint8_t *temp = p->live.temp.value;
	uint8_t message[LAYOUT_PRIV_WRITE_LEN], mac[32], more[32];
	bool is_right;

	sha256(span_of(temp, 32), more);
	for (size_t i = 0; i < PLAIN_LEN; i++) {
		plain[i] = c->data[i] ^ (i < 32 ? temp[i] : more[i - 32]);
	}
	layout_priv_write(p, c, plain, message);
	layout_digest(message, sizeof(message), mac);
	is_right = span_equal_secret(SPAN_ARRAY(mac), span_of(c->data + PLAIN_LEN, 32));
	OPENSSL_cleanse(mac, sizeof(mac));
	OPENSSL_cleanse(more, sizeof(more));
	return is_right;
}

static bool
is_key(const uint8_t plain[PLAIN_LEN])
{
	static const uint8_t zero[4];
	uint8_t point[64];

	return memcmp(plain, zero, sizeof(zero)) == 0 && p256_point(plain + 4, point);
}

static bool
may_write(const struct part *p, unsigned slot, bool is_encrypted)
{
	if (!part_config_is_locked(p) || !key_policy_has(p, slot, PART_KEY_IS_PRIVATE) ||
		slot_key_type(p, slot) != PART_KEY_TYPE_P256 ||
		part_slot_is_locked(p->memory.config, slot)) {
		return false;
	}
	if (!is_encrypted) {
		return !part_data_is_locked(p);
	}
	return slot_policy_has(p, slot, SLOT_WRITE_ENCRYPTED) &&
	       part_temp_is_of_key(p, slot_write_key(p, slot));
}

enum part_status
part_priv_write(struct part *p, const struct part_call *c, struct part_answer *out)
{
	bool is_encrypted = c->param1 == ZONE_ENCRYPTED;
	enum part_status s = PART_EXECUTION;
	uint8_t plain[PLAIN_LEN];

	(void)out;
	if ((c->param1 & ~ZONE_ENCRYPTED) != 0 || c->param2 >= PART_SLOTS ||
		c->data_len != (is_encrypted ? PLAIN_LEN + 32 : PLAIN_LEN)) {
		return PART_PARSE;
	}
	if (!may_write(p, c->param2, is_encrypted)) {
		return PART_EXECUTION;
	}
	if (!is_encrypted) {
		memcpy(plain, c->data, sizeof(plain));
	}
	if ((!is_encrypted || decrypt(p, c, plain)) && is_key(plain)) {
		part_slot_put(p, c->param2, 0, plain, sizeof(plain));
		s = PART_OK;
	}
	if (is_encrypted) {
		part_temp_forget(p);
	}
	OPENSSL_cleanse(plain, sizeof(plain));
	return s;
}
