#include "element/compressed.h"

#include <stdio.h>

#include "base/check.h"
#include "base/text.h"
#include "pki/tbs_certificate.h"

#define MAGIC "TCT\x01"
#define MAGIC_LEN 4
#define HEAD_LEN (MAGIC_LEN + 3 * COMPRESSED_FIELDS)
#define SIGNER_WORD "Signer "
#define SIGNER_DIGITS 4
#define CHIP_DIGITS (2 * CHIP_SERIAL_LEN)
#define UTC_TIME_LEN 13
#define GENERALIZED_TIME_LEN 15
#define KEY_ID_LEN 20
#define HASHED_SERIAL_LEN 16
#define YEARS_MAX 31
#define YEAR_FIRST 2000
#define YEAR_LAST 2031 /* five bits */
#define DATES_AT 64
#define SIGNER_AT 67
#define NO_END INT64_C(253402300799) /* 9999-12-31T23:59:59Z: RFC 5280 4.1.2.5 */

enum field {
	SERIAL,
	NOT_BEFORE,
	NOT_AFTER,
	SIGNER_ISSUER,
	SIGNER_SUBJECT,
	POINT,
	SUBJECT_KEY_ID,
	AUTHORITY_KEY_ID,
	CHIP_SERIAL
};

enum source { SOURCE_CHIP = 8, SOURCE_SIGNER = 9, SOURCE_POINT = 0xA, SOURCE_CHIP_HASH = 0xB };

struct shape {
	struct {
		size_t at, len;
	} fields[COMPRESSED_FIELDS];
	span tbs;
};

/* What goes into a TBSCertificate, from whichever side. */
struct filling {
	uint8_t dates[3], signer[2];
	enum source source;
	struct civil from;
	unsigned years;
	uint8_t serial[SERIAL_MAX_LEN];
	size_t serial_len;
};

/* --- the dates' 24 bits --- */

static bool
civil_equal(struct civil a, struct civil b)
{
	return a.year == b.year && a.month == b.month && a.day == b.day && a.hour == b.hour &&
	       a.minute == b.minute && a.second == b.second;
}

/* A 29 February that the last year does not have is 1 March, as the factory's signer has it. */
static int64_t
end_of(struct civil from, unsigned years)
{
	from.year += (int)years;
	return years == 0 ? NO_END : civil_to_time(from);
}

static void
pack_dates(struct filling *f)
{
	uint32_t bits = (uint32_t)(f->from.year - YEAR_FIRST) << 19 |
			(uint32_t)f->from.month << 15 | (uint32_t)f->from.day << 10 |
			(uint32_t)f->from.hour << 5 | f->years;

	f->dates[0] = (uint8_t)(bits >> 16);
	f->dates[1] = (uint8_t)(bits >> 8);
	f->dates[2] = (uint8_t)bits;
}

static status
unpack_dates(struct filling *f, struct diag *d)
{
	uint32_t bits = (uint32_t)f->dates[0] << 16 | (uint32_t)f->dates[1] << 8 | f->dates[2];
	struct civil c = { .year = YEAR_FIRST + (int)(bits >> 19),
		.month = (int)(bits >> 15 & 15),
		.day = (int)(bits >> 10 & 31),
		.hour = (int)(bits >> 5 & 31) };

	if (c.month < 1 || c.month > 12 || c.day < 1 || c.hour > 23 ||
		!civil_equal(civil_from_time(civil_to_time(c)), c)) {
		return diag_set(d, BAD_INPUT, "RFC 5280 4.1.2.5",
			"the compressed certificate's date is none: %04d-%02d-%02d %02d h", c.year,
			c.month, c.day, c.hour);
	}
	f->from = c;
	f->years = bits & 31;
	return OK;
}

static status
take_dates(const struct certificate_view *c, struct filling *f, struct diag *d)
{
	struct civil from = civil_from_time(c->not_before_s);
	struct civil to = civil_from_time(c->not_after_s);
	char begins[TIME_TEXT_MAX], ends[TIME_TEXT_MAX];

	time_text(begins, c->not_before_s);
	time_text(ends, c->not_after_s);
	if (from.minute != 0 || from.second != 0) {
		return diag_set(d, BAD_INPUT, NULL,
			"it begins at %s: 72 bytes have no minutes and no seconds", begins);
	}
	if (from.year < YEAR_FIRST || from.year > YEAR_LAST) {
		return diag_set(d, BAD_INPUT, NULL,
			"it begins at %s: 72 bytes have the years %d to %d only", begins,
			YEAR_FIRST, YEAR_LAST);
	}
	f->from = from;
	f->years = 0;
	if (c->not_after_s != NO_END) {
		if (to.year <= from.year || to.year - from.year > YEARS_MAX ||
			end_of(from, (unsigned)(to.year - from.year)) != c->not_after_s) {
			return diag_set(d, BAD_INPUT, NULL,
				"it lasts from %s to %s: 72 bytes have 1 to %d whole years, or no "
				"end",
				begins, ends, YEARS_MAX);
		}
		f->years = (unsigned)(to.year - from.year);
	}
	pack_dates(f);
	return OK;
}

