#include "cli/factory_unit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/file.h"
#include "base/limits.h"
#include "base/text.h"
#include "pki/key.h"

#define PATH_ROOM UNIT_PATH_MAX
#define KEY_FILE_MAX 4096
#define WORLD_ROOM 2048
#define NAME_PREFIX "0123"
#define NAME_SUFFIX "01"

bool
unit_serial_is_sound(const char *name)
{
	size_t len = strlen(name);

	return len == UNIT_SERIAL_LEN && strspn(name, "0123456789abcdef") == len &&
	       strncmp(name, NAME_PREFIX, strlen(NAME_PREFIX)) == 0 &&
	       strcmp(name + len - strlen(NAME_SUFFIX), NAME_SUFFIX) == 0;
}

status
unit_serial_new(const char *prefix, char out[UNIT_SERIAL_LEN + 1], struct diag *d)
{
	uint8_t random[UNIT_SERIAL_LEN / 2];
	size_t len = strlen(prefix);

	if (getrandom(random, sizeof(random), 0) != sizeof(random)) {
		return diag_set(d, BUG, NULL, "the system has no randomness");
	}
	hex_encode(out, SPAN_ARRAY(random));
	memcpy(out, prefix, len < UNIT_SERIAL_LEN - 2 ? len : UNIT_SERIAL_LEN - 2);
	memcpy(out + UNIT_SERIAL_LEN - 2, NAME_SUFFIX, 2);
	return OK;
}

static status
path_of(const char *folder, const char *serial, const char *name, char out[PATH_ROOM],
	struct diag *d)
{
	int n = snprintf(out, PATH_ROOM, "%s/%s/element/%s", folder, serial, name);

	return n > 0 && n < PATH_ROOM - 8
		       ? OK
		       : diag_set(d, LIMIT, NULL, "path too long: %.80s...", folder);
}

static int
by_serial(const void *a, const void *b)
{
	const struct factory_folder *left = a, *right = b;

	return strcmp(left->serial, right->serial);
}

status
unit_element_folder(const char *folder, const char *serial, char out[UNIT_PATH_MAX], struct diag *d)
{
	status s = path_of(folder, serial, "", out, d);

	if (s == OK) {
		*strrchr(out, '/') = '\0';
	}
	return s;
}

static bool
has_birth(const char *folder, const char *serial)
{
	char path[PATH_ROOM];

	return path_of(folder, serial, "birth.pem", path, NULL) == OK && access(path, F_OK) == 0;
}

/* It was given a part's address, and has no keys of its own. */
static bool
is_of_part(const char *folder, const char *serial)
{
	char path[PATH_ROOM];

	if (path_of(folder, serial, "serial", path, NULL) != OK || access(path, F_OK) == 0) {
		return false;
	}
	snprintf(path, sizeof(path), "%s/%s/agent.conf", folder, serial);
	return access(path, F_OK) == 0;
}

status
unit_list(const char *folder, struct factory_folder **out, size_t *count, struct diag *d)
{
	status s = folder_make(folder, 0700, d);
	DIR *list = s == OK ? opendir(folder) : NULL;
	struct factory_folder *units = NULL;
	size_t room = 0, n = 0;
	struct dirent *e;

	if (s == OK && list == NULL) {
		s = diag_set(d, IO, NULL, "cannot list %s: %s", folder, strerror(errno));
	}
	while (s == OK && (e = readdir(list)) != NULL) {
		if (!unit_serial_is_sound(e->d_name)) {
			continue;
		}
		if (n == room) {
			struct factory_folder *more =
				reallocarray(units, room > 0 ? 2 * room : 256, sizeof(*units));

			if (more == NULL) {
				s = diag_set(d, NO_MEMORY, NULL, "no memory for the units");
				break;
			}
			units = more;
			room = room > 0 ? 2 * room : 256;
		}
		memcpy(units[n].serial, e->d_name, UNIT_SERIAL_LEN + 1);
		units[n].is_born = has_birth(folder, e->d_name);
		units[n].is_of_part = is_of_part(folder, e->d_name);
		units[n].part = NULL;
		n++;
	}
	if (list != NULL) {
		closedir(list);
	}
	if (s != OK) {
		free(units);
		return s;
	}
	if (n > 0) {
		qsort(units, n, sizeof(*units), by_serial);
	}
	*out = units;
	*count = n;
	return OK;
}

/* --- keys --- */

static status
take_point(const struct private_key *k, uint8_t out[64], struct diag *d)
{
	uint8_t spki[600];
	struct public_key public;
	status s = private_key_public(k, spki, sizeof(spki), &public, d);

	if (s == OK && public.kind != KEY_P256) {
		s = diag_set(d, BAD_INPUT, NULL, "an element's keys are on P-256");
	}
	if (s == OK) {
		memcpy(out, public.point, POINT_P256_LEN);
	}
	return s;
}

static const char *
slot_name(unsigned slot)
{
	static const char *const names[UNIT_SLOTS] = { "slot0.key", "slot1.key", "slot2.key",
		"slot3.key", "slot4.key" };

	return names[slot];
}

static status
load_key(const char *folder, const char *serial, unsigned slot, uint8_t point[64], struct diag *d)
{
	struct private_key k = { 0 };
	struct buffer pem;
	char path[PATH_ROOM];
	status s = path_of(folder, serial, slot_name(slot), path, d);

	buffer_init(&pem, KEY_FILE_MAX);
	if (s == OK) {
		s = file_read(path, KEY_FILE_MAX, &pem, d);
	}
	if (s == OK) {
		s = private_key_read_plain(buffer_span(&pem), &k, d);
	}
	if (s == OK) {
		s = take_point(&k, point, d);
	}
	private_key_wipe(&k);
	buffer_wipe(&pem);
	return s;
}

