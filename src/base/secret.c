#include "base/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <termios.h>
#include <unistd.h>

#include <openssl/crypto.h>

status
secret_init(struct secret *s, size_t len)
{
	long page = sysconf(_SC_PAGESIZE);
	size_t room = (len / (size_t)page + 1) * (size_t)page;
	void *map = mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	*s = (struct secret){ 0 };
	if (map == MAP_FAILED) {
		return NO_MEMORY;
	}
	/* Without the right to lock memory the secret still stays out of dumps and children. */
	(void)mlock(map, room);
	(void)madvise(map, room, MADV_DONTDUMP);
	(void)madvise(map, room, MADV_WIPEONFORK);
	*s = (struct secret){ map, len, room };
	return OK;
}

void
secret_wipe(struct secret *s)
{
	if (s->data != NULL) {
		OPENSSL_cleanse(s->data, s->room);
		munmap(s->data, s->room);
	}
	*s = (struct secret){ 0 };
}

status
secret_read(struct secret *s, int fd, size_t max, struct diag *d)
{
	size_t len = 0;
	status result = secret_init(s, max + 1);

	if (result != OK) {
		return diag_set(d, result, NULL, "no memory for a secret");
	}
	for (;;) {
		ssize_t n = read(fd, s->data + len, 1);

		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n < 0) {
			result = diag_set(
				d, IO, NULL, "cannot read the secret: %s", strerror(errno));
			break;
		}
		if (n == 0 || s->data[len] == '\n') {
			break;
		}
		if (++len > max) {
			result = diag_set(
				d, LIMIT, NULL, "the secret is longer than %zu bytes", max);
			break;
		}
	}
	if (result == OK && len > 0 && s->data[len - 1] == '\r') {
		len--;
	}
	if (result == OK && len == 0) {
		result = diag_set(d, BAD_INPUT, NULL, "the secret is empty");
	}
	if (result != OK) {
		secret_wipe(s);
		return result;
	}
	s->data[len] = 0;
	s->len = len;
	return OK;
}

status
secret_prompt(struct secret *s, const char *prompt, size_t max, struct diag *d)
{
	int fd = open("/dev/tty", O_RDWR | O_CLOEXEC);
	struct termios before, quiet;
	status result;

	if (fd < 0 || tcgetattr(fd, &before) != 0) {
		if (fd >= 0) {
			close(fd);
		}
		return diag_set(d, UNAVAILABLE, NULL, "no terminal to ask for a passphrase");
	}
	quiet = before;
	quiet.c_lflag &= ~(tcflag_t)(ECHO);
	(void)tcsetattr(fd, TCSAFLUSH, &quiet);
	(void)!write(fd, prompt, strlen(prompt));
	result = secret_read(s, fd, max, d);
	(void)tcsetattr(fd, TCSAFLUSH, &before);
	(void)!write(fd, "\n", 1);
	close(fd);
	return result;
}

void
secret_harden_process(void)
{
	const struct rlimit none = { 0, 0 };

	(void)setrlimit(RLIMIT_CORE, &none);
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}
