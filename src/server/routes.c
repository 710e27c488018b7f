#include "server/routes.h"

#include "api/routes.h"
#include "base/check.h"
#include "proto/routes.h"

const struct route *const tls_tables[] = { api_routes, est_routes, device_routes, ledger_routes,
	ocsp_routes, crl_routes, ca_routes };
const size_t tls_table_count = COUNT_OF(tls_tables);

const struct route *const plain_tables[] = { ocsp_routes, crl_routes, ca_routes };
const size_t plain_table_count = COUNT_OF(plain_tables);
