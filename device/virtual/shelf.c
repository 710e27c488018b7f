#include "device/virtual/shelf.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "device/virtual/state_file.h"

#define NEW_SUFFIX ".new"
#define MADE_AT_ONCE 1024

struct damaged {
	uint8_t serial[9]; /* first: what they are sorted and found by */
	char why[sizeof(((struct diag *)0)->text)];
};

/* Both arrays are sorted by serial number, whenever nothing is being added. */
struct shelf {
	const char *folder;
	int lock;
	bool has_delays;
	struct shelf_bus **buses;
	size_t count, room;
	struct damaged *damaged;
	size_t damaged_count, damaged_room;
};

static int
compare_serial(const struct shelf_bus *b, const uint8_t serial[9])
{
	uint8_t own[9];

	part_serial(&b->wire.part, own);
	return memcmp(own, serial, sizeof(own));
}

/* Where it is, or would be. */
static size_t
place_of(const struct shelf *s, const uint8_t serial[9])
{
	size_t low = 0, high = s->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare_serial(s->buses[middle], serial) < 0) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return low;
}

size_t
shelf_count(const struct shelf *s)
{
	return s->count;
}

struct shelf_bus *
shelf_at(struct shelf *s, size_t i)
{
	return i < s->count ? s->buses[i] : NULL;
}

struct shelf_bus *
shelf_find(struct shelf *s, const uint8_t serial[9])
{
	size_t at = place_of(s, serial);

	return at < s->count && compare_serial(s->buses[at], serial) == 0 ? s->buses[at] : NULL;
}

static int
compare_damaged(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(((struct damaged *)0)->serial));
}

size_t
shelf_damaged_count(const struct shelf *s)
{
	return s->damaged_count;
}

const char *
shelf_damage(const struct shelf *s, const uint8_t serial[9])
{
	const struct damaged *found = s->damaged_count > 0
					      ? bsearch(serial, s->damaged, s->damaged_count,
							sizeof(*s->damaged), compare_damaged)
					      : NULL;

	return found != NULL ? found->why : NULL;
}

static bool
is_there(struct shelf *s, const uint8_t serial[9])
{
	return shelf_find(s, serial) != NULL || shelf_damage(s, serial) != NULL;
}

/* The wire's keeper. */
static bool
keep(void *context, const struct part *p)
{
	struct shelf_bus *b = context;
	uint8_t content[STATE_FILE_LEN], serial[9];
	struct diag d = { 0 };
	char path[PATH_MAX];
	status s;

	part_serial(p, serial);
	s = state_file_path(b->shelf->folder, serial, path, sizeof(path), &d);
	if (s == OK) {
		state_file_write(&p->memory, b->profile, content);
		s = file_replace(path, SPAN_ARRAY(content), 0600, &d);
	}
	OPENSSL_cleanse(content, sizeof(content));
	if (s != OK && !b->is_unkept) {
		log_diag(LOG_ERROR, "part_not_kept", &d);
	}
	b->is_unkept = s != OK;
	return s == OK;
}

/* Room for one more behind `count` of them, which are `size` bytes each. */
static status
reserve(void **items, size_t count, size_t *room, size_t size, struct diag *d)
{
	size_t wanted = *room == 0 ? 16 : 2 * *room;
	void *grown;

	if (count == SHELF_PARTS_MAX) {
		return diag_set(d, LIMIT, NULL, "more than %d parts", SHELF_PARTS_MAX);
	}
	if (count < *room) {
		return OK;
	}
	grown = reallocarray(*items, wanted, size);
	if (grown == NULL) {
		return diag_set(d, NO_MEMORY, NULL, "no memory for %zu parts", wanted);
	}
	*items = grown;
	*room = wanted;
	return OK;
}

