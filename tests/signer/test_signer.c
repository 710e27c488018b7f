#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <openssl/ocsp.h>
#include <openssl/x509.h>

#include "signing.h"

#include "base/check.h"
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "pki/chain.h"
#include "signer/client.h"
#include "signer/sandbox.h"

static struct arena *a;

static int
set_up(void **state)
{
	int result = signing_set_up(state);

	a = signing_arena;
	return result;
}

static void
what_is_issued_is_accepted(void **state)
{
	struct issue_request r[3] = { operational(1), operational(10001), operational(3) };
	struct issue_result results[3];
	struct certificate_view v;
	struct trust_set *t;
	struct diag d = { 0 };

	(void)state;
	assert_ok(signer_issue(signer, a, r, 3, results, &d), d);
	assert_ok(trust_set_new(&root, 1, false, &t, &d), d);
	for (size_t i = 0; i < 3; i++) {
		assert_ok(results[i].status, results[i].diag);
		assert_ok(
			chain_judge(t, results[i].der, &issuing, 1, CHAIN_CLIENT, TEST_TIME_S, &d),
			d);
		assert_ok(certificate_read(results[i].der, &v, &d), d);
		assert_int_equal(v.serial.len, 14);
		assert_int_equal(v.serial.data[0], 0x41);
		assert_int_equal(v.serial.data[4] << 8 | v.serial.data[5], r[i].index);
	}
	assert_non_null(memmem(
		results[0].der.data, results[0].der.len, "http://pki.test/crl/ca/0.crl", 28));
	assert_non_null(memmem(
		results[1].der.data, results[1].der.len, "http://pki.test/crl/ca/1.crl", 28));
	assert_non_null(
		memmem(results[1].der.data, results[1].der.len, "http://pki.test/ocsp/ca", 23));
	trust_set_free(t);
}

static void
what_a_profile_forbids(void **state)
{
	struct issue_request r[16];
	struct issue_result results[16];
	static const status want[16] = { BAD_INPUT, DENIED, NOT_FOUND, DENIED, BAD_INPUT, BAD_INPUT,
		DENIED, OK, BAD_INPUT, DENIED, DENIED, DENIED, DENIED, DENIED, DENIED, OK };
	/* Under other names, narrowed in the folder of profiles. */
	static const struct {
		const char *name, *base;
	} narrowed[] = { { "mine", "ocsp" }, { "yours", "birth" }, { "ours", "operational" } };
	struct diag d = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(narrowed); i++) {
		char path[700], text[64];

		snprintf(path, sizeof(path), "%s/%s.conf", profiles, narrowed[i].name);
		snprintf(text, sizeof(text), "base = %s\n", narrowed[i].base);
		assert_ok(file_replace(path, span_text(text), 0644, &d), d);
	}
	for (size_t i = 0; i < 16; i++) {
		r[i] = operational((int64_t)i + 100);
	}
	r[0].not_after_s = TEST_TIME_S + 3 * (int64_t)YEAR; /* longer than the profile */
	r[1].phase = PHASE_PROTOTYPE;
	snprintf(r[2].authority, sizeof(r[2].authority), "nobody");
	snprintf(r[3].profile, sizeof(r[3].profile), "issuing-ca"); /* an issuing CA makes no CA */
	r[4].alt_names[0].kind = ALT_DNS;
	r[5].index = 0;
	snprintf(
		r[6].authority, sizeof(r[6].authority), "ca.ocsp"); /* a responder issues nothing */
	r[8].not_before_s = INT64_MIN + 1; /* a life that no number holds */
	/* Nobody's own key becomes a CA or a responder of ours, or an element. */
	snprintf(r[9].authority, sizeof(r[9].authority), "root");
	snprintf(r[9].profile, sizeof(r[9].profile), "issuing-ca");
	snprintf(r[10].authority, sizeof(r[10].authority), "root");
	r[10].index = 0;
	snprintf(r[11].profile, sizeof(r[11].profile), "ocsp");
	snprintf(r[12].profile, sizeof(r[12].profile), "birth");
	snprintf(r[13].profile, sizeof(r[13].profile), "mine");
	snprintf(r[14].profile, sizeof(r[14].profile), "yours");
	snprintf(r[15].profile, sizeof(r[15].profile), "ours");
	for (size_t i = 9; i < 15; i++) {
		r[i].alt_name_count = 0;
	}
	assert_ok(signer_issue(signer, a, r, 16, results, &d), d);
	for (size_t i = 0; i < 16; i++) {
		if (results[i].status != want[i]) {
			fail_msg("%zu: %s %s", i, status_name(results[i].status),
				results[i].diag.text);
		}
		assert_true(want[i] == OK || results[i].diag.text[0] != '\0');
	}
}

