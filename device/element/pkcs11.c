/*
 * Objects by number: slot N's keys have the label "tenure slot N" and the identifier "tenure", N, generation (4 bytes);
 * of several the one of the highest generation counts. A new key is made beside the old one, which is destroyed afterwards, so
 * that a cut in between leaves one that works. Keys that somebody else gave such a label are generation 0: a maker's birth key is
 * taken over by its label. "tenure slot N locked" is a data object: no new key in that slot. FOLDER/birth.pem is the birth certificate.
 */
#include "device/element/element.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/text.h"
#include "device/element/pkcs11_token.h"
#include "element/evidence.h"
#include "pki/key.h"

#define OBJECTS_MAX 64 /* of one label */
#define ID_MAX 64

struct element_pkcs11 {
	struct element element; /* first: it is what the caller holds */
	struct pkcs11_token token;
	char folder[PATH_MAX];
};

static struct element_pkcs11 *
self(struct element *e)
{
	return (struct element_pkcs11 *)e;
}

/* --- objects --- */

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;

struct objects {
	CK_OBJECT_HANDLE at[OBJECTS_MAX];
	CK_ULONG count;
};

static CK_RV
find_objects(struct pkcs11_token *t, CK_ATTRIBUTE *template, CK_ULONG count, struct objects *out)
{
	CK_RV rv = t->f->C_FindObjectsInit(t->session, template, count), end;

	*out = (struct objects){ 0 };
	if (rv != CKR_OK) {
		return rv;
	}
	rv = t->f->C_FindObjects(t->session, out->at, OBJECTS_MAX, &out->count);
	end = t->f->C_FindObjectsFinal(t->session);
	if (out->count > OBJECTS_MAX) {
		out->count = 0;
		return CKR_GENERAL_ERROR;
	}
	return rv != CKR_OK ? rv : end;
}

static CK_RV
find_labelled(struct pkcs11_token *t, CK_OBJECT_CLASS class, const char *label, struct objects *out)
{
	CK_ATTRIBUTE template[] = { { CKA_CLASS, &class, sizeof(class) },
		{ CKA_LABEL, (void *)(uintptr_t)label, strlen(label) } };

	return find_objects(t, template, COUNT_OF(template), out);
}

/* A value of at most a->ulValueLen bytes, which then says how many. */
static CK_RV
get_value(struct pkcs11_token *t, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *a)
{
	CK_ULONG room = a->ulValueLen;
	CK_RV rv = t->f->C_GetAttributeValue(t->session, object, a, 1);

	return rv == CKR_OK && a->ulValueLen > room ? CKR_GENERAL_ERROR : rv;
}

/* What a token does not say counts as no. */
static CK_RV
get_flag(struct pkcs11_token *t, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, bool *out)
{
	CK_BBOOL value = CK_FALSE;
	CK_ATTRIBUTE a = { type, &value, sizeof(value) };
	CK_RV rv = get_value(t, object, &a);

	*out = rv == CKR_OK && a.ulValueLen == sizeof(value) && value == CK_TRUE;
	return rv == CKR_ATTRIBUTE_TYPE_INVALID || rv == CKR_ATTRIBUTE_SENSITIVE ? CKR_OK : rv;
}

/* --- a slot's keys --- */

struct slot_key {
	unsigned slot;
	bool is_there;
	CK_OBJECT_HANDLE private;
	uint8_t id[ID_MAX];
	CK_ULONG id_len;
	uint32_t generation;
};

static void
slot_label(unsigned slot, char out[32])
{
	snprintf(out, 32, "tenure slot %u", slot);
}

static void
put_id(unsigned slot, uint32_t generation, uint8_t out[11])
{
	memcpy(out, "tenure", 6);
	out[6] = (uint8_t)slot;
	for (int i = 0; i < 4; i++) {
		out[7 + i] = (uint8_t)(generation >> (24 - 8 * i));
	}
}

static uint32_t
generation_of(const uint8_t *id, CK_ULONG len)
{
	if (len != 11 || memcmp(id, "tenure", 6) != 0) {
		return 0;
	}
	return (uint32_t)id[7] << 24 | (uint32_t)id[8] << 16 | (uint32_t)id[9] << 8 | id[10];
}

