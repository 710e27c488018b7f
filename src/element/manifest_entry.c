#include "base/text.h"
#include "element/manifest_chain.h"
#include "element/scan.h"

/*
 * One entry:
 *
 *   JWS         {payload, protected, header {uniqueId}, signature}           exactly these (RFC 7515 7.2.2)
 *   protected   {alg "ES256", kid, x5t#S256, typ ...}                        names the pin
 *   payload     {version, model, partNumber, provisioningTimestamp, uniqueId,
 *                publicKeySet {keys [{kid, kty, crv, x, y, x5c}]} ...}
 *
 * The signature is checked before a byte of the payload is looked at.
 */
#define PROTECTED_MAX 1024
#define JWS "RFC 7515 7.2.2"

struct jws {
	span payload, protected_header, signature; /* base64url as in the file */
	span unique_id;				   /* unsigned */
};

struct judge {
	struct arena *arena;
	const struct manifest_trust *trust;
	struct manifest_cache *cache;
	struct manifest_entry *out;
	struct diag *diag;
	struct scan
		document; /* the one that is read at present: the entry, its header, its payload */
};

static status
no_memory(struct diag *d)
{
	return diag_set(d, NO_MEMORY, NULL, "no memory to judge a manifest entry");
}

static status
text_of(struct judge *j, span value, span *out)
{
	return scan_text(j->arena, value, out) == OK ? OK : no_memory(j->diag);
}

/* --- the envelope --- */

static status
read_jws(struct judge *j, span entry, struct jws *out)
{
	struct scan_member members[] = { { "payload", SCAN_TEXT, true },
		{ "protected", SCAN_TEXT, true }, { "header", SCAN_OBJECT, true },
		{ "signature", SCAN_TEXT, true } };
	struct scan_member header[] = { { "uniqueId", SCAN_TEXT, true } };
	struct scan *document = &j->document;
	status s = scan_document(entry, document, j->diag);

	if (s == OK) {
		s = scan_members_only(document, document->value, "manifest entry", members, 4);
	}
	/* RFC 7515 7.2.1: nothing may stand in both headers; the vendor's has the index alone. */
	if (s == OK) {
		s = scan_members_only(document, members[2].value, "header", header, 1);
	}
	if (s == OK) {
		s = text_of(j, members[0].value, &out->payload);
	}
	if (s == OK) {
		s = text_of(j, members[1].value, &out->protected_header);
	}
	if (s == OK) {
		s = text_of(j, members[3].value, &out->signature);
	}
	return s == OK ? text_of(j, header[0].value, &out->unique_id) : s;
}

/* Exactly `len` bytes of base64url. */
static status
read_fixed(struct judge *j, span value, const char *what, uint8_t *out, size_t len)
{
	uint8_t bytes[96];
	size_t n = 0;
	span text;
	status s = text_of(j, value, &text);

	if (s != OK) {
		return s;
	}
	if (base64url_decode(text, bytes, sizeof(bytes), &n) != OK || n != len) {
		return diag_set(j->diag, BAD_INPUT, "RFC 7515 2",
			"%s is not %zu bytes in base64url", what, len);
	}
	memcpy(out, bytes, len);
	return OK;
}

static status
unknown_signer(struct judge *j, const uint8_t kid[20], bool is_kid_known)
{
	char name[28];
	size_t count;
	const struct manifest_vendor_pin *vendor = manifest_vendor_pins(&count);

	base64url_encode(name, span_of(kid, 20));
	if (is_kid_known) {
		return diag_set(j->diag, NOT_FOUND, "RFC 7515 4.1.8",
			"the pinned signer with key id %s has another certificate than x5t#S256 "
			"names",
			name);
	}
	for (size_t i = 0; i < count; i++) {
		if (memcmp(vendor[i].kid, kid, 20) == 0) {
			return diag_set(j->diag, NOT_FOUND, NULL,
				"signed by %s of the chip maker (key id %s), which is not pinned: "
				"add "
				"its certificate",
				vendor[i].name, name);
		}
	}
	return diag_set(j->diag, NOT_FOUND, NULL,
		"no pinned signer has the key id %s: add its certificate if you trust it", name);
}

static status
find_pin(struct judge *j, const uint8_t kid[20], const uint8_t x5t[32])
{
	bool is_kid_known = false;

	for (size_t i = 0; i < j->trust->pin_count; i++) {
		const struct manifest_pin *p = &j->trust->pins[i];

		if (memcmp(p->kid, kid, sizeof(p->kid)) != 0) {
			continue;
		}
		if (memcmp(p->x5t_sha256, x5t, sizeof(p->x5t_sha256)) == 0) {
			j->out->pin = p;
			return OK;
		}
		is_kid_known = true;
	}
	return unknown_signer(j, kid, is_kid_known);
}

