#pragma once
/* The nouns, one file each, and the views that several of them share. */
#include "cli/command.h"
#include "cli/remote.h"

/* RFC 5280 5.3.1 without certificateHold (a suspension is a state of the device) and removeFromCRL. */
#define REVOCATION_REASONS                                                      \
	"unspecified|keyCompromise|cACompromise|affiliationChanged|superseded|" \
	"cessationOfOperation|privilegeWithdrawn"
#define PHASES "prototype|pilot|production"

extern const struct noun noun_init, noun_status, noun_hierarchy, noun_fleet, noun_manifest,
	noun_factory, noun_device, noun_owner, noun_transfer, noun_cert, noun_rotate, noun_ledger,
	noun_operator, noun_element, noun_completion, noun_version, noun_help;

extern const struct view device_view, transfer_view, entry_view;
extern const struct flag device_argument[];