/* Behind the others, wherever it belongs: `arrange` sees to that once all are there. */
static status
append(struct shelf *s, const struct part *p, const char *profile, struct diag *d)
{
	struct shelf_bus *b;
	void *buses = s->buses;
	status answer = reserve(&buses, s->count, &s->room, sizeof(struct shelf_bus *), d);

	s->buses = buses;
	if (answer != OK) {
		return answer;
	}
	b = calloc(1, sizeof(*b));
	if (b == NULL) {
		return diag_set(d, NO_MEMORY, NULL, "no memory for a part");
	}
	b->wire.part = *p;
	b->wire.part.is_changed = false;
	b->wire.has_delays = s->has_delays;
	b->wire.keep = s->folder != NULL ? keep : NULL;
	b->wire.keep_context = b;
	b->shelf = s;
	snprintf(b->profile, sizeof(b->profile), "%s", profile);
	s->buses[s->count++] = b;
	return OK;
}

static int
compare_buses(const void *a, const void *b)
{
	uint8_t serial[9];

	part_serial(&(*(struct shelf_bus *const *)b)->wire.part, serial);
	return compare_serial(*(struct shelf_bus *const *)a, serial);
}

/* In order again: the first `known` are, those behind them come among them. */
static status
arrange(struct shelf *s, size_t known, struct diag *d)
{
	size_t count = s->count - known;
	struct shelf_bus **added = NULL;

	if (count == 0) {
		return OK;
	}
	qsort(s->buses + known, count, sizeof(struct shelf_bus *), compare_buses);
	added = malloc(count * sizeof(struct shelf_bus *));
	if (added == NULL) {
		return diag_set(d, NO_MEMORY, NULL, "no memory for %zu parts", count);
	}
	memcpy(added, s->buses + known, count * sizeof(struct shelf_bus *));
	for (size_t at = s->count; count > 0;) {
		bool is_known =
			known > 0 && compare_buses(&s->buses[known - 1], &added[count - 1]) > 0;

		s->buses[--at] = is_known ? s->buses[--known] : added[--count];
	}
	free(added);
	return OK;
}

/* --- the folder --- */

/* "0123....part" in lower-case digits, and nothing else. */
static bool
take_serial(const char *name, uint8_t out[9])
{
	char digits[19];

	return strlen(name) == 18 + strlen(STATE_FILE_SUFFIX) &&
	       strcmp(name + 18, STATE_FILE_SUFFIX) == 0 &&
	       hex_decode(span_of(name, 18), out, 9) == OK &&
	       memcmp(hex_encode(digits, span_of(out, 9)), name, 18) == 0;
}

static status
note_damaged(struct shelf *s, const uint8_t serial[9], const struct diag *why, struct diag *d)
{
	void *damaged = s->damaged;
	status answer =
		reserve(&damaged, s->damaged_count, &s->damaged_room, sizeof(*s->damaged), d);

	s->damaged = damaged;
	if (answer == OK) {
		struct damaged *new = &s->damaged[s->damaged_count++];

		memcpy(new->serial, serial, sizeof(new->serial));
		memcpy(new->why, why->text, sizeof(new->why));
		log_diag(LOG_ERROR, "part_damaged", why);
	}
	return answer;
}

static status
read_part(const char *path, const uint8_t serial[9], struct part *out,
	char profile[NAME_MAX_LEN + 1], struct diag *d)
{
	struct buffer content;
	status answer;

	buffer_init(&content, STATE_FILE_LEN + 1);
	answer = file_read(path, STATE_FILE_LEN + 1, &content, d);
	if (answer == LIMIT) { /* longer yet: it says so in its own words */
		diag_clear(d);
		answer = OK;
	}
	if (answer == OK) {
		answer = state_file_read(buffer_span(&content), serial, out, profile, d);
		if (answer != OK) {
			diag_prefix(d, "%s: ", path);
		}
	}
	buffer_wipe(&content);
	return answer;
}

