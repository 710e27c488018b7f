/* tenure-element as a program: its socket's frames, whose bus it is, and that a killed one comes back consistent. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/file.h"
#include "line.h"
#include "talk.h"

static const char *const two_parts[] = { "--volatile", "--count", "2", NULL };
static const char *const one_part[] = { "--volatile", NULL };

static bool
has_answer(int fd, int wait_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, wait_ms) == 1;
}

static void
serials(const struct element_program *e, uint8_t out[][9], size_t count)
{
	static const uint8_t from[4];
	int fd = line_open(e);
	size_t len;

	assert_true(line_send(fd, 'l', 4, from, 4));
	assert_int_equal(line_take(fd, out[0], 9 * count, &len), 0);
	assert_int_equal(len, 9 * count);
	close(fd);
}

static void
test_choosing(void **state)
{
	static const uint8_t stranger[9] = { 1, 0x23, 4, 4, 4, 4, 4, 4, 1 };
	char *folder = temporary_folder();
	uint8_t known[2][9], answer[99];
	struct element_program e;
	struct stat found;
	int first, second;

	element_start(&e, folder, two_parts);
	assert_int_equal(stat(e.socket, &found), 0);
	assert_int_equal(found.st_mode & 0777, 0600);
	serials(&e, known, 2);
	first = line_open(&e);
	assert_int_equal(line_ask(first, 'b', NULL, 0), 2); /* which? */
	assert_int_equal(line_ask(first, 'b', stranger, 9), 2);
	line_begin(first, known[0]);
	second = line_open(&e);
	line_begin(second, known[1]); /* another bus: at once */
	assert_int_equal(line_command(first, 0x30, 0, 0, answer), 4);
	assert_int_equal(line_command(second, 0x02, 0x80, 0, answer), 32);
	assert_memory_equal(answer, known[1], 4);
	assert_memory_equal(answer + 8, known[1] + 4, 5);
	close(first);
	close(second);
	assert_int_equal(element_end(&e, SIGTERM), 0);
	assert_int_equal(access(e.socket, F_OK), -1);
	temporary_folder_remove(folder);
}

/* An answer on another connection shows that what was sent before has been seen. */
static void
settle(const struct element_program *e)
{
	uint8_t none[1];
	size_t len;
	int fd = line_open(e);

	assert_true(line_send(fd, 'l', 4, "\xff\xff\xff\xff", 4));
	assert_int_equal(line_take(fd, none, 0, &len), 0);
	close(fd);
}

/* Those who wait for a bus get it in their order; one who gives up is passed over. */
static void
test_waiting(void **state)
{
	char *folder = temporary_folder();
	struct element_program e;
	uint8_t none[1];
	int fds[4];
	size_t len;

	element_start(&e, folder, one_part);
	for (size_t i = 0; i < 4; i++) {
		fds[i] = line_open(&e);
		assert_true(line_send(fds[i], 'b', 0, NULL, 0));
		if (i == 0) {
			assert_int_equal(line_take(fds[0], none, 0, &len), 0);
		}
		settle(&e);
	}
	assert_true(line_send(fds[1], 'k', 0, NULL, 0)); /* already behind the choice */
	assert_false(has_answer(fds[1], 20));
	assert_false(has_answer(fds[2], 0));
	close(fds[2]);
	settle(&e);
	close(fds[0]);
	assert_int_equal(line_take(fds[1], none, 0, &len), 0);
	assert_int_equal(line_take(fds[1], none, 0, &len), 0);
	assert_false(has_answer(fds[3], 0));
	close(fds[1]);
	assert_int_equal(line_take(fds[3], none, 0, &len), 0);
	assert_int_equal(line_ask(fds[3], 'k', NULL, 0), 0);
	close(fds[3]);
	assert_int_equal(element_end(&e, SIGTERM), 0);
	temporary_folder_remove(folder);
}

