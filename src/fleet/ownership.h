#pragma once
/* Owners, offers and claim codes: who holds rights over a device, and how they pass. */
#include "fleet/device.h"

enum owner_kind { OWNER_MAKER = 0, OWNER_RESELLER = 1, OWNER_CUSTOMER = 2 };

struct owner {
	int64_t row;
	id id;
	char name[NAME_MAX_LEN + 1]; /* unique short name, a-z 0-9 - . _ */
	char title[256];	     /* as people call it; personal data: never in the ledger */
	enum owner_kind kind;
	uint8_t salt[32]; /* of the ledger's commitment; erased with the person */
	int64_t created_s;
};

enum offer_status {
	OFFER_OPEN = 0,
	OFFER_ACCEPTED = 1,
	OFFER_CANCELLED = 2,
	OFFER_DECLINED = 3,
	OFFER_TIMED_OUT = 4,
	OFFER_VOID = 5
};

struct offer {
	int64_t row;
	id id;
	int64_t device;
	int64_t from_owner;
	int64_t to_owner;      /* 0: to whoever brings the code */
	uint8_t code_hash[32]; /* scrypt of the one-time code, zero when to_owner is named */
	uint8_t code_salt[16];
	int64_t expires_s;
	enum offer_status status;
	int64_t created_s;
};

struct claim_code {
	int64_t device; /* row; at most one unburnt code a device */
	uint8_t salt[16];
	uint8_t hash[32];
	int64_t created_s;
	int64_t burnt_s;  /* 0: still good */
	int64_t failures; /* wrong codes tried since the last right one */
	int64_t locked_until_s;
};

const char *owner_kind_name(enum owner_kind k);
const char *offer_status_name(enum offer_status s);
MUST_USE status owner_kind_parse(span name, enum owner_kind *out);
