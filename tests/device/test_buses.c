/* The buses of Linux: the virtual element's socket with whatever answers there, and /dev/i2c-N with a kernel of our own. */
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/i2c-dev.h>
#include <linux/i2c.h>

#include "support.h"

#include "base/check.h"
#include "base/file.h"
#include "device/element/element.h"
#include "device/posix/buses.h"
#include "folder.h"
#include "part_bus.h"

static char path[100];

static int
fresh(void **state)
{
	folder_fresh(state);
	snprintf(path, sizeof(path), "%s/bus", folder);
	return 0;
}

/* --- the socket --- */

/* Takes one connection; answers the choice of a part where it should; reads `takes` bytes, says `says`, and closes. */
struct peer {
	int listener;
	bool gives_part;
	size_t takes;
	uint8_t says[16];
	size_t says_len;
	uint8_t took[64];
	pthread_t thread;
};

static void *
serve(void *context)
{
	struct peer *p = context;
	int fd = accept(p->listener, NULL, NULL);

	if (p->gives_part) {
		(void)!read_all(fd, p->took, 4, NULL);
		(void)!write_all(fd, span_of("\0\0\0", 3), NULL);
	}
	(void)!read_all(fd, p->took, p->takes, NULL);
	(void)!write_all(fd, span_of(p->says, p->says_len), NULL);
	close(fd);
	return NULL;
}

static void
peer_start(struct peer *p)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	(void)unlink(path);
	p->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(p->listener, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(p->listener, 1), 0);
	assert_int_equal(pthread_create(&p->thread, NULL, serve, p), 0);
}

static void
peer_end(struct peer *p)
{
	pthread_join(p->thread, NULL);
	close(p->listener);
}

static void
test_who_answers_the_choice(void **state)
{
	static const uint8_t serial[9] = { 0x01, 0x23, 1, 2, 3, 4, 5, 6, 0x01 };
	static const struct {
		const char *what;
		uint8_t says[8];
		size_t len;
		enum bus_result result;
		const char *fault;
	} cases[] = { { "acknowledged", { 0, 0, 0 }, 3, BUS_OK, "" },
		{ "no such part", { 2, 0, 0 }, 3, BUS_GONE, "no part with this serial" },
		{ "closes", { 0 }, 0, BUS_GONE, "ended the connection" },
		{ "half an answer", { 0, 0 }, 2, BUS_GONE, "ended the connection" },
		{ "no result", { 4, 0, 0 }, 3, BUS_GONE, "none of a virtual element" },
		{ "damaged", { 3, 3, 0, 'c', 'u', 't' }, 6, BUS_GONE, "this part is damaged: cut" },
		{ "damaged without a word", { 3, 0, 0 }, 3, BUS_GONE, "none of a virtual element" },
		{ "damaged, cut off", { 3, 3, 0, 'c' }, 4, BUS_GONE, "none of a virtual element" },
		{ "damaged, control characters", { 3, 3, 0, 'c', 0x1B, 't' }, 6, BUS_GONE,
			"none of a virtual element" },
		{ "damaged, at great length", { 3, 0x40, 1, 'c' }, 4, BUS_GONE,
			"none of a virtual element" },
		{ "bytes that nobody asked for", { 0, 1, 0, 9 }, 4, BUS_GONE,
			"none of a virtual element" },
		{ "very many", { 0, 0xFF, 0xFF }, 3, BUS_GONE, "none of a virtual element" } };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct peer p = { .takes = 4 + 9, .says_len = cases[i].len };
		struct posix_bus b;
		struct diag d = { 0 };

		memcpy(p.says, cases[i].says, sizeof(cases[i].says));
		peer_start(&p);
		assert_ok(bus_socket_init(&b, path, serial, &d), d);
		if (b.bus.begin(b.bus.context) != cases[i].result ||
			strstr(b.fault, cases[i].fault) == NULL) {
			fail_msg("%s: \"%s\"", cases[i].what, b.fault);
		}
		bus_close(&b);
		peer_end(&p);
		assert_memory_equal(p.took, ((uint8_t[]){ 'b', 0, 9, 0 }), 4);
		assert_memory_equal(p.took + 4, serial, 9);
	}
}

