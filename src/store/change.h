#pragma once
/*
 * What a change is made of, for the stores that apply it: a list of operations. Knows no database.
 * Inside store/ only.
 */
#include "store/store.h"

/* Additions first, parents before children: the stage of each kind is its place here. */
enum operation_kind {
	OPERATION_OWNER_ADD,
	OPERATION_AUTHORITY_ADD,
	OPERATION_FLEET_ADD,
	OPERATION_OPERATOR_ADD,
	OPERATION_MANIFEST_ADD,
	OPERATION_PIN_ADD,
	OPERATION_ELEMENT_ADD,
	OPERATION_DEVICE_ADD,
	OPERATION_EARLY_COUNT, /* what follows happens in the order of the calls */
	OPERATION_CERTIFICATE_ADD = OPERATION_EARLY_COUNT,
	OPERATION_OFFER_ADD,
	OPERATION_CASE_ADD,
	OPERATION_ADD_COUNT, /* what follows gives no row */
	OPERATION_FLEET_SET = OPERATION_ADD_COUNT,
	OPERATION_FLEET_EXPECT,
	OPERATION_AUTHORITY_CRL_NUMBER,
	OPERATION_OPERATOR_SET,
	OPERATION_ELEMENT_DEVICE,
	OPERATION_DEVICE_SET,
	OPERATION_CERTIFICATE_STATUS,
	OPERATION_CERTIFICATE_REASON,
	OPERATION_CERTIFICATE_DEVICE,
	OPERATION_CERTIFICATE_USED,
	OPERATION_CERTIFICATES_OF_DEVICE,
	OPERATION_CERTIFICATES_LIST_ENDED,
	OPERATION_OFFER_STATUS,
	OPERATION_CLAIM_CODE_PUT,
	OPERATION_CLAIM_CODE_TRIED,
	OPERATION_ATTEMPT_PUT,
	OPERATION_CHALLENGE_BURN,
	OPERATION_EVIDENCE,
	OPERATION_EXPIRE,
	OPERATION_CASE_CLOSE,
	OPERATION_LEDGER,
	OPERATION_DENY,
	OPERATION_OUTBOX,
	OPERATION_OUTBOX_DONE,
	OPERATION_IDEMPOTENCY,
	OPERATION_MANIFEST_COUNTS,
	OPERATION_SETTING,
	OPERATION_COUNT
};

struct operation {
	struct operation *next;
	enum operation_kind kind;
	const void *record; /* the caller's */
	int64_t *new_row;   /* of an addition: where its row goes, inside `record` */
	const int64_t *row; /* of a ledger entry: its device */
	int64_t object;	    /* the row it is about */
	int64_t number;	    /* a second row, a CRL number */
	int64_t at_s;
	unsigned from; /* of a status */
	unsigned to;
	enum revocation_reason reason;
	span bytes; /* entry, challenge, value */
	const char *name;
};

struct link {
	struct link *next;
	int64_t *field;
	const int64_t *row;
};

struct operations {
	struct operation *first;
	struct operation **end;
};

struct change {
	struct arena *arena;
	struct operations early[OPERATION_EARLY_COUNT];
	struct operations late;
	struct link *links;
	struct link **links_end;
	size_t count;
	bool failed; /* an append found no memory */
};
