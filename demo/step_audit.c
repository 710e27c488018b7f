/* audit: the ledger is taken away and checked without the server's help. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "demo/steps.h"

#define BUNDLE_MAX (32 << 20)
#define PUBLISH_LIMIT_S 2

struct ledger_facts {
	const char *key; /* verifier key */
	int64_t size, published;
};

static struct ledger_facts
ask_status(struct world *w)
{
	struct ledger_facts f = { .key = "" };
	struct child_result r;
	cJSON *o = NULL;

	run_tenure(w, NULL, &r, "status", "--json", NULL);
	if (json_parse(span_of(r.out.data, r.out.len - 1), 1 << 20, &o, NULL) == OK) {
		const cJSON *ledger = cJSON_GetObjectItemCaseSensitive(o, "ledger");
		const cJSON *key = cJSON_GetObjectItemCaseSensitive(ledger, "key");
		const cJSON *size = cJSON_GetObjectItemCaseSensitive(ledger, "size");
		const cJSON *published = cJSON_GetObjectItemCaseSensitive(ledger, "published");

		f.key = cJSON_IsString(key) ? arena_string(w->arena, span_text(key->valuestring))
					    : "";
		f.size = cJSON_IsNumber(size) ? (int64_t)size->valuedouble : 0;
		f.published = cJSON_IsNumber(published) ? (int64_t)published->valuedouble : 0;
	}
	cJSON_Delete(o);
	child_result_wipe(&r);
	return f;
}

/* A checkpoint is published at least each second: what is decided is soon in one. */
static struct ledger_facts
await_checkpoint(struct world *w)
{
	double began = seconds_now();
	struct ledger_facts f = ask_status(w);

	while (f.published < f.size && seconds_now() - began < PUBLISH_LIMIT_S) {
		f = ask_status(w);
	}
	report_check(&w->report, f.size > 0 && f.published == f.size,
		"every decision is in a published checkpoint", "%lld of %lld",
		(long long)f.published, (long long)f.size);
	return f;
}

static void
check_life(struct world *w, size_t at)
{
	static const char *const events[] = { "manufacture", "onboard", "claim", "prove", "rotate",
		"offer", "accept" };
	struct child_result r;
	bool has_all = true;

	run_tenure(w, NULL, &r, "device", "timeline", w->serial[at], "--json", NULL);
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
		const char *wanted = arena_printf(w->arena, "\"event\":\"%s\"", events[i]);
		bool has = strstr((const char *)r.out.data, wanted) != NULL;

		has_all = has_all && has;
		if (!has) {
			printf("         no %s in the timeline\n", events[i]);
		}
	}
	report_check(&w->report, has_all, "one device's whole life stands in the ledger", "%.300s",
		(const char *)r.out.data);
	child_result_wipe(&r);
}

static void
check_tampered(struct world *w, const char *copy, const char *key)
{
	const char *bundle = arena_printf(w->arena, "%s/tile/entries/000", copy);
	struct diag d = { 0 };
	struct child_result r;
	struct buffer b;

	buffer_init(&b, BUNDLE_MAX);
	if (file_read(bundle, BUNDLE_MAX, &b, &d) == OK && b.len > 300) {
		b.data[300] ^= 1;
		(void)!file_replace(bundle, buffer_span(&b), 0644, &d);
	}
	buffer_wipe(&b);
	run_program(w, &r, program_tenure(w), "ledger", "verify", copy, "--key", key, NULL);
	check_exit(w, &r, 1, "one flipped bit in the copy is found");
	child_result_wipe(&r);
}

static void
check_proof(struct world *w, const char *key)
{
	const char *proof = world_path(w, "entry.tlog-proof"), *entry = world_path(w, "entry.json");
	struct child_result r;

	run_tenure(w, NULL, &r, "ledger", "prove", "42", "--out", proof, "--entry", entry, NULL);
	check_exit(w, &r, 0, "one entry is proven");
	child_result_wipe(&r);
	run_program(w, &r, program_tenure(w), "ledger", "verify", "--proof", proof, "--entry",
		entry, "--key", key, NULL);
	check_exit(w, &r, 0, "the proof checks without the ledger");
	child_result_wipe(&r);
	(void)!file_replace(entry, span_text("{\"event\":\"onboard\"}"), 0644, NULL);
	run_program(w, &r, program_tenure(w), "ledger", "verify", "--proof", proof, "--entry",
		entry, "--key", key, NULL);
	check_exit(w, &r, 1, "for another entry it does not");
	child_result_wipe(&r);
}

void
step_audit(struct world *w)
{
	const char *copy = world_path(w, "audit");
	struct ledger_facts facts;
	struct child_result r;

	report_step_begin(&w->report, "audit",
		"the auditor takes a copy and recomputes everything by himself");
	facts = await_checkpoint(w);
	run_tenure(w, NULL, &r, "ledger", "export", copy, NULL);
	check_exit(w, &r, 0, "the ledger is exported");
	child_result_wipe(&r);
	run_program(w, &r, program_tenure(w), "ledger", "verify", copy, "--key", facts.key,
		"--json", NULL);
	w->report.ledger_is_verified =
		check_exit(w, &r, 0, "every entry, tile and the checkpoint check");
	w->report.ledger_size = strtoll(json_of(w, &r, "size"), NULL, 10);
	snprintf(
		w->report.ledger_root, sizeof(w->report.ledger_root), "%s", json_of(w, &r, "root"));
	child_result_wipe(&r);
	report_check(&w->report, w->report.ledger_size >= facts.size && facts.size > 0,
		"no entry is missing", "%lld of %lld", (long long)w->report.ledger_size,
		(long long)facts.size);
	check_proof(w, facts.key);
	check_life(w, 0);
	check_tampered(w, copy, facts.key);
	report_step_end(&w->report, (size_t)w->report.ledger_size);
}
