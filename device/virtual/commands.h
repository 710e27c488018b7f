#pragma once
/* The command set, one file a family. Each handler is part.h's part_handler; part_command_find has them in one table. */
#include "device/virtual/part.h"

/* info.c, memory_read.c, memory_write.c, lock.c, counter.c */
part_handler part_info, part_read, part_write, part_lock, part_counter, part_update_extra;
/* random.c, gen_key.c, sign.c, verify.c, ecdh.c */
part_handler part_random_command, part_nonce, part_gen_key, part_sign, part_verify, part_ecdh;
/* gen_dig.c, mac.c, check_mac.c, derive_key.c, priv_write.c */
part_handler part_gen_dig, part_mac, part_check_mac, part_derive_key, part_priv_write;
/* sha.c, aes.c, kdf.c, secure_boot.c, self_test.c */
part_handler part_sha_command, part_aes, part_kdf, part_secure_boot, part_self_test;
