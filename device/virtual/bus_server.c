/*
 * A connection's life:
 *
 *	choosing --'b'--> waiting (somebody else has the bus) --> holding --closed--> the next one who waits holds it
 *
 * A frame that is none, or one at the wrong time, ends the connection. What belongs to a connection that ended is freed
 * when no event of the same round can name it any more.
 */
#include "device/virtual/bus_server.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "base/buffer.h"

#define EVENTS 64
#define HEADER_LEN 4
#define WRITE_MAX 256 /* a word address and the longest packet that one byte can count */
#define READ_MAX 1024 /* no answer is longer; the rest is FF */
#define LIST_MAX 7000 /* serial numbers in one answer */
#define OUT_MAX (LIST_MAX * 9 + 3 + 4 * (READ_MAX + 3)) /* what one round can answer */
#define CONNECTIONS_MAX 20000

enum { ACKNOWLEDGED = 0, NOT_ACKNOWLEDGED = 1, NO_SUCH_PART = 2, DAMAGED_PART = 3 };

struct connection {
	int fd;
	struct shelf_bus *bus; /* waited for or held */
	bool is_holding, is_closed;
	uint32_t watched; /* epoll's events */
	uint8_t in[HEADER_LEN + WRITE_MAX];
	size_t in_len;
	struct buffer out;
	size_t out_at;
	struct connection *next_waiting;
	struct connection *next_due; /* has frames to be looked at, or is to be freed */
	bool is_due;
	struct connection *previous, *next; /* all */
};

struct bus_server {
	const struct clock *clock;
	struct shelf *shelf;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	int listener, epoll;
	bool is_accepting;
	size_t count;
	struct connection *first; /* all */
	struct connection *due;
};

static int64_t
now(const struct bus_server *s)
{
	return s->clock->monotonic_ms(s->clock);
}

static void
make_due(struct bus_server *s, struct connection *c)
{
	if (!c->is_due) {
		c->is_due = true;
		c->next_due = s->due;
		s->due = c;
	}
}

/* What it is to be woken for: to be read, to be written, or (while it waits) only its end. */
static void
watch(struct bus_server *s, struct connection *c, int operation)
{
	bool has_out = c->out_at < c->out.len, is_waiting = c->bus != NULL && !c->is_holding;
	struct epoll_event event = { .data.ptr = c };

	event.events = has_out ? EPOLLOUT : is_waiting ? EPOLLRDHUP : EPOLLIN;
	if (event.events != c->watched) {
		(void)epoll_ctl(s->epoll, operation, c->fd, &event);
		c->watched = event.events;
	}
}

static void
answer(struct connection *c, unsigned result, const void *bytes, size_t len)
{
	const uint8_t head[3] = { (uint8_t)result, (uint8_t)len, (uint8_t)(len >> 8) };

	buffer_put(&c->out, SPAN_ARRAY(head));
	buffer_put(&c->out, span_of(bytes, len));
}

/* --- who has a bus --- */

static void
queue(struct shelf_bus *b, struct connection *c)
{
	if (b->first_waiting == NULL) {
		b->first_waiting = c;
	} else {
		((struct connection *)b->last_waiting)->next_waiting = c;
	}
	b->last_waiting = c;
}

static void
leave_queue(struct shelf_bus *b, struct connection *c)
{
	struct connection *before = NULL, *at = b->first_waiting;

	while (at != NULL && at != c) {
		before = at;
		at = at->next_waiting;
	}
	if (at == NULL) {
		return;
	}
	if (before == NULL) {
		b->first_waiting = c->next_waiting;
	} else {
		before->next_waiting = c->next_waiting;
	}
	if (b->last_waiting == c) {
		b->last_waiting = before;
	}
	c->next_waiting = NULL;
}

static void
hold(struct connection *c)
{
	c->bus->holder = c;
	c->is_holding = true;
	answer(c, ACKNOWLEDGED, NULL, 0);
}

/* Its bus goes to the next one who waits. */
static void
give_back(struct bus_server *s, struct connection *c)
{
	struct shelf_bus *b = c->bus;
	struct connection *next;

	if (b == NULL) {
		return;
	}
	c->bus = NULL;
	if (!c->is_holding) {
		leave_queue(b, c);
		return;
	}
	c->is_holding = false;
	b->holder = NULL;
	next = b->first_waiting;
	if (next != NULL) {
		leave_queue(b, next);
		hold(next);
		make_due(s, next);
	}
}

