#include <stdio.h>

#include "base/file.h"
#include "cli/nouns.h"
#include "cli/settings.h"

#define CERTIFICATE "/api/v1/certificates/{FINGERPRINT}"

static const struct field certificate_fields[] = {
	{ "fingerprint", "FINGERPRINT", FIELD_TEXT, true },
	{ "kind", "KIND", FIELD_TEXT, true },
	{ "status", "STATUS", FIELD_STATE, true },
	{ "serial", "SERIAL", FIELD_TEXT, false },
	{ "authority", "AUTHORITY", FIELD_TEXT, true },
	{ "device", "DEVICE", FIELD_TEXT, false },
	{ "not_before", "NOT BEFORE", FIELD_TIME, true },
	{ "not_after", "NOT AFTER", FIELD_TIME, true },
	{ "issued", "ISSUED", FIELD_TIME, false },
	{ "first_used", "FIRST USED", FIELD_TIME, false },
	{ "revoked", "REVOKED", FIELD_TIME, false },
	{ "reason", "REASON", FIELD_TEXT, false },
	{ "attestation", "ATTESTATION", FIELD_STATE, true },
	{ "slot", "SLOT", FIELD_TEXT, false },
	{ "via", "VIA", FIELD_TEXT, false },
	{ "pem", "PEM", FIELD_HIDDEN, false },
	{ 0 },
};
static const struct view certificate_view = { "certificate", certificate_fields };

static const struct field evidence_fields[] = {
	{ "certificate", "CERTIFICATE", FIELD_TEXT, false },
	{ "attestation", "ATTESTATION", FIELD_STATE, false },
	{ "slot", "SLOT", FIELD_TEXT, false },
	{ "slot_locked", "SLOT LOCKED", FIELD_YES_NO, false },
	{ "element.serial", "ELEMENT", FIELD_TEXT, false },
	{ "element.model", "MODEL", FIELD_TEXT, false },
	{ "element.part_number", "PART NUMBER", FIELD_TEXT, false },
	{ "element.profile", "PROFILE", FIELD_TEXT, false },
	{ "element.attests_by", "ATTESTS BY", FIELD_TEXT, false },
	{ "element.key", "KEY", FIELD_TEXT, false },
	{ "element.manifest_entry", "MANIFEST ENTRY", FIELD_TEXT, false },
	{ "sha256", "SHA-256", FIELD_TEXT, false },
	{ "evidence", "EVIDENCE", FIELD_TEXT, false },
	{ "element", "", FIELD_HIDDEN, false },
	{ 0 },
};
static const struct view evidence_view = { "evidence", evidence_fields };

static const struct flag show_flags[] = {
	{ "evidence", VALUE_NONE, NULL,
		"the evidence of attestation that it was issued on, and the element", NULL, 0 },
	{ 0 },
};
static const struct flag certificate_argument[] = {
	{ "FINGERPRINT", VALUE_TEXT, NULL, "SHA-256 of the certificate, 64 hex digits", NULL, 0 },
	{ 0 },
};
static const struct flag revoke_flags[] = {
	{ "reason", VALUE_CHOICE, REVOCATION_REASONS, "RFC 5280 5.3.1", "reason", FLAG_NEEDED },
	{ 0 },
};
static const struct flag export_flags[] = {
	{ "out", VALUE_FILE, "FILE", "write it there instead of to standard output", NULL, 0 },
	{ 0 },
};

static status
write_pem(struct call *c, span pem, struct diag *d)
{
	const char *path = call_text(c, "out");

	if (path != NULL) {
		return file_replace(path, pem, 0644, d);
	}
	return fwrite(pem.data, 1, pem.len, stdout) == pem.len && fflush(stdout) == 0
		       ? OK
		       : diag_set(d, IO, NULL, "cannot write the certificate");
}

static status export(struct call *c, struct diag *d)
{
	const char *path = remote_path(c, CERTIFICATE);
	struct client *client = NULL;
	cJSON *object = NULL;
	span pem;
	status s = path != NULL ? call_client(c, &client, d)
				: diag_set(d, NO_MEMORY, NULL, "no memory");

	if (s == OK) {
		s = remote_get(client, path, &object, d);
	}
	if (s == OK) {
		s = json_get_text(object, "pem", &pem, d);
	}
	if (s == OK) {
		s = write_pem(c, pem, d);
	}
	cJSON_Delete(object);
	client_free(client);
	return s;
}

static status
show(struct call *c, struct diag *d)
{
	bool wants_evidence = call_has(c, "evidence");

	return remote_show_as(c, wants_evidence ? CERTIFICATE "/evidence" : CERTIFICATE,
		wants_evidence ? &evidence_view : &certificate_view, d);
}

static const struct command certificate_commands[] = {
	{ "list", "the certificates of a device", NULL, device_argument, NULL,
		COMMAND_SERVER | COMMAND_JSON | COMMAND_PAGES, remote_list,
		{ "GET", "/api/v1/devices/{DEVICE}/certificates", &certificate_view, NULL } },
	{ "show", "one certificate", NULL, certificate_argument, show_flags,
		COMMAND_SERVER | COMMAND_JSON, show, { 0 } },
	{ "revoke", "revoke one certificate", NULL, certificate_argument, revoke_flags,
		COMMAND_SERVER | COMMAND_JSON, remote_act,
		{ "POST", CERTIFICATE "/revoke", &certificate_view, NULL } },
	{ "export", "the certificate itself, PEM", NULL, certificate_argument, export_flags,
		COMMAND_SERVER, export, { 0 } },
	{ 0 },
};
const struct noun noun_cert = { "cert", "certificates", certificate_commands };
