#include "pki/key.h"

#include <pthread.h>
#include <stdlib.h>

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/obj_mac.h>

#include "pki/oid.h"

const char *
key_kind_name(enum key_kind k)
{
	static const char *const names[] = { "P-256", "P-384", "RSA", "Ed25519" };

	return (unsigned)k < 4 ? names[k] : "unknown";
}

/*
 * What a check of a point works with: the curves, made once and only read from then on, and each thread's own
 * room. Made anew for every point, they cost twenty times the check.
 */
struct curve_room {
	EC_POINT *p256, *p384;
	BN_CTX *numbers;
	/* Of P-256, and on it: one key is read two or three times on its way. */
	bool has_last;
	uint8_t last[POINT_P256_LEN];
};
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t room_key;
static EC_GROUP *group_p256, *group_p384;

static void
room_free(void *room)
{
	struct curve_room *r = room;

	EC_POINT_free(r->p256);
	EC_POINT_free(r->p384);
	BN_CTX_free(r->numbers);
	free(r);
}

static void
make_groups(void)
{
	group_p256 = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
	group_p384 = EC_GROUP_new_by_curve_name(NID_secp384r1);
	if (group_p256 == NULL || group_p384 == NULL ||
		pthread_key_create(&room_key, room_free) != 0) {
		abort(); /* a libcrypto without them can do nothing for us */
	}
}

/* NULL without memory. */
static struct curve_room *
room_of_thread(void)
{
	struct curve_room *r;

	pthread_once(&once, make_groups);
	r = pthread_getspecific(room_key);
	if (r != NULL) {
		return r;
	}
	r = calloc(1, sizeof(*r));
	if (r == NULL) {
		return NULL;
	}
	r->p256 = EC_POINT_new(group_p256);
	r->p384 = EC_POINT_new(group_p384);
	r->numbers = BN_CTX_new();
	if (r->p256 == NULL || r->p384 == NULL || r->numbers == NULL ||
		pthread_setspecific(room_key, r) != 0) {
		room_free(r);
		return NULL;
	}
	return r;
}

static bool
point_is_on_curve(const uint8_t *point, size_t len)
{
	uint8_t octets[97] = { 0x04 };
	struct curve_room *r = room_of_thread();
	const EC_GROUP *group;
	EC_POINT *p;
	bool is_on;

	if (r == NULL) {
		return false;
	}
	if (len == POINT_P256_LEN && r->has_last && memcmp(r->last, point, len) == 0) {
		return true;
	}
	group = len == POINT_P256_LEN ? group_p256 : group_p384;
	p = len == POINT_P256_LEN ? r->p256 : r->p384;
	memcpy(octets + 1, point, len);
	/* oct2point checks the curve's equation and refuses coordinates over the prime. */
	is_on = EC_POINT_oct2point(group, p, octets, len + 1, r->numbers) == 1 &&
		EC_POINT_is_at_infinity(group, p) == 0;
	if (!is_on) {
		ERR_clear_error();
	} else if (len == POINT_P256_LEN) {
		r->has_last = true;
		memcpy(r->last, point, len);
	}
	return is_on;
}

static status
read_point(struct der_cursor *c, enum key_kind kind, struct public_key *out)
{
	size_t len = kind == KEY_P256 ? POINT_P256_LEN : 96;
	span bits;
	status s;

	c->clause = "RFC 5480 2.2";
	s = der_read_bit_octets(c, "subjectPublicKey", &bits);
	if (s != OK) {
		return s;
	}
	if (bits.len != len + 1 || bits.data[0] != 0x04) {
		return der_refuse(c, "subjectPublicKey: not an uncompressed point of %s",
			key_kind_name(kind));
	}
	if (!point_is_on_curve(bits.data + 1, len)) {
		return der_refuse(c, "subjectPublicKey: not on the curve %s", key_kind_name(kind));
	}
	memcpy(out->point, bits.data + 1, len);
	out->point_len = len;
	out->kind = kind;
	out->bits = kind == KEY_P256 ? 256 : 384;
	return OK;
}