/* --- the serial number --- */

/* Of these parts by this source. False: a part is wanted that is not known. */
static bool
make_serial(struct filling *f, const uint8_t point[POINT_P256_LEN], const uint8_t *chip)
{
	uint8_t hash[32];

	f->serial[0] = 0x40;
	switch (f->source) {
	case SOURCE_SIGNER:
		memcpy(f->serial + 1, f->signer, sizeof(f->signer));
		f->serial_len = 1 + sizeof(f->signer);
		return true;
	case SOURCE_CHIP:
		if (chip != NULL) {
			memcpy(f->serial + 1, chip, CHIP_SERIAL_LEN);
			f->serial_len = 1 + CHIP_SERIAL_LEN;
		}
		return chip != NULL;
	case SOURCE_CHIP_HASH:
		if (chip == NULL) {
			return false;
		}
		sha256_two(span_of(chip, CHIP_SERIAL_LEN), SPAN_ARRAY(f->dates), hash);
		break;
	default:
		sha256_two(span_of(point, POINT_P256_LEN), SPAN_ARRAY(f->dates), hash);
	}
	memcpy(f->serial, hash, HASHED_SERIAL_LEN);
	f->serial[0] = (uint8_t)((hash[0] & 0x7F) | 0x40);
	f->serial_len = HASHED_SERIAL_LEN;
	return true;
}

static status
find_source(
	const struct certificate_view *c, const uint8_t *chip, struct filling *f, struct diag *d)
{
	static const enum source sources[] = { SOURCE_POINT, SOURCE_CHIP_HASH, SOURCE_CHIP,
		SOURCE_SIGNER };

	for (size_t i = 0; i < COUNT_OF(sources); i++) {
		f->source = sources[i];
		if (make_serial(f, c->key.point, chip) &&
			span_equal(c->serial, span_of(f->serial, f->serial_len))) {
			return OK;
		}
	}
	return diag_set(d, BAD_INPUT, NULL,
		"its serial number is made of neither key, chip nor signer: 72 bytes cannot carry "
		"it");
}

/* --- templates --- */

static bool
is_upper_hex(const uint8_t *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (!((text[i] >= '0' && text[i] <= '9') || (text[i] >= 'A' && text[i] <= 'F'))) {
			return false;
		}
	}
	return true;
}

/* "... Signer 2A00": its digits. Empty: the name ends otherwise. */
static span
signer_digits(const struct name *n)
{
	span cn = name_get(n, OID_COMMON_NAME), word = span_text(SIGNER_WORD);
	size_t len = word.len + SIGNER_DIGITS;

	if (cn.len < len || !span_equal(span_slice(cn, cn.len - len, word.len), word) ||
		!is_upper_hex(cn.data + cn.len - SIGNER_DIGITS, SIGNER_DIGITS)) {
		return (span){ NULL, 0 };
	}
	return span_slice(cn, cn.len - SIGNER_DIGITS, SIGNER_DIGITS);
}

static span
chip_digits(const struct name *n)
{
	span cn = name_get(n, OID_COMMON_NAME);

	if (cn.len != 2 + CHIP_DIGITS || memcmp(cn.data, "sn", 2) != 0 ||
		!is_upper_hex(cn.data + 2, CHIP_DIGITS)) {
		return (span){ NULL, 0 };
	}
	return span_slice(cn, 2, CHIP_DIGITS);
}

static void
put_field(struct shape *s, enum field field, span place)
{
	if (place.len > 0) {
		s->fields[field].at = (size_t)(place.data - s->tbs.data);
		s->fields[field].len = place.len;
	}
}

