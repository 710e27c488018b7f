#pragma once
/* What the paths name. Inside proto/ only. */
#include "http/service.h"

/* A path's parameter as a name of ours: [a-z0-9][a-z0-9._-]{0,62} and no "..". False: it names nothing. */
bool name_of_segment(span segment, char out[NAME_MAX_LEN + 1]);

/* False: the reply is a 404 (503) in words. The record's spans live as long as the exchange. */
MUST_USE bool named_authority(
	struct exchange *x, struct session *s, span segment, struct authority *out);
MUST_USE bool named_fleet(struct exchange *x, struct session *s, span segment, struct fleet *out);