/* Frames that are none, or come at the wrong time, end the connection and nothing else. */
static void
test_wrong_frames(void **state)
{
	static const struct {
		bool has_chosen;
		uint8_t frame[16];
		size_t len;
	} rows[] = { { false, { 'k', 0, 0, 0 }, 4 }, { false, { 'w', 0x6c, 1, 0, 0 }, 5 },
		{ false, { 'r', 0x6c, 4, 0 }, 4 }, { false, { 'x', 0, 0, 0 }, 4 },
		{ false, { 0, 0, 0, 0 }, 4 }, { false, { 'b', 0, 1, 0, 1 }, 5 },
		{ false, { 'b', 0, 10, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 }, 14 },
		{ false, { 'l', 0, 3, 0, 0, 0, 0 }, 7 }, { false, { 'l', 0, 0, 0 }, 4 },
		{ false, { 'b', 0, 0xFF, 0xFF }, 4 }, { true, { 'b', 0, 0, 0 }, 4 },
		{ true, { 'k', 0, 1, 0, 1 }, 5 }, { true, { 'w', 0x6c, 1, 1 }, 4 },
		{ true, { 'w', 0x6c, 0xFF, 0xFF }, 4 }, { true, { 'r', 0x6c, 1, 4 }, 4 },
		{ true, { 'K', 0, 0, 0 }, 4 } };
	char *folder = temporary_folder();
	struct element_program e;
	uint8_t answer[99];
	size_t len;
	int fd;

	element_start(&e, folder, one_part);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		fd = line_open(&e);
		if (rows[i].has_chosen) {
			line_begin(fd, NULL);
		}
		assert_int_equal(write(fd, rows[i].frame, rows[i].len), (ssize_t)rows[i].len);
		if (line_take(fd, answer, sizeof(answer), &len) != -1) {
			fail_msg("row %zu is answered", i);
		}
		close(fd);
	}
	fd = line_open(&e);
	line_begin(fd, NULL);
	assert_int_equal(line_command(fd, 0x30, 0, 0, answer), 4);
	close(fd);
	assert_int_equal(element_end(&e, SIGTERM), 0);
	temporary_folder_remove(folder);
}

/* The others are served; who asks for the damaged one learns which file it is, and that file stays as it is. */
static void
test_damaged(void **state)
{
	static const uint8_t hurt[9] = { 1, 0x23, 4, 4, 4, 4, 4, 4, 1 };
	static const uint8_t well[9] = { 1, 0x23, 5, 5, 5, 5, 5, 5, 1 };
	char *folder = temporary_folder(), kept[300], path[400];
	const char *const options[] = { "--state", kept, "--serial", "012304040404040401",
		"--serial", "012305050505050501", NULL };
	struct element_program e;
	struct stat found;
	uint8_t answer[400];
	size_t len;
	int fd;

	snprintf(kept, sizeof(kept), "%s/kept", folder);
	snprintf(path, sizeof(path), "%s/012304040404040401.part", kept);
	element_start(&e, folder, options);
	assert_int_equal(element_end(&e, SIGTERM), 0);
	assert_int_equal(truncate(path, 100), 0);
	element_start(&e, folder, options);
	serials(&e, (uint8_t(*)[9])answer, 1);
	assert_memory_equal(answer, well, 9);
	fd = line_open(&e);
	assert_true(line_send(fd, 'b', 9, hurt, 9));
	assert_int_equal(line_take(fd, answer, sizeof(answer) - 1, &len), 3);
	answer[len] = '\0';
	assert_non_null(strstr((const char *)answer, path));
	assert_int_equal(line_ask(fd, 'b', NULL, 0), 2); /* two are there */
	line_begin(fd, well);
	assert_int_equal(line_command(fd, 0x30, 0, 0, answer), 4);
	close(fd);
	assert_int_equal(element_end(&e, SIGTERM), 0);
	assert_int_equal(stat(path, &found), 0);
	assert_int_equal(found.st_size, 100);
	temporary_folder_remove(folder);
}

/* A frame byte by byte, and many at once. */
static void
test_pieces(void **state)
{
	uint8_t many[40 * 4], answer[99], none[1];
	char *folder = temporary_folder();
	struct element_program e;
	size_t len;
	int fd;

	element_start(&e, folder, one_part);
	fd = line_open(&e);
	line_begin(fd, NULL);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(write(fd, (const uint8_t[]){ 'r', 0x6c, 4, 0 } + i, 1), 1);
	}
	assert_int_equal(line_take(fd, answer, sizeof(answer), &len), 0);
	assert_memory_equal(answer, "\x04\x11\x33\x43", 4);
	for (size_t i = 0; i < 40; i++) {
		memcpy(many + 4 * i, (const uint8_t[]){ 'k', 0, 0, 0 }, 4);
	}
	assert_int_equal(write(fd, many, sizeof(many)), sizeof(many));
	for (size_t i = 0; i < 40; i++) {
		assert_int_equal(line_take(fd, none, 0, &len), 0);
	}
	close(fd);
	assert_int_equal(element_end(&e, SIGTERM), 0);
	temporary_folder_remove(folder);
}