static status
find_dates(const struct certificate_view *c, struct shape *s, struct diag *d)
{
	static const enum field fields[] = { NOT_BEFORE, NOT_AFTER };
	const uint8_t *behind = c->issuer.der.data + c->issuer.der.len;
	struct der_cursor at =
		der_cursor_of(span_of(behind, (size_t)(c->tbs.data + c->tbs.len - behind)),
			"RFC 5280 4.1.2.5", d);
	struct der_cursor validity;
	status r = der_enter(&at, DER_SEQUENCE, "validity", &validity);

	for (size_t i = 0; r == OK && i < COUNT_OF(fields); i++) {
		uint8_t tag =
			der_next_is(&validity, DER_UTC_TIME) ? DER_UTC_TIME : DER_GENERALIZED_TIME;
		span digits;

		r = der_read(&validity, tag, "Time", &digits);
		if (r == OK) {
			put_field(s, fields[i], digits);
		}
	}
	return r;
}

static status
find_key_ids(const struct certificate_view *c, struct shape *s, struct diag *d)
{
	uint8_t id[KEY_ID_LEN];

	public_key_id(&c->key, id);
	if (c->subject_key_id.len > 0 && !span_equal(c->subject_key_id, SPAN_ARRAY(id))) {
		return diag_set(d, BAD_INPUT, "RFC 5280 4.2.1.2",
			"the subject key id is not the SHA-1 of the key");
	}
	if (c->authority_key_id.len > 0 && c->authority_key_id.len != KEY_ID_LEN) {
		return diag_set(d, BAD_INPUT, "RFC 5280 4.2.1.1",
			"the authority key id has %zu bytes: it is no SHA-1",
			c->authority_key_id.len);
	}
	put_field(s, SUBJECT_KEY_ID, c->subject_key_id);
	put_field(s, AUTHORITY_KEY_ID, c->authority_key_id);
	return OK;
}

static status
find_fields(const struct certificate_view *c, struct shape *s, struct diag *d)
{
	span of_issuer = signer_digits(&c->issuer), of_subject = signer_digits(&c->subject);
	status r;

	*s = (struct shape){ .tbs = c->tbs };
	if (c->key.kind != KEY_P256 || c->signature_kind != SIGNATURE_ECDSA_SHA256) {
		return diag_set(d, BAD_INPUT, NULL,
			"72 bytes hold a certificate for P-256, signed with P-256 and SHA-256, "
			"only");
	}
	if (c->tbs.len > COMPRESSED_TBS_MAX) {
		return diag_set(d, LIMIT, NULL,
			"a certificate of %zu bytes is too long for a template", c->tbs.len);
	}
	put_field(s, SERIAL, c->serial);
	put_field(s, SIGNER_SUBJECT, of_subject);
	if (of_subject.len == 0 || span_equal(of_issuer, of_subject)) {
		put_field(s, SIGNER_ISSUER, of_issuer); /* one id is all that is carried */
	}
	put_field(s, POINT,
		span_slice(c->key.spki, c->key.spki.len - POINT_P256_LEN, POINT_P256_LEN));
	put_field(s, CHIP_SERIAL, chip_digits(&c->subject));
	r = find_dates(c, s, d);
	return r == OK ? find_key_ids(c, s, d) : r;
}

static span
field_of(const struct shape *s, enum field field)
{
	return span_slice(s->tbs, s->fields[field].at, s->fields[field].len);
}

static void
blank(const struct shape *s, uint8_t *tbs)
{
	for (size_t i = 0; i < COMPRESSED_FIELDS; i++) {
		memset(tbs + s->fields[i].at, 0, s->fields[i].len);
	}
}

status
compressed_template_of(span certificate, struct buffer *out, struct diag *d)
{
	struct certificate_view c;
	struct shape s;
	uint8_t *tbs;
	status r = certificate_read(certificate, &c, d);

	if (r == OK) {
		r = find_fields(&c, &s, d);
	}
	if (r != OK) {
		return r;
	}
	buffer_put(out, span_of(MAGIC, MAGIC_LEN));
	for (size_t i = 0; i < COMPRESSED_FIELDS; i++) {
		buffer_put_byte(out, (uint8_t)(s.fields[i].at >> 8));
		buffer_put_byte(out, (uint8_t)s.fields[i].at);
		buffer_put_byte(out, (uint8_t)s.fields[i].len);
	}
	tbs = buffer_grow(out, s.tbs.len);
	if (tbs == NULL) {
		return diag_set(d, NO_MEMORY, NULL, "no memory for a template");
	}
	memcpy(tbs, s.tbs.data, s.tbs.len);
	blank(&s, tbs);
	return OK;
}

