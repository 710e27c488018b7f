#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/client.h"
#include "cli/init_home.h"
#include "cli/nouns.h"

#define PACKAGED_HOME "/var/lib/tenure" /* of the service: its guard has a place of its own */
#define PACKAGED_GUARD "/var/lib/tenure-guard/ledger.guard"
#define PASSPHRASE_MAX 1024

static const struct flag init_flags[] = {
	{ "company", VALUE_TEXT, "NAME", "who makes the devices, as people call him", NULL,
		FLAG_NEEDED },
	{ "home", VALUE_FOLDER, "DIR", "the home to make (TENURE_HOME, else ./home)", NULL, 0 },
	{ "fleet", VALUE_TEXT, "NAME", "a first fleet", NULL, 0 },
	{ "phase", VALUE_CHOICE, PHASES, "of the first hierarchy and fleet (default production)",
		NULL, 0 },
	{ "passphrase-file", VALUE_FILE, "FILE",
		"with the passphrase of the keys, for tenured too; without it asked for", NULL, 0 },
	{ "guard", VALUE_FILE, "FILE",
		"outside the home; remembers the last published checkpoint (default "
		"DIR-guard/ledger.guard)",
		NULL, 0 },
	{ "listen", VALUE_TEXT, "ADDRESS:PORT", "of TLS (default 127.0.0.1:8443)", NULL, 0 },
	{ "listen-plain", VALUE_TEXT, "ADDRESS:PORT",
		"of plain HTTP: OCSP, CRLs (default 127.0.0.1:8080)", NULL, 0 },
	{ "url", VALUE_TEXT, "URL", "how devices and operators reach the TLS port", NULL, 0 },
	{ "plain-url", VALUE_TEXT, "URL",
		"where certificates point to; cannot change for those issued", NULL, 0 },
	{ "names", VALUE_TEXT, "NAMES",
		"DNS names and addresses of the server's certificate, by comma", NULL, 0 },
	{ "maker", VALUE_TEXT, "NAME", "the company's short name (default from --company)", NULL,
		0 },
	{ "admin", VALUE_TEXT, "NAME", "the first operator (default admin)", NULL, 0 },
	{ "origin", VALUE_TEXT, "NAME", "the ledger's name, for ever (default HOST/MAKER)", NULL,
		0 },
	{ "signer", VALUE_FILE, "PROGRAM", "tenure-signer, where it is not found by itself", NULL,
		0 },
	{ 0 },
};

#define VALUES_MAX 16

struct asked {
	struct call *call;
	struct init_plan plan;
	struct configuration_value values[VALUES_MAX];
};

/* Notes a text that found no memory; checked once, at the end. */
static const char *
kept(const char *text, bool *failed)
{
	*failed = *failed || text == NULL;
	return text != NULL ? text : "";
}

/* "Acme Works Ltd." -> "acme-works-ltd" */
static const char *
short_name(struct arena *a, const char *company)
{
	char name[NAME_MAX_LEN + 1];
	size_t n = 0;

	for (const char *c = company; *c != '\0' && n < NAME_MAX_LEN; c++) {
		if (isalnum((unsigned char)*c) && (unsigned char)*c < 0x80) {
			name[n++] = (char)tolower((unsigned char)*c);
		} else if (n > 0 && name[n - 1] != '-') {
			name[n++] = '-';
		}
	}
	while (n > 0 && name[n - 1] == '-') {
		n--;
	}
	name[n] = '\0';
	return arena_string(a, span_text(n > 0 ? name : "maker"));
}

/* "https://pki.example:8443" -> "pki.example" */
static const char *
host_of(struct arena *a, const char *url)
{
	const char *host = strstr(url, "://");

	host = host != NULL ? host + 3 : url;
	return host[0] == '[' ? arena_printf(a, "%.*s", (int)strcspn(host + 1, "]"), host + 1)
			      : arena_printf(a, "%.*s", (int)strcspn(host, ":/"), host);
}

