/*
 * tenure manifest import: batches of entries to the server.
 *
 * With claim codes a batch goes twice. First the server judges only: what it would accept is noted in the partial
 * sheet, durably, and then goes with its codes. So a device that answers "known" in a later run got its code from this sheet if and
 * only if it is noted, also where the answer to its acceptance was lost.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/lines.h"
#include "cli/manifest.h"
#include "cli/manifest_file.h"
#include "cli/progress.h"
#include "cli/remote.h"
#include "cli/settings.h"
#include "cli/sheet.h"

#define BATCH 1000
#define BATCH_BYTES (16 << 20) /* half of what one request may have: codes come on top */
#define BODY_MAX (32 << 20)
#define BULK_TIMEOUT_S 900 /* a thousand scrypt hashes on a small machine */

struct item {
	uint64_t number;  /* in the file */
	size_t from, len; /* in the batch's texts */
	char serial[ELEMENT_SERIAL_MAX + 1];
	bool is_new;	/* the server would accept it */
	bool was_noted; /* in an earlier run */
	bool is_done;	/* accepted now */
};

struct import {
	struct call *call;
	struct client *client;
	const char *path, *judge_path;
	struct sheet *sheet; /* NULL: no codes */
	struct item items[BATCH];
	size_t count, answered, new_count;
	struct buffer texts;
	bool is_judging, was_repeated;
	uint64_t entries, accepted, known, refused;
	struct buffer refusals; /* JSON */
	struct json_writer refusal_writer;
	struct progress progress;
};

/* --- what is said --- */

static void
tell_refused(struct import *im, uint64_t number, span serial, span problem, span clause)
{
	im->refused++;
	if (call_has(im->call, "json")) {
		struct json_writer *w = &im->refusal_writer;

		json_object_open(w, NULL);
		json_number(w, "number", (int64_t)number);
		if (serial.len > 0) {
			json_span(w, "serial", serial);
		} else {
			json_null(w, "serial");
		}
		json_span(w, "problem", problem);
		if (clause.len > 0) {
			json_span(w, "clause", clause);
		} else {
			json_null(w, "clause");
		}
		json_object_close(w);
		return;
	}
	progress_end(&im->progress);
	printf("entry %" PRIu64 "%s", number, serial.len > 0 ? " " : "");
	lines_print(stdout, serial);
	printf(": ");
	lines_print(stdout, problem);
	if (clause.len > 0) {
		printf(" (");
		lines_print(stdout, clause);
		printf(")");
	}
	printf("\n");
}

static void
report(struct import *im, bool has_sheet, size_t lines)
{
	const char *sheet = has_sheet && lines > 0 ? call_text(im->call, "codes") : NULL;
	struct json_writer w;
	struct buffer out;

	if (!call_has(im->call, "json")) {
		printf("%" PRIu64 " entries: %" PRIu64 " %s, %" PRIu64 " known, %" PRIu64
		       " refused\n",
			im->entries, im->accepted,
			call_has(im->call, "dry-run") ? "would be accepted" : "accepted", im->known,
			im->refused);
		if (sheet != NULL) {
			printf("%zu claim codes in %s\n", lines, sheet);
		}
		return;
	}
	json_array_close(&im->refusal_writer);
	buffer_init(&out, im->refusals.len + 65536);
	json_begin(&w, &out);
	json_object_open(&w, NULL);
	json_number(&w, "entries", (int64_t)im->entries);
	json_number(&w, "accepted", (int64_t)im->accepted);
	json_number(&w, "known", (int64_t)im->known);
	json_number(&w, "refused", (int64_t)im->refused);
	json_raw(&w, "refusals", buffer_span(&im->refusals));
	json_text(&w, "sheet", sheet);
	json_number(&w, "codes", (int64_t)lines);
	json_object_close(&w);
	fwrite(out.data, 1, out.len, stdout);
	fputc('\n', stdout);
	buffer_wipe(&out);
}

/* --- one answer line --- */

static span
text_of(const cJSON *o, const char *member)
{
	span text = { 0 };

	(void)!json_get_text(o, member, &text, NULL);
	return text;
}

