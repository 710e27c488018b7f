#include "home.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "lifecycle/challenge.h"
#include "lifecycle/ocsp.h"
#include "pki/pem.h"

void
home_start(struct home *h)
{
	struct diag d = { 0 };
	const struct store_options store = { .location = h->database, .create = true };
	const struct signer_options signer = { .program = getenv("TENURE_SIGNER"),
		.keys = h->keys,
		.passphrase_file = h->passphrase,
		.channels = 4,
		.create = true };

	assert_ok(store_open(&store, &h->store, &d), d);
	assert_ok(signer_start(&signer, &h->signer, &d), d);
	assert_ok(reader_open(h->store, &h->reader, &d), d);
	h->life.store = h->store;
	assert_ok(challenge_key_load(&h->life, &d), d);
	assert_ok(ocsp_memory_new(h->store, &h->life.ocsp, &d), d);
	h->life.signer = h->signer;
	h->session.reader = h->reader;
}

void
home_stop(struct home *h)
{
	reader_close(h->reader);
	signer_stop(h->signer);
	ocsp_memory_free(h->life.ocsp);
	store_close(h->store);
}

void
home_open(struct home *h)
{
	struct diag d = { 0 };

	*h = (struct home){ .folder = temporary_folder(), .arena = arena_new(256 << 20) };
	clock_manual_init(&h->clock, TEST_TIME_S * 1000);
	snprintf(h->database, sizeof(h->database), "%s/tenure.db", h->folder);
	snprintf(h->keys, sizeof(h->keys), "%s/keys", h->folder);
	snprintf(h->passphrase, sizeof(h->passphrase), "%s/passphrase", h->folder);
	snprintf(h->crl, sizeof(h->crl), "%s/crl", h->folder);
	assert_ok(file_replace(h->passphrase, span_text("correct horse\n"), 0600, &d), d);
	h->life = (struct life){ .clock = &h->clock.clock,
		.plain_url = "http://pki.test",
		.crl_folder = h->crl,
		.crl_lifetime_s = 7 * 86400,
		.withdraw_after_s = 7 * 86400,
		.threads = 1 };
	h->session = (struct session){
		.life = &h->life, .arena = h->arena, .now_s = TEST_TIME_S, .request = ""
	};
	home_start(h);
}

void
home_close(struct home *h)
{
	home_stop(h);
	arena_free(h->arena);
	temporary_folder_remove(h->folder);
}

void
home_reopen(struct home *h)
{
	home_stop(h);
	home_start(h);
}

void
home_add_s(struct home *h, int64_t s)
{
	clock_manual_add(&h->clock, s * 1000);
	h->session.now_s = clock_now_s(&h->clock.clock);
}

struct authority
home_authority(struct home *h, const char *name, enum authority_kind kind, const char *parent)
{
	struct authority_request r = { .kind = kind, .phase = PHASE_PRODUCTION };
	struct authority *made = arena_alloc(h->arena, sizeof(*made));
	struct diag d = { 0 };

	snprintf(r.name, sizeof(r.name), "%s", name);
	snprintf(r.hierarchy, sizeof(r.hierarchy), "test");
	snprintf(r.parent, sizeof(r.parent), "%s", parent != NULL ? parent : "");
	snprintf(r.organization, sizeof(r.organization), "Test Works");
	assert_ok(authority_create(&h->session, &r, made, &d), d);
	return *made;
}

static void
commit(struct home *h, struct change *c)
{
	struct diag d = { 0 };

	assert_ok(store_commit(h->store, c, NULL, &d), d);
}

static void
new_id(struct home *h, id *out)
{
	assert_int_equal(OK, id_new(&h->clock.clock, out));
}

void
home_authorities_fill(struct home *h, size_t count)
{
	struct change *c = change_new(h->arena);

	for (size_t k = 0; k < count; k++) {
		struct authority *a = ARENA_NEW(h->arena, struct authority);

		assert_non_null(a);
		new_id(h, &a->id);
		snprintf(a->name, sizeof(a->name), "other-%zu", k);
		snprintf(a->hierarchy, sizeof(a->hierarchy), "others");
		a->kind = AUTHORITY_FOREIGN;
		a->phase = PHASE_PRODUCTION;
		a->not_after_s = h->session.now_s + 86400;
		memcpy(a->fingerprint, &k, sizeof(k));
		a->der = span_text("none");
		change_authority_add(c, a);
	}
	commit(h, c);
}

void
home_fleet_add(
	struct home *h, struct home_fleet *f, const struct authority *issuer, bool lists_superseded)
{
	struct change *c = change_new(h->arena);

	*f = (struct home_fleet){ 0 };
	new_id(h, &f->maker.id);
	new_id(h, &f->fleet.id);
	snprintf(f->maker.name, sizeof(f->maker.name), "maker-%.40s", issuer->name);
	snprintf(f->maker.title, sizeof(f->maker.title), "Test Works Ltd");
	f->maker.kind = OWNER_MAKER;
	f->maker.salt[0] = 1;
	f->maker.created_s = f->fleet.created_s = TEST_TIME_S;
	snprintf(f->fleet.name, sizeof(f->fleet.name), "lamps-%.40s", issuer->name);
	snprintf(f->fleet.profile, sizeof(f->fleet.profile), "operational");
	f->fleet.phase = issuer->phase;
	f->fleet.authority = issuer->row;
	f->fleet.lifetime_s = 90 * 86400;
	f->fleet.renew_after_percent = 66;
	f->fleet.crl_lists_superseded = lists_superseded;
	f->fleet.offer_lifetime_s = 7 * 86400;
	f->fleet.est.retry_after_s = 60;
	change_owner_add(c, &f->maker);
	change_fleet_add(c, &f->fleet);
	change_link(c, &f->fleet.maker, CHANGE_REF(&f->maker));
	commit(h, c);
}