static void
keys_by_their_rules(void **state)
{
	struct create_request r = { .name = "x",
		.role = KEY_ROLE_ISSUING,
		.phase = PHASE_PROTOTYPE,
		.parent = "root",
		.not_before_s = TEST_TIME_S,
		.not_after_s = TEST_TIME_S + YEAR,
		.subject = { .common_name = "x" } };
	span out;

	(void)state;
	assert_int_equal(signer_create(signer, a, &r, &out, NULL), DENIED); /* phase */
	r.phase = PHASE_PRODUCTION;
	snprintf(r.parent, sizeof(r.parent), "ca");
	assert_int_equal(signer_create(signer, a, &r, &out, NULL), DENIED); /* no root */
	snprintf(r.parent, sizeof(r.parent), "root");
	r.key_kind = KEY_RSA;
	assert_int_equal(signer_create(signer, a, &r, &out, NULL), BAD_INPUT);
	r.key_kind = KEY_P256;
	snprintf(r.name, sizeof(r.name), "../x");
	assert_int_equal(signer_create(signer, a, &r, &out, NULL), BAD_INPUT);
	snprintf(r.name, sizeof(r.name), "ca");
	assert_int_equal(signer_create(signer, a, &r, &out, NULL), EXISTS);
	snprintf(r.name, sizeof(r.name), "y");
	r.not_after_s = TEST_TIME_S + 60 * (int64_t)YEAR; /* outlives the root */
	assert_int_not_equal(signer_create(signer, a, &r, &out, NULL), OK);
}

static void
births_have_the_elements_shape(void **state)
{
	struct birth_request r = { .authority = "factory",
		.phase = PHASE_PRODUCTION,
		.unique_id = "0123abcdef01234501",
		.organization = "Acme",
		.not_before_s = TEST_TIME_S + 61,
		.years = 28 };
	struct issue_result one;
	struct certificate_view v;
	struct diag d = { 0 };
	uint8_t hash[32];
	/* 2026-11-23T12, 28 years: 26<<19 | 11<<15 | 23<<10 | 12<<5 | 28 */
	const uint32_t dates = 26u << 19 | 11u << 15 | 23u << 10 | 12u << 5 | 28u;
	const uint8_t packed[3] = { (uint8_t)(dates >> 16), (uint8_t)(dates >> 8), (uint8_t)dates };

	(void)state;
	memcpy(r.point, device_key().data + 27, 64);
	assert_ok(signer_issue_birth(signer, a, &r, 1, &one, &d), d);
	assert_ok(one.status, one.diag);
	assert_ok(certificate_read(one.der, &v, &d), d);
	assert_true(span_is(name_get(&v.subject, OID_COMMON_NAME), "sn0123ABCDEF01234501"));
	assert_int_equal(v.not_before_s, TEST_TIME_S);
	assert_int_equal(civil_from_time(v.not_after_s).year, 2054);
	sha256_two(span_of(r.point, 64), SPAN_ARRAY(packed), hash);
	hash[0] = (uint8_t)((hash[0] & 0x7f) | 0x40);
	assert_int_equal(v.serial.len, 16);
	assert_memory_equal(v.serial.data, hash, 16);
	snprintf(r.unique_id, sizeof(r.unique_id), "0123ABC");
	assert_ok(signer_issue_birth(signer, a, &r, 1, &one, &d), d);
	assert_int_equal(one.status, BAD_INPUT);
}

static X509 *
decode(span der)
{
	const uint8_t *p = der.data;

	return d2i_X509(NULL, &p, (long)der.len);
}