static CK_RV
find_key(struct pkcs11_token *t, struct slot_key *k)
{
	struct objects found;
	char label[32];
	CK_RV rv;

	k->is_there = false;
	k->generation = 0;
	slot_label(k->slot, label);
	rv = find_labelled(t, CKO_PRIVATE_KEY, label, &found);
	for (CK_ULONG i = 0; rv == CKR_OK && i < found.count; i++) {
		uint8_t id[ID_MAX];
		CK_ATTRIBUTE a = { CKA_ID, id, sizeof(id) };

		rv = get_value(t, found.at[i], &a);
		if (rv == CKR_OK &&
			(!k->is_there || generation_of(id, a.ulValueLen) > k->generation)) {
			k->is_there = true;
			k->private = found.at[i];
			k->id_len = a.ulValueLen;
			memcpy(k->id, id, a.ulValueLen);
			k->generation = generation_of(id, a.ulValueLen);
		}
	}
	return rv;
}

/* CKA_EC_POINT is an OCTET STRING around 04 || X || Y; some modules leave the OCTET STRING away. */
static CK_RV
read_point(struct pkcs11_token *t, CK_OBJECT_HANDLE public, uint8_t out[64])
{
	uint8_t value[80];
	CK_ATTRIBUTE a = { CKA_EC_POINT, value, sizeof(value) };
	struct public_key on_curve;
	CK_RV rv = get_value(t, public, &a);
	size_t from;

	if (rv != CKR_OK) {
		return rv;
	}
	from = a.ulValueLen == 67 && value[0] == 0x04 && value[1] == 65 ? 2 : 0;
	if (a.ulValueLen - from != 65 || value[from] != 0x04) {
		return CKR_GENERAL_ERROR;
	}
	memcpy(out, value + from + 1, 64);
	return public_key_of_point(out, &on_curve, NULL) == OK ? CKR_OK : CKR_GENERAL_ERROR;
}

struct point_asked {
	struct slot_key key;
	uint8_t point[64];
};

static CK_RV
find_point(struct pkcs11_token *t, void *context)
{
	struct point_asked *p = context;
	CK_OBJECT_CLASS class = CKO_PUBLIC_KEY;
	struct objects found;
	CK_RV rv = find_key(t, &p->key);
	CK_ATTRIBUTE template[] = { { CKA_CLASS, &class, sizeof(class) },
		{ CKA_ID, p->key.id, p->key.id_len } };

	if (rv != CKR_OK || !p->key.is_there) {
		return rv;
	}
	rv = find_objects(t, template, COUNT_OF(template), &found);
	if (rv == CKR_OK && found.count == 0) {
		return CKR_OBJECT_HANDLE_INVALID;
	}
	return rv == CKR_OK ? read_point(t, found.at[0], p->point) : rv;
}

static status
pkcs11_point(struct element *e, unsigned slot, uint8_t out[64], struct diag *d)
{
	struct point_asked p = { .key.slot = slot };
	status s = element_slot_check(slot, d);

	if (s == OK) {
		s = pkcs11_token_do(&self(e)->token, find_point, &p, "public key", d);
	}
	if (s == OK && !p.key.is_there) {
		s = diag_set(d, NOT_FOUND, NULL, "the token has no key for slot %u", slot);
	}
	memcpy(out, p.point, 64);
	return s;
}

/* --- signing --- */

struct signature_asked {
	struct slot_key key;
	uint8_t digest[32], raw[64];
	CK_ULONG len;
};

static CK_RV
make_signature(struct pkcs11_token *t, void *context)
{
	struct signature_asked *a = context;
	CK_MECHANISM ecdsa = { .mechanism = CKM_ECDSA };
	CK_RV rv = find_key(t, &a->key);

	if (rv != CKR_OK || !a->key.is_there) {
		return rv;
	}
	a->len = sizeof(a->raw);
	rv = t->f->C_SignInit(t->session, &ecdsa, a->key.private);
	return rv == CKR_OK
		       ? t->f->C_Sign(t->session, a->digest, sizeof(a->digest), a->raw, &a->len)
		       : rv;
}

static status
pkcs11_sign(
	struct element *e, unsigned slot, const uint8_t digest[32], uint8_t out[64], struct diag *d)
{
	struct signature_asked a = { .key.slot = slot };
	status s = element_slot_check(slot, d);

