#include "signer/message.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/text.h"

#define BIT(role) (1u << KEY_ROLE_##role)

static const struct message_rule rules[MESSAGE_END] = {
	[MESSAGE_ISSUE] = { "issue", BIT(ISSUING), 1 << 20 },
	[MESSAGE_BIRTH] = { "issue-birth", BIT(FACTORY), 1 << 20 },
	[MESSAGE_CREATE] = { "create-key", BIT(ROOT) | BIT(ISSUING) | BIT(FACTORY), 16384 },
	[MESSAGE_CRL] = { "sign-crl", BIT(ROOT) | BIT(ISSUING) | BIT(FACTORY), SIGNER_FRAME_MAX },
	[MESSAGE_OCSP] = { "sign-ocsp", BIT(OCSP), 1 << 20 },
	[MESSAGE_CHECKPOINT] = { "sign-checkpoint", BIT(LEDGER), 1024 },
	[MESSAGE_MANIFEST_ENTRY] = { "sign-manifest-entry", BIT(MANIFEST), 65536 },
	[MESSAGE_KEYS] = { "list-keys", 0, 0 },
};

const struct message_rule *
message_rule(unsigned type)
{
	return type < MESSAGE_END && rules[type].name != NULL ? &rules[type] : NULL;
}

bool
message_is_batch(unsigned type)
{
	return type == MESSAGE_ISSUE || type == MESSAGE_BIRTH || type == MESSAGE_OCSP;
}

const char *
key_role_name(enum key_role r)
{
	static const char *const names[KEY_ROLE_COUNT] = { "root", "issuing", "factory", "ocsp",
		"manifest", "ledger" };

	return (unsigned)r < KEY_ROLE_COUNT ? names[r] : "unknown";
}

static void
put_little_endian(struct buffer *b, uint64_t v, size_t len)
{
	uint8_t bytes[8];

	for (size_t i = 0; i < len; i++) {
		bytes[i] = (uint8_t)(v >> 8 * i);
	}
	buffer_put(b, span_of(bytes, len));
}

void
wire_put_u8(struct buffer *b, uint8_t v)
{
	buffer_put_byte(b, v);
}

void
wire_put_u16(struct buffer *b, uint16_t v)
{
	put_little_endian(b, v, 2);
}

void
wire_put_u32(struct buffer *b, uint32_t v)
{
	put_little_endian(b, v, 4);
}

void
wire_put_i64(struct buffer *b, int64_t v)
{
	put_little_endian(b, (uint64_t)v, 8);
}

void
wire_put_bytes(struct buffer *b, span v)
{
	wire_put_u32(b, (uint32_t)v.len);
	buffer_put(b, v);
	if (v.len > UINT32_MAX) {
		b->failed = b->is_over = true;
	}
}

void
wire_put_text(struct buffer *b, const char *v)
{
	wire_put_bytes(b, span_text(v));
}

size_t
wire_begin_bytes(struct buffer *b)
{
	wire_put_u32(b, 0);
	return b->len;
}

void
wire_end_bytes(struct buffer *b, size_t begin)
{
	for (size_t k = 0; !b->failed && k < 4; k++) {
		b->data[begin - 4 + k] = (uint8_t)((b->len - begin) >> 8 * k);
	}
}

static span
take(struct wire_reader *r, size_t len)
{
	span out = { NULL, 0 };

	if (r->failed || len > r->rest.len) {
		r->failed = true;
		return out;
	}
	out = span_slice(r->rest, 0, len);
	r->rest = span_slice(r->rest, len, SIZE_MAX);
	return out;
}

static uint64_t
little_endian(struct wire_reader *r, size_t len)
{
	span bytes = take(r, len);
	uint64_t v = 0;

	for (size_t i = bytes.len; i-- > 0;) {
		v = v << 8 | bytes.data[i];
	}
	return v;
}

uint8_t
wire_u8(struct wire_reader *r)
{
	return (uint8_t)little_endian(r, 1);
}