static void
lists_check(void **state)
{
	static const enum crl_scope scopes[] = { CRL_FULL, CRL_SHARD, CRL_CA };
	struct crl_entry *entries = calloc(20000, sizeof(*entries));
	X509 *ca = decode(issuing);
	struct diag d = { 0 };

	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		entries[i] = (struct crl_entry){
			.serial_len = 14, .reason = i % 2 ? 1 : 0, .revoked_s = TEST_TIME_S
		};
		entries[i].serial[0] = 0x41;
		memcpy(entries[i].serial + 4, &i, 4);
	}
	for (size_t k = 0; k < COUNT_OF(scopes); k++) {
		struct crl_request r = { .authority = "ca",
			.number = 7,
			.this_update_s = TEST_TIME_S,
			.next_update_s = TEST_TIME_S + 86400,
			.scope = scopes[k],
			.shard_url = "http://pki.test/crl/ca/0.crl",
			.entries = entries,
			.count = scopes[k] == CRL_CA ? 0 : 20000 };
		struct buffer b;
		const uint8_t *p;
		X509_CRL *crl;

		buffer_init(&b, SIGNER_FRAME_MAX);
		assert_ok(signer_crl(signer, &r, &b, &d), d);
		p = b.data;
		crl = d2i_X509_CRL(NULL, &p, (long)b.len);
		assert_non_null(crl);
		assert_ptr_equal(p, b.data + b.len);
		assert_int_equal(X509_CRL_verify(crl, X509_get0_pubkey(ca)), 1);
		assert_int_equal(sk_X509_REVOKED_num(X509_CRL_get_REVOKED(crl)) < 0
					 ? 0
					 : sk_X509_REVOKED_num(X509_CRL_get_REVOKED(crl)),
			r.count);
		X509_CRL_free(crl);
		buffer_wipe(&b);
	}
	struct crl_request bad = { .authority = "ca", .this_update_s = 5, .next_update_s = 5 };
	struct buffer b;

	buffer_init(&b, 1 << 20);
	assert_int_equal(signer_crl(signer, &bad, &b, NULL), BAD_INPUT);
	snprintf(bad.authority, sizeof(bad.authority), "ledger");
	assert_int_equal(signer_crl(signer, &bad, &b, NULL), DENIED);
	buffer_wipe(&b);
	X509_free(ca);
	free(entries);
}

static void
ocsp_answers_check(void **state)
{
	struct issue_request request = operational(77);
	struct issue_result issued;
	struct ocsp_sign_request r = { .responder = "ca.ocsp" };
	const struct ocsp_sign_request *asked_for = &r;
	struct ocsp_sign_result answered = { 0 };
	struct diag d = { 0 };
	X509 *leaf, *ca = decode(issuing), *top = decode(root);
	X509_STORE *store = X509_STORE_new();
	STACK_OF(X509) *others = sk_X509_new_null();
	OCSP_RESPONSE *response;
	OCSP_BASICRESP *basic;
	OCSP_CERTID *asked;
	ASN1_GENERALIZEDTIME *when;
	struct buffer b;
	const uint8_t *p;
	uint8_t *der = NULL;
	int len, result, reason;

	(void)state;
	assert_ok(signer_issue(signer, a, &request, 1, &issued, &d), d);
	leaf = decode(issued.der);
	asked = OCSP_cert_to_id(EVP_sha1(), leaf, ca);
	len = i2d_OCSP_CERTID(asked, &der);
	r.draft = (struct ocsp_draft){ .produced_s = TEST_TIME_S,
		.this_update_s = TEST_TIME_S,
		.next_update_s = TEST_TIME_S + 3600,
		.count = 1 };
	r.draft.singles[0] = (struct ocsp_single){ .id = span_of(der, (size_t)len),
		.status = OCSP_REVOKED,
		.revoked_s = TEST_TIME_S - 5,
		.reason = 1 };
	buffer_init(&b, 1 << 16);
	answered.out = &b;
	assert_ok(signer_ocsp_many(signer, &asked_for, 1, &answered, &d), d);
	assert_ok(answered.status, answered.diag);
	p = b.data;
	response = d2i_OCSP_RESPONSE(NULL, &p, (long)b.len);
	assert_non_null(response);
	assert_int_equal(OCSP_response_status(response), OCSP_RESPONSE_STATUS_SUCCESSFUL);
	basic = OCSP_response_get1_basic(response);
	X509_STORE_add_cert(store, top);
	X509_VERIFY_PARAM_set_time(X509_STORE_get0_param(store), TEST_TIME_S);
	sk_X509_push(others, ca);
	assert_int_equal(OCSP_basic_verify(basic, others, store, 0), 1);
	assert_int_equal(
		OCSP_resp_find_status(basic, asked, &result, &reason, &when, NULL, NULL), 1);
	assert_int_equal(result, V_OCSP_CERTSTATUS_REVOKED);
	assert_int_equal(reason, 1);
	OCSP_BASICRESP_free(basic);
	OCSP_RESPONSE_free(response);
	OCSP_CERTID_free(asked);
	OPENSSL_free(der);
	sk_X509_free(others);
	X509_STORE_free(store);
	X509_free(leaf);
	X509_free(ca);
	X509_free(top);
	buffer_wipe(&b);
}

