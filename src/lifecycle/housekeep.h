#pragma once
/* What the server does by itself with its own records. */
#include "lifecycle/session.h"

/* Drops burnt challenges and kept answers whose time is over. Changes nothing that anybody decided. */
MUST_USE status housekeep(struct session *s, struct diag *d);