uint16_t
wire_u16(struct wire_reader *r)
{
	return (uint16_t)little_endian(r, 2);
}

uint32_t
wire_u32(struct wire_reader *r)
{
	return (uint32_t)little_endian(r, 4);
}

int64_t
wire_i64(struct wire_reader *r)
{
	return (int64_t)little_endian(r, 8);
}

span
wire_bytes(struct wire_reader *r, size_t max)
{
	uint32_t len = wire_u32(r);

	if (len > max) {
		r->failed = true;
	}
	return take(r, len);
}

void
wire_fixed(struct wire_reader *r, uint8_t *out, size_t len)
{
	span bytes = take(r, len);

	if (len > 0 && bytes.len == len) {
		memcpy(out, bytes.data, len);
	}
}

void
wire_text(struct wire_reader *r, char *out, size_t room)
{
	span text = wire_bytes(r, room - 1);

	if (r->failed || !utf8_is_printable(text)) {
		r->failed = true;
		out[0] = '\0';
		return;
	}
	if (text.len > 0) {
		memcpy(out, text.data, text.len);
	}
	out[text.len] = '\0';
}

static void
put_name(struct buffer *b, const struct simple_name *n)
{
	wire_put_text(b, n->common_name);
	wire_put_text(b, n->organization);
	wire_put_text(b, n->organizational_unit);
	wire_put_text(b, n->serial_number);
}

static void
get_name(struct wire_reader *w, struct simple_name *n)
{
	wire_text(w, n->common_name, sizeof(n->common_name));
	wire_text(w, n->organization, sizeof(n->organization));
	wire_text(w, n->organizational_unit, sizeof(n->organizational_unit));
	wire_text(w, n->serial_number, sizeof(n->serial_number));
}

static enum phase
get_phase(struct wire_reader *w)
{
	uint8_t v = wire_u8(w);

	w->failed = w->failed || v >= PHASE_COUNT;
	return (enum phase)v;
}

void
message_put_issue(struct buffer *b, const struct issue_request *r)
{
	wire_put_text(b, r->authority);
	wire_put_text(b, r->profile);
	wire_put_u8(b, (uint8_t)r->phase);
	put_name(b, &r->subject);
	wire_put_bytes(b, r->spki);
	wire_put_i64(b, r->not_before_s);
	wire_put_i64(b, r->not_after_s);
	wire_put_i64(b, r->index);
	wire_put_u8(b, (uint8_t)r->alt_name_count);
	for (size_t i = 0; i < r->alt_name_count; i++) {
		wire_put_u8(b, (uint8_t)r->alt_names[i].kind);
		wire_put_text(b, r->alt_names[i].text);
		wire_put_bytes(b, span_of(r->alt_names[i].address, r->alt_names[i].address_len));
	}
	wire_put_text(b, r->url_base);
}

void
message_get_issue(struct wire_reader *w, struct issue_request *r)
{
	wire_text(w, r->authority, sizeof(r->authority));
	wire_text(w, r->profile, sizeof(r->profile));
	r->phase = get_phase(w);
	get_name(w, &r->subject);
	r->spki = wire_bytes(w, 1024);
	r->not_before_s = wire_i64(w);
	r->not_after_s = wire_i64(w);
	r->index = wire_i64(w);
	r->alt_name_count = wire_u8(w);
	if (r->alt_name_count > COUNT_OF(r->alt_names)) {
		w->failed = true;
		return;
	}
	for (size_t i = 0; i < r->alt_name_count; i++) {
		span address;

		r->alt_names[i].kind = (enum alt_name_kind)wire_u8(w);
		wire_text(w, r->alt_names[i].text, sizeof(r->alt_names[i].text));
		address = wire_bytes(w, sizeof(r->alt_names[i].address));
		if (address.len > 0) {
			memcpy(r->alt_names[i].address, address.data, address.len);
		}
		r->alt_names[i].address_len = address.len;
	}
	wire_text(w, r->url_base, sizeof(r->url_base));
}

