#include "cli/factory_part.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "device/element/atecc608_element.h"
#include "element/part_profile.h"
#include "pki/certificate.h"
#include "pki/pem.h"

#define VIRTUAL "atecc608:unix:"
#define ADDRESS_ROOM 400
#define BIRTH_PEM_MAX 65536

/* --- which there are --- */

static status
add_part(struct factory_part *p, const char *address, const char *serial, struct diag *d)
{
	if (!unit_serial_is_sound(serial)) {
		return diag_set(d, BAD_INPUT, NULL,
			"%.100s: the line takes elements with serial numbers of a chip (18 hex "
			"digits, 0123 at "
			"first, 01 at last), not \"%.40s\"",
			address, serial);
	}
	memcpy(p->serial, serial, UNIT_SERIAL_LEN + 1);
	p->address = strdup(address);
	return p->address != NULL ? OK : diag_set(d, NO_MEMORY, NULL, "no memory for the parts");
}

static status
find_all(const char *address, struct factory_part **out, size_t *count, struct diag *d)
{
	uint8_t(*serials)[9] = NULL;
	size_t there = 0;
	status s = element_atecc608_list(address + strlen(VIRTUAL), &serials, &there, d);

	if (s == OK && there == 0) {
		s = diag_set(d, NOT_FOUND, NULL, "%.100s: there is no part", address);
	}
	if (s == OK) {
		*out = calloc(there, sizeof(**out));
		s = *out != NULL ? OK : diag_set(d, NO_MEMORY, NULL, "no memory for the parts");
	}
	for (size_t i = 0; s == OK && i < there; i++) {
		char serial[UNIT_SERIAL_LEN + 1], whole[512];

		hex_encode(serial, span_of(serials[i], sizeof(serials[i])));
		snprintf(whole, sizeof(whole), "%.400s#%s", address, serial);
		s = add_part(&(*out)[(*count)++], whole, serial, d);
	}
	free(serials);
	return s;
}

static status
find_one(const char *address, struct factory_part **out, size_t *count, struct diag *d)
{
	char serial[ELEMENT_SERIAL_MAX + 1];
	struct element *e = NULL;
	status s = element_open(address, ".", &e, d);

	if (s == OK) {
		s = e->operations->serial(e, serial, d);
	}
	if (s == OK) {
		*out = calloc(1, sizeof(**out));
		s = *out != NULL ? OK : diag_set(d, NO_MEMORY, NULL, "no memory for the parts");
	}
	if (s == OK) {
		*count = 1;
		s = add_part(*out, address, serial, d);
	}
	element_close(e);
	return s;
}

/* The unit's agent.conf has the address, and its agent starts anywhere. */
static status
make_absolute(const char *address, char *out, size_t room, struct diag *d)
{
	const char *path = address + strlen(VIRTUAL);
	char here[PATH_MAX];

	if (strncmp(address, VIRTUAL, strlen(VIRTUAL)) != 0 || path[0] == '/') {
		snprintf(out, room, "%s", address);
		return OK;
	}
	path += strncmp(path, "./", 2) == 0 ? 2 : 0;
	if (getcwd(here, sizeof(here)) == NULL ||
		snprintf(out, room, VIRTUAL "%s/%s", here, path) >= (int)room) {
		return diag_set(
			d, LIMIT, NULL, "%.80s: the path of the socket is too long", address);
	}
	return OK;
}

status
parts_find(const char *address, struct factory_part **out, size_t *count, struct diag *d)
{
	bool is_socket = strncmp(address, VIRTUAL, strlen(VIRTUAL)) == 0;
	char whole[ADDRESS_ROOM];
	status s;

	*out = NULL;
	*count = 0;
	if (strlen(address) >= sizeof(whole)) {
		return diag_set(d, LIMIT, NULL, "%.80s...: address too long", address);
	}
	s = make_absolute(address, whole, sizeof(whole), d);
	if (s == OK) {
		s = is_socket && strchr(whole, '#') == NULL ? find_all(whole, out, count, d)
							    : find_one(whole, out, count, d);
	}
	if (s != OK) {
		parts_free(*out, *count);
		*out = NULL;
		*count = 0;
	}
	return s;
}

