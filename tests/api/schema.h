#pragma once
/*
 * Holds JSON against a schema of docs/openapi.json: the part of JSON Schema 2020-12 that the document uses.
 * A keyword that is not known here is a fault of the document, not passed over.
 */
#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

/* False: `fault` says where and what. */
bool schema_holds(
	const cJSON *document, const cJSON *schema, const cJSON *value, char *fault, size_t room);
/* "#/components/schemas/Device" and the like; NULL where it leads nowhere. */
const cJSON *schema_resolve(const cJSON *document, const char *reference);
/* The object itself, or what its $ref leads to. */
const cJSON *schema_of(const cJSON *document, const cJSON *object);
