#pragma once
/* Which tables each port serves: TLS everything, plain HTTP only what certificates point to. */
#include "http/router.h"

extern const struct route *const tls_tables[];
extern const size_t tls_table_count;
extern const struct route *const plain_tables[];
extern const size_t plain_table_count;