/* The same element stood in the batch before, and was accepted. */
static bool
is_twin(const struct import *im, const struct item *item)
{
	for (const struct item *i = im->items; i < item; i++) {
		if (i->is_done && strcmp(i->serial, item->serial) == 0) {
			return true;
		}
	}
	return false;
}

/* The code went with the entry, now or in an earlier run: a line of the sheet. */
static status
take_code(struct import *im, struct item *item, const cJSON *o, bool is_accepted, struct diag *d)
{
	if (im->sheet == NULL) {
		return OK;
	}
	if (is_accepted || item->was_noted || im->was_repeated) {
		return sheet_add(im->sheet, item->serial, text_of(o, "device"), d);
	}
	return item->is_new && !is_twin(im, item) ? sheet_drop(im->sheet, item->serial, d) : OK;
}

static status
take_verdict(struct import *im, struct item *item, const cJSON *o, struct diag *d)
{
	span verdict = text_of(o, "verdict");
	bool is_final = !im->is_judging || im->sheet == NULL;

	if (span_is(verdict, "refused")) {
		tell_refused(im, item->number, text_of(o, "serial"), text_of(o, "problem"),
			text_of(o, "clause"));
		return im->sheet != NULL && item->is_new ? sheet_drop(im->sheet, item->serial, d)
							 : OK;
	}
	if (span_is(verdict, "accepted") && !is_final) {
		item->is_new = true;
		im->new_count++;
		return item->was_noted ? OK : sheet_note(im->sheet, item->serial, d);
	}
	if (span_is(verdict, "accepted")) {
		im->accepted++;
		item->is_done = true;
		return take_code(im, item, o, true, d);
	}
	if (span_is(verdict, "known")) {
		im->known++;
		return take_code(im, item, o, false, d);
	}
	return diag_set(d, BAD_INPUT, NULL,
		"the server's verdict on entry %" PRIu64 " is not known here", item->number);
}

/* The items that went with this request, in their order. */
static struct item *
item_at(struct import *im, int64_t number)
{
	bool only_new = !im->is_judging && im->sheet != NULL;
	int64_t at = 0;

	for (size_t i = 0; i < im->count; i++) {
		if (only_new && !im->items[i].is_new) {
			continue;
		}
		if (at++ == number) {
			return &im->items[i];
		}
	}
	return NULL;
}

static status
take_line(void *context, const cJSON *o, struct diag *d)
{
	struct import *im = context;
	struct item *item;
	span problem = text_of(o, "problem");
	int64_t number = 0;

	if (cJSON_GetObjectItemCaseSensitive(o, "verdict") == NULL) {
		return problem.len > 0 ? diag_set(d, BAD_INPUT, NULL, "the server stopped: %.*s",
						 (int)(problem.len < 250 ? problem.len : 250),
						 (const char *)problem.data)
				       : OK;
	}
	if (json_get_number(o, "number", &number, d) != OK) {
		return BAD_INPUT;
	}
	item = item_at(im, number);
	if (item == NULL) {
		return diag_set(d, BAD_INPUT, NULL, "the server judged an entry that was not sent");
	}
	im->answered++;
	return take_verdict(im, item, o, d);
}

/* --- one batch --- */

/* Entries a line; or {"entry":..,"code":..} a line, of those that are new. `*sent` of them. */
static status
compose(struct import *im, struct buffer *body, size_t *sent, struct diag *d)
{
	bool with_codes = !im->is_judging && im->sheet != NULL;
	status s = OK;

	*sent = 0;
	for (size_t i = 0; s == OK && i < im->count; i++) {
		const struct item *item = &im->items[i];
		span text = span_slice(buffer_span(&im->texts), item->from, item->len);
		char code[CLAIM_CODE_TEXT_MAX];

		if (with_codes && !item->is_new) {
			continue;
		}
		if (with_codes) {
			s = sheet_code(im->sheet, item->serial, code);
			buffer_put_text(body, "{\"entry\":");
			buffer_put(body, text);
			buffer_printf(body, ",\"code\":\"%s\"}\n", code);
			explicit_bzero(code, sizeof(code));
		} else {
			buffer_put(body, text);
			buffer_put_byte(body, '\n');
		}
		(*sent)++;
	}
	return s == OK && !buffer_failed(body)
		       ? OK
		       : diag_set(d, NO_MEMORY, NULL, "no memory for a batch");
}

