#include "api/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

#define LINE_ROOM (1 << 20) /* the last line before the memory is over may be as long */

void
spool_init(struct spool *s, const char *folder)
{
	*s = (struct spool){ .file = -1, .folder = folder };
	buffer_init(&s->lines, SPOOL_MEMORY + LINE_ROOM);
}

void
spool_wipe(struct spool *s)
{
	buffer_wipe(&s->lines); /* there are codes in it */
	if (s->file >= 0) {
		close(s->file);
		s->file = -1;
	}
}

/* A file without a name: it ends with the reply, or with the process. */
static int
open_unnamed(const char *folder)
{
	char path[4096];
	int file = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (file >= 0 || (errno != EOPNOTSUPP && errno != EISDIR)) {
		return file;
	}
	snprintf(path, sizeof(path), "%s/answer-XXXXXX", folder);
	file = mkostemp(path, O_CLOEXEC);
	if (file >= 0) {
		unlink(path);
	}
	return file;
}

static status
write_out(struct spool *s)
{
	if (s->file < 0) {
		s->file = open_unnamed(s->folder);
	}
	if (s->file < 0) {
		return diag_set(&s->diag, IO, NULL, "no temporary file for a long answer: %s",
			strerror(errno));
	}
	status st = write_all(s->file, buffer_span(&s->lines), &s->diag);
	s->file_size += s->lines.len;
	buffer_clear(&s->lines);
	return st;
}

void
spool_begin(struct spool *s, struct json_writer *w)
{
	json_begin(w, &s->lines);
}

status
spool_end(struct spool *s)
{
	buffer_put_byte(&s->lines, '\n');
	if (buffer_failed(&s->lines)) {
		return diag_set(&s->diag, NO_MEMORY, NULL, "no memory for the answer's lines");
	}
	return s->lines.len > SPOOL_MEMORY ? write_out(s) : OK;
}

void
spool_reply(struct spool *s, struct call *c)
{
	static const char type[] = "application/x-ndjson";

	if (s->file >= 0 && s->lines.len > 0 && s->diag.status == OK) {
		status st = write_out(s);
		(void)st; /* it is in the diag */
	}
	if (s->diag.status != OK) {
		c->diag = s->diag;
		call_refuse(c, s->diag.status);
	} else if (s->file >= 0) {
		reply_file(c->x, 200, type, s->file, s->file_size);
		s->file = -1; /* the reply's now */
	} else {
		reply_bytes(c->x, 200, type, buffer_span(&s->lines));
	}
}
