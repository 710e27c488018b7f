#include "cli/sheet.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "base/file.h"
#include "base/text.h"
#include "cli/seal.h"
#include "pki/key.h"

/*
 * SHEET.partial:   tenure claim codes 1 LF fleet LF hex(secret) LF { serial LF | "-" serial LF }
 *
 * Invariant: a serial stands in it, durably, before its code leaves for the server. A cut last line is of a
 * serial that did not leave.
 */
#define MAGIC "tenure claim codes 1"
#define SECRET_LEN 32
#define HEAD_LINES 3
#define PARTIAL_MAX ((size_t)1 << 30) /* 40 million devices */
#define SHEET_MAX ((size_t)4 << 30)
#define PATH_ROOM 4096

struct noted {
	char serial[ELEMENT_SERIAL_MAX + 1];
	bool is_dropped, is_met, has_line;
};

struct sheet {
	char path[PATH_ROOM], partial[PATH_ROOM + 16];
	int fd; /* of the partial one, locked */
	uint8_t secret[SECRET_LEN];
	struct noted *noted; /* those of earlier runs, sorted */
	size_t noted_count, noted_room;
	struct seal *seal;
	struct buffer lines;
	size_t line_count;
	struct buffer pending; /* for the partial one */
};

status
sheet_code(const struct sheet *s, const char *serial, char code[CLAIM_CODE_TEXT_MAX])
{
	uint8_t mac[32];
	char letters[64];
	status result;

	hmac_sha256(SPAN_ARRAY(s->secret), span_text(serial), mac);
	base32_encode(letters, SPAN_ARRAY(mac)); /* the first 100 bits of it: 20 letters */
	result = claim_code_normalize(span_of(letters, CLAIM_CODE_LETTERS), code);
	OPENSSL_cleanse(mac, sizeof(mac));
	OPENSSL_cleanse(letters, sizeof(letters));
	return result;
}

/* --- what earlier runs noted --- */

static int
by_serial(const void *a, const void *b)
{
	const struct noted *left = a, *right = b;

	return strcmp(left->serial, right->serial);
}

static struct noted *
find(struct sheet *s, const char *serial)
{
	struct noted key = { 0 };

	snprintf(key.serial, sizeof(key.serial), "%s", serial);
	return s->noted_count > 0 ? bsearch(&key, s->noted, s->noted_count, sizeof(key), by_serial)
				  : NULL;
}

bool
sheet_has(struct sheet *s, const char *serial)
{
	struct noted *n = find(s, serial);

	if (n == NULL || n->is_dropped) {
		return false;
	}
	n->is_met = true;
	return true;
}

static status
remember(struct sheet *s, span serial)
{
	if (serial.len == 0 || serial.len > ELEMENT_SERIAL_MAX) {
		return BAD_INPUT;
	}
	if (s->noted_count == s->noted_room) {
		size_t room = s->noted_room > 0 ? 2 * s->noted_room : 1024;
		struct noted *more = reallocarray(s->noted, room, sizeof(*more));

		if (more == NULL) {
			return NO_MEMORY;
		}
		s->noted = more;
		s->noted_room = room;
	}
	s->noted[s->noted_count] = (struct noted){ 0 };
	memcpy(s->noted[s->noted_count].serial, serial.data, serial.len);
	s->noted_count++;
	return OK;
}

/* A serial may stand there several times: noted, dropped, noted again. The last word counts. */
static void
settle(struct sheet *s, span dropped)
{
	size_t kept = 0;
	span line;

	if (s->noted_count > 0) {
		qsort(s->noted, s->noted_count, sizeof(*s->noted), by_serial);
	}
	for (size_t i = 0; i < s->noted_count; i++) {
		if (kept == 0 || strcmp(s->noted[kept - 1].serial, s->noted[i].serial) != 0) {
			s->noted[kept++] = s->noted[i];
		}
	}
	s->noted_count = kept;
	while (span_take_line(&dropped, &line)) {
		char serial[ELEMENT_SERIAL_MAX + 1] = "";
		bool drops = line.len > 0 && line.data[0] == '-';
		struct noted *n;

		line = span_slice(line, drops ? 1 : 0, ELEMENT_SERIAL_MAX);
		memcpy(serial, line.data, line.len);
		n = find(s, serial);
		if (n != NULL) {
			n->is_dropped = drops;
		}
	}
}

