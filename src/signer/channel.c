#include "signer/channel.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/file.h"
#include "base/limits.h"

bool
channel_read(int fd, struct buffer *out)
{
	uint8_t head[4];
	uint32_t len;
	uint8_t *p;

	if (read_all(fd, head, sizeof(head), NULL) != OK) {
		return false;
	}
	len = (uint32_t)head[0] | (uint32_t)head[1] << 8 | (uint32_t)head[2] << 16 |
	      (uint32_t)head[3] << 24;
	if (len == 0 || len > SIGNER_FRAME_MAX + 16u) {
		return false;
	}
	p = buffer_grow(out, len);
	return p != NULL && read_all(fd, p, len, NULL) == OK;
}

bool
channel_send(int fd, span head, span body)
{
	while (head.len + body.len > 0) {
		struct iovec parts[] = { { .iov_base = (void *)(uintptr_t)head.data,
						 .iov_len = head.len },
			{ .iov_base = (void *)(uintptr_t)body.data, .iov_len = body.len } };
		const struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };
		ssize_t n = sendmsg(fd, &message, MSG_NOSIGNAL);
		size_t sent, of_head;

		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n <= 0) {
			return false;
		}
		sent = (size_t)n;
		of_head = sent < head.len ? sent : head.len;
		head = span_slice(head, of_head, SIZE_MAX);
		body = span_slice(body, sent - of_head, SIZE_MAX);
	}
	return true;
}