/* Sends the command, and kills the program at some instant of its being carried out. */
static void
kill_during(struct element_program *e, int fd, const struct part_call *c, unsigned round)
{
	struct timespec pause = { .tv_nsec = 150000L * round };
	uint8_t bytes[256] = { 0x03 };
	size_t len = talk_packet(c, bytes + 1) + 1;

	assert_true(line_send(fd, 'w', (uint16_t)len, bytes, len));
	nanosleep(&pause, NULL);
	assert_int_equal(element_end(e, SIGKILL), 128 + SIGKILL);
}

static unsigned
counter(int fd, uint8_t mode)
{
	uint8_t answer[99];

	assert_int_equal(line_command(fd, 0x24, mode, 0, answer), 4);
	return answer[0] | (unsigned)answer[1] << 8;
}

/* What was answered stands; of what was on its way, all or nothing. */
static void
test_killed(void **state)
{
	char *folder = temporary_folder(), kept[300];
	const char *const options[] = { "--state", kept, NULL };
	uint8_t point[99], now[99];
	struct element_program e;
	unsigned last, changed = 0;
	int fd;

	snprintf(kept, sizeof(kept), "%s/kept", folder);
	for (unsigned round = 0; round < 20; round++) {
		bool is_counting = round % 2 == 0;

		element_start(&e, folder, options);
		fd = line_open(&e);
		line_begin(fd, NULL);
		last = counter(fd, 1);
		assert_int_equal(line_command(fd, 0x40, 4, 2, point), 64);
		kill_during(&e, fd,
			is_counting ? CALL(0x24, 1, 0, NULL, 0) : CALL(0x40, 4, 2, NULL, 0), round);
		close(fd);
		element_start(&e, folder, options);
		fd = line_open(&e);
		line_begin(fd, NULL);
		assert_int_equal(line_command(fd, 0x40, 0, 2, now), 64);
		if (is_counting) {
			assert_memory_equal(now, point, 64);
			assert_in_range(counter(fd, 0), last, last + 1);
			changed += counter(fd, 0) != last;
		} else {
			assert_int_equal(counter(fd, 0), last);
			changed += memcmp(now, point, 64) != 0;
		}
		close(fd);
		assert_int_equal(element_end(&e, SIGTERM), 0);
	}
	print_message("# of 20 commands that were cut short %u had been kept\n", changed);
	temporary_folder_remove(folder);
}

static unsigned
lines_with(const char *path, const char *words)
{
	struct arena *a = arena_new(1 << 20);
	unsigned count = 0;
	struct buffer b;

	buffer_init(&b, 1 << 20);
	assert_int_equal(file_read(path, 1 << 20, &b, NULL), OK);
	for (const char *at = arena_string(a, buffer_span(&b)); (at = strstr(at, words)) != NULL;
		at++) {
		count++;
	}
	buffer_wipe(&b);
	arena_free(a);
	return count;
}