void
message_put_birth(struct buffer *b, const struct birth_request *r)
{
	wire_put_text(b, r->authority);
	wire_put_u8(b, (uint8_t)r->phase);
	wire_put_text(b, r->unique_id);
	wire_put_text(b, r->organization);
	buffer_put(b, SPAN_ARRAY(r->point));
	wire_put_i64(b, r->not_before_s);
	wire_put_i64(b, r->years);
}

void
message_get_birth(struct wire_reader *w, struct birth_request *r)
{
	wire_text(w, r->authority, sizeof(r->authority));
	r->phase = get_phase(w);
	wire_text(w, r->unique_id, sizeof(r->unique_id));
	wire_text(w, r->organization, sizeof(r->organization));
	wire_fixed(w, r->point, sizeof(r->point));
	r->not_before_s = wire_i64(w);
	r->years = wire_i64(w);
}

void
message_put_create(struct buffer *b, const struct create_request *r)
{
	wire_put_text(b, r->name);
	wire_put_u8(b, (uint8_t)r->role);
	wire_put_u8(b, (uint8_t)r->phase);
	wire_put_u8(b, (uint8_t)r->key_kind);
	wire_put_text(b, r->parent);
	put_name(b, &r->subject);
	wire_put_i64(b, r->not_before_s);
	wire_put_i64(b, r->not_after_s);
	wire_put_text(b, r->url_base);
}

void
message_get_create(struct wire_reader *w, struct create_request *r)
{
	uint8_t role, kind;

	wire_text(w, r->name, sizeof(r->name));
	role = wire_u8(w);
	r->phase = get_phase(w);
	kind = wire_u8(w);
	w->failed = w->failed || role >= KEY_ROLE_COUNT || kind > KEY_ED25519;
	r->role = (enum key_role)role;
	r->key_kind = (enum key_kind)kind;
	wire_text(w, r->parent, sizeof(r->parent));
	get_name(w, &r->subject);
	r->not_before_s = wire_i64(w);
	r->not_after_s = wire_i64(w);
	wire_text(w, r->url_base, sizeof(r->url_base));
}

void
message_put_crl(struct buffer *b, const struct crl_request *r)
{
	wire_put_text(b, r->authority);
	wire_put_i64(b, (int64_t)r->number);
	wire_put_i64(b, r->this_update_s);
	wire_put_i64(b, r->next_update_s);
	wire_put_u8(b, (uint8_t)r->scope);
	wire_put_text(b, r->shard_url);
	wire_put_u32(b, (uint32_t)r->count);
	for (size_t i = 0; i < r->count; i++) {
		const struct crl_entry *e = &r->entries[i];

		wire_put_u8(b, e->serial_len);
		buffer_put(b, span_of(e->serial, e->serial_len));
		wire_put_u8(b, e->reason);
		wire_put_i64(b, e->revoked_s);
	}
}

void
message_get_crl(struct wire_reader *w, struct crl_request *r)
{
	struct crl_entry *entries = NULL;
	uint8_t scope;

	wire_text(w, r->authority, sizeof(r->authority));
	r->number = (uint64_t)wire_i64(w);
	r->this_update_s = wire_i64(w);
	r->next_update_s = wire_i64(w);
	scope = wire_u8(w);
	wire_text(w, r->shard_url, sizeof(r->shard_url));
	r->count = wire_u32(w);
	/* An entry takes at least eleven bytes: a count that cannot be true allocates nothing. */
	w->failed = w->failed || scope > CRL_CA || r->count > w->rest.len / 11;
	r->scope = (enum crl_scope)scope;
	if (!w->failed && r->count > 0) {
		entries = calloc(r->count, sizeof(*entries));
		w->failed = entries == NULL;
	}
	for (size_t i = 0; !w->failed && i < r->count; i++) {
		entries[i].serial_len = wire_u8(w);
		if (entries[i].serial_len > SERIAL_MAX_LEN) {
			w->failed = true;
			break;
		}
		wire_fixed(w, entries[i].serial, entries[i].serial_len);
		entries[i].reason = wire_u8(w);
		entries[i].revoked_s = wire_i64(w);
	}
	r->entries = entries;
}

