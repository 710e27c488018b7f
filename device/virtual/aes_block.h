#pragma once
/* AES-128 on one block, by libcrypto; any thread. */
#include <stdbool.h>
#include <stdint.h>

/* False: libcrypto failed. */
bool aes_block(const uint8_t key[16], const uint8_t in[16], bool is_encrypting, uint8_t out[16]);
