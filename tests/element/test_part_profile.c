/* Profiles of parts: those built in, files of one's own, and files that are none. */
#include "element/part_profile.h"

#include <stdio.h>

#include "support.h"

static const char whole[] =
	"name = mine\nmodel = ATECC608B\npart_number = X-1\nrevision = 00006003\naddress = 6c\n"
	"slot_config = 8500 8200 8520 8520 8520 8F46 8F0F 9F8F 0F0F 8F0F 0F0F 0F0F 0F0F "
	"0F0F 0D1F 0F0F\n"
	"key_config = 5300 5300 7300 7300 7300 3800 7C00 1C00 3C00 1A00 3C00 3000 3C00 "
	"3000 1200 3000\n"
	"config_locked = yes\ndata_locked = yes\n";

/* Section 16 to 127 of the printed TrustFLEX TLS configuration. */
static void
test_trustflex(void **state)
{
	static const char printed[] =
		"6C000001 8500 8200 8520 8520 8520 8F46 8F0F 9F8F 0F0F 8F0F 0F0F 0F0F 0F0F 0F0F "
		"0D1F 0F0F"
		"FFFFFFFF00000000 FFFFFFFF00000000 00 00 03F7 00 6976 000000000000000000 00000000"
		"FFFF 0E60 00000000"
		"5300 5300 7300 7300 7300 3800 7C00 1C00 3C00 1A00 3C00 3000 3C00 3000 1200 3000";
	const struct part_profile *p = part_profile_find("trustflex-tls");
	struct arena *a = arena_new(1 << 20);
	span expected = bytes_of_hex(a, printed);

	assert_non_null(p);
	assert_int_equal(expected.len, 112);
	assert_memory_equal(p->config + 16, expected.data, 112);
	assert_memory_equal(p->config, "\0\0\0\0\0\0\x60\x03\0\0\0\0\0\x01\x01\0", 16);
	assert_memory_equal(p->otp, "wdNxAjae\0", 9);
	assert_int_equal(p->address, 0x6c);
	assert_int_equal(part_slot_config(p->config, 2), 0x2085);
	assert_int_equal(part_key_config(p->config, 2), 0x0073);
	arena_free(a);
}

static void
test_built_in(void **state)
{
	assert_int_equal(part_profile_count(), 4);
	assert_null(part_profile_at(4));
	for (size_t i = 0; i < part_profile_count(); i++) {
		const struct part_profile *p = part_profile_at(i);

		assert_ptr_equal(part_profile_find(p->name), p);
		assert_ptr_equal(part_profile_of_part(p->part_number), p);
	}
	assert_null(part_profile_find("trustflex"));
}

static void
test_part_numbers(void **state)
{
	static const struct {
		const char *number, *profile;
	} rows[] = { { "ATECC608B-TFLXTLS", "trustflex-tls" },
		{ "ATECC608B-TFLXTLSU-B", "trustflex-tls" },
		{ "ATECC608A-TFLXTLSS", "trustflex-tls-locked" },
		{ "ATECC608C-TFLXTLSS", "trustflex-tls" },
		{ "ATECC608C-TNGTLSU-B", "trustngo-tls" }, { "ATECC608A-MAH4I", NULL },
		{ "ATECC608B", NULL }, { "ATECC608B-TFLXTL", NULL }, { "ATECC608", NULL },
		{ "ATECC608-TNGTLS", NULL }, { "TA100", NULL }, { "", NULL } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct part_profile *p = part_profile_of_part(rows[i].number);

		if (rows[i].profile == NULL) {
			assert_null(p);
		} else {
			assert_non_null(p);
			assert_string_equal(p->name, rows[i].profile);
		}
	}
}

static void
test_own_file(void **state)
{
	struct part_profile p;
	struct diag d = { 0 };

	assert_ok(part_profile_read(span_text(whole), &p, &d), d);
	assert_string_equal(p.name, "mine");
	assert_memory_equal(p.config + 52, "\xFF\xFF\xFF\xFF\0\0\0\0\xFF\xFF\xFF\xFF\0\0\0\0", 16);
	assert_int_equal(p.config[86], 0);
	assert_int_equal(p.config[87], 0);
	assert_int_equal(p.config[88], 0xFF);
}