void
parts_free(struct factory_part *parts, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(parts[i].address);
	}
	free(parts);
}

/* --- one of them --- */

/* The part that was found there, and no other. */
static status
open_part(const struct factory_part *p, const char *folder, struct element **out, struct diag *d)
{
	char serial[ELEMENT_SERIAL_MAX + 1];
	status s = element_open(p->address, folder, out, d);

	if (s == OK) {
		s = (*out)->operations->serial(*out, serial, d);
	}
	if (s == OK && strcmp(serial, p->serial) != 0) {
		s = diag_set(d, CONFLICT, NULL, "%.100s: part %s answers now, where %s was",
			p->address, serial, p->serial);
	}
	return s;
}

static status
describe(struct element *e, const struct factory_part *p, struct part_keys *out, struct diag *d)
{
	const struct part_profile *profile;
	struct element_info info;
	status s = e->operations->info(e, &info, d);

	if (s != OK) {
		return s;
	}
	profile = part_profile_find(info.profile);
	if (profile == NULL) {
		return diag_set(d, BAD_INPUT, NULL,
			"%s: a part of no profile that is known: its slots are set up otherwise",
			p->serial);
	}
	memcpy(out->model, profile->model, sizeof(out->model));
	memcpy(out->part_number, profile->part_number, sizeof(out->part_number));
	return OK;
}

status
part_read_keys(const struct factory_part *p, struct part_keys *out, struct diag *d)
{
	struct element *e = NULL;
	status s = open_part(p, ".", &e, d);

	if (s == OK) {
		s = describe(e, p, out, d);
	}
	for (unsigned slot = 0; s == OK && slot < UNIT_SLOTS; slot++) {
		s = e->operations->point(e, slot, out->points[slot], d);
	}
	element_close(e);
	if (s != OK && strstr(d->text, p->serial) == NULL) {
		diag_prefix(d, "%s: ", p->serial);
	}
	return s;
}

/* The key that the birth certificate is for. */
static status
read_birth_point(const char *folder, uint8_t point[POINT_P256_LEN], struct diag *d)
{
	struct arena *a = arena_new(1 << 20);
	struct certificate_view leaf;
	char path[UNIT_PATH_MAX + 16];
	struct buffer pem;
	span der;
	status s;

	buffer_init(&pem, BIRTH_PEM_MAX);
	snprintf(path, sizeof(path), "%s/birth.pem", folder);
	s = a != NULL ? file_read(path, BIRTH_PEM_MAX, &pem, d)
		      : diag_set(d, NO_MEMORY, NULL, "no memory");
	if (s == OK) {
		s = pem_read(a, buffer_span(&pem), "CERTIFICATE", &der, d);
	}
	if (s == OK) {
		s = certificate_read(der, &leaf, d);
	}
	if (s == OK) {
		memcpy(point, leaf.key.point, POINT_P256_LEN);
	} else {
		diag_prefix(d, "%s: ", path);
	}
	buffer_wipe(&pem);
	arena_free(a);
	return s;
}

status
part_is_known(const struct factory_part *p, const char *folder, struct diag *d)
{
	uint8_t own[POINT_P256_LEN], born[POINT_P256_LEN];
	struct element *e = NULL;
	status s = read_birth_point(folder, born, d);

	if (s == OK) {
		s = open_part(p, folder, &e, d);
	}
	if (s == OK) {
		s = e->operations->point(e, 0, own, d);
	}
	if (s == OK && memcmp(own, born, sizeof(own)) != 0) {
		s = diag_set(d, CONFLICT, NULL,
			"the part on the line has another birth key than the certificate of %s: "
			"two "
			"parts with one serial number",
			folder);
	}
	element_close(e);
	return s;
}

status
part_give_birth(const struct factory_part *p, const char *folder, span pem, struct diag *d)
{
	struct element *e = NULL;
	status s = open_part(p, folder, &e, d);

	if (s == OK) {
		s = element_atecc608_store_birth(e, pem, d);
	}
	/* It cannot be carried, or its slots are the chip maker's for good: birth.pem has it. */
	if (e != NULL && (s == BAD_INPUT || s == DENIED)) {
		diag_clear(d);
		s = OK;
	}
	element_close(e);
	return s;
}