/* Of a port that was chosen, on this machine: unless it is said how others reach it. */
static const char *
url_of(struct call *c, const char *flag, const char *listen_flag, const char *scheme,
	const char *fallback)
{
	const char *url = call_text(c, flag), *listen = call_text(c, listen_flag);
	const char *colon = listen != NULL ? strrchr(listen, ':') : NULL;

	if (url != NULL || colon == NULL) {
		return url != NULL ? url : fallback;
	}
	return arena_printf(c->arena, "%s://localhost%s", scheme, colon);
}

static void
set_value(struct asked *a, const char *section, const char *name, const char *value)
{
	if (value != NULL && a->plan.value_count < VALUES_MAX) {
		a->values[a->plan.value_count++] =
			(struct configuration_value){ section, name, value };
	}
}

static status
absolute(struct call *c, const char *path, const char **out, struct diag *d)
{
	char here[PATH_MAX];

	if (path[0] == '/') {
		*out = path;
		return OK;
	}
	if (getcwd(here, sizeof(here)) == NULL) {
		return diag_set(d, IO, NULL, "cannot find the present folder: %s", strerror(errno));
	}
	*out = arena_printf(c->arena, "%s/%s", here, path);
	return *out != NULL ? OK : diag_set(d, NO_MEMORY, NULL, "no memory for a path");
}

static status
take_passphrase(struct asked *a, struct diag *d)
{
	const char *file = call_text(a->call, "passphrase-file");
	struct secret passphrase = { 0 };
	status s;

	if (file == NULL) {
		return OK;
	}
	s = secret_file_read(file, "passphrase", PASSPHRASE_MAX, &passphrase, d);
	secret_wipe(&passphrase);
	return s == OK ? absolute(a->call, file, &a->plan.passphrase_file, d) : s;
}

static status
take_guard(struct asked *a, struct diag *d)
{
	const char *guard = call_text(a->call, "guard");

	if (guard != NULL) {
		return absolute(a->call, guard, &a->plan.guard, d);
	}
	a->plan.guard =
		strcmp(a->plan.home, PACKAGED_HOME) == 0
			? PACKAGED_GUARD
			: arena_printf(a->call->arena, "%s-guard/ledger.guard", a->plan.home);
	return a->plan.guard != NULL ? OK : diag_set(d, NO_MEMORY, NULL, "no memory for a path");
}

static status
check_names(struct asked *a, struct diag *d)
{
	const char *const names[] = { a->plan.maker, a->plan.fleet, a->plan.admin };

	if (strlen(a->plan.company) > 64 || !utf8_is_printable(span_text(a->plan.company))) {
		return call_usage(a->call, d, "--company: at most 64 bytes of printable text");
	}
	if (strlen(a->plan.origin) > 255 || strpbrk(a->plan.origin, " +") != NULL) {
		return call_usage(
			a->call, d, "--origin: at most 255 letters without a space or a +");
	}
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		if (strspn(names[i], "abcdefghijklmnopqrstuvwxyz0123456789-._") !=
				strlen(names[i]) ||
			strlen(names[i]) > NAME_MAX_LEN) {
			return call_usage(a->call, d,
				"\"%.70s\" is no name: a-z 0-9 - . _, at most %d of them", names[i],
				NAME_MAX_LEN);
		}
	}
	return OK;
}