static void
close_connection(struct bus_server *s, struct connection *c)
{
	if (c->is_closed) {
		return;
	}
	c->is_closed = true;
	give_back(s, c);
	close(c->fd);
	make_due(s, c);
}

/* --- frames; false: it is none, or not now --- */

static bool
choose(struct bus_server *s, struct connection *c, span serial)
{
	const char *damage = NULL;
	struct shelf_bus *b = NULL;

	if (c->bus != NULL || (serial.len != 0 && serial.len != 9)) {
		return false;
	}
	if (serial.len == 9) {
		b = shelf_find(s->shelf, serial.data);
		damage = b == NULL ? shelf_damage(s->shelf, serial.data) : NULL;
	} else if (shelf_count(s->shelf) + shelf_damaged_count(s->shelf) == 1) {
		b = shelf_at(s->shelf, 0);
	}
	if (b == NULL && damage != NULL) {
		answer(c, DAMAGED_PART, damage, strlen(damage));
		return true;
	}
	if (b == NULL) {
		answer(c, NO_SUCH_PART, NULL, 0);
		return true;
	}
	c->bus = b;
	if (b->holder == NULL) {
		hold(c);
	} else {
		queue(b, c);
	}
	return true;
}

static bool
list(struct bus_server *s, struct connection *c, span from)
{
	uint8_t *at;
	size_t first, count;

	if (from.len != 4) {
		return false;
	}
	first = from.data[0] | (size_t)from.data[1] << 8 | (size_t)from.data[2] << 16 |
		(size_t)from.data[3] << 24;
	count = first < shelf_count(s->shelf) ? shelf_count(s->shelf) - first : 0;
	count = count < LIST_MAX ? count : LIST_MAX;
	buffer_put_byte(&c->out, ACKNOWLEDGED);
	buffer_put_byte(&c->out, (uint8_t)(9 * count));
	buffer_put_byte(&c->out, (uint8_t)(9 * count >> 8));
	at = count > 0 ? buffer_grow(&c->out, 9 * count) : NULL;
	for (size_t i = 0; at != NULL && i < count; i++) {
		part_serial(&shelf_at(s->shelf, first + i)->wire.part, at + 9 * i);
	}
	return true;
}

static bool
read_bus(struct bus_server *s, struct connection *c, uint8_t address, size_t len)
{
	uint8_t bytes[READ_MAX];

	if (len > READ_MAX || !c->is_holding) {
		return false;
	}
	if (wire_read(&c->bus->wire, address, bytes, len, now(s))) {
		answer(c, ACKNOWLEDGED, bytes, len);
		OPENSSL_cleanse(bytes, len);
	} else {
		answer(c, NOT_ACKNOWLEDGED, NULL, 0);
	}
	return true;
}

static bool
act(struct bus_server *s, struct connection *c, const uint8_t *head, span bytes)
{
	bool is_good;

	switch (head[0]) {
	case 'b':
		return choose(s, c, bytes);
	case 'l':
		return list(s, c, bytes);
	case 'k':
		if (bytes.len != 0 || !c->is_holding) {
			return false;
		}
		is_good = wire_wake(&c->bus->wire, now(s));
		break;
	case 'w':
		if (!c->is_holding) {
			return false;
		}
		is_good = wire_write(&c->bus->wire, head[1], bytes, now(s));
		break;
	default:
		return false;
	}
	answer(c, is_good ? ACKNOWLEDGED : NOT_ACKNOWLEDGED, NULL, 0);
	return true;
}

/* One frame off the front of what has come. 0: not whole yet; SIZE_MAX: none. */
static size_t
take_frame(struct bus_server *s, struct connection *c, const uint8_t *in, size_t len)
{
	size_t length;

	if (len < HEADER_LEN) {
		return 0;
	}
	length = in[2] | (size_t)in[3] << 8;
	if (in[0] == 'r') {
		return read_bus(s, c, in[1], length) ? HEADER_LEN : SIZE_MAX;
	}
	if (length > WRITE_MAX) {
		return SIZE_MAX;
	}
	if (len < HEADER_LEN + length) {
		return 0;
	}
	return act(s, c, in, span_of(in + HEADER_LEN, length)) ? HEADER_LEN + length : SIZE_MAX;
}