static bool
length_fits(enum field field, size_t len)
{
	switch (field) {
	case SERIAL:
		return len >= 1 && len <= SERIAL_MAX_LEN;
	case NOT_BEFORE:
	case NOT_AFTER:
		return len == UTC_TIME_LEN || len == GENERALIZED_TIME_LEN;
	case SIGNER_ISSUER:
	case SIGNER_SUBJECT:
		return len == 0 || len == SIGNER_DIGITS;
	case POINT:
		return len == POINT_P256_LEN;
	case CHIP_SERIAL:
		return len == 0 || len == CHIP_DIGITS;
	default:
		return len == 0 || len == KEY_ID_LEN;
	}
}

static bool
is_apart(const struct shape *s, size_t field)
{
	size_t at = s->fields[field].at, end = at + s->fields[field].len;

	for (size_t i = 0; i < field; i++) {
		if (at < s->fields[i].at + s->fields[i].len && s->fields[i].at < end) {
			return false;
		}
	}
	return true;
}

static status
template_read(span template, struct shape *s, struct diag *d)
{
	*s = (struct shape){ .tbs = span_slice(template, HEAD_LEN, SIZE_MAX) };
	if (template.len <= HEAD_LEN || memcmp(template.data, MAGIC, MAGIC_LEN) != 0 ||
		s->tbs.len > COMPRESSED_TBS_MAX) {
		return diag_set(d, BAD_INPUT, NULL, "this is no template of a certificate");
	}
	for (size_t i = 0; i < COMPRESSED_FIELDS; i++) {
		const uint8_t *entry = template.data + MAGIC_LEN + 3 * i;
		size_t at = (size_t)entry[0] << 8 | entry[1], len = entry[2];

		s->fields[i].at = at;
		s->fields[i].len = len;
		if (!length_fits((enum field)i, len) || at > s->tbs.len || len > s->tbs.len - at ||
			(len == 0 && at != 0) || !is_apart(s, i)) {
			return diag_set_at(d, BAD_INPUT, NULL, MAGIC_LEN + 3 * i,
				"the template's field %zu has no place in it", i);
		}
	}
	return OK;
}

/* --- rebuilding --- */

/* "2301021500" and its like, of 13 or 15 characters. False: a year that UTCTime does not have. */
static bool
put_time(uint8_t *out, size_t len, int64_t time_s)
{
	struct civil c = civil_from_time(time_s);
	char text[48];
	int printed;

	if (len == UTC_TIME_LEN && (c.year < 1950 || c.year > 2049)) {
		return false;
	}
	printed = len == UTC_TIME_LEN ? snprintf(text, sizeof(text), "%02d", c.year % 100)
				      : snprintf(text, sizeof(text), "%04d", c.year);
	if (printed < 0) {
		return false;
	}
	snprintf(text + printed, sizeof(text) - (size_t)printed, "%02d%02d%02d%02d%02dZ", c.month,
		c.day, c.hour, c.minute, c.second);
	memcpy(out, text, len);
	return true;
}

static void
put_digits(uint8_t *out, span bytes)
{
	static const char digits[] = "0123456789ABCDEF";

	for (size_t i = 0; i < bytes.len; i++) {
		out[2 * i] = (uint8_t)digits[bytes.data[i] >> 4];
		out[2 * i + 1] = (uint8_t)digits[bytes.data[i] & 15];
	}
}

static status
fill_dates(uint8_t *tbs, const struct shape *s, const struct filling *f, struct diag *d)
{
	if (!put_time(tbs + s->fields[NOT_BEFORE].at, s->fields[NOT_BEFORE].len,
		    civil_to_time(f->from)) ||
		!put_time(tbs + s->fields[NOT_AFTER].at, s->fields[NOT_AFTER].len,
			end_of(f->from, f->years))) {
		return diag_set(d, BAD_INPUT, "RFC 5280 4.1.2.5",
			"the template has a UTCTime where the year is beyond 2049");
	}
	return OK;
}

static void
key_id_of(const uint8_t point[POINT_P256_LEN], uint8_t id[KEY_ID_LEN])
{
	uint8_t octets[1 + POINT_P256_LEN] = { 0x04 };

	memcpy(octets + 1, point, POINT_P256_LEN);
	sha1(SPAN_ARRAY(octets), id);
}