static status
read_ec(struct der_cursor *c, struct der_cursor *algorithm, struct public_key *out)
{
	span curve;
	status s;

	algorithm->clause = "RFC 5480 2.1.1";
	if (!der_next_is(algorithm, DER_OID)) {
		return der_refuse(algorithm, "parameters: only named curves are taken");
	}
	s = der_read_oid(algorithm, "namedCurve", &curve);
	if (s == OK) {
		s = der_end(algorithm, "AlgorithmIdentifier");
	}
	if (s != OK) {
		return s;
	}
	if (oid_is(curve, OID_P256)) {
		return read_point(c, KEY_P256, out);
	}
	if (oid_is(curve, OID_P384)) {
		return read_point(c, KEY_P384, out);
	}
	return der_refuse(algorithm, "namedCurve: neither P-256 nor P-384");
}

static unsigned
bit_length(span number)
{
	unsigned bits = (unsigned)(number.len - 1) * 8;

	for (uint8_t top = number.data[0]; top != 0; top >>= 1) {
		bits++;
	}
	return bits;
}

static status
read_rsa(struct der_cursor *c, struct der_cursor *algorithm, struct public_key *out)
{
	struct der_cursor key, numbers;
	span modulus;
	uint32_t exponent = 0;
	status s;

	algorithm->clause = "RFC 3279 2.3.1";
	s = der_read_null(algorithm, "parameters");
	c->clause = "RFC 8017 A.1.1";
	if (s == OK) {
		s = der_end(algorithm, "AlgorithmIdentifier");
	}
	if (s == OK) {
		s = der_enter_string(c, DER_BIT_STRING, "subjectPublicKey", &key);
	}
	if (s == OK) {
		s = der_enter(&key, DER_SEQUENCE, "RSAPublicKey", &numbers);
	}
	if (s == OK) {
		s = der_read_unsigned(&numbers, "modulus", &modulus);
	}
	if (s == OK) {
		s = der_read_number(&numbers, DER_INTEGER, "publicExponent", UINT32_MAX, &exponent);
	}
	if (s == OK) {
		s = der_end(&numbers, "RSAPublicKey");
	}
	if (s == OK) {
		s = der_end(&key, "subjectPublicKey");
	}
	if (s != OK) {
		return s;
	}
	out->kind = KEY_RSA;
	out->bits = bit_length(modulus);
	if (out->bits < 2048 || out->bits > 4096 || out->bits % 8 != 0) {
		return der_refuse(&numbers, "modulus: %u bits, 2048 to 4096 are taken", out->bits);
	}
	if (exponent < 65537 || exponent % 2 == 0 || (modulus.data[modulus.len - 1] & 1) == 0) {
		return der_refuse(&numbers, "not an RSA key: exponent %u", exponent);
	}
	return OK;
}

static status
read_ed25519(struct der_cursor *c, struct der_cursor *algorithm, struct public_key *out)
{
	span bits;
	status s;

	algorithm->clause = c->clause = "RFC 8410 3";
	s = der_end(algorithm, "AlgorithmIdentifier");
	if (s == OK) {
		s = der_read_bit_octets(c, "subjectPublicKey", &bits);
	}
	if (s != OK) {
		return s;
	}
	if (bits.len != 32) {
		return der_refuse(c, "subjectPublicKey: not 32 bytes");
	}
	memcpy(out->point, bits.data, 32);
	out->point_len = 32;
	out->kind = KEY_ED25519;
	out->bits = 256;
	return OK;
}