static void
no_fork_is_signed(void **state)
{
	uint8_t first[32] = { 1 }, other[32] = { 2 };
	struct diag d = { 0 };
	struct buffer b;

	(void)state;
	buffer_init(&b, 1 << 16);
	assert_ok(signer_checkpoint(signer, "log.test", 5, first, &b, &d), d);
	assert_non_null(memmem(b.data, b.len, "log.test\n5\nAQAA", 15));
	assert_non_null(memmem(b.data, b.len, "\n\n\xe2\x80\x94 log.test ", 15));
	assert_ok(signer_checkpoint(signer, "log.test", 5, first, &b, &d), d);
	assert_int_equal(signer_checkpoint(signer, "log.test", 5, other, &b, NULL), CONFLICT);
	assert_int_equal(signer_checkpoint(signer, "log.test", 4, first, &b, NULL), CONFLICT);
	assert_int_equal(signer_checkpoint(signer, "log test", 6, first, &b, NULL), BAD_INPUT);
	/* It remembers after a restart too. */
	signer_stop(signer);
	start();
	assert_int_equal(signer_checkpoint(signer, "log.test", 4, first, &b, NULL), CONFLICT);
	assert_ok(signer_checkpoint(signer, "log.test", 6, other, &b, &d), d);
	buffer_wipe(&b);
}

#define RIVALS 8

static status rival_checkpoint[RIVALS], rival_key[RIVALS];

static void *
be_a_rival(void *argument)
{
	uint8_t number = *(uint8_t *)argument;
	uint8_t tree_root[32] = { number };
	struct create_request r = { .name = "wanted-by-many",
		.role = KEY_ROLE_MANIFEST,
		.phase = PHASE_PRODUCTION,
		.key_kind = KEY_P256,
		.subject = { .common_name = "Rival" },
		.not_before_s = TEST_TIME_S,
		.not_after_s = TEST_TIME_S + YEAR };
	struct arena *own = arena_new(1 << 20);
	struct buffer note;
	span certificate;

	buffer_init(&note, 1 << 16);
	rival_checkpoint[number] =
		signer_checkpoint(signer, "rivals.test", 9, tree_root, &note, NULL);
	rival_key[number] = signer_create(signer, own, &r, &certificate, NULL);
	buffer_wipe(&note);
	arena_free(own);
	return NULL;
}

/* Many channels ask for another root at the same size, and for a key of the same name: one gets it. */
static void
only_one_of_many_rivals_wins(void **state)
{
	pthread_t threads[RIVALS];
	uint8_t numbers[RIVALS];
	size_t signed_ = 0, made = 0;

	(void)state;
	for (uint8_t i = 0; i < RIVALS; i++) {
		numbers[i] = i;
		assert_int_equal(pthread_create(&threads[i], NULL, be_a_rival, &numbers[i]), 0);
	}
	for (size_t i = 0; i < RIVALS; i++) {
		pthread_join(threads[i], NULL);
		signed_ += rival_checkpoint[i] == OK;
		made += rival_key[i] == OK;
		assert_true(rival_checkpoint[i] == OK || rival_checkpoint[i] == CONFLICT);
		assert_true(rival_key[i] == OK || rival_key[i] == EXISTS);
	}
	assert_int_equal(signed_, 1);
	assert_int_equal(made, 1);
}

static void
a_lost_index_is_not_begun_anew(void **state)
{
	struct signer *other;
	struct diag d = { 0 };
	char index[700], away[700];

	(void)state;
	snprintf(index, sizeof(index), "%s/index.json", keys);
	snprintf(away, sizeof(away), "%s/index.away", keys);
	assert_int_equal(rename(index, away), 0);
	assert_int_equal(signer_start(&options, &other, &d), CONFLICT);
	assert_non_null(strstr(d.text, "index.json"));
	assert_int_equal(rename(away, index), 0);
}

