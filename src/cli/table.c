#include "cli/nouns.h"

const struct noun *const nouns[] = {
	&noun_init,
	&noun_status,
	&noun_fleet,
	&noun_manifest,
	&noun_factory,
	&noun_device,
	&noun_owner,
	&noun_transfer,
	&noun_hierarchy,
	&noun_cert,
	&noun_ledger,
	&noun_operator,
	&noun_element,
	&noun_version,
	&noun_help,
	&noun_completion,
	NULL,
};