/* Nothing is acknowledged that cannot be kept; that is said once, and over when the folder is back. */
static void
test_folder_is_away(void **state)
{
	char *folder = temporary_folder(), kept[300], away[300], log[300];
	const char *const options[] = { "--state", kept, NULL };
	int own = dup(STDERR_FILENO), said, fd;
	struct element_program e;
	uint8_t none[99];

	snprintf(kept, sizeof(kept), "%s/kept", folder);
	snprintf(away, sizeof(away), "%s/away", folder);
	snprintf(log, sizeof(log), "%s/log", folder);
	said = open(log, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(own >= 0 && said >= 0 && dup2(said, STDERR_FILENO) >= 0);
	element_start(&e, folder, options);
	assert_true(dup2(own, STDERR_FILENO) >= 0);
	fd = line_open(&e);
	line_begin(fd, NULL);
	assert_int_equal(counter(fd, 1), 1);
	assert_int_equal(rename(kept, away), 0);
	for (unsigned i = 0; i < 5; i++) {
		assert_int_equal(line_command(fd, 0x24, 1, 0, none), -1000);
		(void)line_ask(fd, 'k', NULL, 0);
	}
	assert_int_equal(lines_with(log, "part_not_kept"), 1);
	assert_int_equal(rename(away, kept), 0);
	close(fd);
	fd = line_open(&e);
	line_begin(fd, NULL);
	assert_true(counter(fd, 1) >= 2);
	close(fd);
	assert_int_equal(element_end(&e, SIGTERM), 0);
	assert_int_equal(lines_with(log, "part_not_kept"), 1);
	close(own);
	close(said);
	temporary_folder_remove(folder);
}

static int
run(const char *const argv[], char *line, size_t room)
{
	struct spawned s;

	line[0] = '\0';
	spawn_program(&s, argv);
	(void)spawned_line(&s, line, room, 10000);
	return spawned_end(&s, 0, 10000);
}

static void
test_usage(void **state)
{
	const char *program = getenv("TENURE_ELEMENT");
	const struct {
		const char *argv[9];
		int expected;
	} rows[] = { { { program }, 2 }, { { program, "--socket", "/nowhere/s" }, 2 },
		{ { program, "--socket", "/nowhere/s", "--volatile", "more" }, 2 },
		{ { program, "--socket", "/nowhere/s", "--volatile", "--state", "/nowhere" }, 2 },
		{ { program, "--socket", "/nowhere/s", "--volatile", "--count", "0" }, 2 },
		{ { program, "--socket", "/nowhere/s", "--volatile", "--count", "100001" }, 2 },
		{ { program, "--socket", "/nowhere/s", "--volatile", "--serial", "0123" }, 2 },
		{ { program, "--socket", "/nowhere/s", "--volatile", "--serial",
			  "0124000000000000ff" },
			2 },
		{ { program, "--socket", "/nowhere/s", "--volatile", "--nonsense" }, 2 },
		{ { program, "--socket", "/nowhere/s", "--volatile", "--faulty", "0123" }, 2 },
		{ { program, "--socket", "/nowhere/s", "--volatile", "--faulty",
			  "012304040404040401=" },
			2 },
		{ { program, "--socket", "/nowhere/s", "--volatile", "--faulty",
			  "012304040404040401=aes,rsa" },
			2 },
		{ { program, "--socket", "/nowhere/s", "--volatile", "--faulty",
			  "012304040404040401=aes" },
			1 },
		{ { program, "--socket", "/nowhere/s", "--volatile", "--profile", "/nowhere" }, 1 },
		{ { program, "--socket", "/nowhere/s", "--volatile" }, 1 },
		{ { program, "--help" }, 0 }, { { program, "--version" }, 0 } };
	char line[200];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int found = run(rows[i].argv, line, sizeof(line));

		if (found != rows[i].expected) {
			fail_msg("row %zu ends with %d", i, found);
		}
	}
	assert_non_null(strstr(line, "tenure-element "));
}

/* A second one at the same socket or folder ends with a word; what a killed one left is no hindrance. */
static void
test_second(void **state)
{
	char *folder = temporary_folder(), kept[300], line[200];
	const char *const options[] = { "--state", kept, NULL };
	struct element_program e;

	snprintf(kept, sizeof(kept), "%s/kept", folder);
	element_start(&e, folder, options);
	assert_int_equal(run((const char *const[]){ getenv("TENURE_ELEMENT"), "--socket", e.socket,
				     "--volatile", NULL },
				 line, sizeof(line)),
		1);
	assert_int_equal(run((const char *const[]){ getenv("TENURE_ELEMENT"), "--socket",
				     "/nowhere/s", "--state", kept, NULL },
				 line, sizeof(line)),
		1);
	assert_int_equal(element_end(&e, SIGKILL), 128 + SIGKILL);
	assert_int_equal(access(e.socket, F_OK), 0);
	element_start(&e, folder, options);
	assert_int_equal(element_end(&e, SIGINT), 0);
	temporary_folder_remove(folder);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_choosing),
		cmocka_unit_test(test_waiting),
		cmocka_unit_test(test_wrong_frames),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_killed),
		cmocka_unit_test(test_folder_is_away),
		cmocka_unit_test(test_usage),
		cmocka_unit_test(test_second),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