static status
take_plan(struct asked *a, struct diag *d)
{
	struct call *c = a->call;
	struct init_plan *p = &a->plan;
	const char *phase = call_text(c, "phase"), *host, *plain;
	bool failed = false;

	p->company = call_text(c, "company");
	p->fleet = call_has(c, "fleet") ? call_text(c, "fleet") : "";
	p->admin = call_has(c, "admin") ? call_text(c, "admin") : "admin";
	p->maker = call_has(c, "maker") ? call_text(c, "maker")
					: kept(short_name(c->arena, p->company), &failed);
	p->url = kept(url_of(c, "url", "listen", "https", "https://localhost:8443"), &failed);
	plain = kept(
		url_of(c, "plain-url", "listen-plain", "http", "http://localhost:8080"), &failed);
	host = kept(host_of(c->arena, p->url), &failed);
	p->origin = call_has(c, "origin")
			    ? call_text(c, "origin")
			    : kept(arena_printf(c->arena, "%s/%s", host, p->maker), &failed);
	if (phase_parse(span_text(phase != NULL ? phase : "production"), &p->phase) != OK) {
		return diag_set(d, BUG, NULL, "the phase was not judged");
	}
	set_value(a, "", "ledger_guard", p->guard);
	set_value(a, "", "ledger_origin", p->origin);
	set_value(a, "server", "listen", call_text(c, "listen"));
	set_value(a, "server", "listen_plain", call_text(c, "listen-plain"));
	set_value(a, "server", "url", p->url);
	set_value(a, "server", "plain_url", plain);
	set_value(a, "server", "names", call_text(c, "names"));
	if (!call_has(c, "names") && strcmp(host, "localhost") != 0 &&
		strcmp(host, "127.0.0.1") != 0) {
		set_value(a, "server", "names",
			kept(arena_printf(c->arena, "%s,localhost,127.0.0.1", host), &failed));
	}
	set_value(a, "signer", "program", call_text(c, "signer"));
	set_value(a, "signer", "passphrase_file", p->passphrase_file);
	p->values = a->values;
	return failed ? diag_set(d, NO_MEMORY, NULL, "no memory") : check_names(a, d);
}

static void
report_json(const struct init_plan *p, const struct init_result *r)
{
	struct json_writer w;
	struct buffer out;

	buffer_init(&out, 1 << 20);
	json_begin(&w, &out);
	json_object_open(&w, NULL);
	json_text(&w, "home", p->home);
	json_text(&w, "server", p->url);
	json_text(&w, "client", r->client);
	json_text(&w, "ca", r->ca);
	json_text(&w, "token_file", r->token);
	json_text(&w, "ledger_key", r->ledger_key);
	json_text(&w, "ledger_guard", p->guard);
	json_object_close(&w);
	printf("%.*s\n", (int)out.len, (const char *)out.data);
	buffer_wipe(&out);
}

static void
report(const struct init_plan *p, const struct init_result *r)
{
	printf("home          %s\n", p->home);
	printf("server        %s\n", p->url);
	printf("client file   %s (tenure --client, or TENURE_HOME=%s)\n", r->client, p->home);
	printf("root          %s\n", r->ca);
	printf("token         %s (operator %s)\n", r->token, p->admin);
	printf("ledger key    %s\n", r->ledger_key);
	printf("ledger guard  %s (keep it apart from backups of the home)\n", p->guard);
	printf("Start the server: tenured --home %s\n", p->home);
}

static status
run_init(struct call *c, struct diag *d)
{
	const char *home = call_text(c, "home"), *fallback = getenv("TENURE_HOME");
	struct asked a = { .call = c };
	struct init_result result;
	status s = take_passphrase(&a, d);

	if (home == NULL) {
		home = fallback != NULL && fallback[0] != '\0' ? fallback : "home";
	}
	if (s == OK) {
		s = init_folder(c->arena, home, &a.plan.home, d);
	}
	if (s == OK) {
		s = take_guard(&a, d);
	}
	if (s == OK) {
		s = take_plan(&a, d);
	}
	if (s == OK) {
		s = init_home(c->arena, &a.plan, &result, d);
	}
	if (s == OK && call_has(c, "json")) {
		report_json(&a.plan, &result);
	} else if (s == OK) {
		report(&a.plan, &result);
	}
	return s;
}

static const struct command init_commands[] = {
	{ "", "a home: configuration, keys and hierarchy, database, first operator",
		"Works offline, on this machine, while no server runs on the home. Run again after "
		"an interruption it finishes what was begun.",
		NULL, init_flags, COMMAND_JSON, run_init, { 0 } },
	{ 0 },
};
const struct noun noun_init = { "init", "a home of its own", init_commands };