/* All frames that are there, until it must wait for a bus, or for its answers to be taken. */
static void
take_frames(struct bus_server *s, struct connection *c)
{
	size_t at = 0, len = 1;

	while (len > 0 && (c->bus == NULL || c->is_holding) && c->out.len < OUT_MAX / 4) {
		len = take_frame(s, c, c->in + at, c->in_len - at);
		if (len == SIZE_MAX || buffer_failed(&c->out)) {
			close_connection(s, c);
			return;
		}
		at += len;
	}
	c->in_len -= at;
	memmove(c->in, c->in + at, c->in_len);
}

/* False: it has ended. */
static bool
flush(struct bus_server *s, struct connection *c)
{
	while (c->out_at < c->out.len) {
		ssize_t n = send(c->fd, c->out.data + c->out_at, c->out.len - c->out_at,
			MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n < 0 && errno == EAGAIN) {
			return true;
		}
		if (n <= 0) {
			close_connection(s, c);
			return false;
		}
		c->out_at += (size_t)n;
	}
	if (c->out.len > 0) {
		OPENSSL_cleanse(c->out.data, c->out.len);
	}
	buffer_clear(&c->out);
	c->out_at = 0;
	return true;
}

/* Frames and answers in turn until nothing moves. */
static void
go_on(struct bus_server *s, struct connection *c)
{
	size_t before;

	do {
		before = c->in_len;
		if (c->out_at == c->out.len) {
			take_frames(s, c);
		}
		if (c->is_closed || !flush(s, c)) {
			return;
		}
	} while (c->in_len < before && c->out_at == c->out.len);
	watch(s, c, EPOLL_CTL_MOD);
}

/* --- events --- */

static void
receive(struct bus_server *s, struct connection *c)
{
	ssize_t n = recv(c->fd, c->in + c->in_len, sizeof(c->in) - c->in_len, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		return;
	}
	if (n <= 0) {
		close_connection(s, c);
		return;
	}
	c->in_len += (size_t)n;
	go_on(s, c);
}

static void
handle(struct bus_server *s, struct connection *c, uint32_t events)
{
	if (c->is_closed) {
		return;
	}
	if ((events & EPOLLIN) != 0 && c->in_len < sizeof(c->in)) {
		receive(s, c);
	} else if ((events & EPOLLOUT) != 0) {
		go_on(s, c);
	} else if ((events & (EPOLLHUP | EPOLLERR | EPOLLRDHUP)) != 0) {
		close_connection(s, c);
	}
}

static void
set_accepting(struct bus_server *s, bool is_accepting)
{
	struct epoll_event event = { .events = is_accepting ? EPOLLIN : 0, .data.ptr = NULL };

	if (s->is_accepting != is_accepting) {
		s->is_accepting = is_accepting;
		(void)epoll_ctl(s->epoll, EPOLL_CTL_MOD, s->listener, &event);
	}
}

static void
accept_one(struct bus_server *s)
{
	int fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct connection *c;

	if (fd < 0) {
		/* Out of descriptors: those who wait stay in the socket's queue until one ends. */
		set_accepting(s, errno != EMFILE && errno != ENFILE && errno != ENOMEM);
		return;
	}
	c = calloc(1, sizeof(*c));
	if (c == NULL) {
		close(fd);
		return;
	}
	c->fd = fd;
	buffer_init(&c->out, OUT_MAX);
	c->next = s->first;
	if (s->first != NULL) {
		s->first->previous = c;
	}
	s->first = c;
	s->count++;
	set_accepting(s, s->count < CONNECTIONS_MAX);
	watch(s, c, EPOLL_CTL_ADD);
}

static void
release(struct bus_server *s, struct connection *c)
{
	if (c->previous != NULL) {
		c->previous->next = c->next;
	} else {
		s->first = c->next;
	}
	if (c->next != NULL) {
		c->next->previous = c->previous;
	}
	buffer_wipe(&c->out);
	OPENSSL_cleanse(c->in, sizeof(c->in));
	free(c);
	s->count--;
	set_accepting(s, true);
}

