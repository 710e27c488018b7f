/* claim, use, rotate, transfer: a device in its owners' hands. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "demo/probe.h"
#include "demo/steps.h"

const char *
client_of(struct world *w, const char *operator_name)
{
	return world_path(w, "%s.conf", operator_name);
}

/* An owner and the operator that speaks for him, with a client file of his own. */
static void
add_person(struct world *w, const char *name, const char *role)
{
	char text[PATH_ROOM * 3], token_name[64], conf_name[64];
	struct child_result r;
	const char *token;
	bool is_owner = strcmp(role, "owner") == 0;

	if (is_owner) {
		run_tenure(w, NULL, &r, "owner", "add", name, "--title", name, "--kind", "customer",
			NULL);
		child_result_wipe(&r);
		run_tenure(w, NULL, &r, "operator", "add", name, "--role", role, "--owner", name,
			"--json", NULL);
	} else {
		run_tenure(w, NULL, &r, "operator", "add", name, "--role", role, "--json", NULL);
	}
	token = json_of(w, &r, "token");
	snprintf(token_name, sizeof(token_name), "%s.token", name);
	snprintf(conf_name, sizeof(conf_name), "%s.conf", name);
	snprintf(text, sizeof(text), "server = https://%s\nca = %s\ntoken_file = %s\n", w->address,
		w->ca, secret_file(w, token_name, token));
	secret_file(w, conf_name, text);
	report_check(&w->report, r.exit_status == 0 && strncmp(token, "tnr_", 4) == 0,
		arena_printf(w->arena, "%s has access as %s", name, role), "%s",
		(const char *)r.err.data);
	child_result_wipe(&r);
}

static void
claim_arguments(struct world *w, size_t at, const char **argv, size_t room)
{
	char name[64];

	(void)room;
	snprintf(name, sizeof(name), "code-%zu", at);
	argv[0] = "device";
	argv[1] = "claim";
	argv[2] = w->serial[at];
	argv[3] = "--code-file";
	argv[4] = secret_file(w, name, w->code[at]);
	argv[5] = NULL;
}

void
step_claim(struct world *w)
{
	const struct tenure_many claim = { .client = client_of(w, "alice"),
		.arguments = claim_arguments };
	struct child_result r;
	size_t good;

	report_step_begin(
		&w->report, "claim", "buyers claim their devices with the code from the box");
	add_person(w, "alice", "owner");
	add_person(w, "bob", "owner");
	add_person(w, "desk", "support");
	run_tenure(w, client_of(w, "alice"), &r, "device", "claim", w->serial[0], "--code-file",
		secret_file(w, "wrong", "00000-00000-00000-00000"), NULL);
	check_exit(w, &r, 1, "a wrong code is refused");
	child_result_wipe(&r);
	good = tenure_run(w, 0, SOLD(w), &claim);
	report_check(&w->report, good == SOLD(w), "every code claims its device", "%zu of %zu",
		good, SOLD(w));
	run_tenure(w, client_of(w, "bob"), &r, "device", "claim", w->serial[0], "--code-file",
		world_path(w, "code-0"), NULL);
	check_exit(w, &r, 1, "a code claims once");
	child_result_wipe(&r);
	run_tenure(w, client_of(w, "bob"), &r, "device", "show", w->serial[0], NULL);
	check_exit(w, &r, 1, "alice's devices are not there for bob");
	child_result_wipe(&r);
	report_step_end(&w->report, SOLD(w));
}

void
step_use(struct world *w)
{
	struct child_result r;
	size_t good;

	report_step_begin(&w->report, "use",
		"devices prove a key of their own, get their operational identity and use it");
	run_agent(w, 0, &r, "use", NULL);
	check_exit(w, &r, 1, "without an operational identity nothing is in use");
	child_result_wipe(&r);
	try_forgeries(w);
	good = agents_run(w, 0, SOLD(w), "enrol");
	report_check(&w->report, good == SOLD(w),
		"each enrols with its birth identity, a key that its element attests", "%zu of %zu",
		good, SOLD(w));
	good = agents_run(w, 0, SOLD(w), "use");
	report_check(&w->report, good == SOLD(w), "each is let in over mutual TLS", "%zu of %zu",
		good, SOLD(w));
	report_check(&w->report, devices_in(w, "ACTIVE") == (int64_t)SOLD(w), "all are ACTIVE",
		"%lld", (long long)devices_in(w, "ACTIVE"));
	good = devices_attested(w);
	report_check(&w->report, good == SOLD(w), "every key was attested, and verified",
		"%zu of %zu", good, SOLD(w));
	report_step_end(&w->report, SOLD(w));
}

struct probe_identity
keep_identity(struct world *w, size_t at, const char *name)
{
	const char *from = arena_printf(w->arena, "%s/identity.pem", device_folder(w, at));
	const struct probe_identity who = { .file = world_path(w, "%s-%zu.pem", name, at),
		.element = element_of(w, at) };
	struct diag d = { 0 };
	struct buffer pem;

	buffer_init(&pem, 1 << 16);
	if (file_read(from, 1 << 16, &pem, &d) != OK ||
		file_replace(who.file, buffer_span(&pem), 0644, &d) != OK) {
		printf("         %s\n", d.text);
	}
	buffer_wipe(&pem);
	return who;
}