static status
load(struct shelf *s, const char *name, struct diag *d)
{
	char path[PATH_MAX], profile[NAME_MAX_LEN + 1];
	struct diag why = { 0 };
	struct part part;
	uint8_t serial[9];
	status answer;

	if (!take_serial(name, serial)) {
		return OK; /* not ours */
	}
	answer = state_file_path(s->folder, serial, path, sizeof(path), d);
	if (answer != OK) {
		return answer;
	}
	answer = read_part(path, serial, &part, profile, &why);
	if (answer == OK) {
		answer = append(s, &part, profile, d);
	} else if (answer == NO_MEMORY) {
		answer = diag_copy(d, &why);
	} else {
		answer = note_damaged(s, serial, &why, d);
	}
	OPENSSL_cleanse(&part, sizeof(part));
	return answer;
}

static status
load_all(struct shelf *s, struct diag *d)
{
	DIR *folder = opendir(s->folder);
	const struct dirent *e;
	status answer = OK;

	if (folder == NULL) {
		return diag_set(d, IO, NULL, "cannot open %s: %s", s->folder, strerror(errno));
	}
	while (answer == OK && (e = readdir(folder)) != NULL) {
		answer = load(s, e->d_name, d);
	}
	closedir(folder);
	if (answer == OK) {
		answer = arrange(s, 0, d);
	}
	if (s->damaged_count > 1) {
		qsort(s->damaged, s->damaged_count, sizeof(*s->damaged), compare_damaged);
	}
	if (answer == OK && s->count == 0 && s->damaged_count > 0) {
		answer = diag_set(d, BAD_INPUT, NULL, "%s", s->damaged[0].why);
		if (s->damaged_count > 1) {
			diag_prefix(d, "%zu parts, and all are damaged: ", s->damaged_count);
		}
	}
	return answer;
}

status
shelf_open(const char *folder, bool has_delays, struct shelf **out, struct diag *d)
{
	struct shelf *s = calloc(1, sizeof(*s));
	char path[PATH_MAX];
	status answer = OK;

	if (s == NULL) {
		return diag_set(d, NO_MEMORY, NULL, "no memory for the parts");
	}
	s->folder = folder;
	s->lock = -1;
	s->has_delays = has_delays;
	if (folder != NULL) {
		answer = folder_make(folder, 0700, d);
		snprintf(path, sizeof(path), "%s/lock", folder);
		if (answer == OK) {
			answer = file_lock(path, &s->lock, d);
		}
		if (answer == OK) {
			answer = load_all(s, d);
		}
	}
	if (answer != OK) {
		shelf_close(s);
		return answer;
	}
	*out = s;
	return OK;
}

/* --- new parts --- */

/* Under another name until all are written and synced: one sync of the file system serves them all. */
static status
write_new(const struct shelf *s, const struct part *p, const char *profile, struct diag *d)
{
	uint8_t content[STATE_FILE_LEN], serial[9];
	char path[PATH_MAX + 8], final[PATH_MAX];
	status answer;
	int fd;

	part_serial(p, serial);
	answer = state_file_path(s->folder, serial, final, sizeof(final), d);
	if (answer != OK) {
		return answer;
	}
	snprintf(path, sizeof(path), "%s" NEW_SUFFIX, final);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0) {
		return diag_set(d, IO, NULL, "cannot create %s: %s", path, strerror(errno));
	}
	state_file_write(&p->memory, profile, content);
	answer = write_all(fd, SPAN_ARRAY(content), d);
	close(fd);
	OPENSSL_cleanse(content, sizeof(content));
	return answer;
}

static status
name_new(const struct shelf *s, const struct part *p, struct diag *d)
{
	char path[PATH_MAX + 8], final[PATH_MAX];
	uint8_t serial[9];
	status answer;

	part_serial(p, serial);
	answer = state_file_path(s->folder, serial, final, sizeof(final), d);
	snprintf(path, sizeof(path), "%s" NEW_SUFFIX, final);
	if (answer == OK && rename(path, final) != 0) {
		answer = diag_set(d, IO, NULL, "cannot name %s: %s", final, strerror(errno));
	}
	return answer;
}

