#pragma once
/*
 * Whose request it is. The label in an EST path is optional (RFC 7030 3.2.2), and there are clients in the
 * field that can send none; ours is the fleet. Inside proto/ only.
 */
#include "http/service.h"

/*
 * The fleet that the path names. Where it names none: the fleet of the device whose certificate was presented, else
 * the one fleet that there is, or any of several below one authority. False: the reply is a 404 (503) in words.
 */
MUST_USE bool est_fleet(struct exchange *x, struct session *s, struct fleet *out);
