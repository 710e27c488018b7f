/* Frames: which are refused whole, and which request of one is refused by itself. */
#include "signing.h"

#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "signer/message.h"
#include "signer/serve.h"

/* Every way in which tenured can let through what the signer's reader does not. */
static void
make_unreadable(struct issue_request *r, size_t how)
{
	static const uint8_t too_long[1100];

	switch (how) {
	case 0:
		r->spki = SPAN_ARRAY(too_long); /* as RSA of 8192 bits has it */
		break;
	case 1:
		snprintf(r->subject.common_name, sizeof(r->subject.common_name), "a\nb");
		break;
	case 2:
		snprintf(r->alt_names[0].text, sizeof(r->alt_names[0].text), "\xff");
		break;
	default:
		r->phase = PHASE_COUNT;
	}
}

static void
an_unreadable_certificate_is_refused_alone(void **state)
{
	int pid = signer_pid(signer);

	(void)state;
	for (size_t how = 0; how < 4; how++) {
		struct issue_request r[3] = { operational(1), operational(2), operational(3) };
		struct issue_result results[3] = { 0 };
		struct diag d = { 0 };

		make_unreadable(&r[how % 3], how);
		assert_ok(signer_issue(signer, signing_arena, r, 3, results, &d), d);
		for (size_t i = 0; i < 3; i++) {
			assert_int_equal(i == how % 3 ? BAD_INPUT : OK, results[i].status);
			assert_int_equal(i == how % 3, results[i].der.len == 0);
		}
		assert_non_null(strstr(results[how % 3].diag.text, "cannot read"));
	}
	assert_int_equal(pid, signer_pid(signer)); /* nobody was sent away */
}

static void
an_unreadable_birth_is_refused_alone(void **state)
{
	struct birth_request r[2];
	struct issue_result results[2] = { 0 };
	struct diag d = { 0 };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		r[i] = (struct birth_request){ .authority = "factory",
			.phase = PHASE_PRODUCTION,
			.unique_id = "0123abcdef01234501",
			.not_before_s = TEST_TIME_S,
			.years = 20 };
		memcpy(r[i].point, device_key().data + 27, 64);
	}
	snprintf(r[0].organization, sizeof(r[0].organization), "\x80");
	assert_ok(signer_issue_birth(signer, signing_arena, r, 2, results, &d), d);
	assert_int_equal(BAD_INPUT, results[0].status);
	assert_ok(results[1].status, results[1].diag);
}

static void
an_unreadable_ocsp_answer_is_refused_alone(void **state)
{
	static const uint8_t certificate_id[] = { 0x30, 0x02, 0x05, 0x00 },
			     no_der[] = { 0x30, 0x05, 0x00 };
	struct ocsp_sign_request r[3];
	const struct ocsp_sign_request *asked[3];
	struct ocsp_sign_result results[3] = { 0 };
	struct buffer out[3];
	struct diag d = { 0 };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		buffer_init(&out[i], 1 << 16);
		results[i].out = &out[i];
		asked[i] = &r[i];
		r[i] = (struct ocsp_sign_request){ .responder = "ca.ocsp",
			.draft = { .produced_s = TEST_TIME_S,
				.this_update_s = TEST_TIME_S,
				.next_update_s = TEST_TIME_S + 3600,
				.count = 1 } };
		r[i].draft.singles[0].id = i == 1 ? SPAN_ARRAY(no_der) : SPAN_ARRAY(certificate_id);
	}
	assert_ok(signer_ocsp_many(signer, asked, 3, results, &d), d);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(i == 1 ? BAD_INPUT : OK, results[i].status);
		assert_int_equal(i == 1, out[i].len == 0);
		buffer_wipe(&out[i]);
	}
}

static void
nonsense_closes_only_its_channel(void **state)
{
	static const char *const frames[] = { "0000", "01000000 01", "03000000 0100 ff",
		"ffffffff 0100", "02000000 6300", "04000000 0100 0100", "07000000 0800 0102030405",
		"06000000 0400 00000000",
		/* Batches: a length beyond the end, one too few, one too many, bytes behind the last. */
		"0a000000 0100 0100 05000000 0000", "08000000 0100 0200 00000000",
		"0c000000 0100 0100 00000000 00000000", "0a000000 0500 0100 01000000 00 00",
		"08000000 0200 ffff 00000000" };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(frames); i++) {
		struct issuer issuer = { 0 };
		span bytes = bytes_of_hex(signing_arena, frames[i]);
		int ends[2];
		char one;

		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
		assert_int_equal(write(ends[0], bytes.data, bytes.len), (ssize_t)bytes.len);
		shutdown(ends[0], SHUT_WR);
		serve_channel(
			&issuer, ends[1]); /* comes back: it closed, nothing was dereferenced */
		close(ends[1]);
		assert_true(read(ends[0], &one, 1) <= 0);
		close(ends[0]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_unreadable_certificate_is_refused_alone),
		cmocka_unit_test(an_unreadable_birth_is_refused_alone),
		cmocka_unit_test(an_unreadable_ocsp_answer_is_refused_alone),
		cmocka_unit_test(nonsense_closes_only_its_channel),
	};

	return cmocka_run_group_tests_name("frame", tests, signing_set_up, signing_tear_down);
}