static void
rotate_arguments(struct world *w, size_t at, const char **argv, size_t room)
{
	(void)room;
	argv[0] = "device";
	argv[1] = "rotate";
	argv[2] = w->serial[at];
	argv[3] = NULL;
}

/* What the server answers to this identity now; 0: no answer. */
static int
knock(struct world *w, const struct probe_identity *who, char *why, size_t room)
{
	struct probe p;
	struct probe_answer a = { 0 };
	struct diag d = { 0 };

	if (probe_open(&p, w->address, who, w->ca, TLS1_3_VERSION, &d) != OK ||
		probe_connect(&p, false, &d) != OK ||
		probe_get(&p, "/device/v1/state", &a, &d) != OK) {
		a.http_status = 0;
	}
	snprintf(why, room, "%d %.200s", a.http_status, a.http_status == 0 ? d.text : a.body);
	probe_close(&p);
	return a.http_status;
}

void
step_rotate(struct world *w)
{
	const struct tenure_many order = { .arguments = rotate_arguments };
	struct probe_identity old;
	char why[320];
	size_t good;

	report_step_begin(&w->report, "rotate",
		"each makes a new key, gets a new certificate, uses it; only then the old one "
		"ends");
	old = keep_identity(w, 0, "rotated-away");
	good = tenure_run(w, 0, SOLD(w), &order);
	report_check(&w->report, good == SOLD(w), "a rotation is ordered for each", "%zu", good);
	report_check(&w->report, knock(w, &old, why, sizeof(why)) == 200,
		"the old identity works until the new one is in use", "%s", why);
	good = agents_run(w, 0, SOLD(w), "renew");
	report_check(
		&w->report, good == SOLD(w), "each rotates its key", "%zu of %zu", good, SOLD(w));
	good = agents_run(w, 0, SOLD(w), "use");
	report_check(&w->report, good == SOLD(w), "each is let in by its new identity",
		"%zu of %zu", good, SOLD(w));
	report_check(&w->report, knock(w, &old, why, sizeof(why)) == 403,
		"the old identity is refused", "%s", why);
	good = devices_attested(w);
	report_check(&w->report, good == SOLD(w), "each rotation carried a fresh attestation",
		"%zu of %zu", good, SOLD(w));
	report_step_end(&w->report, SOLD(w));
}

/* --- transfer ---------------------------------------------------------------------------- */

static void
transfer_one(struct world *w, size_t at, size_t *offered, size_t *accepted)
{
	struct child_result r;
	const char *transfer, *code;
	char name[64];

	run_tenure(
		w, client_of(w, "alice"), &r, "transfer", "offer", w->serial[at], "--json", NULL);
	*offered += r.exit_status == 0;
	transfer = json_of(w, &r, "id");
	code = json_of(w, &r, "code");
	child_result_wipe(&r);
	snprintf(name, sizeof(name), "offer-%zu", at);
	run_tenure(w, client_of(w, "bob"), &r, "transfer", "accept", transfer, "--code-file",
		secret_file(w, name, code), NULL);
	*accepted += r.exit_status == 0;
	if (r.exit_status != 0) {
		printf("         %s\n", (const char *)r.err.data);
	}
	child_result_wipe(&r);
}

void
step_transfer(struct world *w)
{
	size_t offered = 0, accepted = 0, good;
	const struct probe_identity sellers = keep_identity(w, 0, "sellers");
	struct child_result r;
	char why[320];

	report_step_begin(
		&w->report, "transfer", "alice sells to bob: an offer with a code, accepted");
	report_check(&w->report, knock(w, &sellers, why, sizeof(why)) == 200,
		"before: the device works for the seller", "%s", why);
	for (size_t i = 0; i < TRANSFERRED; i++) {
		transfer_one(w, i, &offered, &accepted);
	}
	report_check(&w->report, offered == TRANSFERRED, "each is offered", "%zu", offered);
	report_check(&w->report, accepted == TRANSFERRED, "each is accepted", "%zu", accepted);
	report_check(&w->report, knock(w, &sellers, why, sizeof(why)) == 403,
		"the seller's certificate is refused afterwards", "%s", why);
	run_tenure(w, client_of(w, "alice"), &r, "device", "show", w->serial[0], NULL);
	check_exit(w, &r, 1, "the seller sees it no more");
	child_result_wipe(&r);
	good = agents_run(w, 0, TRANSFERRED, "enrol");
	report_check(&w->report, good == TRANSFERRED, "each proves a fresh key", "%zu", good);
	good = agents_run(w, 0, TRANSFERRED, "use");
	report_check(&w->report, good == TRANSFERRED, "each works for the buyer", "%zu", good);
	run_tenure(w, client_of(w, "bob"), &r, "device", "show", w->serial[0], "--json", NULL);
	report_check(&w->report, strcmp(json_of(w, &r, "owner"), "bob") == 0, "bob is the owner",
		"%.200s", (const char *)r.out.data);
	child_result_wipe(&r);
	report_step_end(&w->report, TRANSFERRED);
}