static status
read_protected(struct judge *j, span encoded)
{
	struct scan_member m[] = { { "alg", SCAN_TEXT, true }, { "kid", SCAN_TEXT, true },
		{ "x5t#S256", SCAN_TEXT, true }, { "crit", SCAN_ANY, false },
		{ "b64", SCAN_ANY, false } };
	uint8_t bytes[PROTECTED_MAX], kid[20], x5t[32];
	struct scan *document = &j->document;
	span algorithm;
	size_t len;
	status s;

	j->out->pin = manifest_cache_pin(j->cache, j->trust, encoded);
	if (j->out->pin != NULL) {
		return OK;
	}
	if (base64url_decode(encoded, bytes, sizeof(bytes), &len) != OK) {
		return diag_set(j->diag, BAD_INPUT, "RFC 7515 2",
			"protected is not base64url of at most %d bytes", PROTECTED_MAX);
	}
	s = scan_document(span_of(bytes, len), document, j->diag);
	if (s == OK) {
		s = scan_members(document, document->value, "protected", m, 5);
	}
	if (s == OK) {
		s = text_of(j, m[0].value, &algorithm);
	}
	if (s != OK) {
		return s;
	}
	if (!span_is(algorithm, "ES256")) {
		return diag_set(j->diag, BAD_INPUT, "RFC 7518 3.1",
			"alg is \"%.*s\": only ES256 is taken",
			(int)(algorithm.len < 20 ? algorithm.len : 20),
			(const char *)algorithm.data);
	}
	if (m[3].value.len > 0 || m[4].value.len > 0) {
		return diag_set(j->diag, BAD_INPUT, "RFC 7515 4.1.11",
			"protected: an extension that must be understood is not");
	}
	s = read_fixed(j, m[1].value, "kid", kid, sizeof(kid));
	if (s == OK) {
		s = read_fixed(j, m[2].value, "x5t#S256", x5t, sizeof(x5t));
	}
	if (s == OK) {
		s = find_pin(j, kid, x5t);
	}
	if (s == OK) {
		manifest_cache_remember_pin(j->cache, j->trust, encoded, j->out->pin);
	}
	return s;
}

/* RFC 7515 5.2 step 8: over the very characters of the file, protected "." payload. */
static status
verify_signature(struct judge *j, const struct jws *jws)
{
	size_t head_len = jws->protected_header.len;
	uint8_t head[PROTECTED_MAX * 4 / 3 + 3], digest[32], raw[96];
	size_t raw_len = 0;
	status s;

	if (base64url_decode(jws->signature, raw, sizeof(raw), &raw_len) != OK ||
		raw_len != SIGNATURE_RAW_LEN) {
		return diag_set(j->diag, BAD_INPUT, "RFC 7518 3.4",
			"signature is not 64 bytes in base64url");
	}
	if (head_len >= sizeof(head)) {
		return diag_set(j->diag, BUG, NULL, "a protected header longer than was read");
	}
	memcpy(head, jws->protected_header.data, head_len);
	head[head_len] = '.';
	sha256_two(span_of(head, head_len + 1), jws->payload, digest);
	s = manifest_cache_verify(j->cache, j->out->pin->point, digest, raw);
	return s == OK ? OK
		       : diag_set(j->diag, CRYPTO, "RFC 7515 5.2",
				 "the signature does not check: the entry is not as it was signed");
}

/* --- keys and certificates --- */

static status
read_chain_list(struct judge *j, span x5c, span *chain, size_t *count)
{
	struct scan_list list = scan_list_of(&j->document, x5c);
	span value, text;
	status s = OK;

	for (*count = 0; s == OK && scan_list_next(&list, &value); ++*count) {
		if (*count > MANIFEST_CHAIN_MAX) {
			return diag_set(j->diag, LIMIT, NULL, "x5c of over %d certificates",
				MANIFEST_CHAIN_MAX + 1);
		}
		if (scan_type_of(value) != SCAN_TEXT) {
			return diag_set(
				j->diag, BAD_INPUT, "RFC 7517 4.7", "x5c is no list of texts");
		}
		s = text_of(j, value, &text);
		if (s != OK) {
			return s;
		}
		s = base64_decode(j->arena, text, &chain[*count]);
		if (s == NO_MEMORY) {
			return no_memory(j->diag);
		}
		/* Standard, padded, without white space: each leaves the length otherwise. */
		if (s != OK || text.len == 0 || text.len != (chain[*count].len + 2) / 3 * 4) {
			return diag_set(j->diag, BAD_INPUT, "RFC 7517 4.7",
				"x5c: certificate %zu is not in padded base64", *count + 1);
		}
	}
	if (*count == 0) {
		return diag_set(j->diag, BAD_INPUT, "RFC 7517 4.7", "x5c is empty");
	}
	return s;
}