static void
test_who_answers_a_read(void **state)
{
	static const struct {
		uint8_t says[8]; /* behind the choice's answer */
		size_t len;
		enum bus_result result;
	} cases[] = { { { 0, 4, 0, 1, 2, 3, 4 }, 7, BUS_OK },
		{ { 1, 0, 0 }, 3, BUS_NO_ACKNOWLEDGE }, { { 0, 3, 0, 1, 2, 3 }, 6, BUS_GONE },
		{ { 0, 4, 0, 1, 2 }, 5, BUS_GONE }, { { 1, 4, 0, 1, 2, 3, 4 }, 7, BUS_GONE },
		{ { 9, 4, 0, 1, 2, 3, 4 }, 7, BUS_GONE }, { { 0 }, 0, BUS_GONE } };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct peer p = { .gives_part = true, .takes = 4, .says_len = cases[i].len };
		uint8_t out[4] = { 0 };
		struct posix_bus b;
		struct diag d = { 0 };

		memcpy(p.says, cases[i].says, sizeof(cases[i].says));
		peer_start(&p);
		assert_ok(bus_socket_init(&b, path, NULL, &d), d);
		assert_int_equal(b.bus.begin(b.bus.context), BUS_OK);
		assert_int_equal(
			b.bus.read(b.bus.context, 0x6C, out, sizeof(out)), cases[i].result);
		b.bus.end(b.bus.context);
		peer_end(&p);
		assert_memory_equal(p.took, ((uint8_t[]){ 'r', 0x6C, 4, 0 }), 4);
	}
}

static void
test_nobody_there(void **state)
{
	struct element *e = NULL;
	struct diag d = { 0 };
	char address[300];

	(void)state;
	snprintf(address, sizeof(address), "unix:%s", path);
	assert_int_equal(element_atecc608_open(address, folder, &e, &d), UNAVAILABLE);
	assert_non_null(strstr(d.text, "No such file"));
}

/* --- I2C: what the kernel would do, with a virtual part behind it --- */

static struct part_bus part;
static unsigned long functions;
static int error;      /* of every transfer; 0: none */
static bool has_empty; /* messages */
static unsigned byte_wakes, empty_wakes;

static int
transfer(const struct i2c_msg *m)
{
	enum bus_result r;

	if (error != 0) {
		errno = error;
		return -1;
	}
	part.now_us += 100;
	if (m->addr == 0) {
		if (m->len == 0 && !has_empty) {
			errno = EOPNOTSUPP;
			return -1;
		}
		byte_wakes += m->len == 1;
		empty_wakes += m->len == 0;
		(void)part.bus.wake(&part);
		errno = ENXIO; /* nobody has the address 0 */
		return -1;
	}
	r = (m->flags & I2C_M_RD) != 0
		    ? part.bus.read(&part, (uint8_t)(m->addr << 1), m->buf, m->len)
		    : part.bus.write(&part, (uint8_t)(m->addr << 1), m->buf, m->len);
	errno = EREMOTEIO;
	return r == BUS_OK ? 1 : -1;
}

int __wrap_ioctl(int fd, unsigned long request, ...);
int
__wrap_ioctl(int fd, unsigned long request, ...)
{
	va_list arguments;
	void *argument;

	(void)fd;
	va_start(arguments, request);
	argument = va_arg(arguments, void *);
	va_end(arguments);
	if (request == I2C_FUNCS) {
		*(unsigned long *)argument = functions;
		return 0;
	}
	assert_int_equal(request, I2C_RDWR);
	assert_int_equal(((struct i2c_rdwr_ioctl_data *)argument)->nmsgs, 1);
	return transfer(((struct i2c_rdwr_ioctl_data *)argument)->msgs);
}

static int
fresh_i2c(void **state)
{
	struct diag d = { 0 };

	(void)fresh(state);
	assert_ok(file_create(path, span_text(""), 0600, &d), d);
	part_bus_init(&part, "trustflex-tls");
	functions = I2C_FUNC_I2C;
	error = 0;
	has_empty = true;
	byte_wakes = empty_wakes = 0;
	return 0;
}

static void
test_a_part_on_i2c(void **state)
{
	struct element *e = NULL;
	struct element_info info;
	uint8_t point[64], again[64], digest[32] = { 1 }, signature[64];
	char serial[ELEMENT_SERIAL_MAX + 1];
	struct diag d = { 0 };

	(void)state;
	assert_ok(element_atecc608_open(path, folder, &e, &d), d);
	assert_ok(e->operations->serial(e, serial, &d), d);
	assert_string_equal(serial, "012311223344556601");
	assert_ok(e->operations->info(e, &info, &d), d);
	assert_string_equal(info.profile, "trustflex-tls");
	assert_string_equal(info.model, "ATECC608B");
	assert_ok(e->operations->generate(e, 3, point, &d), d);
	assert_ok(e->operations->point(e, 3, again, &d), d);
	assert_memory_equal(point, again, 64);
	assert_ok(e->operations->sign(e, 3, digest, signature, &d), d);
	element_close(e);
	assert_true(empty_wakes > 0);
	assert_int_equal(byte_wakes, 0);
}

