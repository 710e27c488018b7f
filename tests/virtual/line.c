#include "line.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/file.h"
#include "talk.h"

#define START_LIMIT_MS 30000

int
line_open(const struct element_program *e)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", e->socket);
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

void
element_start(struct element_program *e, const char *folder, const char *const options[])
{
	const char *argv[16] = { getenv("TENURE_ELEMENT"), "--socket", e->socket };
	int waited = 0, fd = -1;
	size_t n = 3;

	assert_non_null(argv[0]);
	snprintf(e->socket, sizeof(e->socket), "%s/socket", folder);
	for (size_t i = 0; options[i] != NULL; i++) {
		assert_true(n < 15);
		argv[n++] = options[i];
	}
	spawn_program(&e->process, argv);
	while (fd < 0 && waited++ < START_LIMIT_MS / 5) {
		struct pollfd ended = { .fd = e->process.out, .events = POLLIN };

		if (poll(&ended, 1, 5) > 0) {
			break; /* it has ended: its output is closed */
		}
		fd = line_open(e);
	}
	assert_true(fd >= 0);
	close(fd);
}

int
element_end(struct element_program *e, int signal)
{
	return spawned_end(&e->process, signal, 20000);
}

bool
line_send(int fd, char kind, uint16_t length, const void *bytes, size_t len)
{
	uint8_t frame[300] = { (uint8_t)kind, LINE_ADDRESS, (uint8_t)length,
		(uint8_t)(length >> 8) };

	assert_true(len <= sizeof(frame) - 4);
	if (len > 0) {
		memcpy(frame + 4, bytes, len);
	}
	return send(fd, frame, len + 4, MSG_NOSIGNAL) == (ssize_t)len + 4;
}

int
line_take(int fd, uint8_t *out, size_t room, size_t *len)
{
	uint8_t head[3];

	if (read_all(fd, head, sizeof(head), NULL) != OK) {
		return -1;
	}
	*len = head[1] | (size_t)head[2] << 8;
	assert_true(*len <= room);
	return *len == 0 || read_all(fd, out, *len, NULL) == OK ? head[0] : -1;
}

int
line_ask(int fd, char kind, const void *bytes, size_t len)
{
	uint8_t none[1];
	size_t given;

	return line_send(fd, kind, (uint16_t)len, bytes, len) ? line_take(fd, none, 0, &given) : -1;
}

void
line_begin(int fd, const uint8_t *serial)
{
	assert_true(fd >= 0);
	assert_int_equal(line_ask(fd, 'b', serial, serial != NULL ? 9 : 0), 0);
	assert_int_equal(line_ask(fd, 'k', NULL, 0), 0);
}

int
line_command(int fd, uint8_t opcode, uint8_t param1, uint16_t param2, uint8_t out[99])
{
	uint8_t bytes[256] = { 0x03 }, answer[PART_ANSWER_MAX];
	size_t len = talk_packet(&(struct part_call){ opcode, param1, param2, NULL, 0 }, bytes + 1);
	int result = line_ask(fd, 'w', bytes, len + 1);

	if (result != 0 || !line_send(fd, 'r', sizeof(answer), NULL, 0) ||
		line_take(fd, answer, sizeof(answer), &len) != 0) {
		return -1000;
	}
	assert_int_equal(len, sizeof(answer));
	assert_in_range(answer[0], 4, sizeof(answer));
	if (answer[0] == 4) {
		return -answer[1];
	}
	memcpy(out, answer + 1, answer[0] - 3u);
	return answer[0] - 3;
}
