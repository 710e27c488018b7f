/* The words of request bodies. */
#include "api/body.h"

#include "lifecycle/element_change.h"

/* A parser of fleet/ for its own enum, as one for any of them. */
#define WORD(function, parse, type)             \
	status function(span text, int *out)    \
	{                                       \
		type value;                     \
		status s = parse(text, &value); \
		if (s == OK) {                  \
			*out = (int)value;      \
		}                               \
		return s;                       \
	}

/* clang-format off */
WORD(word_phase, phase_parse, enum phase)
WORD(word_owner_kind, owner_kind_parse, enum owner_kind)
WORD(word_level, attestation_level_parse, enum attestation_level)
WORD(word_mark, mark_parse, enum mark)
WORD(word_operator_role, operator_role_parse, enum operator_role)
WORD(word_est_pending, est_pending_parse, enum est_pending)
WORD(word_est_link, est_link_parse, enum est_link)
WORD(word_est_lines, est_lines_parse, enum est_lines)
WORD(word_element_change, element_change_parse, enum element_change_kind)
/* clang-format on */

/* RFC 5280 5.3.1: those that end a certificate of ours for good. Not a hold (a device is suspended), not the CA's own,
 * and not "unspecified": who revokes knows why. */
status
word_reason(span text, int *out)
{
	enum revocation_reason reason;
	status s = revocation_reason_parse(text, &reason);

	if (s != OK || reason == REASON_UNSPECIFIED || reason == REASON_CERTIFICATE_HOLD ||
		reason == REASON_CA_COMPROMISE) {
		return BAD_INPUT;
	}
	*out = (int)reason;
	return OK;
}

status
word_made_authority(span text, int *out)
{
	static const enum authority_kind kinds[] = { AUTHORITY_ROOT, AUTHORITY_ISSUING,
		AUTHORITY_FACTORY_SIGNER };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (span_is(text, authority_kind_name(kinds[i]))) {
			*out = (int)kinds[i];
			return OK;
		}
	}
	return BAD_INPUT;
}

status
word_consent(span text, int *out)
{
	*out = span_is(text, "owner") ? CONSENT_OWNER : CONSENT_DEVICE_PROOF;
	return *out == CONSENT_OWNER || span_is(text, "device-proof") ? OK : BAD_INPUT;
}

status
word_device_key(span text, int *out)
{
	*out = span_is(text, "birth") ? DEVICE_KEY_BIRTH : DEVICE_KEY_OPERATIONAL;
	return *out == DEVICE_KEY_BIRTH || span_is(text, "operational") ? OK : BAD_INPUT;
}