static status
ask(struct import *im, bool is_judging, struct diag *d)
{
	struct client_reply reply = { 0 };
	struct buffer body;
	size_t sent = 0;
	status s;

	im->is_judging = is_judging;
	im->answered = 0;
	buffer_init(&body, BODY_MAX);
	s = compose(im, &body, &sent, d);
	if (s == OK) {
		const struct client_request r = { .method = "POST",
			.path = is_judging ? im->judge_path : im->path,
			.content_type = "application/x-ndjson",
			.body = buffer_span(&body),
			.is_keyless = true,
			.is_repeatable = true, /* what was accepted is known the second time */
			.timeout_s = BULK_TIMEOUT_S };

		s = client_send(im->client, &r, &reply, d);
	}
	if (s == OK) {
		im->was_repeated = reply.was_repeated && !is_judging;
		s = lines_read(buffer_span(&reply.body), take_line, im, d);
	}
	if (s == OK && im->answered != sent) {
		s = diag_set(d, BAD_INPUT, NULL, "the server judged %zu of %zu entries",
			im->answered, sent);
	}
	client_reply_wipe(&reply);
	buffer_wipe(&body);
	return s;
}

static status
send_batch(struct import *im, struct diag *d)
{
	bool is_dry = call_has(im->call, "dry-run");
	status s = OK;

	im->new_count = 0;
	if (im->count == 0) {
		return OK;
	}
	for (size_t i = 0; im->sheet != NULL && i < im->count; i++) {
		im->items[i].was_noted = sheet_has(im->sheet, im->items[i].serial);
	}
	if (im->sheet != NULL || is_dry) {
		s = ask(im, true, d);
	}
	if (s == OK && im->sheet != NULL) {
		s = sheet_sync(im->sheet, d);
	}
	if (s == OK && !is_dry && (im->sheet == NULL || im->new_count > 0)) {
		s = ask(im, false, d);
	}
	if (s == OK && im->sheet != NULL) {
		s = sheet_sync(im->sheet, d);
	}
	im->count = 0;
	buffer_clear(&im->texts);
	progress_step(&im->progress, im->entries);
	return s;
}

/* --- the file --- */

/* On one line, as the request wants it; what is no JSON object is refused here. */
static status
add_entry(struct import *im, span text, uint64_t number, struct diag *d)
{
	struct item *item = &im->items[im->count];
	struct diag fault = { 0 };
	cJSON *o = NULL;
	char *line = NULL;
	status s = json_parse(text, MANIFEST_ENTRY_MAX, &o, &fault);

	im->entries++;
	if (s == OK && !cJSON_IsObject(o)) {
		s = diag_set(&fault, BAD_INPUT, "RFC 7515 7.2.2", "an entry is a JSON object");
	}
	if (s != OK) {
		tell_refused(im, number, span_of(NULL, 0), span_text(fault.text),
			span_text(fault.clause));
		cJSON_Delete(o);
		return OK;
	}
	line = cJSON_PrintUnformatted(o);
	cJSON_Delete(o);
	if (line == NULL) {
		return diag_set(d, NO_MEMORY, NULL, "no memory for an entry");
	}
	*item = (struct item){ .number = number, .from = im->texts.len, .len = strlen(line) };
	manifest_entry_label(span_text(line), item->serial);
	buffer_put_text(&im->texts, line);
	cJSON_free(line);
	im->count++;
	return buffer_failed(&im->texts) ? diag_set(d, NO_MEMORY, NULL, "no memory for a batch")
					 : OK;
}

