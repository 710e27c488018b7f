/*
 * The factory's bench: what a TPM or a token needs before it has a birth certificate, and what the server's factory
 * line wants to know of it. Run again it makes nothing anew and prints the same; two at once in one folder would make two keys,
 * so the second is refused.
 *
 * That an attestation key is in a genuine TPM is proven here and nowhere else: the bench believes the makers' authorities that it
 * was given, and the TPM, however far away on whatever wire, must take out what only it can.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <openssl/rand.h>

#include "base/file.h"
#include "base/json.h"
#include "device/element/tpm2.h"
#include "device/posix/command.h"
#include "element/tpm2_credential.h"
#include "element/tpm2_structure.h"
#include "pki/pem.h"

#define ROOTS_MAX 64
#define ROOTS_FILE_MAX (1 << 20)
#define LINE_MAX_LEN 4096

struct unit {
	struct arena *arena;
	struct element *element;
	char serial[ELEMENT_SERIAL_MAX + 1];
	struct element_info info;
	uint8_t birth[64];
	bool is_proven; /* and by this key: */
	uint8_t attestation[64];
};

/* --- a TPM's proof --- */

static status
read_roots(struct arena *a, const char *path, struct trust_set **out, struct diag *d)
{
	struct buffer file;
	span roots[ROOTS_MAX];
	size_t count = 0;
	status s;

	buffer_init(&file, ROOTS_FILE_MAX);
	s = file_read(path, ROOTS_FILE_MAX, &file, d);
	if (s == OK) {
		s = pem_read_all(a, buffer_span(&file), "CERTIFICATE", roots, ROOTS_MAX, &count, d);
	}
	if (s == OK && count == 0) {
		s = diag_set(d, BAD_INPUT, NULL, "%s: no certificate in it", path);
	}
	if (s == OK) {
		/* Partial chains: whoever put an issuer there believes that one. */
		s = trust_set_new(roots, count, true, out, d);
	}
	buffer_wipe(&file);
	return s;
}

/* The endorsement key, by its maker's certificate. */
static status
read_endorsement(struct unit *u, const char *roots, struct certificate_view *out, struct diag *d)
{
	struct tpm2_endorsement e = { 0 };
	struct trust_set *trusted = NULL;
	struct buffer certificate;
	status s;

	buffer_init(&certificate, CERTIFICATE_SIZE_MAX);
	s = element_tpm2_endorsement(u->element, &certificate, d);
	if (s == OK) {
		e.certificate = arena_copy(u->arena, buffer_span(&certificate));
		s = e.certificate.data != NULL ? OK : diag_set(d, NO_MEMORY, NULL, "no memory");
	}
	if (s == OK) {
		s = read_roots(u->arena, roots, &trusted, d);
	}
	if (s == OK) {
		s = tpm2_endorsement_check(trusted, &e, clock_now_s(&clock_system), out, d);
	}
	trust_set_free(trusted);
	buffer_wipe(&certificate);
	return s;
}

/* The TPM takes out a secret that only it can, for this attestation key. */
static status
challenge(struct unit *u, const struct public_key *endorsement, span ak_public, struct diag *d)
{
	uint8_t secret[TPM2_SECRET_LEN];
	struct tpm2_credential made;
	struct element_credential c = { .is_by_ecc = endorsement->kind == KEY_P256 };
	struct buffer answer;
	status s = RAND_bytes(secret, sizeof(secret)) == 1
			   ? OK
			   : diag_set(d, CRYPTO, NULL, "no random bytes");

	buffer_init(&answer, 128);
	if (s == OK) {
		s = tpm2_credential_make(endorsement, ak_public, secret, &made, d);
	}
	if (s == OK) {
		c.id_object = span_of(made.id_object, made.id_object_len);
		c.encrypted_secret = span_of(made.encrypted_secret, made.encrypted_secret_len);
		s = element_tpm2_activate(u->element, &c, &answer, d);
	}
	if (s == OK && !span_equal_secret(buffer_span(&answer), SPAN_ARRAY(secret))) {
		s = diag_set(d, CRYPTO, NULL,
			"the TPM with this certificate does not hold this attestation key");
	}
	buffer_wipe(&answer);
	return s;
}

