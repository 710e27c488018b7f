/* revoke, return, retire: access taken away, a device back at the shop, and the end. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "demo/probe.h"
#include "demo/steps.h"

#define CRL_WAIT_S 20

static int
revoke(struct world *w, size_t at)
{
	struct child_result r;
	int code = run_tenure(w, NULL, &r, "device", "revoke", w->serial[at], "--key",
		"operational", "--reason", "keyCompromise", NULL);

	if (code != 0) {
		printf("         %s\n", (const char *)r.err.data);
	}
	child_result_wipe(&r);
	return code;
}

/* --- one device, every kind of connection ----------------------------------------------------- */

struct doors {
	struct probe kept;  /* opened before the revocation, and kept alive */
	struct probe again; /* will resume */
	const char *version;
};

static void
check_status(struct world *w, const struct doors *p, const struct probe_answer *a, int expected,
	const char *what)
{
	report_check(&w->report, a->http_status == expected,
		arena_printf(w->arena, "%s: %s", p->version, what), "%d %.200s", a->http_status,
		a->body);
}

static bool
get(struct world *w, struct probe *p, struct probe_answer *a)
{
	struct diag d = { 0 };

	*a = (struct probe_answer){ 0 };
	if (probe_get(p, "/device/v1/state", a, &d) != OK) {
		a->http_status = 0;
		snprintf(a->body, sizeof(a->body), "%s", d.text);
		return false;
	}
	(void)w;
	return true;
}

/* Before: both connections work, and resumption really resumes. */
static bool
open_doors(struct world *w, struct doors *p, const struct probe_identity *identity, int version)
{
	struct probe_answer a = { 0 };
	struct diag d = { 0 };
	bool ok = probe_open(&p->kept, w->address, identity, w->ca, version, &d) == OK &&
		  probe_open(&p->again, w->address, identity, w->ca, version, &d) == OK &&
		  probe_connect(&p->kept, false, &d) == OK && get(w, &p->kept, &a) &&
		  probe_connect(&p->again, false, &d) == OK && get(w, &p->again, &a) &&
		  probe_connect(&p->again, true, &d) == OK && get(w, &p->again, &a);

	report_check(&w->report, ok && a.was_resumed && a.http_status == 200,
		arena_printf(w->arena, "%s: before, a resumed session is let in", p->version),
		"resumed %d, status %d, %s", a.was_resumed, a.http_status, d.text);
	probe_disconnect(&p->again);
	return ok;
}

static void
try_doors(struct world *w, struct doors *p, const struct probe_identity *identity, int version)
{
	struct probe_answer a = { 0 };
	struct diag d = { 0 };
	struct probe fresh;

	get(w, &p->kept, &a);
	check_status(w, p, &a, 403, "a connection that was kept alive is refused");
	if (probe_connect(&p->again, true, &d) == OK) {
		get(w, &p->again, &a);
	}
	report_check(&w->report, a.http_status == 403 && a.was_resumed,
		arena_printf(w->arena, "%s: a resumed session is refused", p->version),
		"resumed %d, status %d, %s", a.was_resumed, a.http_status, d.text);
	a = (struct probe_answer){ 0 };
	if (probe_open(&fresh, w->address, identity, w->ca, version, &d) == OK &&
		probe_connect(&fresh, false, &d) == OK) {
		get(w, &fresh, &a);
	}
	check_status(w, p, &a, 403, "a new connection is refused");
	report_check(&w->report, strstr(a.body, "revoked") != NULL,
		arena_printf(w->arena, "%s: and told why", p->version), "%.200s", a.body);
	probe_close(&fresh);
	probe_close(&p->kept);
	probe_close(&p->again);
}

static void
revoke_one(struct world *w, size_t at, int version, const char *name)
{
	const struct probe_identity identity = keep_identity(w, at, "identity");
	struct doors p = { .version = name };

	if (open_doors(w, &p, &identity, version)) {
		report_check(&w->report, revoke(w, at) == 0,
			arena_printf(w->arena, "%s: the device is revoked", name), "%s", "");
	}
	try_doors(w, &p, &identity, version);
}

