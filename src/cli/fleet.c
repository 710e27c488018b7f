#include <inttypes.h>

#include "cli/nouns.h"
#include "cli/settings.h"

#define FLEET "/api/v1/fleets/{FLEET}"
#define LEVELS "none|vendor-unverified|attested"
#define PENDING "refuse|wait"
#define LINK "optional|required"
#define LINES "auto|one|wrapped"
#define SET_TRIES 3

static const struct field fleet_fields[] = {
	{ "name", "NAME", FIELD_TEXT, true },
	{ "phase", "PHASE", FIELD_TEXT, true },
	{ "authority", "AUTHORITY", FIELD_TEXT, true },
	{ "maker", "MAKER", FIELD_TEXT, true },
	{ "profile", "PROFILE", FIELD_TEXT, true },
	{ "lifetime", "LIFETIME", FIELD_DURATION, true },
	{ "renew_after_percent", "RENEW AFTER %", FIELD_TEXT, true },
	{ "required_attestation", "REQUIRED ATTESTATION", FIELD_TEXT, false },
	{ "crl_lists_superseded", "CRL HAS SUPERSEDED", FIELD_YES_NO, false },
	{ "offer_lifetime", "OFFER LIFETIME", FIELD_DURATION, false },
	{ "est_pending", "EST PENDING", FIELD_TEXT, false },
	{ "est_retry_after", "EST RETRY AFTER", FIELD_DURATION, false },
	{ "est_link", "EST LINK", FIELD_TEXT, false },
	{ "est_lines", "EST LINES", FIELD_TEXT, false },
	{ "est_server_keys", "EST SERVER KEYS", FIELD_YES_NO, false },
	{ "est_ra", "EST RA", FIELD_TEXT, false },
	{ "version", "VERSION", FIELD_TEXT, false },
	{ "created", "CREATED", FIELD_TIME, true },
	{ 0 },
};
static const struct view fleet_view = { "fleet", fleet_fields };

/* What may also be changed later. */
#define POLICY_FLAGS                                                                            \
	{ "lifetime", VALUE_DURATION, "TIME", "of an operational certificate", "lifetime", 0 }, \
		{ "renew-after-percent", VALUE_NUMBER, "N", "of its life, then devices renew",  \
			"renew_after_percent", 0 },                                             \
		{ "required-attestation", VALUE_CHOICE, LEVELS, "what an element must prove",   \
			"required_attestation", 0 },                                            \
		{ "crl-lists-superseded", VALUE_YES_NO, "yes|no",                               \
			"superseded certificates on CRLs and OCSP too", "crl_lists_superseded", \
			0 },                                                                    \
		{ "offer-lifetime", VALUE_DURATION, "TIME", "of an offer to the next owner",    \
			"offer_lifetime", 0 },                                                  \
		{ "est-pending", VALUE_CHOICE, PENDING,                                         \
			"to a device that nobody owns yet: refused, or told to come again",     \
			"est_pending", 0 },                                                     \
		{ "est-retry-after", VALUE_DURATION, "TIME",                                    \
			"after which it comes again; up to a quarter more, by device",          \
			"est_retry_after", 0 },                                                 \
		{ "est-link", VALUE_CHOICE, LINK,                                               \
			"whether a request must be linked to its TLS connection (RFC 7030 "     \
			"3.5)",                                                                 \
			"est_link", 0 },                                                        \
		{ "est-lines", VALUE_CHOICE, LINES,                                             \
			"of EST's base64: as the client needs it, one line, or of 64",          \
			"est_lines", 0 },                                                       \
		{ "est-server-keys", VALUE_YES_NO, "yes|no",                                    \
			"the server makes keys for devices that cannot (serverkeygen)",         \
			"est_server_keys", 0 },                                                 \
	{                                                                                       \
		"est-ra", VALUE_TEXT, "OPERATOR",                                               \
			"of role ra, who may speak for the fleet's devices; none: nobody",      \
			"est_ra", 0                                                             \
	}