	memcpy(a.digest, digest, 32);
	if (s == OK) {
		s = pkcs11_token_do(&self(e)->token, make_signature, &a, "C_Sign", d);
	}
	if (s == OK && !a.key.is_there) {
		s = diag_set(d, NOT_FOUND, NULL, "the token has no key for slot %u", slot);
	}
	if (s == OK && a.len != sizeof(a.raw)) {
		s = diag_set(d, CRYPTO, NULL, "the token's signature has %lu bytes, not 64", a.len);
	}
	memcpy(out, a.raw, 64);
	return s;
}

/* --- making keys --- */

/* What is kept of the slot besides this identifier. What cannot be destroyed is tried again with the next key. */
static CK_RV
destroy_others(struct pkcs11_token *t, CK_OBJECT_CLASS class, const struct slot_key *kept)
{
	struct objects found;
	char label[32];
	CK_RV rv;

	slot_label(kept->slot, label);
	rv = find_labelled(t, class, label, &found);
	for (CK_ULONG i = 0; rv == CKR_OK && i < found.count; i++) {
		uint8_t id[ID_MAX];
		CK_ATTRIBUTE a = { CKA_ID, id, sizeof(id) };

		rv = get_value(t, found.at[i], &a);
		if (rv == CKR_OK &&
			!span_equal(span_of(id, a.ulValueLen), span_of(kept->id, kept->id_len))) {
			(void)t->f->C_DestroyObject(t->session, found.at[i]);
		}
	}
	return rv;
}

static CK_RV
generate_pair(struct pkcs11_token *t, struct slot_key *k, CK_OBJECT_HANDLE *public)
{
	static const uint8_t p256[] = { 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01,
		0x07 };
	CK_MECHANISM make = { .mechanism = CKM_EC_KEY_PAIR_GEN };
	char label[32];
	CK_ATTRIBUTE public_template[] = { { CKA_TOKEN, &yes, sizeof(yes) },
		{ CKA_PRIVATE, &no, sizeof(no) }, { CKA_VERIFY, &yes, sizeof(yes) },
		{ CKA_EC_PARAMS, (void *)(uintptr_t)p256, sizeof(p256) }, { CKA_LABEL, label, 0 },
		{ CKA_ID, k->id, k->id_len } };
	CK_ATTRIBUTE private_template[] = { { CKA_TOKEN, &yes, sizeof(yes) },
		{ CKA_PRIVATE, &yes, sizeof(yes) }, { CKA_SENSITIVE, &yes, sizeof(yes) },
		{ CKA_EXTRACTABLE, &no, sizeof(no) }, { CKA_SIGN, &yes, sizeof(yes) },
		{ CKA_LABEL, label, 0 }, { CKA_ID, k->id, k->id_len } };

	slot_label(k->slot, label);
	public_template[4].ulValueLen = strlen(label);
	private_template[5].ulValueLen = strlen(label);
	return t->f->C_GenerateKeyPair(t->session, &make, public_template,
		COUNT_OF(public_template), private_template, COUNT_OF(private_template), public,
		&k->private);
}

struct key_wanted {
	struct slot_key key;
	bool is_locked;
	uint8_t point[64];
	struct evidence_token says;
};

static CK_RV
find_lock(struct pkcs11_token *t, unsigned slot, bool *is_locked)
{
	struct objects found;
	char label[48];
	CK_RV rv;

	snprintf(label, sizeof(label), "tenure slot %u locked", slot);
	rv = find_labelled(t, CKO_DATA, label, &found);
	*is_locked = rv == CKR_OK && found.count > 0;
	return rv;
}

static CK_RV
ask_flags(struct pkcs11_token *t, CK_OBJECT_HANDLE private, struct evidence_token *out)
{
	CK_RV rv = get_flag(t, private, CKA_LOCAL, &out->is_local);

	if (rv == CKR_OK) {
		rv = get_flag(t, private, CKA_NEVER_EXTRACTABLE, &out->is_never_extractable);
	}
	return rv == CKR_OK ? get_flag(t, private, CKA_SENSITIVE, &out->is_sensitive) : rv;
}

