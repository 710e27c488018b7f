#pragma once
/* Frames on a channel, as the client sends and reads them. Inside signer/ only. */
#include "base/buffer.h"

/* Like write_all, but a dead signer is an answer, not a signal; and both in one system call. */
bool channel_send(int fd, span head, span body);
/* One whole answer, without its length. False: cut, or of a length that cannot be. */
bool channel_read(int fd, struct buffer *out);
