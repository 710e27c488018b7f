#include "base/check.h"
#include "fleet/identity.h"
#include "fleet/ownership.h"
#include "fleet/policy.h"

static const char *const state_names[] = { "MANUFACTURED", "HELD", "AWAITING_DEVICE", "ACTIVE",
	"SUSPENDED", "IN_TRANSFER", "RETURNED", "RETIRED" };
static const char *const event_names[] = { "onboard", "claim", "prove", "rotate",
	"revoke-operational", "revoke-birth", "suspend", "resume", "offer", "cancel", "decline",
	"time-out", "accept", "release", "hold", "return", "refurbish", "replace", "retire", "mark",
	"unmark" };
static const char *const phase_names[] = { "prototype", "pilot", "production" };
static const char *const role_names[] = { "maker", "owner", "coming-owner", "support", "watch",
	"device" };
static const char *const rank_names[] = { "none", "owner", "watch", "maker" };
static const char *const mark_names[] = { "stolen", "disputed", "legal-hold" };
static const char *const kind_names[] = { "birth", "operational", "server", "operator", "ocsp" };
static const char *const status_names[] = { "pending", "current", "superseded", "revoked",
	"withdrawn" };
static const char *const attestation_kinds[] = { [ATTESTATION_NONE] = "none",
	[ATTESTATION_ATECC608] = "atecc608",
	[ATTESTATION_TPM2] = "tpm2" };
static const char *const level_names[] = { "none", "vendor-unverified", "attested" };
static const char *const owner_kinds[] = { "maker", "reseller", "customer" };
static const char *const offer_names[] = { "open", "accepted", "cancelled", "declined", "timed-out",
	"void" };
static const char *const authority_kinds[] = { "root", "intermediate", "issuing", "factory-signer",
	"foreign" };
static const char *const operator_roles[] = { "admin", "maker", "support", "owner", "auditor",
	"watch", "ra" };
static const char *const pending_names[] = { "refuse", "wait" };
static const char *const link_names[] = { "optional", "required" };
static const char *const lines_names[] = { "auto", "one", "wrapped" };
/* RFC 5280 5.3.1; 7 is unused, 8 is for delta CRLs only. */
static const char *const reason_names[] = { "unspecified", "keyCompromise", "cACompromise",
	"affiliationChanged", "superseded", "cessationOfOperation", "certificateHold", "", "",
	"privilegeWithdrawn" };

_Static_assert(COUNT_OF(state_names) == DEVICE_STATE_COUNT, "every state has a name");
_Static_assert(COUNT_OF(event_names) == DEVICE_EVENT_COUNT, "every event has a name");
_Static_assert(COUNT_OF(operator_roles) == OPERATOR_ROLE_COUNT, "every role has a name");
_Static_assert(COUNT_OF(phase_names) == PHASE_COUNT, "every phase has a name");

static const char *
name_of(const char *const *names, size_t count, unsigned at)
{
	return at < count ? names[at] : "unknown";
}

static status
find(const char *const *names, size_t count, span name, unsigned *out)
{
	for (unsigned i = 0; name.len > 0 && i < count; i++) {
		if (span_is(name, names[i])) {
			*out = i;
			return OK;
		}
	}
	return BAD_INPUT;
}

static unsigned
bit_number(unsigned bit)
{
	return bit != 0 ? (unsigned)__builtin_ctz(bit) : UINT32_MAX;
}

#define NAME_FUNCTION(function, type, names)                             \
	const char *function(type value)                                 \
	{                                                                \
		return name_of(names, COUNT_OF(names), (unsigned)value); \
	}
#define BIT_NAME_FUNCTION(function, type, names)                                     \
	const char *function(type value)                                             \
	{                                                                            \
		return name_of(names, COUNT_OF(names), bit_number((unsigned)value)); \
	}
#define PARSE_FUNCTION(function, type, names)                       \
	status function(span name, type *out)                       \
	{                                                           \
		unsigned at;                                        \
		status s = find(names, COUNT_OF(names), name, &at); \
		if (s == OK) {                                      \
			*out = (type)at;                            \
		}                                                   \
		return s;                                           \
	}
#define BIT_PARSE_FUNCTION(function, type, names)                   \
	status function(span name, type *out)                       \
	{                                                           \
		unsigned at;                                        \
		status s = find(names, COUNT_OF(names), name, &at); \
		if (s == OK) {                                      \
			*out = (type)(1u << at);                    \
		}                                                   \
		return s;                                           \
	}

/* clang-format off */
NAME_FUNCTION(device_state_name, enum device_state, state_names)
NAME_FUNCTION(device_event_name, enum device_event, event_names)
NAME_FUNCTION(phase_name, enum phase, phase_names)
NAME_FUNCTION(rank_name, enum rank, rank_names)
NAME_FUNCTION(certificate_kind_name, enum certificate_kind, kind_names)
NAME_FUNCTION(certificate_status_name, enum certificate_status, status_names)
NAME_FUNCTION(attestation_kind_name, enum attestation_kind, attestation_kinds)
NAME_FUNCTION(attestation_level_name, enum attestation_level, level_names)
NAME_FUNCTION(revocation_reason_name, enum revocation_reason, reason_names)
NAME_FUNCTION(owner_kind_name, enum owner_kind, owner_kinds)
NAME_FUNCTION(offer_status_name, enum offer_status, offer_names)
NAME_FUNCTION(authority_kind_name, enum authority_kind, authority_kinds)
NAME_FUNCTION(operator_role_name, enum operator_role, operator_roles)
NAME_FUNCTION(est_pending_name, enum est_pending, pending_names)
NAME_FUNCTION(est_link_name, enum est_link, link_names)
NAME_FUNCTION(est_lines_name, enum est_lines, lines_names)
BIT_NAME_FUNCTION(role_name, enum role, role_names)
BIT_NAME_FUNCTION(mark_name, enum mark, mark_names)
PARSE_FUNCTION(device_state_parse, enum device_state, state_names)
PARSE_FUNCTION(device_event_parse, enum device_event, event_names)
PARSE_FUNCTION(phase_parse, enum phase, phase_names)
PARSE_FUNCTION(revocation_reason_parse, enum revocation_reason, reason_names)
PARSE_FUNCTION(attestation_kind_parse, enum attestation_kind, attestation_kinds)
PARSE_FUNCTION(attestation_level_parse, enum attestation_level, level_names)
PARSE_FUNCTION(owner_kind_parse, enum owner_kind, owner_kinds)
PARSE_FUNCTION(operator_role_parse, enum operator_role, operator_roles)
PARSE_FUNCTION(est_pending_parse, enum est_pending, pending_names)
PARSE_FUNCTION(est_link_parse, enum est_link, link_names)
PARSE_FUNCTION(est_lines_parse, enum est_lines, lines_names)
BIT_PARSE_FUNCTION(role_parse, enum role, role_names)
BIT_PARSE_FUNCTION(mark_parse, enum mark, mark_names)
/* clang-format on */