static status
read_partial(struct sheet *s, const struct sheet_options *o, span text, struct diag *d)
{
	span rest = text, line, serials;
	status result = OK;

	if (!span_take_line(&rest, &line) || !span_is(line, MAGIC)) {
		return diag_set(
			d, BAD_INPUT, NULL, "%s is no partial sheet of claim codes", s->partial);
	}
	if (!span_take_line(&rest, &line) || !span_is(line, o->fleet)) {
		return diag_set(d, CONFLICT, NULL,
			"%s is of another fleet (%.*s): finish that import first, or choose "
			"another --codes",
			s->partial, (int)(line.len < 64 ? line.len : 64), (const char *)line.data);
	}
	if (!span_take_line(&rest, &line) || hex_decode(line, s->secret, SECRET_LEN) != OK) {
		return diag_set(
			d, BAD_INPUT, NULL, "%s is damaged: its secret cannot be read", s->partial);
	}
	serials = rest;
	while (result == OK && span_take_line(&rest, &line)) {
		if (line.len > 0 && line.data[0] != '-') {
			result = remember(s, line);
		}
	}
	if (result != OK) {
		return diag_set(
			d, result, NULL, "%s cannot be read: %s", s->partial, status_name(result));
	}
	settle(s, serials);
	return OK;
}

static status
begin_partial(struct sheet *s, const struct sheet_options *o, struct diag *d)
{
	char hex[2 * SECRET_LEN + 1];
	status result;

	if (getrandom(s->secret, SECRET_LEN, 0) != SECRET_LEN) {
		return diag_set(d, BUG, NULL, "the system has no randomness");
	}
	buffer_printf(&s->pending, "%s\n%s\n%s\n", MAGIC, o->fleet,
		hex_encode(hex, SPAN_ARRAY(s->secret)));
	OPENSSL_cleanse(hex, sizeof(hex));
	result = sheet_sync(s, d);
	if (result == OK) {
		char folder[PATH_ROOM + 16];

		snprintf(folder, sizeof(folder), "%s", s->partial);
		result = folder_sync(dirname(folder), d);
	}
	return result;
}

/* --- noting --- */

status
sheet_note(struct sheet *s, const char *serial, struct diag *d)
{
	buffer_printf(&s->pending, "%s\n", serial);
	return buffer_failed(&s->pending) ? diag_set(d, NO_MEMORY, NULL, "no memory for the sheet")
					  : OK;
}

status
sheet_drop(struct sheet *s, const char *serial, struct diag *d)
{
	struct noted *n = find(s, serial);

	if (n != NULL) {
		n->is_dropped = true;
	}
	buffer_printf(&s->pending, "-%s\n", serial);
	return buffer_failed(&s->pending) ? diag_set(d, NO_MEMORY, NULL, "no memory for the sheet")
					  : OK;
}

status
sheet_sync(struct sheet *s, struct diag *d)
{
	status result = OK;

	if (s->pending.len > 0) {
		result = write_all(s->fd, buffer_span(&s->pending), d);
		if (result == OK && fdatasync(s->fd) != 0) {
			result = diag_set(
				d, IO, NULL, "cannot sync %s: %s", s->partial, strerror(errno));
		}
		buffer_clear(&s->pending);
	}
	return result;
}

/* --- lines --- */

status
sheet_add(struct sheet *s, const char *serial, span device, struct diag *d)
{
	char code[CLAIM_CODE_TEXT_MAX];
	struct noted *n = find(s, serial);
	status result;

	if (n != NULL && n->has_line) {
		return OK; /* its entry stands in the manifest twice */
	}
	if (n != NULL) {
		n->has_line = true;
	}
	result = sheet_code(s, serial, code);
	if (s->line_count == 0) {
		buffer_put_text(&s->lines, "serial,code,device\n");
	}
	if (result == OK) {
		buffer_printf(&s->lines, "%s,%s,%.*s\n", serial, code, (int)device.len,
			(const char *)device.data);
		s->line_count++;
	}
	OPENSSL_cleanse(code, sizeof(code));
	if (result == OK && buffer_failed(&s->lines)) {
		result = NO_MEMORY;
	}
	return result == OK ? OK : diag_set(d, result, NULL, "no memory for the sheet");
}