/* "sn" and the serial in upper case: what the chip's certificate template puts there. */
static bool
has_serial_name(const struct certificate_view *leaf, const char *unique_id)
{
	span name = name_get(&leaf->subject, OID_COMMON_NAME);

	if (name.len != strlen(unique_id) + 2 || memcmp(name.data, "sn", 2) != 0) {
		return false;
	}
	for (size_t i = 2; i < name.len; i++) {
		char c = unique_id[i - 2];

		if (name.data[i] != (c >= 'a' ? c - 'a' + 'A' : c)) {
			return false;
		}
	}
	return true;
}

static status
read_chain(struct judge *j, span x5c, unsigned slot, const uint8_t point[64])
{
	span chain[MANIFEST_CHAIN_MAX + 1];
	struct certificate_view leaf;
	struct manifest_entry *e = j->out;
	size_t count;
	status s = read_chain_list(j, x5c, chain, &count);

	if (s == OK) {
		s = manifest_chain_verify(
			j->trust, j->cache, chain, count, e->provisioned_s, &leaf, j->diag);
	}
	if (s != OK) {
		return s;
	}
	if (leaf.key.kind != KEY_P256 || memcmp(leaf.key.point, point, POINT_P256_LEN) != 0) {
		return diag_set(j->diag, CRYPTO, "RFC 7517 4.7",
			"slot %u: the certificate's key is not the slot's", slot);
	}
	if (j->trust->wants_serial_name && !has_serial_name(&leaf, e->unique_id)) {
		return diag_set(j->diag, CRYPTO, NULL,
			"slot %u: the certificate is for another element: its name is not \"sn\" "
			"and "
			"the serial",
			slot);
	}
	if (e->leaf.len == 0) {
		e->leaf = chain[0];
		e->leaf_slot = slot;
		e->issuer_count = count - 1;
		memcpy(e->issuers, chain + 1, (count - 1) * sizeof(span));
	}
	return OK;
}

static status
read_slot(struct judge *j, span value, unsigned *out)
{
	int64_t slot;
	span text;
	status s = text_of(j, value, &text);

	if (s != OK) {
		return s;
	}
	if (number_parse(text, &slot) != OK || slot >= MANIFEST_KEYS_MAX ||
		(text.len > 1 && text.data[0] == '0')) {
		return diag_set(j->diag, BAD_INPUT, NULL,
			"publicKeySet: kid is not the number of a slot, 0 to %d",
			MANIFEST_KEYS_MAX - 1);
	}
	for (size_t i = 0; i < j->out->key_count; i++) {
		if (j->out->keys[i].slot == (unsigned)slot) {
			return diag_set(j->diag, BAD_INPUT, NULL,
				"publicKeySet: slot %d stands twice", (int)slot);
		}
	}
	*out = (unsigned)slot;
	return OK;
}

static status
read_point(struct judge *j, const struct scan_member *m, unsigned slot, uint8_t point[64])
{
	span kty, curve;
	status s = text_of(j, m[1].value, &kty);

	if (s == OK) {
		s = text_of(j, m[2].value, &curve);
	}
	if (s == OK && (!span_is(kty, "EC") || !span_is(curve, "P-256"))) {
		s = diag_set(j->diag, BAD_INPUT, "RFC 7518 6.2.1",
			"slot %u: not a key on P-256 (kty EC)", slot);
	}
	if (s == OK) {
		s = read_fixed(j, m[3].value, "x", point, 32);
	}
	if (s == OK) {
		s = read_fixed(j, m[4].value, "y", point + 32, 32);
	}
	return s;
}

