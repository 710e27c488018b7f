#pragma once
/* What was asked of us and what came of it: counters for /metrics. Any thread; nothing blocks. */
#include "http/exchange.h"

enum use_case {
	USE_OWNER_ADD,
	USE_FLEET_CREATE,
	USE_FLEET_SET,
	USE_AUTHORITY_CREATE,
	USE_AUTHORITY_IMPORT,
	USE_AUTHORITY_PUBLISH,
	USE_AUTHORITY_CRL,
	USE_MANIFEST_SIGNER_ADD,
	USE_MANIFEST_IMPORT,
	USE_FACTORY,
	USE_CLAIM,
	USE_CODE,
	USE_OFFER,
	USE_ACCEPT,
	USE_DECLINE,
	USE_CANCEL,
	USE_RELEASE,
	USE_HOLD,
	USE_RESUME,
	USE_ROTATE,
	USE_RETIRE,
	USE_REFURBISH,
	USE_SUSPEND,
	USE_REVOKE,
	USE_MARK,
	USE_RETURN,
	USE_REPLACE,
	USE_ELEMENT,
	USE_ELEMENT_CHECK,
	USE_CERTIFICATE_REVOKE,
	USE_OPERATOR_ADD,
	USE_OPERATOR_TOKEN,
	USE_OPERATOR_REMOVE,
	USE_CASE_COUNT
};

void count_use_case(enum use_case use, status s);

/* Which part of the server a path belongs to. */
enum count_area {
	AREA_API,
	AREA_EST,
	AREA_DEVICE,
	AREA_OCSP,
	AREA_CRL,
	AREA_LEDGER,
	AREA_OTHER,
	AREA_COUNT
};

/* One finished exchange: the router's `finished`, or called by it. */
void api_count(void *context, const struct exchange *x, int64_t took_us);

/* The counters as Prometheus text. */
void count_print(struct buffer *out);
