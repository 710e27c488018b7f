#include "device/virtual/aes_block.h"

#include <stddef.h>

#include <openssl/evp.h>

bool
aes_block(const uint8_t key[16], const uint8_t in[16], bool is_encrypting, uint8_t out[16])
{
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	int len = 0;
	bool ok = context != NULL &&
		  EVP_CipherInit_ex(context, EVP_aes_128_ecb(), NULL, key, NULL,
			  is_encrypting ? 1 : 0) == 1 &&
		  EVP_CIPHER_CTX_set_padding(context, 0) == 1 &&
		  EVP_CipherUpdate(context, out, &len, in, 16) == 1 && len == 16;

	EVP_CIPHER_CTX_free(context);
	return ok;
}
