#include "element/part_profile.h"

#include <ctype.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/check.h"
#include "base/conf.h"
#include "base/text.h"
#include "element/part_profile_text.h"

#define PROFILE_ARENA_MAX (256 << 10)
#define LOCKED 0x00
#define UNLOCKED 0x55

/* What of the configuration zone a profile gives; what is not here is 00 as shipped. */
static const struct {
	const char *name;
	size_t at, len;
	const char *fallback;
} zone[] = {
	{ "address", 16, 1, NULL },
	{ "count_match", 18, 1, "00" },
	{ "chip_mode", 19, 1, "00" },
	{ "slot_config", 20, 32, NULL },
	{ "counters", 52, 16, "FFFFFFFF00000000 FFFFFFFF00000000" },
	{ "volatile_key_permission", 69, 1, "00" },
	{ "secure_boot", 70, 2, "0000" },
	{ "kdf_iv", 72, 3, "000000" },
	{ "slot_locked", 88, 2, "FFFF" },
	{ "chip_options", 90, 2, "0000" },
	{ "x509_format", 92, 4, "00000000" },
	{ "key_config", 96, 32, NULL },
};

static const char *const slot_keys[PART_SLOTS] = { "slot0", "slot1", "slot2", "slot3", "slot4",
	"slot5", "slot6", "slot7", "slot8", "slot9", "slot10", "slot11", "slot12", "slot13",
	"slot14", "slot15" };

static const struct conf_key text_keys[] = {
	{ "", "name", CONF_TEXT, NULL, 0, 0, "" },
	{ "", "model", CONF_TEXT, NULL, 0, 0, "" },
	{ "", "part_number", CONF_TEXT, NULL, 0, 0, "" },
	{ "", "revision", CONF_TEXT, NULL, 0, 0, "" },
	{ "", "otp", CONF_TEXT, "", 0, 0, "" },
	{ "", "config_locked", CONF_BOOL, NULL, 0, 0, "" },
	{ "", "data_locked", CONF_BOOL, NULL, 0, 0, "" },
};
#define KEY_COUNT (COUNT_OF(text_keys) + COUNT_OF(zone) + PART_SLOTS)

static void
fill_keys(struct conf_key keys[KEY_COUNT])
{
	memcpy(keys, text_keys, sizeof(text_keys));
	keys += COUNT_OF(text_keys);
	for (size_t i = 0; i < COUNT_OF(zone); i++) {
		*keys++ = (struct conf_key){ "", zone[i].name, CONF_TEXT, zone[i].fallback, 0, 0,
			"" };
	}
	for (size_t i = 0; i < PART_SLOTS; i++) {
		*keys++ = (struct conf_key){ "", slot_keys[i], CONF_TEXT, "", 0, 0, "" };
	}
}

/* Hex digits, blanks between them passed over. */
static status
read_hex(const char *text, uint8_t *out, size_t room, size_t *len)
{
	char digits[2 * PART_CONFIG_LEN];
	size_t count = 0;

	for (; *text != '\0'; text++) {
		if (*text == ' ') {
			continue;
		}
		if (count == 2 * room || count == sizeof(digits)) {
			return BAD_INPUT;
		}
		digits[count++] = *text;
	}
	*len = count / 2;
	return count % 2 == 0 ? hex_decode(span_of(digits, count), out, *len) : BAD_INPUT;
}

static status
take_hex(const struct conf *c, const char *name, uint8_t *out, size_t len, struct diag *d)
{
	size_t found = 0;

	if (read_hex(conf_text(c, "", name), out, len, &found) != OK || found != len) {
		return diag_set(
			d, BAD_INPUT, NULL, "%s: %zu bytes as hex digits are wanted", name, len);
	}
	return OK;
}

static status
take_text(const struct conf *c, const char *name, char out[NAME_MAX_LEN + 1], struct diag *d)
{
	span text = span_text(conf_text(c, "", name));

	if (text.len > NAME_MAX_LEN) {
		return diag_set(d, BAD_INPUT, NULL, "%s: longer than %d bytes", name, NAME_MAX_LEN);
	}
	if (!utf8_is_printable(text)) {
		return diag_set(d, BAD_INPUT, NULL, "%s: holds what cannot be shown", name);
	}
	memcpy(out, text.data, text.len);
	out[text.len] = '\0';
	return OK;
}