static status
read_key(struct judge *j, span jwk)
{
	struct scan_member m[] = { { "kid", SCAN_TEXT, true }, { "kty", SCAN_TEXT, true },
		{ "crv", SCAN_TEXT, true }, { "x", SCAN_TEXT, true }, { "y", SCAN_TEXT, true },
		{ "x5c", SCAN_ARRAY, false }, { "d", SCAN_ANY, false } };
	struct manifest_entry *e = j->out;
	uint8_t *point = e->keys[e->key_count].point;
	struct public_key key;
	unsigned slot = 0;
	status s = scan_members(&j->document, jwk, "publicKeySet: key", m, 7);

	if (s != OK) {
		return s;
	}
	if (m[6].value.len > 0) {
		return diag_set(j->diag, BAD_INPUT, "RFC 7518 6.2.2",
			"publicKeySet: a private key stands in it: this element is compromised");
	}
	s = read_slot(j, m[0].value, &slot);
	if (s == OK) {
		s = read_point(j, m, slot, point);
	}
	/* Each way it is seen to be on the curve: a certificate's key was, and is the slot's. */
	if (s == OK) {
		s = m[5].value.len > 0 ? read_chain(j, m[5].value, slot, point)
				       : public_key_of_point(point, &key, j->diag);
	}
	if (s != OK) {
		return s;
	}
	e->keys[e->key_count++].slot = slot;
	if (slot == 1) {
		e->has_attestation_key = true;
		memcpy(e->attestation_key, point, sizeof(e->attestation_key));
	}
	return OK;
}

static status
read_keys(struct judge *j, span set)
{
	struct scan_member m[] = { { "keys", SCAN_ARRAY, true } };
	struct scan_list list;
	span jwk;
	status s = scan_members(&j->document, set, "publicKeySet", m, 1);

	if (s != OK) {
		return s;
	}
	list = scan_list_of(&j->document, m[0].value);
	while (s == OK && scan_list_next(&list, &jwk)) {
		if (j->out->key_count == MANIFEST_KEYS_MAX) {
			return diag_set(j->diag, LIMIT, NULL, "publicKeySet of over %d keys",
				MANIFEST_KEYS_MAX);
		}
		s = read_key(j, jwk);
	}
	if (s == OK && j->out->key_count == 0) {
		s = diag_set(j->diag, BAD_INPUT, NULL, "publicKeySet holds no key");
	}
	return s;
}

/* --- the payload --- */

static bool
is_unique_id(span text, span model)
{
	bool is_ecc = model.len >= 3 &&
		      (memcmp(model.data, "ATE", 3) == 0 || memcmp(model.data, "ECC", 3) == 0);

	if (text.len % 2 != 0 || text.len < 8 || text.len > ELEMENT_SERIAL_MAX) {
		return false;
	}
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.data[i];

		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) {
			return false;
		}
	}
	/* Nine bytes, the first two the maker's own, on every part of the ATECC and ECC families. */
	return !is_ecc || (text.len == 18 && memcmp(text.data, "0123", 4) == 0);
}

static status
copy_name(struct judge *j, span value, const char *what, char out[NAME_MAX_LEN + 1])
{
	span text;
	status s = text_of(j, value, &text);

	if (s != OK) {
		return s;
	}
	if (text.len == 0 || text.len > NAME_MAX_LEN || !utf8_is_printable(text)) {
		return diag_set(j->diag, BAD_INPUT, NULL,
			"%s is not a printable text of 1 to %d bytes", what, NAME_MAX_LEN);
	}
	memcpy(out, text.data, text.len);
	out[text.len] = '\0';
	return OK;
}

static status
read_identity(struct judge *j, const struct scan_member *m, span unsigned_id)
{
	struct manifest_entry *e = j->out;
	span unique_id, when;
	status s = copy_name(j, m[1].value, "model", e->model);

	if (s == OK) {
		s = copy_name(j, m[2].value, "partNumber", e->part_number);
	}
	if (s == OK) {
		s = text_of(j, m[3].value, &when);
	}
	if (s == OK) {
		s = text_of(j, m[4].value, &unique_id);
	}
	if (s != OK) {
		return s;
	}
	if (!is_unique_id(unique_id, span_text(e->model))) {
		return diag_set(j->diag, BAD_INPUT, NULL,
			"uniqueId is not a serial of this model in lower-case hex");
	}
	if (!span_equal(unique_id, unsigned_id)) {
		return diag_set(j->diag, BAD_INPUT, NULL,
			"uniqueId of the header is not the one that was signed");
	}
	memcpy(e->unique_id, unique_id.data, unique_id.len);
	e->unique_id[unique_id.len] = '\0';
	if (time_parse(when, &e->provisioned_s) != OK) {
		return diag_set(j->diag, BAD_INPUT, "RFC 3339 5.6",
			"provisioningTimestamp is not a time in UTC");
	}
	return OK;
}

/*
 * The signer must have been valid when the element was provisioned, not now: manifests outlive their
 * signers' certificates by decades.
 */