static status
prove_tpm(struct unit *u, const char *roots, struct diag *d)
{
	struct certificate_view endorsement;
	struct buffer ak_public;
	struct tpm2_public ak;
	char serial[TPM2_SERIAL_LEN + 1];
	status s;

	buffer_init(&ak_public, 1024);
	s = read_endorsement(u, roots, &endorsement, d);
	if (s == OK) {
		tpm2_serial_of_key(&endorsement.key, serial);
		if (strcmp(serial, u->serial) != 0) {
			s = diag_set(d, CRYPTO, NULL,
				"the TPM's certificate is of another one than its serial says");
		}
	}
	if (s == OK) {
		s = element_tpm2_attestation_key(u->element, &ak_public, d);
	}
	if (s == OK) {
		s = tpm2_public_read(buffer_span(&ak_public), &ak, d);
	}
	if (s == OK) {
		s = challenge(u, &endorsement.key, buffer_span(&ak_public), d);
	}
	if (s == OK) {
		memcpy(u->attestation, ak.point, 64);
		u->is_proven = true;
	}
	buffer_wipe(&ak_public);
	return s;
}

/* --- the line --- */

/* The birth key: what is there, or a new one. */
static status
find_birth_key(struct unit *u, struct diag *d)
{
	const struct element_operations *o = u->element->operations;
	struct diag own = { 0 };
	status s = o->point(u->element, 0, u->birth, &own);

	if (s == NOT_FOUND) {
		return o->generate(u->element, 0, u->birth, d);
	}
	if (s != OK) {
		(void)diag_copy(d, &own);
	}
	return s;
}

static status
print_line(const struct unit *u, const char *kind, struct diag *d)
{
	struct json_writer w;
	struct buffer out;
	status s;

	buffer_init(&out, LINE_MAX_LEN);
	json_begin(&w, &out);
	json_object_open(&w, NULL);
	json_text(&w, "serial", u->serial);
	json_array_open(&w, "points");
	json_hex(&w, NULL, SPAN_ARRAY(u->birth));
	json_array_close(&w);
	json_text(&w, "model", strcmp(kind, "tpm2") == 0 ? "TPM 2.0" : u->info.model);
	json_text(&w, "part_number", u->info.model);
	if (u->is_proven) {
		json_object_open(&w, "attestation");
		json_text(&w, "kind", "tpm2");
		json_hex(&w, "key", SPAN_ARRAY(u->attestation));
		json_object_close(&w);
	}
	json_object_close(&w);
	buffer_put_byte(&out, '\n');
	s = buffer_failed(&out) ? diag_set(d, NO_MEMORY, NULL, "no memory for a line") : OK;
	if (s == OK && (fwrite(out.data, 1, out.len, stdout) != out.len || fflush(stdout) != 0)) {
		s = diag_set(d, IO, NULL, "the line cannot be written");
	}
	buffer_wipe(&out);
	return s;
}

static status
make_unit(struct unit *u, const char *roots, struct diag *d)
{
	const struct element_operations *o = u->element->operations;
	bool is_tpm = strcmp(o->kind, "tpm2") == 0;
	status s;

	if (!is_tpm && strcmp(o->kind, "pkcs11") != 0) {
		return diag_set(d, DENIED, NULL,
			"an element of kind %s has its birth key from its maker, or from tenure "
			"factory run",
			o->kind);
	}
	if (roots != NULL && !is_tpm) {
		return diag_set(d, BAD_INPUT, NULL, "--roots is for TPMs: a token proves nothing");
	}
	s = o->serial(u->element, u->serial, d);
	if (s == OK) {
		s = o->info(u->element, &u->info, d);
	}
	if (s == OK && roots != NULL) {
		s = prove_tpm(u, roots, d);
	}
	if (s == OK) {
		s = find_birth_key(u, d);
	}
	return s == OK ? print_line(u, o->kind, d) : s;
}

status
command_unit(const struct command_options *o, struct diag *d)
{
	struct unit u = { .arena = arena_new(4 * ROOTS_FILE_MAX) };
	int lock = -1;
	status s = u.arena != NULL ? folder_make(o->agent.folder, 0700, d)
				   : diag_set(d, NO_MEMORY, NULL, "no memory for a unit");

	if (s == OK) {
		s = agent_lock(o->agent.folder, &lock, d);
	}
	if (s == OK) {
		s = agent_element_open(&o->agent, &u.element, d);
	}
	if (s == OK) {
		s = make_unit(&u, o->roots, d);
	}
	element_close(u.element);
	arena_free(u.arena);
	if (lock >= 0) {
		close(lock);
	}
	return s;
}