/* Adapters that have no messages without bytes. */
static void
test_an_adapter_without_empty_messages(void **state)
{
	struct element *e = NULL;
	struct diag d = { 0 };

	(void)state;
	has_empty = false;
	assert_ok(element_atecc608_open(path, folder, &e, &d), d);
	element_close(e);
	assert_true(byte_wakes > 0);
}

static void
test_faults_of_i2c(void **state)
{
	static const struct {
		int error;
		const char *words;
	} cases[] = { { ENXIO, "no part answers" }, { EREMOTEIO, "no part answers" },
		{ ETIMEDOUT, "no part answers" }, { ENODEV, "No such device" },
		{ EBADF, "Bad file" } };
	struct element *e = NULL;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct diag d = { 0 };

		error = cases[i].error;
		assert_int_equal(element_atecc608_open(path, folder, &e, &d), UNAVAILABLE);
		if (strstr(d.text, cases[i].words) == NULL) {
			fail_msg("%s: %s", cases[i].words, d.text);
		}
	}
}

static void
test_addresses(void **state)
{
	static const struct {
		const char *suffix;
		status status;
	} cases[] = { { "@6c", OK }, { "@6C", OK }, { "@6e", UNAVAILABLE }, { "@6d", BAD_INPUT },
		{ "@", BAD_INPUT }, { "@06c", BAD_INPUT }, { "@00", BAD_INPUT },
		{ "@f0", BAD_INPUT }, { "-none", NOT_FOUND } };
	static const char *const none[] = { "", "i2c-1", "unix:", "unix:/tmp/x#01",
		"unix:/tmp/x#" };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct element *e = NULL;
		struct diag d = { 0 };
		char text[300];

		snprintf(text, sizeof(text), "%s%s", path, cases[i].suffix);
		if (element_atecc608_open(text, folder, &e, &d) != cases[i].status) {
			fail_msg("%s: %s", cases[i].suffix, d.text);
		}
		element_close(e);
	}
	for (size_t i = 0; i < COUNT_OF(none); i++) {
		struct element *e = NULL;
		status s = element_atecc608_open(none[i], folder, &e, NULL);

		assert_true(s == BAD_INPUT || s == LIMIT);
	}
	functions = 0;
	assert_int_equal(
		element_atecc608_open(path, folder, &(struct element *){ NULL }, NULL), BAD_INPUT);
}

/* Another process has the bus: begin waits until it gives it back. */
static void
test_the_bus_is_one_processs(void **state)
{
	struct posix_bus b;
	struct diag d = { 0 };
	int ready[2], how = 0, pid;
	uint8_t byte = 0;

	(void)state;
	assert_ok(bus_i2c_open(&b, path, &d), d);
	assert_int_equal(pipe(ready), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct posix_bus other;

		if (bus_i2c_open(&other, path, NULL) != OK ||
			other.bus.begin(other.bus.context) != BUS_OK ||
			write(ready[1], "x", 1) != 1) {
			_exit(1);
		}
		other.bus.pause_us(other.bus.context, 50000);
		(void)!write(ready[1], "y", 1);
		other.bus.end(other.bus.context);
		_exit(0);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	assert_int_equal(b.bus.begin(b.bus.context), BUS_OK);
	/* It was given back: so the second letter was written before. */
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	assert_int_equal(byte, 'y');
	b.bus.end(b.bus.context);
	bus_close(&b);
	assert_int_equal(waitpid(pid, &how, 0), pid);
	assert_int_equal(how, 0);
	close(ready[0]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_who_answers_the_choice, fresh, folder_clear),
		cmocka_unit_test_setup_teardown(test_who_answers_a_read, fresh, folder_clear),
		cmocka_unit_test_setup_teardown(test_nobody_there, fresh, folder_clear),
		cmocka_unit_test_setup_teardown(test_a_part_on_i2c, fresh_i2c, folder_clear),
		cmocka_unit_test_setup_teardown(
			test_an_adapter_without_empty_messages, fresh_i2c, folder_clear),
		cmocka_unit_test_setup_teardown(test_faults_of_i2c, fresh_i2c, folder_clear),
		cmocka_unit_test_setup_teardown(test_addresses, fresh_i2c, folder_clear),
		cmocka_unit_test_setup_teardown(
			test_the_bus_is_one_processs, fresh_i2c, folder_clear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
