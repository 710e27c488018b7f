#include "cli/element_record.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/text.h"
#include "cli/nouns.h"
#include "cli/settings.h"
#include "element/part_profile.h"

#define BODY_MAX 1024

static status
no_memory(struct diag *d)
{
	return diag_set(d, NO_MEMORY, NULL, "no memory for a record");
}

/* --- to the server --- */

static void
put_number(struct json_writer *w, const char *name, int64_t value)
{
	if (value >= 0) {
		json_number(w, name, value);
	}
}

static void
write_body(struct buffer *out, const struct element_record *r)
{
	struct json_writer w;

	json_begin(&w, out);
	json_object_open(&w, NULL);
	json_text(&w, "change", r->change);
	if (r->slots != 0) {
		json_array_open(&w, "slots");
		for (unsigned slot = 0; slot < PART_SLOTS; slot++) {
			if ((r->slots >> slot & 1) != 0) {
				json_number(&w, NULL, slot);
			}
		}
		json_array_close(&w);
	}
	put_number(&w, "counter", r->counter);
	put_number(&w, "before", r->before);
	put_number(&w, "after", r->after);
	json_object_close(&w);
}

static status
send_record(struct call *c, const char *device, const struct element_record *r,
	struct client_reply *reply, struct diag *d)
{
	const char *name = remote_encode(c->arena, device);
	const char *path =
		name != NULL ? arena_printf(c->arena, "/api/v1/devices/%s/element", name) : NULL;
	struct client *client = NULL;
	struct buffer body;
	status s = path != NULL ? call_client(c, &client, d) : no_memory(d);

	buffer_init(&body, BODY_MAX);
	write_body(&body, r);
	if (s == OK && buffer_failed(&body)) {
		s = no_memory(d);
	}
	if (s == OK) {
		s = remote_send(client, "POST", path, buffer_span(&body), reply, d);
	}
	buffer_wipe(&body);
	client_free(client);
	return s;
}

/* --- at the bench --- */

static const char *
slots_text(struct arena *a, unsigned slots)
{
	const char *text = "";

	for (unsigned slot = 0; text != NULL && slot < PART_SLOTS; slot++) {
		if ((slots >> slot & 1) != 0) {
			text = arena_printf(a, "%s%s%u", text, text[0] != '\0' ? "," : "", slot);
		}
	}
	return text;
}

/* The command that records it later; "" when memory is out. */
static const char *
later(struct call *c, const char *serial, const struct element_record *r)
{
	const char *head =
		arena_printf(c->arena, "tenure device note-element %s %s", serial, r->change);
	const char *slots = slots_text(c->arena, r->slots);

	if (head != NULL && slots != NULL && r->slots != 0) {
		head = arena_printf(c->arena, "%s --slots %s", head, slots);
	} else if (head != NULL && r->counter >= 0) {
		head = arena_printf(c->arena,
			"%s --counter %" PRId64 " --before %" PRId64 " --after %" PRId64, head,
			r->counter, r->before, r->after);
	} else if (head != NULL) {
		head = arena_printf(c->arena, "%s --after %02" PRIx64, head, (uint64_t)r->after);
	}
	return head != NULL ? head : "";
}

static const char *
all_later(struct call *c, const char *serial, const struct element_record *records, size_t count)
{
	const char *text = "";

	for (size_t i = 0; text != NULL && i < count; i++) {
		text = arena_printf(c->arena, "%s%s%s", text, i > 0 ? " && " : "",
			later(c, serial, &records[i]));
	}
	return text != NULL ? text : "";
}

/* What is left to do is never cut off; why may be. */
static status
say_undone(status s, const struct diag *why, const char *to_do, struct diag *d)
{
	static const char frame[] = "done, but not recorded: ; later: ";
	size_t taken = strlen(frame) + strlen(to_do) + 1;
	size_t room = taken < sizeof(d->text) ? sizeof(d->text) - taken : 0;

	return diag_set(d, s, why->clause[0] != '\0' ? why->clause : NULL,
		"done, but not recorded: %.*s; later: %s", (int)room, why->text, to_do);
}

status
record_done(struct call *c, const char *serial, const struct element_record *records, size_t count,
	bool *is_recorded, struct diag *d)
{
	struct client_reply reply = { 0 };
	struct diag why = { 0 };
	status s = OK;
	size_t i = 0;

	*is_recorded = false;
	if (call_has(c, "no-record")) {
		return OK;
	}
	if (!settings_has_server(c)) {
		fprintf(stderr, "tenure: not recorded, no server is known; later: %s\n",
			all_later(c, serial, records, count));
		return OK;
	}
	for (i = 0; s == OK && i < count; i++) {
		s = send_record(c, serial, &records[i], &reply, &why);
		client_reply_wipe(&reply);
	}
	*is_recorded = s == OK;
	if (s == OK) {
		return OK;
	}
	/* What is missing in the client file is no fault of this command's usage. */
	c->is_usage = false;
	return say_undone(s, &why, all_later(c, serial, records + i - 1, count - i + 1), d);
}

/* --- later --- */

static status
read_slots(struct call *c, unsigned *out, struct diag *d)
{
	const char *text = call_text(c, "slots");

	*out = 0;
	while (text != NULL && *text != '\0') {
		size_t len = strcspn(text, ",");
		int64_t slot = -1;

		if (number_parse(span_of(text, len), &slot) != OK || slot >= PART_SLOTS ||
			(*out >> slot & 1) != 0 || (text[len] == ',' && text[len + 1] == '\0')) {
			return call_usage(c, d, "--slots: numbers from 0 to 15, as 2,3,4");
		}
		*out |= 1u << slot;
		text += len + (text[len] == ',');
	}
	return OK;
}

/* A counter's value is decimal, a byte of the configuration hexadecimal, as tenure element policy has them. */
static status
read_value(struct call *c, const char *name, bool is_byte, int64_t *out, struct diag *d)
{
	const char *text = call_text(c, name);
	uint8_t byte = 0;

	if (text == NULL) {
		return OK;
	}
	if (is_byte && hex_decode(span_text(text), &byte, 1) == OK) {
		*out = byte;
		return OK;
	}
	if (is_byte || number_parse(span_text(text), out) != OK) {
		return call_usage(c, d, "--%s: %s", name, is_byte ? "two hex digits" : "a number");
	}
	return OK;
}

static status
read_record(struct call *c, struct element_record *out, struct diag *d)
{
	const char *change = call_argument(c, "CHANGE");
	bool is_byte = strcmp(change, "user-extra") == 0 || strcmp(change, "address") == 0;
	status s;

	*out = (struct element_record){ .change = change,
		.counter = call_number(c, "counter", -1),
		.before = is_byte ? 0 : -1, /* it can be set only while it is */
		.after = -1 };
	s = read_slots(c, &out->slots, d);
	if (s == OK) {
		s = read_value(c, "before", is_byte, &out->before, d);
	}
	return s == OK ? read_value(c, "after", is_byte, &out->after, d) : s;
}

status
device_note_element(struct call *c, struct diag *d)
{
	struct client_reply reply = { 0 };
	struct element_record r;
	status s = read_record(c, &r, d);

	if (s == OK) {
		s = send_record(c, call_argument(c, "DEVICE"), &r, &reply, d);
	}
	if (s == OK) {
		s = remote_print(c, &device_view, &reply, d);
	}
	client_reply_wipe(&reply);
	return s;
}