static void
a_manifest_entry_is_signed_as_a_jws(void **state)
{
	struct manifest_entry_request r = { .signer = "manifest",
		.unique_id = "0123abcdef01234501",
		.model = "TENURE-FILE",
		.part_number = "X",
		.manufacturer = "Acme",
		.provisioned_s = TEST_TIME_S,
		.point_count = 5 };
	struct diag d = { 0 };
	cJSON *o = NULL;
	span json, payload;

	(void)state;
	assert_ok(signer_manifest_entry(signer, a, &r, &json, &d), d);
	assert_ok(json_parse(json, 1 << 20, &o, &d), d);
	assert_ok(json_get_text(o, "payload", &payload, &d), d);
	assert_true(payload.len > 500);
	cJSON_Delete(o);
}

static void
killed_and_back(void **state)
{
	struct issue_request r = operational(500);
	struct issue_result one;
	struct diag d = { 0 };
	int pid = signer_pid(signer);

	(void)state;
	assert_true(pid > 0);
	kill(pid, SIGKILL);
	usleep(50000);
	/* The call that meets the dead one says so in plain words; the next one finds a new one. */
	if (signer_issue(signer, a, &r, 1, &one, &d) != OK) {
		assert_int_equal(d.status, UNAVAILABLE);
		diag_clear(&d);
		assert_ok(signer_issue(signer, a, &r, 1, &one, &d), d);
	}
	assert_ok(one.status, one.diag);
	assert_int_not_equal(signer_pid(signer), pid);
}

static void *
issue_many(void *unused)
{
	struct arena *own = arena_new(16 << 20);
	static _Atomic int64_t next = 1000;

	(void)unused;
	for (int k = 0; k < 25; k++) {
		struct issue_request r = { .authority = "ca",
			.profile = "operational",
			.phase = PHASE_PRODUCTION,
			.subject = { .common_name = "device" },
			.not_before_s = TEST_TIME_S,
			.not_after_s = TEST_TIME_S + 1000 };
		struct issue_result one;
		uint8_t spki[600];
		struct private_key key;
		struct public_key p;

		r.index = next++;
		if (private_key_generate(KEY_P256, &key, NULL) != OK ||
			private_key_public(&key, spki, sizeof(spki), &p, NULL) != OK) {
			abort();
		}
		r.spki = p.spki;
		if (signer_issue(signer, own, &r, 1, &one, NULL) != OK || one.status != OK) {
			abort();
		}
		private_key_wipe(&key);
	}
	arena_free(own);
	return NULL;
}

static void
many_at_a_time(void **state)
{
	pthread_t threads[8];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(threads); i++) {
		assert_int_equal(pthread_create(&threads[i], NULL, issue_many, NULL), 0);
	}
	for (size_t i = 0; i < COUNT_OF(threads); i++) {
		pthread_join(threads[i], NULL);
	}
}

/*
 * One after the other as fast as it goes: who sends, who waits and who is passed on to changes all the time. Wherever a
 * lock was given back, somebody else may go first.
 */
#define CROWD 7
static _Atomic bool is_unsteady;

int
pthread_mutex_unlock(pthread_mutex_t *lock)
{
	static int (*_Atomic unlock)(pthread_mutex_t *);
	int answer;

	if (unlock == NULL) {
		unlock = (int (*)(pthread_mutex_t *))dlsym(RTLD_NEXT, "pthread_mutex_unlock");
	}
	answer = unlock(lock);
	if (is_unsteady) {
		static _Atomic unsigned calls;
		const struct timespec moment = { .tv_nsec = (long)(calls++ * 7919 % 300) * 1000 };

		nanosleep(&moment, NULL);
	}
	return answer;
}

static pthread_barrier_t crowd_begins;

static void *
issue_in_a_crowd(void *key)
{
	struct arena *own = arena_new(16 << 20);
	static _Atomic int64_t next = 100000;

	pthread_barrier_wait(&crowd_begins);
	for (int k = 0; k < 100; k++) {
		struct issue_request r = { .authority = "ca",
			.profile = "operational",
			.phase = PHASE_PRODUCTION,
			.subject = { .common_name = "device" },
			.spki = *(const span *)key,
			.not_before_s = TEST_TIME_S,
			.not_after_s = TEST_TIME_S + 1000 };
		struct issue_result one = { .status = BUG };

		r.index = next++;
		if (signer_issue(signer, own, &r, 1, &one, NULL) != OK || one.status != OK ||
			one.der.len == 0) {
			abort();
		}
		arena_reset(own);
	}
	arena_free(own);
	return NULL;
}

