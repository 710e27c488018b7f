/*
 * Manifests: a file is split into the same entries by whatever chunks it comes; the scanner takes nothing that
 * cJSON does not take, and reads the same in it; entries, and payloads under a good signature, are judged alike
 * with and without a cache, and what is accepted is what it claims to be.
 */
#define FUZZ_MAX_LEN 8192
#include "base/json.h"
#include "base/text.h"
#include "element/manifest.h"
#include "element/scan.h"
#include "fuzz.h"

/* Signs the payloads that are tried: of this target alone. */
static const char key_pem[] = "-----BEGIN PRIVATE KEY-----\n"
			      "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgPB/ZLObGGTC9HuXb\n"
			      "ERpVo+DSG/mvvJW+2IXfqOSeH7mhRANCAAQ5TY0JmzhsVokqlUBVRHy24UV6dM+B\n"
			      "4p4xafiH/d9NHmjoSCbgMCG/+4eTzxIP1XaQL4rpt4GY/MzNQot5M0lM\n"
			      "-----END PRIVATE KEY-----\n";

static struct private_key key;
static struct manifest_pin pin = { .not_after_s = INT64_MAX };
static const struct manifest_trust trust = { .pins = &pin, .pin_count = 1 };
static const char protected_header[] =
	"{\"alg\":\"ES256\",\"kid\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAA\","
	"\"x5t#S256\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}";

static void
make_pin(void)
{
	struct public_key p;
	uint8_t spki[600];

	if (key.key == NULL) {
		HOLDS(private_key_read_plain(span_text(key_pem), &key, NULL) == OK);
		HOLDS(private_key_public(&key, spki, sizeof(spki), &p, NULL) == OK);
		memcpy(pin.point, p.point, sizeof(pin.point));
	}
}

/* --- splitting --- */

struct source {
	span bytes;
	size_t step;
};

static status
give(void *context, uint8_t *out, size_t room, size_t *len, struct diag *d)
{
	struct source *s = context;
	size_t n = s->bytes.len < s->step ? s->bytes.len : s->step;

	(void)d;
	n = n < room ? n : room;
	if (n > 0) {
		memcpy(out, s->bytes.data, n);
	}
	s->bytes = span_slice(s->bytes, n, SIZE_MAX);
	*len = n;
	return OK;
}

/* Everything that a caller sees of the file, one behind the other. */
static void
split(span file, size_t step, struct buffer *out)
{
	struct source s = { file, step };
	struct manifest_reader *r;
	struct diag d;
	uint64_t number, count = 0;
	span entry;
	status st;

	HOLDS(manifest_reader_new(give, &s, &r, NULL) == OK);
	do {
		diag_clear(&d);
		st = manifest_reader_next(r, &entry, &number, &d);
		HOLDS(st == OK || st == NOT_FOUND || st == BAD_INPUT || st == LIMIT);
		HOLDS((st != OK && st != LIMIT) || number == count++);
		HOLDS(st != OK || (entry.len > 0 && entry.len <= MANIFEST_ENTRY_MAX));
		buffer_printf(out, "%d %s %zu:", st, d.text, d.offset);
		buffer_put(out, entry);
	} while (st == OK || st == LIMIT);
	manifest_reader_free(r);
}

static void
check_splitting(span file)
{
	struct buffer whole, parts;
	size_t step = 1 + fuzz_choice(&file, 17);

	buffer_init(&whole, 1 << 20);
	buffer_init(&parts, 1 << 20);
	split(file, SIZE_MAX, &whole);
	split(file, step, &parts);
	HOLDS(span_equal(buffer_span(&whole), buffer_span(&parts)));
	buffer_wipe(&whole);
	buffer_wipe(&parts);
}

/* --- the scanner against cJSON --- */

/* What the comparison of one document walks with. */
struct walk {
	struct arena *arena;
	struct scan scan;
};

static void compare(struct walk *w, span value, const cJSON *other);

static void
compare_members(struct walk *w, span value, const cJSON *other)
{
	for (const cJSON *m = other->child; m != NULL; m = m->next) {
		struct scan_member wanted[] = { { m->string, SCAN_ANY, true } };

		HOLDS(scan_members(&w->scan, value, "object", wanted, 1) == OK);
		compare(w, wanted[0].value, m);
	}
}

static void
compare_elements(struct walk *w, span value, const cJSON *other)
{
	struct scan_list list = scan_list_of(&w->scan, value);
	span element;

	for (const cJSON *m = other->child; m != NULL; m = m->next) {
		HOLDS(scan_list_next(&list, &element));
		compare(w, element, m);
	}
	HOLDS(!scan_list_next(&list, &element));
}

