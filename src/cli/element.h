#pragma once
/* tenure element: what its commands share. They speak to the element at the bench directly; a server is only told what was changed. */
#include <cjson/cJSON.h>

#include "cli/command.h"
#include "cli/view.h"
#include "device/element/atecc608_element.h"

command_run element_info, element_slots, element_attest, element_selftest, element_policy,
	element_retire;

/* The element of --element, with --folder beside it. Free with element_close. */
MUST_USE status bench_open(struct call *c, struct element **out, struct diag *d);
/* DENIED where it is no ATECC608. */
MUST_USE status bench_driver(struct element *e, struct atecc608 **out, struct diag *d);
/* As the server knows a key, for element slots and attest: SHA-256 of its subjectPublicKeyInfo, hex. Gives `out`. */
#define BENCH_KEY_TEXT 65
char *bench_key_text(char out[BENCH_KEY_TEXT], const uint8_t point[64]);
/* One object, by the view or as JSON. Frees it. `s` is what its making came to: NO_MEMORY counts, else it is handed back. */
MUST_USE status bench_show(struct call *c, const struct view *v, cJSON *o, struct diag *d);

/* Rows, as a table or as a JSON array. */
struct bench_rows {
	struct call *call;
	struct table *table;
	struct array_writer array;
};
MUST_USE status bench_rows_begin(
	struct bench_rows *r, struct call *c, const struct view *v, struct diag *d);
/* Takes the row. NULL: no memory. */
MUST_USE status bench_row(struct bench_rows *r, cJSON *row, struct diag *d);
void bench_rows_end(struct bench_rows *r);
