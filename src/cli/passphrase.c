#include "cli/passphrase.h"

#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/secret.h"

#define PASSPHRASE_MAX 1024 /* the signer's own limit */

static status
keep(struct passphrase *p, const struct secret *text, struct diag *d)
{
	int fd = memfd_create("passphrase", MFD_CLOEXEC);
	status s;

	if (fd < 0) {
		return diag_set(d, NO_MEMORY, NULL, "no memory for the passphrase");
	}
	/* The signer takes none that others can read, and a memfd begins open to all. */
	s = fchmod(fd, 0600) == 0 ? write_all(fd, span_of(text->data, text->len), d)
				  : diag_set(d, IO, NULL, "cannot keep the passphrase from others");
	if (s != OK) {
		close(fd);
		return s;
	}
	p->fd = fd;
	snprintf(p->path, sizeof(p->path), "/proc/%ld/fd/%d", (long)getpid(), fd);
	return OK;
}

status
passphrase_ask(struct passphrase *p, const char *prompt, struct diag *d)
{
	struct secret first = { 0 }, second = { 0 };
	status s = secret_prompt(&first, prompt, PASSPHRASE_MAX, d);

	*p = (struct passphrase){ 0 };
	if (s == OK) {
		s = secret_prompt(&second, "The same again: ", PASSPHRASE_MAX, d);
	}
	if (s == OK && !span_equal_secret(
			       span_of(first.data, first.len), span_of(second.data, second.len))) {
		s = diag_set(d, BAD_INPUT, NULL, "the two passphrases differ; try again");
	}
	if (s == OK) {
		s = keep(p, &first, d);
	}
	secret_wipe(&first);
	secret_wipe(&second);
	return s;
}

void
passphrase_forget(struct passphrase *p)
{
	if (p->path[0] != '\0') {
		close(p->fd);
		p->path[0] = '\0';
	}
}