/* Each spoils the whole file: what is replaced, by what, and a word that the refusal must hold. */
static void
test_refused(void **state)
{
	static const struct {
		const char *from, *to, *word;
	} rows[] = { { "name = mine", "", "name" }, { "name = mine", "name =", "name" },
		{ "address = 6c", "address = 6", "address" },
		{ "address = 6c", "address = 6d", "address" },
		{ "address = 6c", "address = 6c00", "address" },
		{ "00006003", "000060", "revision" }, { "0F0F\n", "0F\n", "slot_config" },
		{ "0F0F\n", "0F0F 00\n", "slot_config" }, { "0D1F", "0D1G", "slot_config" },
		{ "3000\n", "3000 3000\n", "key_config" },
		{ "config_locked = yes", "config_locked = no", "data_locked" },
		{ "config_locked = yes", "config_locked = maybe", "config_locked" },
		{ "data_locked = yes", "", "data_locked" },
		{ "name = mine", "nane = mine", "line 1" },
		{ "name = mine", "name = mine\nname = mine", "twice" },
		{ "name = mine", "[x]\nname = mine", "unknown" },
		{ "name = mine", "name = m\x1b[31m", "name" },
		{ "name = mine", "name = m\xff", "UTF-8" },
		{ "name = mine", "name = mine\notp = 0", "otp" },
		{ "name = mine", "name = mine\notp = 0g", "otp" },
		{ "name = mine",
			"name = a123456789012345678901234567890123456789012345678901234567890123",
			"name" } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *at = strstr(whole, rows[i].from);
		struct part_profile p;
		struct diag d = { 0 };
		char text[2048];

		assert_non_null(at);
		snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - whole), whole, rows[i].to,
			at + strlen(rows[i].from));
		assert_int_equal(part_profile_read(span_text(text), &p, &d), BAD_INPUT);
		if (strstr(d.text, rows[i].word) == NULL) {
			fail_msg("row %zu: \"%s\" has no \"%s\"", i, d.text, rows[i].word);
		}
	}
}

static void
test_words(void **state)
{
	static const struct {
		const char *profile;
		unsigned slot;
		const char *words;
	} rows[] = {
		{ "trustflex-tls", 0,
			"private P-256 key; signs digests; ECDH; permanent; wants a fresh nonce" },
		{ "trustflex-tls", 1,
			"private P-256 key; signs messages of the chip's own; permanent; wants a "
			"fresh nonce" },
		{ "trustflex-tls", 2,
			"private P-256 key; signs digests; ECDH; a new key may be made; wants a "
			"fresh nonce; "
			"lockable" },
		{ "trustflex-tls", 5,
			"AES key; never read; written encrypted under slot 6; lockable" },
		{ "trustflex-tls", 6,
			"secret; never read; written in clear; wants a fresh nonce; lockable" },
		{ "trustflex-tls", 7, "secret; never read; never written" },
		{ "trustflex-tls", 8, "data; read in clear; written in clear; lockable" },
		{ "trustflex-tls", 14,
			"public P-256 key, validated by slot 13; read in clear; written while its "
			"public key is "
			"not validated" },
		{ "trustflex-tls-locked", 10, "data; read in clear; never written" },
		{ "blank", 0,
			"private P-256 key; signs digests; signs messages of the chip's own; a new "
			"key may be "
			"made; lockable" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char words[200];

		part_slot_words(part_profile_find(rows[i].profile)->config, rows[i].slot, words,
			sizeof(words));
		assert_string_equal(words, rows[i].words);
	}
}

static void
test_words_cut(void **state)
{
	const struct part_profile *p = part_profile_find("trustflex-tls");
	char words[200], cut[200];

	part_slot_words(p->config, 2, words, sizeof(words));
	for (size_t room = 1; room < sizeof(words); room++) {
		memset(cut, 'x', sizeof(cut));
		part_slot_words(p->config, 2, cut, room);
		assert_true(strlen(cut) < room);
		assert_memory_equal(cut, words, strlen(cut));
		for (size_t i = room; i < sizeof(cut); i++) {
			assert_int_equal(cut[i], 'x');
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_trustflex),
		cmocka_unit_test(test_built_in),
		cmocka_unit_test(test_part_numbers),
		cmocka_unit_test(test_own_file),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_words_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
