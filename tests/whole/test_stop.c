/* A server under load is told to stop, or to look again: requests under way end with their answer, long polls too. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "check.h"

#define ASKERS 6
#define POLLERS 3
#define BEFORE 60 /* answers before the signal */
#define EACH_MAX 4000

static struct stage stage;

struct asker {
	pthread_t thread;
	struct arena *arena;
	const char *prefix;
	int acknowledged; /* prefix-0 .. prefix-(n-1) */
	const char *
		fault; /* a connection cut during a request, an answer that is neither yes nor "later" */
};

static atomic_int answers;

/* Adds owners until nobody listens any more. */
static void *
ask_on(void *argument)
{
	struct asker *k = argument;

	for (int i = 0; i < EACH_MAX; i++) {
		const struct asking q = { .url = arena_printf(
						  k->arena, "%s/api/v1/owners", stage.url),
			.ca = arena_printf(k->arena, "%s/ca.pem", stage.home),
			.token = stage.token,
			.body = arena_printf(k->arena,
				"{\"name\":\"%s-%d\",\"title\":\"T\",\"kind\":\"customer\"}",
				k->prefix, i) };
		struct asked a = program_ask(k->arena, &q);

		if (a.was_refused) {
			break;
		}
		if (a.status != 201) {
			k->fault = a.status == 0 ? a.fault : a.status != 503 ? a.body : NULL;
			break;
		}
		k->acknowledged++;
		atomic_fetch_add(&answers, 1);
	}
	return NULL;
}

struct poller {
	pthread_t thread;
	struct arena *arena;
	const char *identity;
	struct asked answer;
};

static void *
poll_once(void *argument)
{
	struct poller *p = argument;
	const struct asking q = {
		.url = arena_printf(p->arena, "%s/device/v1/state?wait=50&version=1000", stage.url),
		.ca = arena_printf(p->arena, "%s/ca.pem", stage.home),
		.identity = p->identity,
	};

	p->answer = program_ask(p->arena, &q);
	return NULL;
}

/* The device's own key and chain, as its line left them. */
static const char *
identity(const char *serial)
{
	span key =
		bytes_of_file(stage.arena, stage_path(&stage, "line/%s/element/slot0.key", serial));
	span chain =
		bytes_of_file(stage.arena, stage_path(&stage, "line/%s/element/birth.pem", serial));

	return stage_file(&stage, "identity.pem",
		arena_printf(stage.arena, "%.*s%.*s", (int)key.len, (const char *)key.data,
			(int)chain.len, (const char *)chain.data));
}

static void
stops_under_load(void **state)
{
	struct asker askers[ASKERS];
	struct poller pollers[POLLERS];
	const char *serial = stage_text(&stage, "SELECT serial FROM device LIMIT 1");
	int64_t began;
	int code;

	(void)state;
	atomic_store(&answers, 0);
	for (size_t i = 0; i < POLLERS; i++) {
		pollers[i] = (struct poller){ .arena = arena_new(8 << 20),
			.identity = identity(serial) };
		pthread_create(&pollers[i].thread, NULL, poll_once, &pollers[i]);
	}
	for (size_t i = 0; i < ASKERS; i++) {
		askers[i] = (struct asker){ .arena = arena_new(256 << 20),
			.prefix = arena_printf(stage.arena, "asker-%zu", i) };
		pthread_create(&askers[i].thread, NULL, ask_on, &askers[i]);
	}
	while (atomic_load(&answers) < BEFORE) {
		assert_true(program_runs(stage.server));
		assert_int_equal(stage_get(&stage, "status").status, 200);
	}
	began = clock_system.monotonic_ms(&clock_system);
	kill(stage.server, SIGTERM);
	assert_true(stage_has_ended(&stage, 40000, &code));
	assert_int_equal(code, 0);
	/* Shorter than the polls would have waited, and than the limit for requests under way. */
	assert_true(clock_system.monotonic_ms(&clock_system) - began < 19000);
	for (size_t i = 0; i < POLLERS; i++) {
		pthread_join(pollers[i].thread, NULL);
		if (pollers[i].answer.status != 200) {
			fail_msg("a long poll got %d: %s", pollers[i].answer.status,
				pollers[i].answer.body);
		}
		arena_free(pollers[i].arena);
	}
	for (size_t i = 0; i < ASKERS; i++) {
		pthread_join(askers[i].thread, NULL);
	}
	stage_start(&stage);
	check_home(&stage, "after a stop under load");
	for (size_t i = 0; i < ASKERS; i++) {
		if (askers[i].fault != NULL) {
			fail_msg("%s-%d: %s", askers[i].prefix, askers[i].acknowledged,
				askers[i].fault);
		}
		assert_int_equal(
			stage_number(&stage, "SELECT count(*) FROM owner WHERE name LIKE '%s-%%'",
				askers[i].prefix),
			askers[i].acknowledged);
		arena_free(askers[i].arena);
	}
}

static void
looks_again(void **state)
{
	int64_t before = stage_published(&stage);

	(void)state;
	for (int i = 0; i < 3; i++) {
		stage_hang_up(&stage);
		stage_must(&stage, "owner", "add", arena_printf(stage.arena, "after-%d", i),
			"--title", "T", "--kind", "customer", NULL);
	}
	assert_true(program_runs(stage.server));
	assert_true(stage_settles(&stage, 20000));
	assert_true(stage_published(&stage) >= before + 3);
}

static void
stops_when_idle(void **state)
{
	(void)state;
	stage_stop(&stage);
	stage_start(&stage);
	kill(stage.server, SIGINT);
	assert_int_equal(program_end(stage.server, 0, 40000), 0);
	stage.server = 0;
	stage_start(&stage);
}

static int
set_up(void **state)
{
	(void)state;
	stage_open(&stage);
	stage_start(&stage);
	stage_must(&stage, "factory", "run", "--fleet", "lamps", "--count", "1", "--out",
		stage_path(&stage, "line"), NULL);
	stage_must(&stage, "manifest", "import", stage_path(&stage, "line/manifest.json"),
		"--fleet", "lamps", NULL);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	stage_close(&stage);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(looks_again),
		cmocka_unit_test(stops_under_load),
		cmocka_unit_test(stops_when_idle),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