static const struct flag create_arguments[] = {
	{ "NAME", VALUE_TEXT, NULL,
		"the fleet's name, also in devices' EST addresses: a-z 0-9 - . _", "name", 0 },
	{ 0 },
};
static const struct flag create_flags[] = {
	{ "phase", VALUE_CHOICE, PHASES, "nothing of one phase is accepted in another", "phase",
		FLAG_NEEDED },
	{ "authority", VALUE_TEXT, "NAME", "issuing CA of its certificates, of the same phase",
		"authority", FLAG_NEEDED },
	{ "maker", VALUE_TEXT, "OWNER", "who makes the devices", "maker", FLAG_NEEDED },
	{ "profile", VALUE_TEXT, "NAME", "certificate profile (default operational)", "profile",
		0 },
	POLICY_FLAGS,
	{ 0 },
};
static const struct flag set_flags[] = { POLICY_FLAGS, { 0 } };
static const struct flag fleet_argument[] = {
	{ "FLEET", VALUE_TEXT, NULL, "its name", NULL, 0 },
	{ 0 },
};

/* At the version that was read; somebody else's change in between is read again and kept. */
static status
set_once(struct call *c, struct client *client, const char *path, struct client_reply *reply,
	struct diag *d)
{
	cJSON *before = NULL;
	int64_t version = 0;
	struct json_writer w;
	struct buffer body;
	status s = remote_get(client, path, &before, d);

	buffer_init(&body, JSON_BODY_MAX);
	json_begin(&w, &body);
	if (s == OK) {
		s = json_get_number(before, "version", &version, d);
	}
	if (s == OK) {
		json_object_open(&w, NULL);
		json_number(&w, "version", version);
		s = remote_body(c, &w, d);
		json_object_close(&w);
	}
	if (s == OK && buffer_failed(&body)) {
		s = diag_set(d, NO_MEMORY, NULL, "no memory");
	}
	if (s == OK) {
		s = remote_send(client, "PATCH", path, buffer_span(&body), reply, d);
	}
	buffer_wipe(&body);
	cJSON_Delete(before);
	return s;
}

static status
set(struct call *c, struct diag *d)
{
	const char *path = remote_path(c, FLEET);
	struct client_reply reply = { 0 };
	struct client *client = NULL;
	bool has_policy = false;
	status s;

	for (size_t i = 0; i < c->flag_count; i++) {
		has_policy = has_policy || c->flags[i].flag->member != NULL;
	}
	if (!has_policy) {
		return call_usage(
			c, d, "fleet set needs something to set; tenure fleet set --help lists it");
	}
	s = path != NULL ? call_client(c, &client, d) : diag_set(d, NO_MEMORY, NULL, "no memory");
	for (int tries = 0; client != NULL && (tries == 0 || (s == CONFLICT && tries < SET_TRIES));
		tries++) {
		diag_clear(d);
		client_reply_wipe(&reply);
		s = set_once(c, client, path, &reply, d);
	}
	if (s == OK) {
		s = remote_print(c, &fleet_view, &reply, d);
	}
	client_reply_wipe(&reply);
	client_free(client);
	return s;
}

static const struct command fleet_commands[] = {
	{ "create", "a new fleet", NULL, create_arguments, create_flags,
		COMMAND_SERVER | COMMAND_JSON, remote_act,
		{ "POST", "/api/v1/fleets", &fleet_view, NULL } },
	{ "list", "the fleets", NULL, NULL, NULL, COMMAND_SERVER | COMMAND_JSON | COMMAND_PAGES,
		remote_list, { "GET", "/api/v1/fleets", &fleet_view, NULL } },
	{ "show", "one fleet", NULL, fleet_argument, NULL, COMMAND_SERVER | COMMAND_JSON,
		remote_show, { "GET", FLEET, &fleet_view, NULL } },
	{ "set", "change its policy", NULL, fleet_argument, set_flags,
		COMMAND_SERVER | COMMAND_JSON, set, { 0 } },
	{ 0 },
};
const struct noun noun_fleet = { "fleet", "product lines and their policies", fleet_commands };