static status
fill_key_ids(
	uint8_t *tbs, const struct shape *s, const struct compressed_parts *parts, struct diag *d)
{
	uint8_t id[KEY_ID_LEN];

	if (s->fields[SUBJECT_KEY_ID].len > 0) {
		key_id_of(parts->point, tbs + s->fields[SUBJECT_KEY_ID].at);
	}
	if (s->fields[AUTHORITY_KEY_ID].len == 0) {
		return OK;
	}
	if (parts->issuer_point != NULL) {
		key_id_of(parts->issuer_point, id);
	} else if (parts->authority_key_id.len == KEY_ID_LEN) {
		memcpy(id, parts->authority_key_id.data, KEY_ID_LEN);
	} else {
		return diag_set(d, BAD_INPUT, "RFC 5280 4.2.1.1",
			"the certificate names its issuer's key, and that is not known");
	}
	memcpy(tbs + s->fields[AUTHORITY_KEY_ID].at, id, KEY_ID_LEN);
	return OK;
}

static status
fill(uint8_t *tbs, const struct shape *s, const struct filling *f,
	const struct compressed_parts *parts, struct diag *d)
{
	static const enum field signers[] = { SIGNER_ISSUER, SIGNER_SUBJECT };
	status r;

	if (s->fields[SERIAL].len != f->serial_len) {
		return diag_set(d, BAD_INPUT, NULL,
			"the template's serial number has %zu bytes, this source's %zu",
			s->fields[SERIAL].len, f->serial_len);
	}
	memcpy(tbs + s->fields[SERIAL].at, f->serial, f->serial_len);
	memcpy(tbs + s->fields[POINT].at, parts->point, POINT_P256_LEN);
	for (size_t i = 0; i < COUNT_OF(signers); i++) {
		if (s->fields[signers[i]].len > 0) {
			put_digits(tbs + s->fields[signers[i]].at, SPAN_ARRAY(f->signer));
		}
	}
	if (s->fields[CHIP_SERIAL].len > 0) {
		if (parts->chip_serial == NULL) {
			return diag_set(d, BAD_INPUT, NULL,
				"the certificate names its chip, whose serial number is not known");
		}
		put_digits(tbs + s->fields[CHIP_SERIAL].at,
			span_of(parts->chip_serial, CHIP_SERIAL_LEN));
	}
	r = fill_dates(tbs, s, f, d);
	return r == OK ? fill_key_ids(tbs, s, parts, d) : r;
}

/* The 72 bytes without the signature. */
static status
read_compressed(const uint8_t compressed[COMPRESSED_LEN], const struct compressed_parts *parts,
	struct filling *f, struct diag *d)
{
	status r;

	*f = (struct filling){ .source = (enum source)(compressed[70] >> 4) };
	memcpy(f->dates, compressed + DATES_AT, sizeof(f->dates));
	memcpy(f->signer, compressed + SIGNER_AT, sizeof(f->signer));
	if ((compressed[70] & 15) != 0 || compressed[71] != 0) {
		return diag_set(d, BAD_INPUT, NULL,
			"a compressed certificate of format %u, whose last byte is %02x: "
			"only format 0 is known",
			compressed[70] & 15u, compressed[71]);
	}
	if (f->source < SOURCE_CHIP || f->source > SOURCE_CHIP_HASH) {
		return diag_set(d, BAD_INPUT, NULL,
			"the compressed certificate's serial number is kept elsewhere (source %X)",
			(unsigned)f->source);
	}
	r = unpack_dates(f, d);
	if (r == OK && !make_serial(f, parts->point, parts->chip_serial)) {
		r = diag_set(d, BAD_INPUT, NULL,
			"the serial number is made of the chip's, which is not known");
	}
	return r;
}

status
compressed_rebuild(span template, const uint8_t compressed[COMPRESSED_LEN],
	const struct compressed_parts *parts, struct buffer *out, struct diag *d)
{
	uint8_t tbs[COMPRESSED_TBS_MAX], signature[72];
	size_t before = out->len, signature_len;
	struct certificate_view made;
	struct filling f;
	struct shape s;
	status r = template_read(template, &s, d);

	if (r == OK) {
		r = read_compressed(compressed, parts, &f, d);
	}
	if (r != OK) {
		return r;
	}
	memcpy(tbs, s.tbs.data, s.tbs.len);
	r = fill(tbs, &s, &f, parts, d);
	if (r == OK) {
		signature_raw_to_der(compressed, signature, &signature_len);
		r = signed_object_write(span_of(tbs, s.tbs.len), SIGNATURE_ECDSA_SHA256,
			span_of(signature, signature_len), out, d);
	}
	if (r == OK) {
		r = certificate_read(span_slice(buffer_span(out), before, SIZE_MAX), &made, d);
	}
	if (r != OK) {
		out->len = before;
	}
	return r;
}

/* --- writing --- */