static status
run(struct import *im, struct manifest_file *f, struct diag *d)
{
	status s = OK;

	while (s == OK) {
		struct diag fault = { 0 };
		uint64_t number = 0;
		span text = { 0 };
		status next = manifest_reader_next(f->reader, &text, &number, &fault);

		if (next == OK) {
			s = add_entry(im, text, number, d);
		} else if (next == LIMIT) {
			im->entries++;
			tell_refused(im, number, span_of(NULL, 0), span_text(fault.text),
				span_text(fault.clause));
		} else {
			s = send_batch(im, d);
			if (s == OK && next != NOT_FOUND) {
				s = diag_set(d, next, fault.clause,
					"%s, behind %" PRIu64 " entries: %s",
					call_argument(im->call, "FILE"), im->entries, fault.text);
			}
			return s;
		}
		if (s == OK && (im->count == BATCH || im->texts.len >= BATCH_BYTES)) {
			s = send_batch(im, d);
		}
	}
	return s;
}

/* --- the command --- */

static status
open_sheet(struct import *im, struct diag *d)
{
	struct call *c = im->call;
	const struct sheet_options o = { .path = call_text(c, "codes"),
		.fleet = call_text(c, "fleet"),
		.recipient = call_text(c, "recipient"),
		.passphrase_file = call_text(c, "passphrase-file") };

	if (o.path == NULL && (o.recipient != NULL || o.passphrase_file != NULL)) {
		return call_usage(
			c, d, "--recipient and --passphrase-file come with --codes SHEET");
	}
	if (o.path != NULL && (o.recipient != NULL) == (o.passphrase_file != NULL)) {
		return call_usage(c, d,
			"--codes needs to know who may read the sheet: --recipient CERT or "
			"--passphrase-file FILE");
	}
	return o.path != NULL && !call_has(c, "dry-run") ? sheet_open(&o, &im->sheet, d) : OK;
}

static status
find_paths(struct import *im, struct diag *d)
{
	struct arena *a = im->call->arena;
	const char *fleet = remote_encode(a, call_text(im->call, "fleet"));

	if (fleet != NULL) {
		im->path = arena_printf(a, "/api/v1/fleets/%s/manifest?codes=none", fleet);
		im->judge_path = arena_printf(
			a, "/api/v1/fleets/%s/manifest?codes=none&dry_run=true", fleet);
	}
	return im->path != NULL && im->judge_path != NULL
		       ? OK
		       : diag_set(d, NO_MEMORY, NULL, "no memory");
}

static status
finish(struct import *im, struct diag *d)
{
	size_t lines = 0;
	bool has_sheet = im->sheet != NULL;
	status s = has_sheet ? sheet_finish(im->sheet, &lines, d) : OK;

	if (s != OK) {
		return s;
	}
	report(im, has_sheet, lines);
	return im->refused == 0 ? OK
				: diag_set(d, CONFLICT, NULL,
					  "%" PRIu64 " of %" PRIu64 " entries were refused",
					  im->refused, im->entries);
}

status
manifest_bring(struct call *c, struct diag *d)
{
	struct import *im = calloc(1, sizeof(*im));
	struct manifest_file f = { .fd = -1 };
	status s;

	if (im == NULL) {
		return diag_set(d, NO_MEMORY, NULL, "no memory");
	}
	im->call = c;
	buffer_init(&im->texts, BATCH_BYTES + MANIFEST_ENTRY_MAX + 1);
	buffer_init(&im->refusals, 1 << 30);
	json_begin(&im->refusal_writer, &im->refusals);
	json_array_open(&im->refusal_writer, NULL);
	progress_begin(&im->progress, "entry", 0);
	s = find_paths(im, d);
	if (s == OK) {
		s = open_sheet(im, d);
	}
	if (s == OK) {
		s = call_client(c, &im->client, d);
	}
	if (s == OK) {
		s = manifest_file_open(call_argument(c, "FILE"), &f, d);
	}
	if (s == OK) {
		s = run(im, &f, d);
		progress_end(&im->progress);
	}
	if (s == OK) {
		s = finish(im, d);
	}
	manifest_file_close(&f);
	sheet_close(im->sheet);
	client_free(im->client);
	buffer_wipe(&im->texts);
	buffer_wipe(&im->refusals);
	free(im);
	return s;
}