static void
compare(struct walk *w, span value, const cJSON *other)
{
	span text;

	switch (scan_type_of(value)) {
	case SCAN_OBJECT:
		HOLDS(cJSON_IsObject(other));
		compare_members(w, value, other);
		break;
	case SCAN_ARRAY:
		HOLDS(cJSON_IsArray(other));
		compare_elements(w, value, other);
		break;
	case SCAN_TEXT:
		HOLDS(cJSON_IsString(other));
		HOLDS(scan_text(w->arena, value, &text) == OK);
		HOLDS(span_is(text, other->valuestring));
		break;
	case SCAN_NUMBER:
		HOLDS(cJSON_IsNumber(other));
		break;
	default:
		HOLDS(cJSON_IsBool(other) || cJSON_IsNull(other));
		HOLDS(span_is(value, cJSON_IsNull(other)   ? "null"
				     : cJSON_IsTrue(other) ? "true"
							   : "false"));
	}
}

static void
check_scanner(struct arena *a, span text)
{
	struct walk w = { .arena = a };
	cJSON *other;

	if (scan_document(text, &w.scan, NULL) == OK) {
		HOLDS(json_parse(text, FUZZ_MAX_LEN, &other, NULL) == OK);
		compare(&w, w.scan.value, other);
		cJSON_Delete(other);
	}
}

/* --- entries --- */

static void
check_accepted(const struct manifest_entry *e)
{
	uint8_t id[ELEMENT_SERIAL_MAX / 2];
	struct public_key p;

	HOLDS(hex_decode(span_text(e->unique_id), id, strlen(e->unique_id) / 2) == OK);
	HOLDS(e->pin == &pin);
	HOLDS(utf8_is_printable(span_text(e->model)) &&
		utf8_is_printable(span_text(e->part_number)));
	HOLDS(e->version >= 1 && e->version <= 3);
	HOLDS((e->content == MANIFEST_IDENTITY_ONLY) == (e->key_count == 0));
	HOLDS(e->key_count <= MANIFEST_KEYS_MAX);
	for (size_t i = 0; i < e->key_count; i++) {
		HOLDS(public_key_of_point(e->keys[i].point, &p, NULL) == OK);
	}
	HOLDS(e->leaf.len == 0); /* there is no root to believe */
}

static void
check_entry(struct arena *a, span entry)
{
	struct manifest_cache *cache;
	struct manifest_entry first, second;
	char label[ELEMENT_SERIAL_MAX + 1];
	status s, again;

	HOLDS(manifest_cache_new(&cache) == OK);
	manifest_entry_label(entry, label);
	s = manifest_entry_verify(a, entry, &trust, NULL, &first, NULL);
	for (int i = 0; i < 2; i++) {
		again = manifest_entry_verify(a, entry, &trust, cache, &second, NULL);
		HOLDS(s == again);
	}
	if (s == OK) {
		check_accepted(&first);
		HOLDS(memcmp(first.payload_hash, second.payload_hash, 32) == 0);
		HOLDS(strcmp(label, first.unique_id) == 0);
	}
	manifest_cache_free(cache);
}

/* The unsigned index that belongs to the payload, where it has one. */
static void
check_payload(struct arena *a, span payload)
{
	char *p = arena_alloc(a, payload.len * 2 + 8), *h = arena_alloc(a, 512);
	char signature[96], label[ELEMENT_SERIAL_MAX + 1];
	uint8_t raw[SIGNATURE_RAW_LEN];
	const char *message;

	base64url_encode(p, payload);
	base64url_encode(h, span_text(protected_header));
	message = arena_printf(a, "%s.%s", h, p);
	HOLDS(message != NULL);
	HOLDS(private_key_sign_raw(&key, span_text(message), raw, NULL) == OK);
	base64url_encode(signature, SPAN_ARRAY(raw));
	manifest_entry_label(payload, label);
	check_entry(a,
		span_text(arena_printf(a,
			"{\"payload\":\"%s\",\"protected\":\"%s\",\"header\":{\"uniqueId\":\"%s\"},"
			"\"signature\":\"%s\"}",
			p, h, label, signature)));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct arena *a = arena_new(4 << 20);
	span input = span_of(data, len);

	if (a == NULL || len > FUZZ_MAX_LEN) {
		arena_free(a);
		return 0;
	}
	make_pin();
	switch (fuzz_choice(&input, 4)) {
	case 0:
		check_splitting(input);
		break;
	case 1:
		check_scanner(a, input);
		break;
	case 2:
		check_entry(a, input);
		break;
	default:
		check_payload(a, input);
	}
	arena_free(a);
	return 0;
}