status
public_key_read(struct der_cursor *c, struct public_key *out)
{
	const uint8_t *begin = c->at;
	struct der_cursor info, algorithm;
	span type;
	status s;

	*out = (struct public_key){ 0 };
	s = der_enter(c, DER_SEQUENCE, "subjectPublicKeyInfo", &info);
	if (s == OK) {
		info.clause = "RFC 5280 4.1.2.7";
		s = der_enter(&info, DER_SEQUENCE, "AlgorithmIdentifier", &algorithm);
	}
	if (s == OK) {
		s = der_read_oid(&algorithm, "algorithm", &type);
	}
	if (s != OK) {
		return s;
	}
	if (oid_is(type, OID_EC_PUBLIC_KEY)) {
		s = read_ec(&info, &algorithm, out);
	} else if (oid_is(type, OID_RSA)) {
		s = read_rsa(&info, &algorithm, out);
	} else if (oid_is(type, OID_ED25519)) {
		s = read_ed25519(&info, &algorithm, out);
	} else {
		s = der_refuse(&algorithm, "algorithm: a kind of key that is not taken");
	}
	if (s == OK) {
		s = der_end(&info, "subjectPublicKeyInfo");
	}
	out->spki = span_of(begin, (size_t)(c->at - begin));
	return s;
}

status
public_key_of_point(const uint8_t point[POINT_P256_LEN], struct public_key *out, struct diag *d)
{
	*out = (struct public_key){ .kind = KEY_P256, .bits = 256, .point_len = POINT_P256_LEN };
	memcpy(out->point, point, POINT_P256_LEN);
	if (!point_is_on_curve(point, POINT_P256_LEN)) {
		return diag_set(d, BAD_INPUT, "RFC 5480 2.2", "a point that is not on P-256");
	}
	return OK;
}

void
public_key_write(struct der_writer *w, const struct public_key *k)
{
	static const uint8_t uncompressed = 0x04;

	if (k->spki.len > 0) {
		der_put_raw(w, k->spki);
		return;
	}
	der_open(w, DER_SEQUENCE);
	der_open(w, DER_SEQUENCE);
	der_put_oid(w, oid(OID_EC_PUBLIC_KEY));
	der_put_oid(w, oid(k->kind == KEY_P256 ? OID_P256 : OID_P384));
	der_close(w);
	der_open_bit_string(w);
	der_put_raw(w, span_of(&uncompressed, 1));
	der_put_raw(w, span_of(k->point, k->point_len));
	der_close(w);
	der_close(w);
}

void
spki_of_point(const uint8_t point[POINT_P256_LEN], uint8_t out[SPKI_P256_LEN])
{
	static const uint8_t head[SPKI_P256_LEN - POINT_P256_LEN] = { 0x30, 0x59, 0x30, 0x13, 0x06,
		0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
		0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04 };

	memcpy(out, head, sizeof(head));
	memcpy(out + sizeof(head), point, POINT_P256_LEN);
}

void
public_key_hash(const struct public_key *k, uint8_t out[32])
{
	uint8_t room[128];
	struct der_writer w;

	if (k->spki.len > 0) {
		sha256(k->spki, out);
		return;
	}
	der_writer_init(&w, room, sizeof(room));
	public_key_write(&w, k);
	sha256(span_of(room, w.len), out);
}

void
public_key_id(const struct public_key *k, uint8_t out[20])
{
	uint8_t octets[97] = { 0x04 };
	struct der_cursor c, info;
	span skip, bits = { NULL, 0 };

	if (k->kind == KEY_RSA) {
		c = der_cursor_of(k->spki, "RFC 5280 4.2.1.2", NULL);
		if (der_enter(&c, DER_SEQUENCE, "", &info) == OK &&
			der_read_any(&info, "", &skip) == OK &&
			der_read_bit_octets(&info, "", &bits) == OK) {
			sha1(bits, out);
		}
		return;
	}
	memcpy(octets + 1, k->point, k->point_len);
	sha1(k->kind == KEY_ED25519 ? span_of(k->point, 32) : span_of(octets, k->point_len + 1),
		out);
}