static status
sync_folder(const struct shelf *s, struct diag *d)
{
	int fd = open(s->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	status answer = OK;

	if (fd < 0 || syncfs(fd) != 0) {
		answer = diag_set(d, IO, NULL, "cannot sync %s: %s", s->folder, strerror(errno));
	}
	if (fd >= 0) {
		close(fd);
	}
	return answer;
}

static status
keep_new(struct shelf *s, const struct part *parts, size_t count, const char *profile,
	struct diag *d)
{
	status answer = OK;

	for (size_t i = 0; answer == OK && i < count; i++) {
		answer = write_new(s, &parts[i], profile, d);
	}
	if (answer == OK) {
		answer = sync_folder(s, d);
	}
	for (size_t i = 0; answer == OK && i < count; i++) {
		answer = name_new(s, &parts[i], d);
	}
	return answer == OK ? folder_sync(s->folder, d) : answer;
}

/* 01 23, then anything, then 01. */
static bool
random_serial(uint8_t out[9])
{
	memcpy(out, "\x01\x23\0\0\0\0\0\0\x01", 9);
	return RAND_bytes(out + 2, 6) == 1;
}

static bool
is_among(const struct part *parts, size_t count, const uint8_t serial[9])
{
	uint8_t own[9];

	for (size_t i = 0; i < count; i++) {
		part_serial(&parts[i], own);
		if (memcmp(own, serial, sizeof(own)) == 0) {
			return true;
		}
	}
	return false;
}

static status
make_some(struct shelf *s, const struct part_profile *profile, const uint8_t (*serials)[9],
	size_t count, struct diag *d)
{
	struct part *parts = calloc(count > 0 ? count : 1, sizeof(*parts));
	size_t made = 0, known = s->count;
	status answer = OK;

	if (parts == NULL) {
		return diag_set(d, NO_MEMORY, NULL, "no memory for %zu parts", count);
	}
	for (size_t i = 0; answer == OK && i < count; i++) {
		uint8_t serial[9];

		if (serials != NULL) {
			memcpy(serial, serials[i], sizeof(serial));
		} else if (!random_serial(serial)) {
			answer = diag_set(d, CRYPTO, NULL, "no randomness for serial numbers");
			break;
		}
		if (is_there(s, serial) || is_among(parts, made, serial)) {
			continue;
		}
		answer = part_make(profile, serial, &parts[made], d);
		made += answer == OK;
	}
	if (answer == OK && s->folder != NULL) {
		answer = keep_new(s, parts, made, profile->name, d);
	}
	for (size_t i = 0; answer == OK && i < made; i++) {
		answer = append(s, &parts[i], profile->name, d);
	}
	if (answer == OK) {
		answer = arrange(s, known, d);
	}
	OPENSSL_cleanse(parts, count * sizeof(*parts));
	free(parts);
	return answer;
}

/* Some at a time, so that memory has them all only once. */
status
shelf_make(struct shelf *s, const struct part_profile *profile, const uint8_t (*serials)[9],
	size_t count, struct diag *d)
{
	status answer = OK;

	for (size_t done = 0; answer == OK && done < count; done += MADE_AT_ONCE) {
		size_t some = count - done < MADE_AT_ONCE ? count - done : MADE_AT_ONCE;

		answer = make_some(s, profile, serials != NULL ? serials + done : NULL, some, d);
	}
	return answer;
}

void
shelf_close(struct shelf *s)
{
	if (s == NULL) {
		return;
	}
	for (size_t i = 0; i < s->count; i++) {
		OPENSSL_cleanse(s->buses[i], sizeof(*s->buses[i]));
		free(s->buses[i]);
	}
	if (s->lock >= 0) {
		close(s->lock);
	}
	free(s->buses);
	free(s->damaged);
	free(s);
}