/* Outside its fields it is the template. */
static status
judge_shape(const struct certificate_view *c, const struct shape *s, struct diag *d)
{
	uint8_t tbs[COMPRESSED_TBS_MAX];

	if (c->tbs.len != s->tbs.len) {
		return diag_set(d, BAD_INPUT, NULL,
			"it is not of this template: %zu bytes to be signed, the template has %zu",
			c->tbs.len, s->tbs.len);
	}
	memcpy(tbs, c->tbs.data, c->tbs.len);
	blank(s, tbs);
	for (size_t i = 0; i < s->tbs.len; i++) {
		if (tbs[i] != s->tbs.data[i]) {
			return diag_set_at(d, BAD_INPUT, NULL, i,
				"it is not of this template: it differs at byte %zu", i);
		}
	}
	return OK;
}

/* The digits that stand in a field; `out` stays where the template has none. */
static status
take_digits(const struct shape *s, enum field field, uint8_t *out, struct diag *d)
{
	span digits = field_of(s, field);

	if (digits.len > 0 && (!is_upper_hex(digits.data, digits.len) ||
				      hex_decode(digits, out, digits.len / 2) != OK)) {
		return diag_set(d, BAD_INPUT, NULL,
			"%.*s are no upper-case digits: 72 bytes cannot carry them",
			(int)digits.len, (const char *)digits.data);
	}
	return OK;
}

static status
take_filling(const struct certificate_view *c, const struct shape *s, uint8_t chip[CHIP_SERIAL_LEN],
	struct filling *f, struct diag *d)
{
	status r = take_dates(c, f, d);

	if (r == OK) {
		r = take_digits(s, SIGNER_ISSUER, f->signer, d);
	}
	if (r == OK) {
		r = take_digits(s, SIGNER_SUBJECT, f->signer, d);
	}
	if (r == OK) {
		r = take_digits(s, CHIP_SERIAL, chip, d);
	}
	return r == OK ? find_source(c, s->fields[CHIP_SERIAL].len > 0 ? chip : NULL, f, d) : r;
}

/* The certificate itself, once more. */
static status
prove(const struct certificate_view *c, span template, const uint8_t compressed[COMPRESSED_LEN],
	const uint8_t chip[CHIP_SERIAL_LEN], struct diag *d)
{
	const struct compressed_parts parts = {
		.point = c->key.point, .authority_key_id = c->authority_key_id, .chip_serial = chip
	};
	struct buffer made;
	status r;

	buffer_init(&made, CERTIFICATE_SIZE_MAX);
	r = compressed_rebuild(template, compressed, &parts, &made, d);
	if (r == OK && !span_equal(buffer_span(&made), c->der)) {
		r = diag_set(d, BAD_INPUT, NULL,
			"72 bytes cannot carry it: what they give back is another certificate");
	}
	buffer_wipe(&made);
	return r;
}

status
compressed_write(span certificate, span template, struct compressed_ids ids,
	uint8_t out[COMPRESSED_LEN], struct diag *d)
{
	uint8_t chip[CHIP_SERIAL_LEN] = { 0 };
	struct filling f = { .years = 0 };
	struct certificate_view c;
	struct shape s;
	status r = certificate_read(certificate, &c, d);

	if (r == OK && (ids.template_id > 15 || ids.chain_id > 15)) {
		r = diag_set(d, BAD_INPUT, NULL, "a template's and a chain's id are 0 to 15");
	}
	if (r == OK) {
		r = template_read(template, &s, d);
	}
	if (r == OK && (c.key.kind != KEY_P256 || c.signature_kind != SIGNATURE_ECDSA_SHA256 ||
			       signature_der_to_raw(c.signature, out) != OK)) {
		r = diag_set(d, BAD_INPUT, NULL,
			"72 bytes hold a certificate for P-256, signed with P-256 and SHA-256, "
			"only");
	}
	if (r == OK) {
		r = judge_shape(&c, &s, d);
	}
	if (r == OK) {
		s.tbs = c.tbs; /* the fields are read where the template has them */
		r = take_filling(&c, &s, chip, &f, d);
	}
	if (r != OK) {
		return r;
	}
	memcpy(out + DATES_AT, f.dates, sizeof(f.dates));
	memcpy(out + SIGNER_AT, f.signer, sizeof(f.signer));
	out[69] = (uint8_t)(ids.template_id << 4 | ids.chain_id);
	out[70] = (uint8_t)((unsigned)f.source << 4);
	out[71] = 0;
	return prove(&c, template, out, chip, d);
}
