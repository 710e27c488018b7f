#include "cli/init_home.h"

#include <dirent.h>
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/passphrase.h"
#include "home/home.h"
#include "ledger/checkpoint.h"
#include "lifecycle/establish.h"
#include "pki/pem.h"

#define PEM_MAX 65536
#define CHANNELS 2

struct founding {
	const struct init_plan *plan;
	struct arena *arena;
	struct configuration configuration;
	struct life life;
	struct session session;
	struct passphrase passphrase;
	struct reader *reader;
	char token[TOKEN_TEXT_MAX];
	int lock; /* -1: not held */
};

/* --- the folder --- */

static bool
is_there(const char *folder, const char *name)
{
	char path[PATH_ROOM];

	return (size_t)snprintf(path, sizeof(path), "%s/%s", folder, name) < sizeof(path) &&
	       access(path, F_OK) == 0;
}

/* Whether the folder holds anything but what a founding begins with. */
static bool
holds_other_things(const char *folder)
{
	DIR *list = opendir(folder);
	struct dirent *e;
	bool found = false;

	while (list != NULL && !found && (e = readdir(list)) != NULL) {
		found = strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 &&
			strcmp(e->d_name, "run") != 0 &&
			strncmp(e->d_name, "tenure.conf", strlen("tenure.conf")) != 0;
	}
	if (list != NULL) {
		closedir(list);
	}
	return found;
}

status
init_folder(struct arena *a, const char *home, const char **path, struct diag *d)
{
	char resolved[PATH_MAX];
	status s = folder_make(home, 0700, d);

	if (s != OK) {
		return s;
	}
	if (realpath(home, resolved) == NULL) {
		return diag_set(d, IO, NULL, "cannot resolve %s: %s", home, strerror(errno));
	}
	if (is_there(resolved, "client.conf")) {
		return diag_set(d, EXISTS, NULL,
			"%s is a home already: start tenured on it, or choose another --home",
			resolved);
	}
	if (!is_there(resolved, "tenure.conf") && holds_other_things(resolved)) {
		return diag_set(d, EXISTS, NULL,
			"%s is not empty and no home of Tenure: choose another --home", resolved);
	}
	if (chmod(resolved, 0700) != 0) {
		return diag_set(
			d, IO, NULL, "cannot set the mode of %s: %s", resolved, strerror(errno));
	}
	*path = arena_string(a, span_text(resolved));
	return *path != NULL ? OK : diag_set(d, NO_MEMORY, NULL, "no memory for a path");
}

/* A name in the home. */
static const char *
in_home(struct founding *f, const char *name)
{
	const char *path = arena_printf(f->arena, "%s/%s", f->plan->home, name);

	return path != NULL ? path : name;
}

/* --- step by step --- */

static status
write_configuration(struct founding *f, struct diag *d)
{
	struct buffer text;
	status s;

	buffer_init(&text, 1 << 20);
	s = configuration_text(f->plan->values, f->plan->value_count, &text, d);
	if (s == OK) {
		s = file_replace(in_home(f, "tenure.conf"), buffer_span(&text), 0600, d);
	}
	buffer_wipe(&text);
	if (s == OK) {
		s = configuration_load(f->arena, f->plan->home, &f->configuration, d);
	}
	return s == OK ? folder_make(f->configuration.profiles, 0700, d) : s;
}

static status
make_guard_folder(struct founding *f, struct diag *d)
{
	char *copy = arena_string(f->arena, span_text(f->plan->guard));

	return copy != NULL ? folder_make(dirname(copy), 0700, d)
			    : diag_set(d, NO_MEMORY, NULL, "no memory for a path");
}

static status
start_signer(struct founding *f, struct diag *d)
{
	struct signer_options o = {
		.program = home_signer_program(f->arena, f->configuration.signer_program),
		.keys = f->configuration.keys,
		.profiles = f->configuration.profiles,
		.passphrase_file = f->plan->passphrase_file,
		.channels = CHANNELS,
		.create = true,
	};
	status s = OK;

	if (o.passphrase_file == NULL) {
		s = passphrase_ask(&f->passphrase, "Passphrase for the keys: ", d);
		o.passphrase_file = f->passphrase.path;
	}
	if (s == OK) {
		s = folder_make(o.keys, 0700, d);
	}
	return s == OK ? signer_start(&o, &f->life.signer, d) : s;
}

static status
open_store(struct founding *f, struct diag *d)
{
	const struct store_options o = { .location = f->configuration.database, .create = true };
	status s = store_open(&o, &f->life.store, d);

	return s == OK ? reader_open(f->life.store, &f->reader, d) : s;
}

static status
found(struct founding *f, struct diag *d)
{
	struct establish_request r = { .phase = f->plan->phase };
	const struct configuration *c = &f->configuration;

	f->life.clock = &clock_system;
	f->life.plain_url = c->plain_url;
	f->life.crl_folder = c->crl;
	f->life.crl_lifetime_s = c->crl_lifetime_s;
	f->life.withdraw_after_s = c->withdraw_after_s;
	f->life.threads = 1;
	f->session = (struct session){ .life = &f->life,
		.reader = f->reader,
		.arena = f->arena,
		.actor = { .kind = ACTOR_SERVER },
		.now_s = clock_now_s(&clock_system),
		.request = "" };
	snprintf(r.company, sizeof(r.company), "%s", f->plan->company);
	snprintf(r.maker, sizeof(r.maker), "%s", f->plan->maker);
	snprintf(r.ledger_origin, sizeof(r.ledger_origin), "%s", f->plan->origin);
	snprintf(r.fleet, sizeof(r.fleet), "%s", f->plan->fleet);
	snprintf(r.admin, sizeof(r.admin), "%s", f->plan->admin);
	return establish(&f->session, &r, f->token, d);
}