/* Done again after a lost token it makes one more key, of a higher generation, and destroys the other. */
static CK_RV
make_key(struct pkcs11_token *t, void *context)
{
	struct key_wanted *w = context;
	CK_OBJECT_HANDLE public = 0;
	CK_RV rv = find_lock(t, w->key.slot, &w->is_locked);

	if (rv == CKR_OK) {
		rv = find_key(t, &w->key);
	}
	if (rv != CKR_OK || w->is_locked || (w->key.slot == 0 && w->key.is_there)) {
		return rv;
	}
	put_id(w->key.slot, w->key.generation + 1, w->key.id);
	w->key.id_len = 11;
	rv = generate_pair(t, &w->key, &public);
	if (rv == CKR_OK) {
		rv = read_point(t, public, w->point);
	}
	if (rv == CKR_OK) {
		rv = ask_flags(t, w->key.private, &w->says);
	}
	if (rv == CKR_OK) {
		rv = destroy_others(t, CKO_PRIVATE_KEY, &w->key);
	}
	return rv == CKR_OK ? destroy_others(t, CKO_PUBLIC_KEY, &w->key) : rv;
}

static status
make(struct element *e, struct key_wanted *w, struct diag *d)
{
	unsigned slot = w->key.slot;
	status s = element_slot_check(slot, d);

	if (s == OK && slot == 1) {
		s = diag_set(d, DENIED, NULL, "a token has no key that attests");
	}
	if (s == OK) {
		s = pkcs11_token_do(&self(e)->token, make_key, w, "C_GenerateKeyPair", d);
	}
	if (s == OK && w->is_locked) {
		s = diag_set(d, DENIED, NULL, "slot %u is locked: no new key in it", slot);
	}
	if (s == OK && slot == 0 && w->key.is_there) {
		s = diag_set(d, DENIED, NULL, "the birth key is made once");
	}
	return s;
}

static status
pkcs11_generate(struct element *e, unsigned slot, uint8_t out[64], struct diag *d)
{
	struct key_wanted w = { .key.slot = slot };
	status s = make(e, &w, d);

	memcpy(out, w.point, 64);
	return s;
}

static status
pkcs11_attest(struct element *e, unsigned slot, span challenge, uint8_t out[64],
	struct buffer *evidence, struct diag *d)
{
	const CK_TOKEN_INFO *info = &self(e)->token.info;
	struct evidence said = { .kind = EVIDENCE_TOKEN, .challenge = challenge };
	struct key_wanted w = { .key.slot = slot };
	status s;

	if (slot == 0 || challenge.len == 0 || challenge.len > CHALLENGE_MAX) {
		return diag_set(d, slot == 0 ? DENIED : BAD_INPUT, NULL,
			"only operational keys are attested, over a challenge of 1 to %d bytes",
			CHALLENGE_MAX);
	}
	s = make(e, &w, d);
	if (s == OK) {
		said.token = w.says;
		said.token.model = pkcs11_text(info->model, sizeof(info->model));
		said.token.serial = pkcs11_text(info->serialNumber, sizeof(info->serialNumber));
		s = evidence_write(&said, evidence, d);
	}
	memcpy(out, w.point, 64);
	return s;
}

/* --- the rest --- */

/* As the token has it where that is a word of hexadecimal digits, else its letters in hexadecimal. */
static status
pkcs11_serial(struct element *e, char out[ELEMENT_SERIAL_MAX + 1], struct diag *d)
{
	const CK_TOKEN_INFO *info = &self(e)->token.info;
	span serial = pkcs11_text(info->serialNumber, sizeof(info->serialNumber));
	uint8_t bytes[sizeof(info->serialNumber)];

	if (serial.len == 0) {
		return diag_set(d, NOT_FOUND, NULL, "the token has no serial number");
	}
	if (serial.len % 2 == 0 && hex_decode(serial, bytes, serial.len / 2) == OK) {
		hex_encode(out, span_of(bytes, serial.len / 2));
	} else {
		hex_encode(out, serial);
	}
	return OK;
}

static status
pkcs11_birth(struct element *e, struct buffer *pem, struct diag *d)
{
	return element_birth_file(self(e)->folder, pem, d);
}

struct lock_wanted {
	unsigned slot;
	bool is_locked;
};