/* From the decision's answer to the first refusal on a connection that was open before. */
static void
measure_denial(struct world *w, size_t at)
{
	const struct probe_identity identity = keep_identity(w, at, "identity");
	struct probe_answer a = { 0 };
	struct diag d = { 0 };
	struct probe p;
	double decided;

	if (probe_open(&p, w->address, &identity, w->ca, TLS1_3_VERSION, &d) == OK &&
		probe_connect(&p, false, &d) == OK && get(w, &p, &a) && a.http_status == 200 &&
		revoke(w, at) == 0) {
		decided = seconds_now();
		while (get(w, &p, &a) && a.http_status == 200 && seconds_now() - decided < 10) {
			continue;
		}
		if (a.http_status == 403) {
			report_deny(&w->report, (seconds_now() - decided) * 1000);
		}
	}
	probe_close(&p);
}

/* --- what the rest of the world is told ----------------------------------------------------------- */

static void
ask_ocsp(struct world *w, const char *identity, const char *expected, const char *name)
{
	struct child_result r;

	run_program(w, &r, "/usr/bin/openssl", "ocsp", "-issuer", world_path(w, "issuing.pem"),
		"-cert", identity, "-url",
		arena_printf(w->arena, "http://%s/ocsp/issuing-production", w->plain), "-CAfile",
		w->ca, NULL);
	check_says(w, &r, 0, expected, name);
	child_result_wipe(&r);
}

/* The CRL follows the decision by itself, within seconds. */
static void
wait_for_crl(struct world *w, const char *identity)
{
	const char *crl = world_path(w, "full.crl"), *pem = world_path(w, "full.pem");
	double began = seconds_now();
	struct child_result r;
	bool is_revoked = false;

	while (!is_revoked && seconds_now() - began < CRL_WAIT_S) {
		const struct timespec pause = { .tv_nsec = 100000000 };

		run_program(w, &r, "/usr/bin/curl", "-sf", "-o", crl,
			arena_printf(
				w->arena, "http://%s/crl/issuing-production/full.crl", w->plain),
			NULL);
		child_result_wipe(&r);
		run_program(w, &r, "/usr/bin/openssl", "crl", "-inform", "DER", "-in", crl, "-out",
			pem, NULL);
		child_result_wipe(&r);
		run_program(w, &r, "/usr/bin/openssl", "verify", "-crl_check", "-CRLfile", pem,
			"-CAfile", w->ca, "-untrusted", world_path(w, "issuing.pem"), identity,
			NULL);
		is_revoked = strstr((const char *)r.err.data, "certificate revoked") != NULL;
		child_result_wipe(&r);
		if (!is_revoked) {
			nanosleep(&pause, NULL);
		}
	}
	report_check(&w->report, is_revoked, "the CRL says revoked within seconds",
		"not after %d s", CRL_WAIT_S);
}

static void
fetch_issuing_certificate(struct world *w)
{
	struct child_result r;

	run_tenure(w, NULL, &r, "hierarchy", "show", "issuing-production", "--json", NULL);
	secret_file(w, "issuing.pem", json_of(w, &r, "pem"));
	child_result_wipe(&r);
}

void
step_revoke(struct world *w)
{
	struct probe_identity revoked;
	size_t good;

	report_step_begin(&w->report, "revoke",
		"access is taken away: new, resumed and kept-alive connections are refused");
	fetch_issuing_certificate(w);
	revoked = keep_identity(w, REVOKED_FROM, "revoked");
	ask_ocsp(w, revoked.file, "good", "before, OCSP says good");
	revoke_one(w, REVOKED_FROM, TLS1_3_VERSION, "TLS 1.3");
	revoke_one(w, REVOKED_FROM + 1, TLS1_2_VERSION, "TLS 1.2");
	snprintf(w->report.deny_point, sizeof(w->report.deny_point), "tenured");
	for (size_t i = REVOKED_FROM + 2; i < REVOKED_TO; i++) {
		measure_denial(w, i);
	}
	report_check(&w->report, w->report.deny_count == REVOKED_TO - REVOKED_FROM - 2,
		"each revoked device is refused", "%zu", w->report.deny_count);
	ask_ocsp(w, revoked.file, "revoked", "OCSP says revoked");
	wait_for_crl(w, revoked.file);
	good = agents_run(w, REVOKED_FROM, REVOKED_FROM + 1, "enrol");
	good += agents_run(w, REVOKED_FROM, REVOKED_FROM + 1, "use");
	report_check(
		&w->report, good == 2, "with a new key the device finds its way back", "%zu", good);
	report_step_end(&w->report, REVOKED_TO - REVOKED_FROM);
}

