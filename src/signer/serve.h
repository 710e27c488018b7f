#pragma once
/* One channel: frames in, answers out, until it closes or a frame makes no sense. */
#include "signer/issue.h"

void serve_channel(struct issuer *i, int fd);
/* One frame's type and body to its answer (status byte and body); false: malformed, close. For the fuzzer too. */
bool serve_frame(struct issuer *i, unsigned type, span body, struct buffer *answer);