static CK_RV
make_lock(struct pkcs11_token *t, void *context)
{
	struct lock_wanted *l = context;
	CK_OBJECT_CLASS class = CKO_DATA;
	CK_OBJECT_HANDLE made;
	char label[48];
	CK_ATTRIBUTE template[] = { { CKA_CLASS, &class, sizeof(class) },
		{ CKA_TOKEN, &yes, sizeof(yes) }, { CKA_PRIVATE, &yes, sizeof(yes) },
		{ CKA_MODIFIABLE, &no, sizeof(no) }, { CKA_LABEL, label, 0 },
		{ CKA_VALUE, label, 0 } };
	CK_RV rv = find_lock(t, l->slot, &l->is_locked);

	if (rv != CKR_OK || l->is_locked) {
		return rv;
	}
	snprintf(label, sizeof(label), "tenure slot %u locked", l->slot);
	template[4].ulValueLen = strlen(label);
	template[5].ulValueLen = strlen(label);
	return t->f->C_CreateObject(t->session, template, COUNT_OF(template), &made);
}

static status
pkcs11_lock(struct element *e, unsigned slot, struct diag *d)
{
	struct lock_wanted l = { .slot = slot };
	status s = element_lock_check(slot, d);

	if (s == OK) {
		s = pkcs11_token_do(&self(e)->token, make_lock, &l, "C_CreateObject", d);
	}
	if (s == OK && l.is_locked) {
		s = diag_set(d, EXISTS, NULL, "slot %u is locked already", slot);
	}
	return s;
}

static CK_RV
find_locks(struct pkcs11_token *t, void *context)
{
	unsigned *mask = context;
	CK_RV rv = CKR_OK;

	*mask = 0;
	for (unsigned slot = 2; rv == CKR_OK && slot < ELEMENT_SLOTS; slot++) {
		bool is_locked = false;

		rv = find_lock(t, slot, &is_locked);
		*mask |= is_locked ? 1u << slot : 0;
	}
	return rv;
}

static status
pkcs11_closed(struct element *e, unsigned *mask, struct diag *d)
{
	return pkcs11_token_do(&self(e)->token, find_locks, mask, "C_FindObjects", d);
}

static void
copy_text(char *out, size_t room, span text)
{
	snprintf(out, room, "%.*s", (int)text.len, (const char *)text.data);
}

static status
pkcs11_info(struct element *e, struct element_info *out, struct diag *d)
{
	const struct pkcs11_token *t = &self(e)->token;
	const CK_TOKEN_INFO *info = &t->info;

	(void)d;
	*out = (struct element_info){ 0 };
	copy_text(out->model, sizeof(out->model), pkcs11_text(info->model, sizeof(info->model)));
	snprintf(out->revision, sizeof(out->revision), "%u.%u", info->firmwareVersion.major,
		info->firmwareVersion.minor);
	snprintf(out->where, sizeof(out->where), "token %.32s by %.200s", t->label, t->module);
	return OK;
}

static void
pkcs11_close(struct element *e)
{
	pkcs11_token_close(&self(e)->token);
	free(self(e));
}

static const struct element_operations pkcs11_operations = { .kind = "pkcs11",
	.attestation = "vendor-unverified",
	.serial = pkcs11_serial,
	.point = pkcs11_point,
	.generate = pkcs11_generate,
	.attest = pkcs11_attest,
	.sign = pkcs11_sign,
	.birth = pkcs11_birth,
	.lock = pkcs11_lock,
	.closed = pkcs11_closed,
	.info = pkcs11_info,
	.close = pkcs11_close };

status
element_pkcs11_open(const char *rest, const char *folder, struct element **out, struct diag *d)
{
	struct element_pkcs11 *e = calloc(1, sizeof(*e));
	status s;

	if (e == NULL) {
		return diag_set(d, NO_MEMORY, NULL, "no memory for an element");
	}
	e->element.operations = &pkcs11_operations;
	if (strlen(folder) >= sizeof(e->folder)) {
		free(e);
		return diag_set(d, LIMIT, NULL, "path too long: %.80s...", folder);
	}
	snprintf(e->folder, sizeof(e->folder), "%s", folder);
	s = pkcs11_token_open(&e->token, rest, d);
	if (s != OK) {
		free(e);
		return s;
	}
	*out = &e->element;
	return OK;
}
