#include "ledger/entry.h"

#include <stdio.h>

#include "base/json.h"
#include "base/text.h"
#include "pki/key.h"

const char *const ledger_events[] = { "authority-create", "authority-import", "claim-code", "crl",
	"crl-import", "element-change", "element-check", "establish", "fleet-create", "fleet-set",
	"manifest-import", "manifest-signer-create", "manifest-signer-pin", "manufacture",
	"operator-add", "operator-remove", "operator-token", "owner-add", "responder",
	"revoke-certificate", "server-certificate", "withdraw", NULL };

static bool
event_is_known(const char *event)
{
	enum device_event unused;

	for (size_t i = 0; event != NULL && ledger_events[i] != NULL; i++) {
		if (strcmp(event, ledger_events[i]) == 0) {
			return true;
		}
	}
	return event != NULL && device_event_parse(span_text(event), &unused) == OK;
}

static void
put_text(struct json_writer *w, const char *name, const char *value)
{
	if (value != NULL && value[0] != '\0') {
		json_text(w, name, value);
	}
}

static void
put_hash(struct json_writer *w, const char *name, const uint8_t *value)
{
	if (value != NULL) {
		json_hex(w, name, span_of(value, 32));
	}
}

status
ledger_entry_write(const struct ledger_entry *e, struct buffer *out, struct diag *d)
{
	size_t begin = out->len;
	struct json_writer w;

	if (!event_is_known(e->event) || e->at_s == 0) {
		return diag_set(
			d, BUG, NULL, "a ledger entry without a known event, or without a time");
	}
	/* Members sorted by name, as RFC 8785 3.2.3 wants. */
	json_begin(&w, out);
	json_object_open(&w, NULL);
	put_text(&w, "actor", e->actor);
	put_text(&w, "after", e->after);
	json_time(&w, "at", e->at_s);
	put_text(&w, "authority", e->authority);
	put_text(&w, "before", e->before);
	put_hash(&w, "certificate", e->certificate);
	if (e->count > 0) {
		json_number(&w, "count", e->count);
	}
	put_text(&w, "device", e->device);
	put_hash(&w, "digest", e->digest);
	json_text(&w, "event", e->event);
	put_hash(&w, "evidence", e->evidence);
	put_text(&w, "fleet", e->fleet);
	put_text(&w, "from", e->from);
	put_text(&w, "level", e->level);
	put_text(&w, "object", e->object);
	put_text(&w, "operator", e->operator_commitment);
	put_text(&w, "owner", e->owner);
	put_text(&w, "part", e->part);
	put_text(&w, "previous_owner", e->previous_owner);
	put_text(&w, "reason", e->reason);
	put_text(&w, "request", e->request);
	if (e->serial.len > 0) {
		json_hex(&w, "serial", e->serial);
	}
	put_text(&w, "to", e->to);
	json_number(&w, "v", 1);
	put_text(&w, "via", e->via);
	json_object_close(&w);
	if (buffer_failed(out) || out->len - begin > LEDGER_ENTRY_MAX) {
		return diag_set(
			d, LIMIT, NULL, "a ledger entry of over %d bytes", LEDGER_ENTRY_MAX);
	}
	return OK;
}

char *
ledger_commitment(char out[COMMITMENT_TEXT_LEN + 1], const uint8_t salt[32], const char *kind,
	const char *name)
{
	uint8_t mac[32];
	char text[600];

	snprintf(text, sizeof(text), "%s:%s", kind, name);
	hmac_sha256(span_of(salt, 32), span_text(text), mac);
	return hex_encode(out, SPAN_ARRAY(mac));
}
