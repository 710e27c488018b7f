#include "device/posix/buses.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"

#define FRAME_MAX 256
#define HEAD_LEN 4
#define ANSWER_HEAD_LEN 3
#define DAMAGED_PART 3
#define DAMAGE_MAX 319 /* bytes of what is wrong with a part */
#define PATIENCE_S 30  /* somebody else may have the part for as long as it makes a key */

static enum bus_result
break_down(struct posix_bus *b, const char *what)
{
	snprintf(b->fault, sizeof(b->fault), "%s: %s", b->path, what);
	return BUS_GONE;
}

static bool
send_whole(int fd, const uint8_t *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n <= 0) {
			return false;
		}
		bytes += n;
		len -= (size_t)n;
	}
	return true;
}

static bool
receive_whole(int fd, uint8_t *out, size_t len)
{
	return read_all(fd, out, len, NULL) == OK;
}

/* In the words of whoever has its state. */
static enum bus_result
say_damage(struct posix_bus *b, size_t len)
{
	char what[DAMAGE_MAX + 1] = "", all[DAMAGE_MAX + 32];

	if (len == 0 || len > DAMAGE_MAX || !receive_whole(b->fd, (uint8_t *)what, len) ||
		!utf8_is_printable(span_of(what, len))) {
		return break_down(b, "its answer is none of a virtual element");
	}
	snprintf(all, sizeof(all), "this part is damaged: %s", what);
	return break_down(b, all);
}

struct frame {
	uint8_t kind, address;
	const uint8_t *bytes; /* NULL: none follow */
	size_t len;
};

static enum bus_result
ask(struct posix_bus *b, const struct frame *f, uint8_t *out, size_t out_len)
{
	uint8_t head[HEAD_LEN] = { f->kind, f->address, (uint8_t)f->len, (uint8_t)(f->len >> 8) };
	uint8_t answer[ANSWER_HEAD_LEN], all[HEAD_LEN + FRAME_MAX];
	size_t len = f->bytes != NULL ? f->len : 0;

	if (b->fd < 0 || len > FRAME_MAX) {
		return break_down(b, "it is not open");
	}
	memcpy(all, head, HEAD_LEN);
	if (len > 0) {
		memcpy(all + HEAD_LEN, f->bytes, len);
	}
	if (!send_whole(b->fd, all, HEAD_LEN + len) ||
		!receive_whole(b->fd, answer, sizeof(answer))) {
		return break_down(b, "the virtual element ended the connection, or says nothing");
	}
	len = (size_t)(answer[1] | answer[2] << 8);
	if (answer[0] == DAMAGED_PART && f->kind == 'b') {
		return say_damage(b, len);
	}
	if (answer[0] > 2 || len != (answer[0] == 0 ? out_len : 0) ||
		!receive_whole(b->fd, out, len)) {
		return break_down(b, "its answer is none of a virtual element");
	}
	return answer[0] == 0 ? BUS_OK : BUS_NO_ACKNOWLEDGE;
}

static enum bus_result
connect_to(struct posix_bus *b)
{
	const struct timeval patience = { .tv_sec = PATIENCE_S };
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	memcpy(a.sun_path, b->path, strlen(b->path) + 1);
	b->fault[0] = '\0';
	b->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (b->fd < 0 || connect(b->fd, (const struct sockaddr *)&a, sizeof(a)) != 0 ||
		setsockopt(b->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) != 0 ||
		setsockopt(b->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) != 0) {
		snprintf(b->fault, sizeof(b->fault), "%s: %s%s", b->path, strerror(errno),
			errno == ENOENT || errno == ECONNREFUSED
				? "; does tenure-element run there?"
				: "");
		return BUS_GONE;
	}
	return BUS_OK;
}

/* --- what parts there are --- */

#define PAGE_PARTS 7000
#define SERIAL_LEN 9
#define NAMED_PARTS 3 /* in an error's words */

/* One page from the index on. */
static bool
read_page(struct posix_bus *b, size_t from, uint8_t page[][SERIAL_LEN], size_t *count)
{
	uint8_t ask_for[HEAD_LEN + 4] = { 'l', 0, 4, 0, (uint8_t)from, (uint8_t)(from >> 8),
		(uint8_t)(from >> 16), (uint8_t)(from >> 24) };
	uint8_t answer[ANSWER_HEAD_LEN];
	size_t len;

	if (!send_whole(b->fd, ask_for, sizeof(ask_for)) ||
		!receive_whole(b->fd, answer, sizeof(answer))) {
		return false;
	}
	len = (size_t)(answer[1] | answer[2] << 8);
	*count = len / SERIAL_LEN;
	return answer[0] == 0 && len % SERIAL_LEN == 0 && *count <= PAGE_PARTS &&
	       receive_whole(b->fd, page[0], len);
}

