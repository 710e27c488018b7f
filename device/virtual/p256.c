/*
 * P-256 by libcrypto's older calls: a number that is used once costs more in being made an EVP_PKEY than in signing.
 * Each thread has its own key and room, made once.
 */
#define OPENSSL_API_COMPAT 0x10100000L
#include "device/virtual/p256.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/obj_mac.h>

struct room {
	EC_KEY *key;
	const EC_GROUP *group; /* the key's */
	EC_POINT *point;
	BN_CTX *numbers;
	BIGNUM *a, *b;
	BIGNUM *secret;
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t rooms;

static void
room_free(void *room)
{
	struct room *r = room;

	EC_POINT_free(r->point);
	EC_KEY_free(r->key);
	BN_CTX_free(r->numbers);
	BN_free(r->a);
	BN_free(r->b);
	BN_clear_free(r->secret);
	free(r);
}

static void
make_key(void)
{
	if (pthread_key_create(&rooms, room_free) != 0) {
		abort(); /* nothing has been done yet */
	}
}

static struct room *
room_get(void)
{
	struct room *r;

	pthread_once(&once, make_key);
	r = pthread_getspecific(rooms);
	if (r != NULL) {
		return r;
	}
	r = calloc(1, sizeof(*r));
	if (r == NULL) {
		abort(); /* some hundred bytes at a thread's first use */
	}
	r->key = EC_KEY_new_by_curve_name(NID_X9_62_prime256v1);
	r->group = r->key != NULL ? EC_KEY_get0_group(r->key) : NULL;
	r->point = r->group != NULL ? EC_POINT_new(r->group) : NULL;
	r->numbers = BN_CTX_secure_new();
	r->a = BN_new();
	r->b = BN_new();
	r->secret = BN_secure_new();
	if (r->point == NULL || r->numbers == NULL || r->a == NULL || r->b == NULL ||
		r->secret == NULL || pthread_setspecific(rooms, r) != 0) {
		abort();
	}
	BN_set_flags(r->secret, BN_FLG_CONSTTIME);
	return r;
}

static bool
fail(void)
{
	ERR_clear_error();
	return false;
}

/* Into r->secret. False: 0, or not below the order. */
static bool
take_number(struct room *r, const uint8_t number[32])
{
	return BN_bin2bn(number, 32, r->secret) != NULL && !BN_is_zero(r->secret) &&
	       BN_cmp(r->secret, EC_GROUP_get0_order(r->group)) < 0;
}

/* Into r->point. False: not on the curve. */
static bool
take_point(struct room *r, const uint8_t point[64])
{
	uint8_t octets[65] = { POINT_CONVERSION_UNCOMPRESSED };

	memcpy(octets + 1, point, 64);
	return EC_POINT_oct2point(r->group, r->point, octets, sizeof(octets), r->numbers) == 1;
}

static bool
give_point(struct room *r, uint8_t point[64])
{
	return EC_POINT_get_affine_coordinates(r->group, r->point, r->a, r->b, r->numbers) == 1 &&
	       BN_bn2binpad(r->a, point, 32) == 32 && BN_bn2binpad(r->b, point + 32, 32) == 32;
}

bool
p256_point(const uint8_t number[32], uint8_t point[64])
{
	struct room *r = room_get();
	bool is_good = take_number(r, number) &&
		       EC_POINT_mul(r->group, r->point, r->secret, NULL, NULL, r->numbers) == 1 &&
		       give_point(r, point);

	BN_clear(r->secret);
	return is_good || fail();
}

bool
p256_generate(uint8_t number[32], uint8_t point[64])
{
	struct room *r = room_get();

	do {
		if (BN_priv_rand_range(r->secret, EC_GROUP_get0_order(r->group)) != 1) {
			return fail();
		}
	} while (BN_is_zero(r->secret));
	return (BN_bn2binpad(r->secret, number, 32) == 32 && p256_point(number, point)) || fail();
}

bool
p256_sign(const uint8_t number[32], const uint8_t digest[32], uint8_t signature[64])
{
	struct room *r = room_get();
	ECDSA_SIG *made = NULL;
	bool is_good = false;

	if (take_number(r, number) && EC_KEY_set_private_key(r->key, r->secret) == 1) {
		made = ECDSA_do_sign(digest, 32, r->key);
	}
	if (made != NULL) {
		is_good = BN_bn2binpad(ECDSA_SIG_get0_r(made), signature, 32) == 32 &&
			  BN_bn2binpad(ECDSA_SIG_get0_s(made), signature + 32, 32) == 32;
	}
	ECDSA_SIG_free(made);
	(void)EC_KEY_set_private_key(r->key, NULL); /* overwritten and freed */
	BN_clear(r->secret);
	return is_good || fail();
}

bool
p256_point_is_valid(const uint8_t point[64])
{
	return take_point(room_get(), point) || fail();
}

bool
p256_verify(const uint8_t point[64], const uint8_t digest[32], const uint8_t signature[64])
{
	struct room *r = room_get();
	ECDSA_SIG *given = ECDSA_SIG_new();
	BIGNUM *first = BN_bin2bn(signature, 32, NULL),
	       *second = BN_bin2bn(signature + 32, 32, NULL);
	bool is_good = false;

	if (given == NULL || ECDSA_SIG_set0(given, first, second) != 1) {
		BN_free(first);
		BN_free(second);
	} else {
		is_good = take_point(r, point) && EC_KEY_set_public_key(r->key, r->point) == 1 &&
			  ECDSA_do_verify(digest, 32, given, r->key) == 1;
	}
	ECDSA_SIG_free(given);
	return is_good || fail();
}

bool
p256_ecdh(const uint8_t number[32], const uint8_t point[64], uint8_t x[32])
{
	struct room *r = room_get();
	uint8_t product[64];
	bool is_good =
		take_number(r, number) && take_point(r, point) &&
		EC_POINT_mul(r->group, r->point, NULL, r->point, r->secret, r->numbers) == 1 &&
		give_point(r, product);

	if (is_good) {
		memcpy(x, product, 32);
	}
	OPENSSL_cleanse(product, sizeof(product));
	BN_clear(r->a);
	BN_clear(r->b);
	BN_clear(r->secret);
	return is_good || fail();
}