void
message_put_ocsp(struct buffer *b, const struct ocsp_sign_request *r)
{
	const struct ocsp_draft *a = &r->draft;

	wire_put_text(b, r->responder);
	wire_put_i64(b, a->produced_s);
	wire_put_i64(b, a->this_update_s);
	wire_put_i64(b, a->next_update_s);
	wire_put_u8(b, (uint8_t)a->count);
	for (size_t i = 0; i < a->count; i++) {
		wire_put_bytes(b, a->singles[i].id);
		wire_put_u8(b, (uint8_t)a->singles[i].status);
		wire_put_i64(b, a->singles[i].revoked_s);
		wire_put_u32(b, a->singles[i].reason);
	}
	wire_put_bytes(b, a->nonce);
}

/* The ids and the nonce came from outside and passed tenured's reader: here they must still be one DER element. */
static bool
is_one_element(span der)
{
	struct der_cursor c = der_cursor_of(der, "", NULL);
	span whole;

	return der_read_any(&c, "", &whole) == OK && der_at_end(&c);
}

void
message_get_ocsp(struct wire_reader *w, struct ocsp_sign_request *r)
{
	struct ocsp_draft *a = &r->draft;

	wire_text(w, r->responder, sizeof(r->responder));
	a->produced_s = wire_i64(w);
	a->this_update_s = wire_i64(w);
	a->next_update_s = wire_i64(w);
	a->count = wire_u8(w);
	if (a->count > OCSP_REQUESTS_MAX) {
		w->failed = true;
		return;
	}
	for (size_t i = 0; i < a->count; i++) {
		uint8_t state;

		a->singles[i].id = wire_bytes(w, 256);
		state = wire_u8(w);
		a->singles[i].revoked_s = wire_i64(w);
		a->singles[i].reason = wire_u32(w);
		w->failed = w->failed || state > OCSP_UNKNOWN || a->singles[i].reason > 10 ||
			    !is_one_element(a->singles[i].id);
		a->singles[i].status = (enum ocsp_status)state;
	}
	a->nonce = wire_bytes(w, OCSP_NONCE_MAX + 8);
	w->failed = w->failed || (a->nonce.len > 0 && !is_one_element(a->nonce));
}

void
message_put_manifest_entry(struct buffer *b, const struct manifest_entry_request *r)
{
	wire_put_text(b, r->signer);
	wire_put_text(b, r->unique_id);
	wire_put_text(b, r->model);
	wire_put_text(b, r->part_number);
	wire_put_text(b, r->manufacturer);
	wire_put_i64(b, r->provisioned_s);
	wire_put_u8(b, (uint8_t)r->point_count);
	for (size_t i = 0; i < r->point_count; i++) {
		buffer_put(b, SPAN_ARRAY(r->points[i]));
	}
	wire_put_bytes(b, r->leaf);
	wire_put_bytes(b, r->issuer);
}

void
message_get_manifest_entry(struct wire_reader *w, struct manifest_entry_request *r)
{
	wire_text(w, r->signer, sizeof(r->signer));
	wire_text(w, r->unique_id, sizeof(r->unique_id));
	wire_text(w, r->model, sizeof(r->model));
	wire_text(w, r->part_number, sizeof(r->part_number));
	wire_text(w, r->manufacturer, sizeof(r->manufacturer));
	r->provisioned_s = wire_i64(w);
	r->point_count = wire_u8(w);
	if (r->point_count > COUNT_OF(r->points)) {
		w->failed = true;
		return;
	}
	for (size_t i = 0; i < r->point_count; i++) {
		wire_fixed(w, r->points[i], sizeof(r->points[i]));
	}
	r->leaf = wire_bytes(w, CERTIFICATE_SIZE_MAX);
	r->issuer = wire_bytes(w, CERTIFICATE_SIZE_MAX);
}
