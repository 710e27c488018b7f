#pragma once
/* P-256 as the virtual element needs it: numbers and points as bytes, big-endian. libcrypto behind it; any thread. */
#include <stdbool.h>
#include <stdint.h>

/* A new private number. False: libcrypto has no randomness. */
bool p256_generate(uint8_t number[32], uint8_t point[64]);
/* X || Y of a number. False: 0 or not below the order. */
bool p256_point(const uint8_t number[32], uint8_t point[64]);
bool p256_sign(const uint8_t number[32], const uint8_t digest[32], uint8_t signature[64]);
bool p256_point_is_valid(const uint8_t point[64]);
bool p256_verify(const uint8_t point[64], const uint8_t digest[32], const uint8_t signature[64]);
/* X of the product. False: the point is not on the curve. */
bool p256_ecdh(const uint8_t number[32], const uint8_t point[64], uint8_t x[32]);