static void
a_crowd_is_answered(void **state)
{
	pthread_t threads[CROWD];
	span key = device_key();

	(void)state;
	is_unsteady = true;
	pthread_barrier_init(&crowd_begins, NULL, CROWD);
	for (size_t i = 0; i < CROWD; i++) {
		assert_int_equal(pthread_create(&threads[i], NULL, issue_in_a_crowd, &key), 0);
	}
	for (size_t i = 0; i < CROWD; i++) {
		pthread_join(threads[i], NULL);
	}
	pthread_barrier_destroy(&crowd_begins);
	is_unsteady = false;
}

static void
wrong_passphrase_and_open_files(void **state)
{
	struct signer *other;
	struct diag d = { 0 };
	char path[700];

	(void)state;
	assert_ok(file_replace(passphrase_file, span_text("wrong"), 0600, &d), d);
	assert_int_equal(signer_start(&options, &other, &d), DENIED);
	assert_non_null(strstr(d.text, "passphrase"));
	assert_ok(file_replace(passphrase_file, span_text("correct horse\n"), 0600, &d), d);
	assert_int_equal(chmod(passphrase_file, 0640), 0);
	diag_clear(&d);
	assert_int_equal(signer_start(&options, &other, &d), DENIED);
	assert_non_null(strstr(d.text, "others than its owner"));
	assert_int_equal(chmod(passphrase_file, 0600), 0);
	snprintf(path, sizeof(path), "%s/ca.key", keys);
	assert_int_equal(chmod(path, 0644), 0);
	diag_clear(&d);
	assert_int_equal(signer_start(&options, &other, &d), DENIED);
	assert_non_null(strstr(d.text, "0600"));
	assert_int_equal(chmod(path, 0600), 0);
	snprintf(path, sizeof(path), "%s/none", folder);
	options.keys = path;
	options.create = false;
	diag_clear(&d);
	assert_int_equal(signer_start(&options, &other, &d), NOT_FOUND);
	options.keys = keys;
	options.create = true;
}

static void
the_sandbox_holds(void **state)
{
	int wait_status;
	pid_t child = fork();

	(void)state;
	if (child == 0) {
		if (sandbox_enter(NULL) != OK) {
			_exit(3);
		}
		(void)!socket(AF_INET, SOCK_STREAM, 0);
		_exit(4); /* still alive: it does not hold */
	}
	assert_int_equal(waitpid(child, &wait_status, 0), child);
	assert_true(WIFSIGNALED(wait_status));
	assert_int_equal(WTERMSIG(wait_status), SIGSYS);
}

static void
it_is_small(void **state)
{
	char path[64], line[256];
	long kib = 0;
	FILE *f;

	(void)state;
	snprintf(path, sizeof(path), "/proc/%d/status", signer_pid(signer));
	f = fopen(path, "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL) {
		if (sscanf(line, "VmRSS: %ld kB", &kib) == 1) {
			break;
		}
	}
	fclose(f);
	print_message("# the signer's resident memory: %ld KiB\n", kib);
	assert_true(kib > 0 && kib < 16 * 1024);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_issued_is_accepted),
		cmocka_unit_test(what_a_profile_forbids),
		cmocka_unit_test(keys_by_their_rules),
		cmocka_unit_test(births_have_the_elements_shape),
		cmocka_unit_test(lists_check),
		cmocka_unit_test(ocsp_answers_check),
		cmocka_unit_test(no_fork_is_signed),
		cmocka_unit_test(only_one_of_many_rivals_wins),
		cmocka_unit_test(a_lost_index_is_not_begun_anew),
		cmocka_unit_test(a_manifest_entry_is_signed_as_a_jws),
		cmocka_unit_test(it_is_small),
		cmocka_unit_test(killed_and_back),
		cmocka_unit_test(a_crowd_is_answered),
		cmocka_unit_test(many_at_a_time),
		cmocka_unit_test(wrong_passphrase_and_open_files),
		cmocka_unit_test(the_sandbox_holds),
	};

	return cmocka_run_group_tests_name("signer", tests, set_up, signing_tear_down);
}
