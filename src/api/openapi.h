#pragma once
/* docs/openapi.json as it was when the program was built. */
#include "base/span.h"

span openapi_document(void);