/* The ledger's first words are published, and guarded, before anybody can use what they tell of. */
static status
publish(struct founding *f, struct diag *d)
{
	const struct sequencer_options o = { .store = f->life.store,
		.folder = f->configuration.ledger,
		.guard = f->configuration.ledger_guard,
		.origin = f->configuration.ledger_origin,
		.signer = signer_for_ledger(f->life.signer) };
	struct sequencer *q = NULL;
	status s = sequencer_start(&o, &q, d);

	sequencer_stop(q);
	return s;
}

static status
write_certificate(const char *path, span der, struct diag *d)
{
	struct buffer pem;
	status s;

	buffer_init(&pem, PEM_MAX);
	pem_write(&pem, "CERTIFICATE", der);
	s = buffer_failed(&pem) ? diag_set(d, NO_MEMORY, NULL, "no memory for a certificate")
				: file_replace(path, buffer_span(&pem), 0644, d);
	buffer_wipe(&pem);
	return s;
}

/* What auditors and factories check by: the ledger's key, and our manifest signer's certificate. */
static status
take_public_keys(struct founding *f, struct init_result *out, struct diag *d)
{
	struct held_key *keys = NULL;
	struct note_key key;
	size_t count = 0;
	status s = signer_keys(f->life.signer, f->arena, &keys, &count, d);

	for (size_t i = 0; s == OK && i < count; i++) {
		if (keys[i].role == KEY_ROLE_LEDGER && keys[i].certificate.len == 32) {
			note_key_make(
				f->configuration.ledger_origin, 1, keys[i].certificate.data, &key);
			note_key_text(out->ledger_key, sizeof(out->ledger_key), &key);
		}
		if (keys[i].role == KEY_ROLE_MANIFEST) {
			s = write_certificate(
				in_home(f, "manifest-signer.pem"), keys[i].certificate, d);
		}
	}
	return s == OK && out->ledger_key[0] == '\0'
		       ? diag_set(d, BUG, NULL, "the signer holds no key for the ledger")
		       : s;
}

static status
write_root(struct founding *f, const char *path, struct diag *d)
{
	char name[NAME_MAX_LEN + 1];
	struct authority root;
	status s = reader_begin(f->reader, d);

	if (s != OK) {
		return s;
	}
	snprintf(name, sizeof(name), "root-%s", phase_name(f->plan->phase));
	s = read_authority_by_name(f->reader, f->arena, name, &root);
	reader_end(f->reader);
	if (s != OK) {
		return diag_set(d, s, NULL, "the root %s cannot be read", name);
	}
	return write_certificate(path, root.der, d);
}

/* What the first operator needs; the client file last: it says that the home is whole. */
static status
write_client(struct founding *f, struct init_result *out, struct diag *d)
{
	const char *text;
	status s;

	snprintf(out->ca, sizeof(out->ca), "%s", in_home(f, "ca.pem"));
	snprintf(out->token, sizeof(out->token), "%s", in_home(f, "admin.token"));
	snprintf(out->client, sizeof(out->client), "%s", in_home(f, "client.conf"));
	s = write_root(f, out->ca, d);
	text = arena_printf(f->arena, "%s\n", out->ledger_key);
	if (s == OK && text != NULL) {
		s = file_replace(in_home(f, "ledger.vkey"), span_text(text), 0644, d);
	}
	text = arena_printf(f->arena, "%s\n", f->token);
	if (s == OK && text != NULL) {
		s = file_replace(out->token, span_text(text), 0600, d);
	}
	text = arena_printf(f->arena,
		"# For tenure --client: where this home's server is, and who asks.\n"
		"server = %s\nca = ca.pem\ntoken_file = admin.token\n",
		f->plan->url);
	if (s == OK && text != NULL) {
		s = file_replace(out->client, span_text(text), 0600, d);
	}
	return s == OK && text == NULL
		       ? diag_set(d, NO_MEMORY, NULL, "no memory for the client file")
		       : s;
}

status
init_home(struct arena *a, const struct init_plan *p, struct init_result *out, struct diag *d)
{
	static status (*const steps[])(struct founding *, struct diag *) = { write_configuration,
		make_guard_folder, start_signer, open_store, found, publish };
	struct founding f = { .plan = p, .arena = a, .lock = -1 };
	status s = home_take(p->home, &f.lock, d);

	*out = (struct init_result){ 0 };
	for (size_t i = 0; s == OK && i < sizeof(steps) / sizeof(steps[0]); i++) {
		s = steps[i](&f, d);
	}
	if (s == OK) {
		s = take_public_keys(&f, out, d);
	}
	if (s == OK) {
		s = write_client(&f, out, d);
	}
	if (f.reader != NULL) {
		reader_close(f.reader);
	}
	if (f.life.store != NULL) {
		store_close(f.life.store);
	}
	if (f.life.signer != NULL) {
		signer_stop(f.life.signer);
	}
	passphrase_forget(&f.passphrase);
	explicit_bzero(f.token, sizeof(f.token));
	if (f.lock >= 0) {
		close(f.lock);
	}
	return s;
}
