#pragma once
/*
 * What goes over a channel.
 *
 *   frame   = length (u32, little-endian, of what follows) type (u16) body
 *   answer  = length status (u8) body        body of a refusal: text, clause
 *   batch   = count (u16), then so many requests, each as bytes
 *
 * Integers little-endian; bytes and texts with a u32 length before them. A
 * frame that is longer than SIGNER_FRAME_MAX, of an unknown type, cut, or with
 * bytes left over closes the channel before anything of it is signed: only tenured speaks here, and a tenured that speaks
 * nonsense is not one to go on talking to. Of a batch that is whole, a request that cannot be read is refused by itself
 * (BAD_INPUT): the others are other people's.
 */
#include "base/buffer.h"
#include "signer/client.h"

enum message_type {
	MESSAGE_ISSUE = 1,
	MESSAGE_BIRTH = 2,
	MESSAGE_CREATE = 3,
	MESSAGE_CRL = 4,
	MESSAGE_OCSP = 5,
	MESSAGE_CHECKPOINT = 6,
	MESSAGE_MANIFEST_ENTRY = 7,
	MESSAGE_KEYS = 8,
	MESSAGE_END
};

/* The table: who may serve what. */
struct message_rule {
	const char *name;
	unsigned roles; /* bits 1 << enum key_role of keys that may sign for it */
	size_t body_max;
};
const struct message_rule *message_rule(unsigned type); /* NULL: no such message */

/* Whether its body is a batch, and its answer as many results. */
bool message_is_batch(unsigned type);

struct wire_reader {
	span rest;
	bool failed; /* sticks */
};

void wire_put_u8(struct buffer *b, uint8_t v);
void wire_put_u16(struct buffer *b, uint16_t v);
void wire_put_u32(struct buffer *b, uint32_t v);
void wire_put_i64(struct buffer *b, int64_t v);
void wire_put_bytes(struct buffer *b, span v);
void wire_put_text(struct buffer *b, const char *v);

/* Bytes that are written in place: between the two, the length comes last. */
size_t wire_begin_bytes(struct buffer *b);
void wire_end_bytes(struct buffer *b, size_t begin);

uint8_t wire_u8(struct wire_reader *r);
uint16_t wire_u16(struct wire_reader *r);
uint32_t wire_u32(struct wire_reader *r);
int64_t wire_i64(struct wire_reader *r);
span wire_bytes(struct wire_reader *r, size_t max);
void wire_fixed(struct wire_reader *r, uint8_t *out, size_t len);
/* A text of at most room - 1 bytes, printable UTF-8. */
void wire_text(struct wire_reader *r, char *out, size_t room);
static inline bool
wire_is_whole(const struct wire_reader *r)
{
	return !r->failed && r->rest.len == 0;
}

/* Bodies, both ways. The readers borrow from the frame. */
void message_put_issue(struct buffer *b, const struct issue_request *r);
void message_get_issue(struct wire_reader *w, struct issue_request *r);
void message_put_birth(struct buffer *b, const struct birth_request *r);
void message_get_birth(struct wire_reader *w, struct birth_request *r);
void message_put_create(struct buffer *b, const struct create_request *r);
void message_get_create(struct wire_reader *w, struct create_request *r);
void message_put_crl(struct buffer *b, const struct crl_request *r);
/* The entries' array is allocated: free(r->entries). */
void message_get_crl(struct wire_reader *w, struct crl_request *r);
void message_put_ocsp(struct buffer *b, const struct ocsp_sign_request *r);
void message_get_ocsp(struct wire_reader *w, struct ocsp_sign_request *r);
void message_put_manifest_entry(struct buffer *b, const struct manifest_entry_request *r);
void message_get_manifest_entry(struct wire_reader *w, struct manifest_entry_request *r);
