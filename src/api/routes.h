#pragma once
/* The paths of the interface for programs (docs/api.md): one table, ended by a NULL pattern. */
#include "http/router.h"

extern const struct route api_routes[];
