#pragma once
/*
 * A device and the words of its life. The rules are in fleet/machine.h.
 * Pure data: rows of the store as the program sees them.
 */
#include "base/id.h"
#include "base/limits.h"

/* In the order of a life. Numbers are stored: add at the end only. */
enum device_state {
	DEVICE_MANUFACTURED = 0,
	DEVICE_HELD = 1,
	DEVICE_AWAITING_DEVICE = 2,
	DEVICE_ACTIVE = 3,
	DEVICE_SUSPENDED = 4,
	DEVICE_IN_TRANSFER = 5,
	DEVICE_RETURNED = 6,
	DEVICE_RETIRED = 7,
	DEVICE_STATE_COUNT
};

/* What may happen to a device. Stored in ledger entries by name. */
enum device_event {
	EVENT_ONBOARD,
	EVENT_CLAIM,
	EVENT_PROVE,
	EVENT_ROTATE,
	EVENT_REVOKE_OPERATIONAL,
	EVENT_REVOKE_BIRTH,
	EVENT_SUSPEND,
	EVENT_RESUME,
	EVENT_OFFER,
	EVENT_CANCEL,
	EVENT_DECLINE,
	EVENT_TIME_OUT,
	EVENT_ACCEPT,
	EVENT_RELEASE,
	EVENT_HOLD,
	EVENT_RETURN,
	EVENT_REFURBISH,
	EVENT_REPLACE,
	EVENT_RETIRE,
	EVENT_MARK,
	EVENT_UNMARK,
	DEVICE_EVENT_COUNT
};

/* Who asks. A bit each, so that a table cell can allow several. */
enum role {
	ROLE_MAKER = 1 << 0,	    /* M: the maker's operator */
	ROLE_OWNER = 1 << 1,	    /* O: the present owner */
	ROLE_COMING_OWNER = 1 << 2, /* B */
	ROLE_SUPPORT = 1 << 3,	    /* S: the support desk */
	ROLE_WATCH = 1 << 4,	    /* W: the watch, by policy */
	ROLE_DEVICE = 1 << 5,	    /* D: the device, by proof */
};

enum phase { PHASE_PROTOTYPE = 0, PHASE_PILOT = 1, PHASE_PRODUCTION = 2, PHASE_COUNT };

/* Who may lift a suspension: the same rank or a higher one. */
enum rank { RANK_NONE = 0, RANK_OWNER = 1, RANK_WATCH = 2, RANK_MAKER = 3 };

/* Marks stand beside the state. */
enum mark { MARK_STOLEN = 1 << 0, MARK_DISPUTED = 1 << 1, MARK_LEGAL_HOLD = 1 << 2 };

struct device {
	int64_t row; /* 0: not stored yet */
	id id;
	char serial[ELEMENT_SERIAL_MAX + 1]; /* of the element it has now, lower-case hex */
	int64_t fleet;			     /* row */
	int64_t element;		     /* row */
	enum phase phase;
	enum device_state state;
	enum device_state state_before; /* while SUSPENDED: where it came from */
	enum rank suspend_rank;		/* while SUSPENDED */
	unsigned marks;			/* bits of enum mark */
	int64_t owner;			/* row; who holds rights now */
	int64_t offer;			/* row of the open offer, or 0 */
	int64_t birth_certificate;	/* row, or 0 */
	bool birth_is_denied;
	int64_t current_certificate;   /* row of the operational certificate in use, or 0 */
	int64_t pending_certificate;   /* row: issued, not yet seen in use, or 0 */
	int64_t last_good_certificate; /* row: enrolment only, for devices without a birth identity */
	int64_t key_generation;	       /* operational certificates issued so far */
	int64_t renew_after_s; /* the device is told to renew from then on; 0: nothing to renew */
	int64_t version;       /* grows by one with every change: the store refuses a stale one */
	int64_t created_s;
	int64_t changed_s; /* device_changed_s */
};

/* What an element is known to be, from a manifest or a factory line. */
enum attestation_kind { ATTESTATION_NONE = 0, ATTESTATION_ATECC608 = 1, ATTESTATION_TPM2 = 2 };

struct element {
	int64_t row;
	char serial[ELEMENT_SERIAL_MAX + 1];
	char model[NAME_MAX_LEN + 1];	    /* "ATECC608B" */
	char part_number[NAME_MAX_LEN + 1]; /* "ATECC608B-TFLXTLS" */
	char profile[NAME_MAX_LEN + 1];	    /* of slot policies, "trustflex-tls"; "" unknown */
	enum attestation_kind attestation;
	uint8_t attestation_key[64]; /* X || Y of slot 1; all zero where there is none */
	int64_t manifest;	     /* row, or 0 */
	uint8_t entry_hash[32];	     /* SHA-256 of the manifest entry's payload */
	/* The manifest entry was signed by the chip maker, as the operator's pins have it: where a part cannot prove
	 * anything itself, this is whose word there is. */
	bool is_vendors_word;
	enum phase phase;
	int64_t device; /* row of the device that carries it now, or 0 */
};

/* When the record was changed, of a change now. While it is suspended: since when, which is the date that its certificates have on CRLs
 * and in OCSP answers (certificateHold): what is noted of it meanwhile does not move that. */
static inline int64_t
device_changed_s(const struct device *before, const struct device *after, int64_t now_s)
{
	bool stays = before->state == DEVICE_SUSPENDED && after->state == DEVICE_SUSPENDED;

	return stays ? before->changed_s : now_s;
}

const char *device_state_name(enum device_state s); /* "AWAITING_DEVICE" */
const char *device_event_name(enum device_event e); /* "revoke-operational" */
const char *phase_name(enum phase p);		    /* "pilot" */
const char *role_name(enum role r);		    /* "maker", one bit only */
const char *rank_name(enum rank r);
const char *attestation_kind_name(enum attestation_kind k); /* "atecc608" */
const char *mark_name(enum mark m);			    /* "legal-hold" */
/* The other way round; BAD_INPUT for an unknown name. */
MUST_USE status device_state_parse(span name, enum device_state *out);
MUST_USE status device_event_parse(span name, enum device_event *out);
MUST_USE status phase_parse(span name, enum phase *out);
MUST_USE status role_parse(span name, enum role *out);
MUST_USE status mark_parse(span name, enum mark *out);
MUST_USE status attestation_kind_parse(span name, enum attestation_kind *out);