static status
make_key(struct file_batch *b, const char *serial, unsigned slot, uint8_t point[64], struct diag *d)
{
	struct private_key k = { 0 };
	struct buffer pem;
	char path[PATH_ROOM];
	status s = path_of(b->folder, serial, slot_name(slot), path, d);

	buffer_init(&pem, KEY_FILE_MAX);
	if (s == OK) {
		s = private_key_generate(KEY_P256, &k, d);
	}
	if (s == OK) {
		s = private_key_write_plain(&k, &pem, d);
	}
	if (s == OK) {
		s = take_point(&k, point, d);
	}
	if (s == OK) {
		s = file_batch_put(b, path, buffer_span(&pem), 0600, d);
	}
	private_key_wipe(&k);
	buffer_wipe(&pem);
	return s;
}

static status
load_keys(const char *folder, const char *serial, uint8_t points[UNIT_SLOTS][64])
{
	char path[PATH_ROOM], want[UNIT_SERIAL_LEN + 2];
	struct buffer text;
	status s = path_of(folder, serial, "serial", path, NULL);

	buffer_init(&text, sizeof(want));
	snprintf(want, sizeof(want), "%s\n", serial);
	if (s == OK) {
		s = file_read(path, sizeof(want) - 1, &text, NULL);
	}
	if (s == OK && !span_is(buffer_span(&text), want)) {
		s = BAD_INPUT;
	}
	buffer_wipe(&text);
	for (unsigned slot = 0; s == OK && slot < UNIT_SLOTS; slot++) {
		s = load_key(folder, serial, slot, points[slot], NULL);
	}
	return s;
}

/* A unit whose keys are not whole was never shown to the factory: those are made durable before it is asked. */
status
unit_keys(struct file_batch *b, const char *serial, uint8_t points[UNIT_SLOTS][64], struct diag *d)
{
	char path[PATH_ROOM], line[UNIT_SERIAL_LEN + 2];
	status s;

	if (load_keys(b->folder, serial, points) == OK) {
		return OK;
	}
	s = unit_element_folder(b->folder, serial, path, d);
	if (s == OK) {
		s = folder_make(path, 0700, d);
	}
	if (s == OK) {
		s = path_of(b->folder, serial, "serial", path, d);
	}
	for (unsigned slot = 0; s == OK && slot < UNIT_SLOTS; slot++) {
		s = make_key(b, serial, slot, points[slot], d);
	}
	snprintf(line, sizeof(line), "%s\n", serial);
	return s == OK ? file_batch_put(b, path, span_text(line), 0644, d) : s;
}

/* --- beside the element --- */

/* What the operator has put there himself stays. `b` NULL: at once. */
static status
write_if_none(struct file_batch *b, const char *path, span text, struct diag *d)
{
	if (access(path, F_OK) == 0) {
		return OK;
	}
	return b != NULL ? file_batch_put(b, path, text, 0644, d)
			 : file_replace(path, text, 0644, d);
}

/* What stands beside the element's folder. `address` NULL: its keys are files. */
static status
write_world(struct file_batch *b, const char *element, const char *address,
	const struct unit_world *world, struct diag *d)
{
	char path[PATH_ROOM + 16], text[WORLD_ROOM];
	int unit = (int)(strrchr(element, '/') - element);
	int n = snprintf(text, sizeof(text), "server = %s\nfleet = %s\n%s%s%s", world->server,
		world->fleet, address != NULL ? "element = " : "", address != NULL ? address : "",
		address != NULL ? "\n" : "");
	status s;

	if (n < 0 || n >= (int)sizeof(text)) {
		return diag_set(d, LIMIT, NULL, "%.80s...: address too long",
			address != NULL ? address : world->server);
	}
	snprintf(path, sizeof(path), "%.*s/ca.pem", unit, element);
	s = write_if_none(b, path, world->ca, d);
	snprintf(path, sizeof(path), "%.*s/agent.conf", unit, element);
	return s == OK ? write_if_none(b, path, span_text(text), d) : s;
}

status
unit_of_files(
	struct file_batch *b, const char *serial, const struct unit_world *world, struct diag *d)
{
	char element[PATH_ROOM];
	status s = unit_element_folder(b->folder, serial, element, d);

	return s == OK ? write_world(b, element, NULL, world, d) : s;
}

status
unit_of_part(const char *folder, const char *serial, const char *address,
	const struct unit_world *world, struct diag *d)
{
	char element[PATH_ROOM];
	status s = unit_element_folder(folder, serial, element, d);

	if (s == OK) {
		s = folder_make(element, 0700, d);
	}
	return s == OK ? write_world(NULL, element, address, world, d) : s;
}

/* --- the factory's answer --- */

status
unit_born(struct file_batch *b, const char *serial, span entry, span birth_pem, struct diag *d)
{
	char path[PATH_ROOM];
	status s = path_of(b->folder, serial, "entry.json", path, d);

	if (s == OK) {
		s = file_batch_put(b, path, entry, 0644, d);
	}
	if (s == OK) {
		s = path_of(b->folder, serial, "birth.pem", path, d);
	}
	return s == OK ? file_batch_put(b, path, birth_pem, 0644, d) : s;
}

status
unit_entry(const char *folder, const char *serial, struct buffer *out, struct diag *d)
{
	char path[PATH_ROOM];
	status s = path_of(folder, serial, "entry.json", path, d);

	return s == OK ? file_read(path, MANIFEST_ENTRY_MAX, out, d) : s;
}
