/*
 * Slots that are read and written encrypted only: TempKey becomes a digest that only who knows the access key can compute,
 * and covers what is sent.
 *
 *	Nonce     TempKey = SHA-256(RandOut || NumIn || 16 || mode || 00)
 *	GenDig    TempKey = SHA-256(key || 15 || 02 || slot LE || SN[8] || SN[0..1] || 25 x 00 || TempKey)
 *	Read      data XOR TempKey
 *	Write     plain XOR TempKey, then SHA-256(TempKey || 12 || zone || param2 LE || SN[8] || SN[0..1] || 25 x 00 || plain)
 *	PrivWrite 36 bytes XOR (TempKey || SHA-256(TempKey)[0..3]), then SHA-256(TempKey || 46 || zone || param2 LE ||
 *	          SN[8] || SN[0..1] || 21 x 00 || plain36)
 */
#include "device/element/sequence.h"

#define OP_READ 0x02
#define OP_WRITE 0x12
#define OP_GEN_DIG 0x15
#define OP_PRIV_WRITE 0x46

#define NONCE_OP 0x16
#define ZONE_READ 0x82	/* data, a block */
#define ZONE_WRITE 0xC2 /* the same, encrypted */
#define ZONE_PRIV_WRITE 0x40
#define DIGESTED_LEN 96
#define NUMBER_AT 4 /* of a private key's slot */
#define PRIVATE_LEN 36

struct secret {
	uint8_t temp_key[32];
	uint8_t digested[DIGESTED_LEN];
};

/* 32 bytes, then opcode, param1, param2 and what every such digest has of the serial number; zeros. */
static void
begin_digest(const struct atecc608 *a, const uint8_t first[32], const struct atecc608_packet *p,
	struct secret *s)
{
	uint8_t *at = s->digested;

	memset(at, 0, sizeof(s->digested));
	memcpy(at, first, 32);
	at[32] = p->opcode;
	at[33] = p->param1;
	at[34] = (uint8_t)p->param2;
	at[35] = (uint8_t)(p->param2 >> 8);
	at[36] = a->serial[8];
	at[37] = a->serial[0];
	at[38] = a->serial[1];
}

/* TempKey of the part and ours are the same afterwards, if the key is. */
static enum atecc608_status
open_access(struct atecc608 *a, const struct atecc608_access_key *k, struct secret *secret)
{
	const struct atecc608_packet gen_dig = {
		.opcode = OP_GEN_DIG, .param1 = ATECC608_DATA, .param2 = (uint16_t)k->slot
	};
	uint8_t nonce[55];
	enum atecc608_status s;

	if (a->sha256 == NULL || k->slot >= ATECC608_SLOTS) {
		return ATECC608_BAD_CALL;
	}
	s = atecc608_nonce(a, k->randomness, nonce);
	if (s != ATECC608_OK) {
		return s;
	}
	memcpy(nonce + 32, k->randomness, 20);
	nonce[52] = NONCE_OP;
	nonce[53] = nonce[54] = 0;
	a->sha256(nonce, sizeof(nonce), secret->temp_key);
	begin_digest(a, k->key, &gen_dig, secret);
	memcpy(secret->digested + 64, secret->temp_key, 32);
	a->sha256(secret->digested, DIGESTED_LEN, secret->temp_key);
	return atecc608_gen_dig(a, ATECC608_DATA, (uint16_t)k->slot, NULL);
}

/* Through a volatile pointer: the compiler may not leave it out. */
static void
forget(struct secret *s)
{
	volatile uint8_t *at = (volatile uint8_t *)s;

	for (size_t i = 0; i < sizeof(*s); i++) {
		at[i] = 0;
	}
}

enum atecc608_status
atecc608_read_encrypted(struct atecc608 *a, unsigned slot, unsigned block,
	const struct atecc608_access_key *k, uint8_t out[32])
{
	unsigned patience = SEQUENCE_PATIENCE;
	struct atecc608_request r = { .packet = { .opcode = OP_READ,
					      .param1 = ZONE_READ,
					      .param2 = (uint16_t)(block << 8 | slot << 3) },
		.out = out,
		.out_len = 32,
		.uses_temp_key = true };
	struct secret secret;
	enum atecc608_status s;

	if (slot >= ATECC608_SLOTS || block * 32 >= atecc608_slot_len(slot)) {
		return ATECC608_BAD_CALL;
	}
	do {
		s = open_access(a, k, &secret);
		if (s == ATECC608_OK) {
			s = atecc608_command(a, &r);
		}
	} while (sequence_again(s, &patience));
	for (size_t i = 0; i < 32 && s == ATECC608_OK; i++) {
		out[i] ^= secret.temp_key[i];
	}
	forget(&secret);
	return s;
}

/* The one command of `p` with its plain text encrypted and authenticated. `plain` ends the digest. */
static enum atecc608_status
send_encrypted(struct atecc608 *a, struct atecc608_packet p, const struct atecc608_access_key *k,
	const uint8_t *plain, size_t len)
{
	uint8_t hidden[PRIVATE_LEN], pad[32], mac[32];
	struct atecc608_request r;
	struct secret secret;
	enum atecc608_status s = open_access(a, k, &secret);

	if (s == ATECC608_OK) {
		a->sha256(secret.temp_key, 32, pad);
		for (size_t i = 0; i < len; i++) {
			hidden[i] = plain[i] ^ (i < 32 ? secret.temp_key[i] : pad[i - 32]);
		}
		begin_digest(a, secret.temp_key, &p, &secret);
		memcpy(secret.digested + DIGESTED_LEN - len, plain, len);
		a->sha256(secret.digested, DIGESTED_LEN, mac);
		p.data[0] = piece(hidden, len);
		p.data[1] = piece(mac, sizeof(mac));
		r = (struct atecc608_request){ .packet = p, .uses_temp_key = true };
		s = atecc608_command(a, &r);
	}
	forget(&secret);
	return s;
}

enum atecc608_status
atecc608_write_encrypted(struct atecc608 *a, unsigned slot, unsigned block,
	const struct atecc608_access_key *k, const uint8_t plain[32])
{
	const struct atecc608_packet p = { .opcode = OP_WRITE,
		.param1 = ZONE_WRITE,
		.param2 = (uint16_t)(block << 8 | slot << 3) };
	unsigned patience = SEQUENCE_PATIENCE;
	enum atecc608_status s;

	if (slot >= ATECC608_SLOTS || block * 32 >= atecc608_slot_len(slot)) {
		return ATECC608_BAD_CALL;
	}
	do {
		s = send_encrypted(a, p, k, plain, 32);
	} while (sequence_again(s, &patience));
	return s;
}

enum atecc608_status
atecc608_priv_write(struct atecc608 *a, unsigned slot, const struct atecc608_access_key *k,
	const uint8_t number[32])
{
	const struct atecc608_packet p = {
		.opcode = OP_PRIV_WRITE, .param1 = ZONE_PRIV_WRITE, .param2 = (uint16_t)slot
	};
	unsigned patience = SEQUENCE_PATIENCE;
	uint8_t plain[PRIVATE_LEN] = { 0 };
	enum atecc608_status s;

	if (slot >= ATECC608_SLOTS) {
		return ATECC608_BAD_CALL;
	}
	memcpy(plain + NUMBER_AT, number, 32);
	do {
		s = send_encrypted(a, p, k, plain, sizeof(plain));
	} while (sequence_again(s, &patience));
	for (size_t i = 0; i < sizeof(plain); i++) {
		((volatile uint8_t *)plain)[i] = 0;
	}
	return s;
}