static status
take_zone(const struct conf *c, struct part_profile *out, struct diag *d)
{
	status s = take_hex(c, "revision", out->revision, sizeof(out->revision), d);

	for (size_t i = 0; s == OK && i < COUNT_OF(zone); i++) {
		s = take_hex(c, zone[i].name, out->config + zone[i].at, zone[i].len, d);
	}
	if (s != OK) {
		return s;
	}
	out->address = out->config[16];
	out->config_is_locked = conf_bool(c, "", "config_locked");
	out->data_is_locked = conf_bool(c, "", "data_locked");
	if (out->data_is_locked && !out->config_is_locked) {
		return diag_set(d, BAD_INPUT, NULL,
			"data_locked: the data zone cannot be locked before the configuration");
	}
	if (out->address % 2 != 0) {
		return diag_set(d, BAD_INPUT, NULL, "address: the 8-bit form is even");
	}
	memcpy(out->config + 4, out->revision, sizeof(out->revision));
	out->config[13] = 0x01; /* AES is there */
	out->config[14] = 0x01; /* on an I2C bus */
	out->config[86] = out->data_is_locked ? LOCKED : UNLOCKED;
	out->config[87] = out->config_is_locked ? LOCKED : UNLOCKED;
	return OK;
}

static status
take_words(const struct conf *c, struct part_profile *out, struct diag *d)
{
	status s = take_text(c, "name", out->name, d);
	size_t len;

	if (s == OK) {
		s = take_text(c, "model", out->model, d);
	}
	if (s == OK) {
		s = take_text(c, "part_number", out->part_number, d);
	}
	for (size_t i = 0; s == OK && i < PART_SLOTS; i++) {
		s = take_text(c, slot_keys[i], out->use[i], d);
	}
	if (s == OK && (out->name[0] == '\0' || out->model[0] == '\0')) {
		s = diag_set(d, BAD_INPUT, NULL, "name and model must not be empty");
	}
	if (s == OK && read_hex(conf_text(c, "", "otp"), out->otp, PART_OTP_LEN, &len) != OK) {
		s = diag_set(d, BAD_INPUT, NULL, "otp: at most %d bytes as hex digits are wanted",
			PART_OTP_LEN);
	}
	return s;
}

status
part_profile_read(span text, struct part_profile *out, struct diag *d)
{
	struct arena *a = arena_new(PROFILE_ARENA_MAX);
	struct conf_key keys[KEY_COUNT];
	struct conf *c = NULL;
	status s = NO_MEMORY;

	*out = (struct part_profile){ 0 };
	if (a == NULL) {
		return diag_set(d, NO_MEMORY, NULL, "no memory for a profile");
	}
	fill_keys(keys);
	s = conf_read(a, text, keys, KEY_COUNT, &c, d);
	if (s == OK) {
		s = take_words(c, out, d);
	}
	if (s == OK) {
		s = take_zone(c, out, d);
	}
	arena_free(a);
	return s;
}

/* --- the built-in ones --- */

static span (*const built_in_texts[])(void) = {
	part_profile_text_trustflex_tls,
	part_profile_text_trustflex_tls_locked,
	part_profile_text_trustngo_tls,
	part_profile_text_blank,
};
static struct part_profile built_in[COUNT_OF(built_in_texts)];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void
read_built_in(void)
{
	for (size_t i = 0; i < COUNT_OF(built_in); i++) {
		struct diag d = { 0 };

		if (part_profile_read(built_in_texts[i](), &built_in[i], &d) != OK) {
			fprintf(stderr, "profile %zu: %s\n", i, d.text);
			abort(); /* it was built in so */
		}
	}
}

size_t
part_profile_count(void)
{
	return COUNT_OF(built_in);
}

const struct part_profile *
part_profile_at(size_t i)
{
	pthread_once(&once, read_built_in);
	return i < COUNT_OF(built_in) ? &built_in[i] : NULL;
}

const struct part_profile *
part_profile_find(const char *name)
{
	for (size_t i = 0; i < COUNT_OF(built_in); i++) {
		if (strcmp(part_profile_at(i)->name, name) == 0) {
			return part_profile_at(i);
		}
	}
	return NULL;
}

/* How much of the number the profile's own covers, 0: none. A part of another revision (the letter behind "ATECC608") is
 * the same kind, but comes second. */
static size_t
match(const char *own, const char *number)
{
	const size_t letter = strlen("ATECC608");
	size_t len = strlen(own);

	if (strncmp(own, number, len) == 0) {
		return 2 * len + 1;
	}
	if (len > letter && strlen(number) >= len && strncmp(own, number, letter) == 0 &&
		isalpha((unsigned char)number[letter]) &&
		strncmp(own + letter + 1, number + letter + 1, len - letter - 1) == 0) {
		return 2 * len;
	}
	return 0;
}

const struct part_profile *
part_profile_of_part(const char *part_number)
{
	const struct part_profile *best = NULL;
	size_t most = 1; /* an empty part number matches nobody */

	for (size_t i = 0; i < COUNT_OF(built_in); i++) {
		size_t length = match(part_profile_at(i)->part_number, part_number);

		if (length > most) {
			most = length;
			best = part_profile_at(i);
		}
	}
	return best;
}