/* Those who got a bus in this round, and those who ended. */
static void
do_due(struct bus_server *s)
{
	while (s->due != NULL) {
		struct connection *c = s->due;

		s->due = c->next_due;
		c->is_due = false;
		if (c->is_closed) {
			release(s, c);
		} else {
			go_on(s, c);
		}
	}
}

status
bus_server_run(struct bus_server *s, int stop_fd, struct diag *d)
{
	struct epoll_event events[EVENTS], stop = { .events = EPOLLIN, .data.ptr = s };

	if (epoll_ctl(s->epoll, EPOLL_CTL_ADD, stop_fd, &stop) != 0) {
		return diag_set(d, IO, NULL, "epoll: %s", strerror(errno));
	}
	for (;;) {
		int n = epoll_wait(s->epoll, events, EVENTS, -1);

		if (n < 0 && errno != EINTR) {
			return diag_set(d, IO, NULL, "epoll: %s", strerror(errno));
		}
		for (int i = 0; i < n; i++) {
			if (events[i].data.ptr == s) {
				return OK;
			}
			if (events[i].data.ptr == NULL) {
				accept_one(s);
			} else {
				handle(s, events[i].data.ptr, events[i].events);
			}
		}
		do_due(s);
	}
}

/* --- the socket --- */

/* A socket that nobody listens on is what a killed process left. */
static status
clear_path(const struct sockaddr_un *address, struct diag *d)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct stat found;
	status s = OK;

	if (fd < 0) {
		return diag_set(d, IO, NULL, "no socket: %s", strerror(errno));
	}
	if (lstat(address->sun_path, &found) == 0) {
		if (!S_ISSOCK(found.st_mode)) {
			s = diag_set(
				d, EXISTS, NULL, "%s is there, and no socket", address->sun_path);
		} else if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0) {
			s = diag_set(d, CONFLICT, NULL, "%s: another process listens there",
				address->sun_path);
		} else {
			(void)unlink(address->sun_path);
		}
	}
	close(fd);
	return s;
}

static status
listen_at(struct bus_server *s, struct diag *d)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = NULL };
	status answer;
	mode_t mask;
	int bound;

	memcpy(address.sun_path, s->path, sizeof(s->path));
	answer = clear_path(&address, d);
	if (answer != OK) {
		return answer;
	}
	s->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	mask = umask(0177);
	bound = s->listener >= 0
			? bind(s->listener, (const struct sockaddr *)&address, sizeof(address))
			: -1;
	umask(mask);
	if (bound != 0 || listen(s->listener, SOMAXCONN) != 0 ||
		epoll_ctl(s->epoll, EPOLL_CTL_ADD, s->listener, &event) != 0) {
		return diag_set(d, IO, NULL, "cannot listen at %s: %s", s->path, strerror(errno));
	}
	s->is_accepting = true;
	return OK;
}

status
bus_server_new(const char *path, struct shelf *shelf, const struct clock *clock,
	struct bus_server **out, struct diag *d)
{
	struct bus_server *s = calloc(1, sizeof(*s));
	status answer;

	if (s == NULL) {
		return diag_set(d, NO_MEMORY, NULL, "no memory for the socket");
	}
	s->clock = clock;
	s->shelf = shelf;
	s->listener = -1;
	s->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (strlen(path) >= sizeof(s->path)) {
		answer = diag_set(d, LIMIT, NULL, "a socket's path has at most %zu bytes: %s",
			sizeof(s->path) - 1, path);
	} else if (s->epoll < 0) {
		answer = diag_set(d, IO, NULL, "epoll: %s", strerror(errno));
	} else {
		memcpy(s->path, path, strlen(path));
		answer = listen_at(s, d);
	}
	if (answer != OK) {
		bus_server_free(s);
		return answer;
	}
	*out = s;
	return OK;
}

void
bus_server_free(struct bus_server *s)
{
	if (s == NULL) {
		return;
	}
	for (struct connection *c = s->first; c != NULL; c = c->next) {
		close_connection(s, c);
	}
	do_due(s);
	if (s->is_accepting || s->count > 0) {
		(void)unlink(s->path);
	}
	if (s->listener >= 0) {
		close(s->listener);
	}
	if (s->epoll >= 0) {
		close(s->epoll);
	}
	free(s);
}
