#include "api/openapi.h"

#include "api/handlers.h"

void
openapi_show(struct exchange *x)
{
	reply_bytes(x, 200, "application/json", openapi_document());
}
