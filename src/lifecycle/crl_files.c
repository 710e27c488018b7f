#include "lifecycle/crl_files.h"

#include <pthread.h>
#include <stdio.h>

#include "base/file.h"
#include "base/text.h"
#include "pki/crl.h"
#include "pki/pem.h"

#define CRL_PATH_MAX 4096
#define FIRST_LINE_ROOM 256 /* it says what is known last */

static pthread_mutex_t publishing = PTHREAD_MUTEX_INITIALIZER;

void
crl_publication_lock(void)
{
	pthread_mutex_lock(&publishing);
}

void
crl_publication_unlock(void)
{
	pthread_mutex_unlock(&publishing);
}

static status
path_of(const struct crl_files *f, const char *authority, const char *name, char *out, size_t room)
{
	int n = snprintf(out, room, "%s/%s%s%s", f->session->life->crl_folder, authority,
		name[0] != '\0' ? "/" : "", name);

	return n > 0 && (size_t)n < room ? OK : LIMIT;
}

status
crl_file_put(const struct crl_files *f, const char *name, span content, struct diag *d)
{
	char path[CRL_PATH_MAX];

	if (path_of(f, f->authority.name, name, path, sizeof(path)) != OK) {
		return diag_set(d, LIMIT, NULL, "the path of the CRL folder is too long");
	}
	return file_replace(path, content, 0644, d);
}

static status
read_file(const struct crl_files *f, const char *authority, const char *name, struct buffer *out)
{
	char path[CRL_PATH_MAX];
	status s = path_of(f, authority, name, path, sizeof(path));

	buffer_clear(out);
	return s == OK ? file_read(path, SIGNER_FRAME_MAX, out, NULL) : s;
}

status
crl_file_get(const struct crl_files *f, const char *name, struct buffer *out)
{
	return read_file(f, f->authority.name, name, out);
}

void
crl_bundle_add(struct crl_files *f, span der, int64_t next_update_s)
{
	pem_write(&f->bundle, "X509 CRL", der);
	if (next_update_s < f->good_until_s) {
		f->good_until_s = next_update_s;
	}
}

/* Not there before its own first publication: the next bundle has it. */
static void
add_parent(struct crl_files *f, const char *name, struct buffer *scratch)
{
	int64_t this_s, next_s;

	if (read_file(f, name, "full.crl", scratch) == OK &&
		crl_dates_read(span_slice(buffer_span(scratch), 0, CRL_HEAD_MAX), &this_s,
			&next_s) == OK) {
		crl_bundle_add(f, buffer_span(scratch), next_s);
	}
}

static status
add_parents(struct crl_files *f, struct diag *d)
{
	struct session *s = f->session;
	struct authority a = f->authority;
	struct buffer scratch;
	status st = reader_begin(s->reader, d);

	if (st != OK) {
		return st;
	}
	buffer_init(&scratch, SIGNER_FRAME_MAX);
	for (int depth = 0; st == OK && a.parent != 0 && depth < CHAIN_LEN_MAX; depth++) {
		st = read_authority(s->reader, s->arena, a.parent, &a);
		if (st == OK) {
			add_parent(f, a.name, &scratch);
		} else {
			st = diag_set(
				d, st, NULL, "the parent of %s cannot be read", f->authority.name);
		}
	}
	buffer_wipe(&scratch);
	reader_end(s->reader);
	return st;
}

status
crl_bundle_finish(struct crl_files *f, uint64_t number, struct diag *d)
{
	char line[FIRST_LINE_ROOM], until[TIME_TEXT_MAX];
	status s = add_parents(f, d);
	size_t begin;
	int len;

	if (s != OK) {
		return s;
	}
	if (buffer_failed(&f->bundle)) {
		s = buffer_fault(&f->bundle);
		return diag_set(d, s, NULL,
			s == LIMIT ? "bundle.pem of %s is over %d MiB"
				   : "no memory for bundle.pem of %s, of up to %d MiB",
			f->authority.name, CRL_BUNDLE_MAX >> 20);
	}
	len = snprintf(line, sizeof(line), "# CRLs of %s, number %llu, good until %s\n",
		f->authority.name, (unsigned long long)number, time_text(until, f->good_until_s));
	if (len <= 0 || (size_t)len >= sizeof(line)) {
		return diag_set(d, BUG, NULL, "the first line of a bundle is too long");
	}
	/* Right before the lists: what is in front of it is no part of the file. */
	begin = FIRST_LINE_ROOM - (size_t)len;
	memcpy(f->bundle.data + begin, line, (size_t)len);
	return crl_file_put(
		f, "bundle.pem", span_slice(buffer_span(&f->bundle), begin, SIZE_MAX), d);
}

void
crl_files_wipe(struct crl_files *f)
{
	buffer_wipe(&f->bundle);
}

status
crl_files_init(struct crl_files *f, struct session *s, const struct authority *a, struct diag *d)
{
	char folder[CRL_PATH_MAX];

	*f = (struct crl_files){ .session = s, .authority = *a, .good_until_s = INT64_MAX };
	buffer_init(&f->bundle, CRL_BUNDLE_MAX);
	(void)buffer_grow(&f->bundle, FIRST_LINE_ROOM);
	if (path_of(f, a->name, "", folder, sizeof(folder)) != OK) {
		return diag_set(d, LIMIT, NULL, "the path of the CRL folder is too long");
	}
	return folder_make(folder, 0755, d);
}
