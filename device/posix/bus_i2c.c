#include "device/posix/buses.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include <linux/i2c-dev.h>
#include <linux/i2c.h>

#define LOCK_STEP_US 5000
#define LOCK_PATIENCE_US 30000000 /* somebody's longest session, many times over */

static enum bus_result
break_down(struct posix_bus *b, const char *what)
{
	snprintf(b->fault, sizeof(b->fault), "%s: %s: %s", b->path, what, strerror(errno));
	return BUS_GONE;
}

void
bus_pause_us(void *context, uint32_t us)
{
	struct timespec t = { .tv_sec = (time_t)(us / 1000000),
		.tv_nsec = (long)(us % 1000000) * 1000 };

	(void)context;
	while (nanosleep(&t, &t) != 0 && errno == EINTR) {
	}
}

static enum bus_result
i2c_begin(void *context)
{
	struct posix_bus *b = context;

	for (uint32_t us = 0; flock(b->fd, LOCK_EX | LOCK_NB) != 0; us += LOCK_STEP_US) {
		if ((errno != EWOULDBLOCK && errno != EINTR) || us >= LOCK_PATIENCE_US) {
			return break_down(b, "it cannot be locked");
		}
		bus_pause_us(b, LOCK_STEP_US);
	}
	return BUS_OK;
}

static void
i2c_end(void *context)
{
	struct posix_bus *b = context;

	(void)flock(b->fd, LOCK_UN);
}

/* What adapters say of a part that does not acknowledge: Linux' Documentation/i2c/fault-codes, and what drivers make of it. */
static bool
is_no_acknowledge(int error)
{
	return error == ENXIO || error == EREMOTEIO || error == EIO || error == ETIMEDOUT ||
	       error == EAGAIN;
}

static enum bus_result
transfer(struct posix_bus *b, struct i2c_msg *m)
{
	struct i2c_rdwr_ioctl_data data = { .msgs = m, .nmsgs = 1 };

	if (ioctl(b->fd, I2C_RDWR, &data) == 1) {
		return BUS_OK;
	}
	return is_no_acknowledge(errno) ? BUS_NO_ACKNOWLEDGE : break_down(b, "no transfer");
}

/* Address 0 holds SDA low long enough at 100 kHz; nobody acknowledges. Adapters without empty messages send a byte. */
static enum bus_result
i2c_wake(void *context)
{
	struct posix_bus *b = context;
	uint8_t zero = 0;
	struct i2c_msg m = { .addr = 0, .len = 0, .buf = &zero };
	struct i2c_rdwr_ioctl_data data = { .msgs = &m, .nmsgs = 1 };

	if (ioctl(b->fd, I2C_RDWR, &data) != 1 && (errno == EOPNOTSUPP || errno == EINVAL)) {
		m.len = 1;
		return transfer(b, &m) == BUS_GONE ? BUS_GONE : BUS_OK;
	}
	return BUS_OK; /* a broken bus shows at the read that follows */
}

static enum bus_result
i2c_write(void *context, uint8_t address, const uint8_t *bytes, size_t len)
{
	uint8_t copy[256];
	struct i2c_msg m = { .addr = address >> 1, .len = (uint16_t)len, .buf = copy };

	if (len > sizeof(copy)) {
		return BUS_GONE;
	}
	memcpy(copy, bytes, len);
	return transfer(context, &m);
}

static enum bus_result
i2c_read(void *context, uint8_t address, uint8_t *bytes, size_t len)
{
	struct i2c_msg m = {
		.addr = address >> 1, .flags = I2C_M_RD, .len = (uint16_t)len, .buf = bytes
	};

	return len <= 256 ? transfer(context, &m) : BUS_GONE;
}

status
bus_i2c_open(struct posix_bus *b, const char *path, struct diag *d)
{
	unsigned long functions = 0;

	*b = (struct posix_bus){ .fd = -1,
		.bus = { .context = b,
			.begin = i2c_begin,
			.end = i2c_end,
			.wake = i2c_wake,
			.write = i2c_write,
			.read = i2c_read,
			.pause_us = bus_pause_us } };
	if (strlen(path) > BUS_PATH_MAX) {
		return diag_set(d, LIMIT, NULL, "path too long: %.80s...", path);
	}
	memcpy(b->path, path, strlen(path) + 1);
	b->fd = open(path, O_RDWR | O_CLOEXEC);
	if (b->fd < 0) {
		return diag_set(d, errno == ENOENT ? NOT_FOUND : IO, NULL, "%s: %s%s", path,
			strerror(errno), errno == ENOENT ? "; is the module i2c-dev loaded?" : "");
	}
	if (ioctl(b->fd, I2C_FUNCS, &functions) != 0 || (functions & I2C_FUNC_I2C) == 0) {
		bus_close(b);
		return diag_set(d, BAD_INPUT, NULL,
			"%s is no I2C bus with plain transfers (I2C_FUNC_I2C)", path);
	}
	return OK;
}

void
bus_close(struct posix_bus *b)
{
	if (b->fd >= 0) {
		close(b->fd);
	}
	b->fd = -1;
}