/* --- return and retire -------------------------------------------------------------------------------- */

static void
return_one(struct world *w, size_t at, const char **code)
{
	struct child_result r;

	run_tenure(w, client_of(w, "desk"), &r, "device", "return", w->serial[at], "--consent",
		"owner", "--reason", "defect", NULL);
	if (r.exit_status != 0) {
		printf("         %s\n", (const char *)r.err.data);
	}
	child_result_wipe(&r);
	run_tenure(
		w, client_of(w, "desk"), &r, "device", "refurbish", w->serial[at], "--json", NULL);
	if (r.exit_status != 0) {
		printf("         %s\n", (const char *)r.err.data);
	}
	*code = json_of(w, &r, "code");
	child_result_wipe(&r);
}

void
step_return(struct world *w)
{
	const size_t count = RETURNED_TO - RETURNED_FROM;
	size_t claimed = 0, good;
	struct child_result r;

	report_step_begin(
		&w->report, "return", "back at the shop, refurbished, sold again to somebody else");
	run_tenure(w, client_of(w, "alice"), &r, "device", "return", w->serial[RETURNED_FROM],
		"--consent", "owner", "--reason", "defect", NULL);
	check_exit(w, &r, 1, "an owner cannot open a case at the desk");
	child_result_wipe(&r);
	for (size_t i = RETURNED_FROM; i < RETURNED_TO; i++) {
		const char *code;
		char name[64];

		return_one(w, i, &code);
		snprintf(name, sizeof(name), "again-%zu", i);
		run_tenure(w, client_of(w, "bob"), &r, "device", "claim", w->serial[i],
			"--code-file", secret_file(w, name, code), NULL);
		claimed += r.exit_status == 0;
		child_result_wipe(&r);
	}
	report_check(&w->report, claimed == count, "each is claimed anew by its new code", "%zu",
		claimed);
	good = agents_run(w, RETURNED_FROM, RETURNED_TO, "enrol");
	good += agents_run(w, RETURNED_FROM, RETURNED_TO, "use");
	report_check(&w->report, good == 2 * count, "each works for its new owner", "%zu", good);
	report_step_end(&w->report, count);
}

void
step_retire(struct world *w)
{
	const size_t count = RETIRED_TO - RETIRED_FROM;
	struct child_result r;
	size_t good = 0, refused = 0;

	report_step_begin(&w->report, "retire", "the end: everything of it is denied for good");
	for (size_t i = RETIRED_FROM; i < RETIRED_TO; i++) {
		run_tenure(w, client_of(w, "alice"), &r, "device", "retire", w->serial[i], NULL);
		good += r.exit_status == 0;
		child_result_wipe(&r);
		run_agent(w, i, &r, "enrol", NULL);
		refused +=
			r.exit_status == 1 && strstr((const char *)r.err.data, "retired") != NULL;
		child_result_wipe(&r);
	}
	report_check(&w->report, good == count, "its owner retires it", "%zu", good);
	report_check(&w->report, refused == count, "its birth identity opens nothing any more",
		"%zu", refused);
	run_tenure(w, NULL, &r, "device", "resume", w->serial[RETIRED_FROM], NULL);
	check_exit(w, &r, 1, "there is no way back");
	child_result_wipe(&r);
	report_step_end(&w->report, count);
}