static status
judge_pin_time(struct judge *j)
{
	char when[TIME_TEXT_MAX], from[TIME_TEXT_MAX], to[TIME_TEXT_MAX];
	const struct manifest_pin *p = j->out->pin;

	if (j->out->provisioned_s >= p->not_before_s && j->out->provisioned_s <= p->not_after_s) {
		return OK;
	}
	return diag_set(j->diag, DENIED, NULL,
		"provisioned %s, when its signer was not valid (%s to %s)",
		time_text(when, j->out->provisioned_s), time_text(from, p->not_before_s),
		time_text(to, p->not_after_s));
}

static status
read_content(struct judge *j, const struct scan_member *m)
{
	struct manifest_entry *e = j->out;

	if (number_parse(m[0].value, &e->version) != OK || e->version < 1 || e->version > 3) {
		return diag_set(j->diag, BAD_INPUT, NULL, "version is not 1, 2 or 3");
	}
	e->content = e->version == 2 ? MANIFEST_IDENTITY_ONLY : MANIFEST_FULL;
	if ((e->content == MANIFEST_FULL) != (m[5].value.len > 0)) {
		return diag_set(j->diag, BAD_INPUT, NULL, "version %d %s publicKeySet",
			(int)e->version, e->version == 2 ? "has no" : "needs a");
	}
	return OK;
}

static status
read_payload(struct judge *j, span payload, span unsigned_id)
{
	/* Older documents of the vendor's spell the last one "distributer". */
	struct scan_member m[] = { { "version", SCAN_NUMBER, true }, { "model", SCAN_TEXT, true },
		{ "partNumber", SCAN_TEXT, true }, { "provisioningTimestamp", SCAN_TEXT, true },
		{ "uniqueId", SCAN_TEXT, true }, { "publicKeySet", SCAN_OBJECT, false },
		{ "manufacturer", SCAN_OBJECT, false }, { "provisioner", SCAN_OBJECT, false },
		{ "distributor", SCAN_OBJECT, false }, { "distributer", SCAN_OBJECT, false } };
	struct scan *document = &j->document;
	status s = scan_document(payload, document, j->diag);

	if (s == OK) {
		s = scan_members(document, document->value, "payload", m, 10);
	}
	if (s == OK) {
		s = read_content(j, m);
	}
	if (s == OK) {
		s = read_identity(j, m, unsigned_id);
	}
	if (s == OK) {
		s = judge_pin_time(j);
	}
	return s == OK && m[5].value.len > 0 ? read_keys(j, m[5].value) : s;
}

status
manifest_entry_verify(struct arena *a, span entry, const struct manifest_trust *t,
	struct manifest_cache *cache, struct manifest_entry *out, struct diag *d)
{
	struct judge j = { .arena = a, .trust = t, .cache = cache, .out = out, .diag = d };
	struct jws jws = { 0 };
	uint8_t *payload;
	size_t room, len = 0;
	status s;

	*out = (struct manifest_entry){ 0 };
	if (entry.len > MANIFEST_ENTRY_MAX) {
		return diag_set(d, LIMIT, NULL, "an entry of over %d bytes", MANIFEST_ENTRY_MAX);
	}
	s = read_jws(&j, entry, &jws);
	if (s == OK) {
		s = read_protected(&j, jws.protected_header);
	}
	if (s == OK) {
		s = verify_signature(&j, &jws);
	}
	if (s != OK) {
		return s;
	}
	room = jws.payload.len / 4 * 3 + 3;
	payload = arena_alloc(a, room);
	if (payload == NULL) {
		return no_memory(d);
	}
	if (base64url_decode(jws.payload, payload, room, &len) != OK) {
		return diag_set(d, BAD_INPUT, "RFC 7515 2", "payload is not base64url");
	}
	sha256(span_of(payload, len), out->payload_hash);
	return read_payload(&j, span_of(payload, len), jws.unique_id);
}

void
manifest_entry_label(span entry, char out[ELEMENT_SERIAL_MAX + 1])
{
	static const char name[] = "\"uniqueId\"";
	size_t found = span_find(entry, span_text(name)), n = 0;
	const uint8_t *at, *end;

	out[0] = '\0';
	if (found == SIZE_MAX) {
		return;
	}
	end = entry.data + entry.len;
	at = entry.data + found + sizeof(name) - 1;
	while (at < end && (*at == ' ' || *at == '\t' || *at == '\n' || *at == ':')) {
		at++;
	}
	if (at == end || *at++ != '"') {
		return;
	}
	while (at < end && n < ELEMENT_SERIAL_MAX &&
		((*at >= '0' && *at <= '9') || (*at >= 'a' && *at <= 'f'))) {
		out[n++] = (char)*at++;
	}
	out[n] = '\0';
}