static status
read_list(struct posix_bus *b, uint8_t (**out)[SERIAL_LEN], size_t *count, struct diag *d)
{
	size_t found = PAGE_PARTS;

	while (found == PAGE_PARTS) {
		uint8_t(*more)[SERIAL_LEN] = NULL;

		if (*count + PAGE_PARTS > BUS_PARTS_MAX) {
			return diag_set(
				d, LIMIT, NULL, "%s: more than %d parts", b->path, BUS_PARTS_MAX);
		}
		more = reallocarray(*out, *count + PAGE_PARTS, SERIAL_LEN);
		if (more == NULL) {
			return diag_set(d, NO_MEMORY, NULL, "no memory for a list of parts");
		}
		*out = more;
		if (!read_page(b, *count, more + *count, &found)) {
			return diag_set(d, UNAVAILABLE, NULL,
				"%s: its answer is none of a virtual element", b->path);
		}
		*count += found;
	}
	return OK;
}

/* Whoever named none, or another, wants to know what there is. */
static enum bus_result
say_which(struct posix_bus *b)
{
	char names[NAMED_PARTS * (2 * SERIAL_LEN + 2) + 1] = "", digits[2 * SERIAL_LEN + 1];
	char what[140];
	uint8_t(*there)[SERIAL_LEN] = NULL;
	struct diag ignored = { 0 };
	size_t count = 0;

	if (read_list(b, &there, &count, &ignored) != OK) {
		count = 0;
	}
	for (size_t i = 0; i < count && i < NAMED_PARTS; i++) {
		size_t at = strlen(names);

		snprintf(names + at, sizeof(names) - at, " #%s",
			hex_encode(digits, span_of(there[i], SERIAL_LEN)));
	}
	free(there);
	snprintf(what, sizeof(what), "%s%s%s%s",
		b->has_serial ? "it has no part with this serial number"
			      : "it has many parts: say which, SOCKET#SERIAL",
		count > 0 ? "; there are" : "", names, count > NAMED_PARTS ? " ..." : "");
	return break_down(b, what);
}

/* --- the bus --- */

static enum bus_result
socket_begin(void *context)
{
	struct posix_bus *b = context;
	const struct frame choose = { .kind = 'b',
		.bytes = b->has_serial ? b->serial : NULL,
		.len = b->has_serial ? sizeof(b->serial) : 0 };
	enum bus_result r = connect_to(b);

	if (r == BUS_OK) {
		r = ask(b, &choose, NULL, 0);
	}
	if (r == BUS_NO_ACKNOWLEDGE) {
		r = say_which(b);
	}
	if (r != BUS_OK) {
		bus_close(b);
	}
	return r;
}

static void
socket_end(void *context)
{
	bus_close(context);
}

static enum bus_result
socket_wake(void *context)
{
	struct posix_bus *b = context;
	const struct frame wake = { .kind = 'k' };

	b->has_just_woken = true;
	return ask(b, &wake, NULL, 0);
}

static enum bus_result
socket_write(void *context, uint8_t address, const uint8_t *bytes, size_t len)
{
	const struct frame f = { .kind = 'w', .address = address, .bytes = bytes, .len = len };

	((struct posix_bus *)context)->has_just_woken = false;
	return ask(context, &f, NULL, 0);
}

static enum bus_result
socket_read(void *context, uint8_t address, uint8_t *bytes, size_t len)
{
	const struct frame f = { .kind = 'r', .address = address, .len = len };

	((struct posix_bus *)context)->has_just_woken = false;
	return len <= FRAME_MAX ? ask(context, &f, bytes, len) : BUS_GONE;
}

/* A virtual part that has acknowledged its waking is awake. */
static void
socket_pause(void *context, uint32_t us)
{
	if (!((struct posix_bus *)context)->has_just_woken) {
		bus_pause_us(context, us);
	}
}

status
bus_socket_init(struct posix_bus *b, const char *path, const uint8_t *serial, struct diag *d)
{
	*b = (struct posix_bus){ .fd = -1,
		.has_serial = serial != NULL,
		.bus = { .context = b,
			.begin = socket_begin,
			.end = socket_end,
			.wake = socket_wake,
			.write = socket_write,
			.read = socket_read,
			.pause_us = socket_pause } };
	if (strlen(path) > BUS_PATH_MAX || path[0] == '\0') {
		return diag_set(d, LIMIT, NULL, "a socket's path has 1 to %d bytes: %.80s",
			BUS_PATH_MAX, path);
	}
	memcpy(b->path, path, strlen(path) + 1);
	if (serial != NULL) {
		memcpy(b->serial, serial, sizeof(b->serial));
	}
	return OK;
}

status
bus_socket_list(const char *path, uint8_t (**out)[SERIAL_LEN], size_t *count, struct diag *d)
{
	struct posix_bus b;
	status s = bus_socket_init(&b, path, NULL, d);

	*out = NULL;
	*count = 0;
	if (s != OK) {
		return s;
	}
	s = connect_to(&b) == BUS_OK ? read_list(&b, out, count, d)
				     : diag_set(d, UNAVAILABLE, NULL, "%s", b.fault);
	bus_close(&b);
	if (s != OK) {
		free(*out);
		*out = NULL;
	}
	return s;
}
