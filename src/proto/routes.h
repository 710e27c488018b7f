#pragma once
/* The devices' and relying parties' paths (docs/api.md, "Devices"): tables, each ended by a NULL pattern. */
#include "http/router.h"

/* On TLS. */
extern const struct route est_routes[];	   /* /.well-known/est/{fleet}/... */
extern const struct route device_routes[]; /* /device/v1/state */
extern const struct route ledger_routes[]; /* /ledger/checkpoint, /ledger/tile/... */
/* On plain HTTP, where certificates point to; on TLS too. */
extern const struct route ocsp_routes[]; /* /ocsp/{ca} */
extern const struct route crl_routes[];	 /* /crl/{ca}/... */
extern const struct route ca_routes[];	 /* /ca/{ca}.cer */