struct device
home_device_add(
	struct home *h, const struct home_fleet *f, unsigned number, enum device_state state)
{
	struct change *c = change_new(h->arena);
	struct element *e = arena_alloc(h->arena, sizeof(*e));
	struct device *d = arena_alloc(h->arena, sizeof(*d));

	snprintf(e->model, sizeof(e->model), "ATECC608B");
	if (h->like != NULL) {
		*e = *h->like;
	}
	snprintf(e->serial, sizeof(e->serial), "0123%012x01", number);
	e->phase = d->phase = f->fleet.phase;
	new_id(h, &d->id);
	memcpy(d->serial, e->serial, sizeof(d->serial));
	d->fleet = f->fleet.row;
	d->owner = f->maker.row;
	d->state = d->state_before = state;
	d->created_s = d->changed_s = TEST_TIME_S;
	change_element_add(c, e);
	change_device_add(c, d);
	change_link(c, &d->element, CHANGE_REF(e));
	change_link(c, &e->device, CHANGE_REF(d));
	commit(h, c);
	assert_int_equal(OK, read_device(h->reader, d->row, d));
	return *d;
}

static span
fresh_key(struct home *h)
{
	uint8_t *spki = arena_alloc(h->arena, 600);
	struct diag d = { 0 };
	struct private_key k;
	struct public_key p;

	assert_ok(private_key_generate(KEY_P256, &k, &d), d);
	assert_ok(private_key_public(&k, spki, 600, &p, &d), d);
	private_key_wipe(&k);
	return p.spki;
}

static span
sign(struct home *h, const struct authority *issuer, int64_t index)
{
	struct issue_request r = { .profile = "operational",
		.phase = issuer->phase,
		.subject = { .common_name = "device" },
		.index = index,
		.not_before_s = h->session.now_s - 60,
		.not_after_s = h->session.now_s - 60 + 90 * 86400 - 1,
		.url_base = "http://pki.test" };
	struct issue_result result = { 0 };
	struct diag d = { 0 };

	snprintf(r.authority, sizeof(r.authority), "%s", issuer->name);
	r.spki = fresh_key(h);
	assert_ok(signer_issue(h->signer, h->arena, &r, 1, &result, &d), d);
	assert_ok(result.status, result.diag);
	return result.der;
}

struct certificate
home_certificate_add(struct home *h, const struct authority *issuer, struct device *device,
	enum certificate_status is)
{
	struct change *c = change_new(h->arena);
	struct certificate *k = arena_alloc(h->arena, sizeof(*k));
	struct certificate_view view;
	struct diag d = { 0 };

	assert_ok(store_index_take(h->store, h->reader, issuer->row, &k->index, &d), d);
	k->der = sign(h, issuer, k->index);
	assert_ok(certificate_read(k->der, &view, &d), d);
	k->kind = CERTIFICATE_OPERATIONAL;
	k->status = is;
	k->authority = issuer->row;
	k->device = device != NULL ? device->row : 0;
	memcpy(k->serial, view.serial.data, view.serial.len);
	k->serial_len = view.serial.len;
	certificate_fingerprint(k->der, k->fingerprint);
	public_key_hash(&view.key, k->key_hash);
	sha256(view.issuer.der, k->issuer_hash);
	k->not_before_s = view.not_before_s;
	k->not_after_s = view.not_after_s;
	k->issued_s = h->session.now_s;
	change_certificate_add(c, k);
	if (device != NULL) {
		change_link(c,
			is == CERTIFICATE_PENDING ? &device->pending_certificate
						  : &device->current_certificate,
			CHANGE_REF(k));
		change_device_set(c, device);
	}
	commit(h, c);
	if (device != NULL) {
		assert_int_equal(OK, read_device(h->reader, device->row, device));
	}
	return *k;
}

void
home_certificate_end(struct home *h, const struct certificate *k, enum certificate_status to,
	enum revocation_reason reason)
{
	struct change *c = change_new(h->arena);

	change_certificate_status(c, k->row, ~0u, to, h->session.now_s, reason);
	commit(h, c);
}

int64_t
home_ledger_size(struct home *h)
{
	int64_t size = -1;

	assert_int_equal(OK, read_ledger_size(h->reader, &size));
	return size;
}

span
home_ledger_last(struct home *h)
{
	int64_t size = home_ledger_size(h);
	struct ledger_row *rows;
	size_t count;

	assert_true(size > 0);
	assert_int_equal(OK, list_ledger(h->reader, h->arena, size - 1, 1, &rows, &count));
	assert_int_equal(1, count);
	return rows[0].entry;
}

char *
home_path(struct home *h, const char *name)
{
	return arena_printf(h->arena, "%s/%s", h->folder, name);
}

int
home_run(struct home *h, const char *out, const char *const argv[])
{
	pid_t pid = fork();
	int result;

	assert_true(pid >= 0);
	if (pid == 0) {
		int fd = open(out != NULL ? home_path(h, out) : "/dev/null",
			O_WRONLY | O_CREAT | O_TRUNC, 0600);

		dup2(fd, 1);
		dup2(fd, 2);
		execvp(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	assert_int_equal(pid, waitpid(pid, &result, 0));
	return WIFEXITED(result) ? WEXITSTATUS(result) : 128;
}

void
home_write(struct home *h, const char *name, span content)
{
	struct diag d = { 0 };

	assert_ok(file_replace(home_path(h, name), content, 0600, &d), d);
}

void
home_write_pem(struct home *h, const char *name, span der)
{
	struct buffer pem;

	buffer_init(&pem, 1 << 20);
	pem_write(&pem, "CERTIFICATE", der);
	home_write(h, name, buffer_span(&pem));
	buffer_wipe(&pem);
}