static status
check_all_met(struct sheet *s, struct diag *d)
{
	size_t missed = 0;

	for (size_t i = 0; i < s->noted_count; i++) {
		missed += !s->noted[i].is_met && !s->noted[i].is_dropped;
	}
	return missed == 0 ? OK
			   : diag_set(d, CONFLICT, NULL,
				     "%s has codes of %zu devices that this manifest does not "
				     "name: run "
				     "the import of their manifest to its end first",
				     s->partial, missed);
}

status
sheet_finish(struct sheet *s, size_t *lines, struct diag *d)
{
	struct buffer sealed;
	status result = check_all_met(s, d);

	*lines = s->line_count;
	buffer_init(&sealed, SHEET_MAX);
	if (result == OK && s->line_count > 0) {
		result = seal_close(s->seal, buffer_span(&s->lines), &sealed, d);
	}
	if (result == OK && s->line_count > 0) {
		result = file_replace(s->path, buffer_span(&sealed), 0600, d);
	}
	if (result == OK) {
		/* Emptied first: a crash before its name is gone leaves nothing that makes codes. */
		(void)!ftruncate(s->fd, 0);
		(void)fsync(s->fd);
		unlink(s->partial);
	}
	buffer_wipe(&sealed);
	return result;
}

/* --- opening and closing --- */

/* Emptied, or cut in its first three lines, it was the end or the beginning of a run: no code has left by it. */
static bool
has_head(span text)
{
	unsigned lines = 0;
	span line;

	while (lines < HEAD_LINES && span_take_line(&text, &line)) {
		lines++;
	}
	return lines == HEAD_LINES;
}

static status
open_partial(struct sheet *s, const struct sheet_options *o, struct diag *d)
{
	bool is_new = access(s->partial, F_OK) != 0;
	struct buffer text;
	status result;

	if (is_new && access(s->path, F_OK) == 0) {
		return diag_set(
			d, EXISTS, NULL, "%s is there already: choose another name", s->path);
	}
	result = file_lock(s->partial, &s->fd, d);
	if (result != OK) {
		s->fd = -1;
		return result;
	}
	buffer_init(&text, PARTIAL_MAX + 1);
	result = file_read(s->partial, PARTIAL_MAX, &text, d);
	if (result == OK && !has_head(buffer_span(&text))) {
		is_new = true;
		result = ftruncate(s->fd, 0) == 0
				 ? OK
				 : diag_set(d, IO, NULL, "cannot begin %s again", s->partial);
	}
	if (result == OK && lseek(s->fd, 0, SEEK_END) < 0) {
		result = diag_set(d, IO, NULL, "cannot append to %s", s->partial);
	}
	if (result == OK && text.len > 0 && !is_new && text.data[text.len - 1] != '\n') {
		buffer_put_byte(&s->pending, '\n'); /* behind a cut line */
	}
	if (result == OK) {
		result =
			is_new ? begin_partial(s, o, d) : read_partial(s, o, buffer_span(&text), d);
	}
	buffer_wipe(&text);
	return result;
}

status
sheet_open(const struct sheet_options *o, struct sheet **out, struct diag *d)
{
	struct sheet *s = calloc(1, sizeof(*s));
	status result = OK;

	if (s == NULL) {
		return diag_set(d, NO_MEMORY, NULL, "no memory for the sheet");
	}
	s->fd = -1;
	buffer_init(&s->lines, SHEET_MAX);
	buffer_init(&s->pending, PARTIAL_MAX);
	if ((size_t)snprintf(s->path, sizeof(s->path), "%s", o->path) >= sizeof(s->path)) {
		result = diag_set(d, LIMIT, NULL, "path too long: %.80s...", o->path);
	}
	snprintf(s->partial, sizeof(s->partial), "%s.partial", s->path);
	if (result == OK) {
		result = seal_open(o->recipient, o->passphrase_file, &s->seal, d);
	}
	if (result == OK) {
		result = open_partial(s, o, d);
	}
	if (result != OK) {
		sheet_close(s);
		return result;
	}
	*out = s;
	return OK;
}

void
sheet_close(struct sheet *s)
{
	if (s == NULL) {
		return;
	}
	if (s->fd >= 0) {
		close(s->fd);
	}
	seal_free(s->seal);
	buffer_wipe(&s->lines);
	buffer_wipe(&s->pending);
	free(s->noted);
	OPENSSL_cleanse(s, sizeof(*s));
	free(s);
}
