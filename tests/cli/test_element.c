/* tenure element, with a virtual part at the bench. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "support.h"

#include "base/check.h"
#include "command.h"
#include "device/element/element.h"

#define SERIAL "0123a1b2c3d4e5f601"
#define LIMIT_MS 10000
#define STEP_MS 5

static char *folder;
static char at[300]; /* the flag */
static struct spawned program;

static void
wait_for(const char *address)
{
	const struct timespec step = { .tv_nsec = STEP_MS * 1000000L };
	struct element *e = NULL;

	for (int ms = 0; ms < LIMIT_MS; ms += STEP_MS) {
		if (element_open(address, folder, &e, NULL) == OK) {
			element_close(e);
			return;
		}
		nanosleep(&step, NULL);
	}
	fail_msg("%s does not answer", address);
}

static int
fresh(void **state)
{
	char path[200];
	const char *argv[] = { getenv("TENURE_ELEMENT"), "--socket", path, "--volatile", "--serial",
		SERIAL, NULL };

	(void)state;
	if (argv[0] == NULL) {
		return 1;
	}
	folder = temporary_folder();
	snprintf(path, sizeof(path), "%s/bus", folder);
	snprintf(at, sizeof(at), "--element atecc608:unix:%s", path);
	spawn_program(&program, argv);
	wait_for(at + strlen("--element "));
	return 0;
}

static int
clear(void **state)
{
	(void)state;
	assert_int_equal(spawned_end(&program, SIGTERM, LIMIT_MS), 0);
	temporary_folder_remove(folder);
	return 0;
}

static void
test_info(void **state)
{
	(void)state;
	expect(0, SERIAL, "", "element info %s", at);
	expect(0, "\"profile\":\"trustflex-tls\"", "", "element info --json %s", at);
	expect(0, "\"attestation\":\"attested\"", "", "element info --json %s", at);
	expect(0, "AES", "", "element selftest %s", at);
	expect(2, "", "--element", "element info");
	expect(1, "", "no element's address", "element info --element nowhere:x");
	expect(1, "", "No such file", "element info --element atecc608:unix:%s/none", folder);
	expect(1, "", "18 hex digits", "element info %s#0123", at);
	expect(1, "", "no part with this serial", "element info %s#0123ffffffffffff01", at);
}

static void
test_slots(void **state)
{
	(void)state;
	expect(0, "operational key", "", "element slots %s", at);
	expect(0, "\"slot\":5,\"use\":\"secret, AES or HMAC\",\"holds\":\"not to be read\"", "",
		"element slots --json %s", at);
	expect(0, "a new key may be made", "", "element slots %s", at);
}

static void
test_attest(void **state)
{
	(void)state;
	expect(2, "", "--yes", "element attest --slot 3 %s", at);
	expect(2, "", "2 to 4", "element attest --slot 0 --yes %s", at);
	expect(2, "", "go together", "element attest --slot 3 --manifest x --yes %s", at);
	expect(0, "proven", "", "element attest --slot 3 --yes %s", at);
	expect(0, "\"slot_is_locked\":false", "", "element attest --slot 4 --yes --json %s", at);
	expect(1, "", "file", "element info --element file:%s/none", folder);
}

static void
test_policy(void **state)
{
	(void)state;
	expect(0, "lock 3", "", "element policy %s", at);
	expect(2, "", "wants a VALUE", "element policy lock %s", at);
	expect(2, "", "--yes", "element policy lock 3 %s", at);
	expect(0, "\"slot\":3,\"use\":\"operational key\"", "", "element slots --json %s", at);
	expect(0, "\"after\":\"locked\"", "", "element policy lock 3 --yes --json %s", at);
	expect(1, "", "locked already", "element policy lock 3 --yes %s", at);
	expect(1, "", "cannot be locked", "element policy lock 1 --yes %s", at);
	expect(1, "", "forbids it", "element attest --slot 3 --yes %s", at);
	expect(2, "", "0 to 15", "element policy lock 16 --yes %s", at);
	expect(2, "", "hex digits", "element policy user-extra 00 --yes %s", at);
	expect(0, "UserExtra", "", "element policy user-extra 5a --yes %s", at);
	expect(1, "", "once only", "element policy user-extra 5b --yes %s", at);
	expect(0, "\"before\":\"0\",\"after\":\"1\"", "",
		"element policy counter 1 --yes --json %s", at);
	expect(2, "", "0 to 1", "element policy counter 2 --yes %s", at);
	expect(2, "", "bus address", "element policy address 71 --yes %s", at);
	expect(0, "UserExtraAdd", "", "element policy address 70 --yes %s", at);
	expect(0, "at 70", "", "element info %s", at);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_info, fresh, clear),
		cmocka_unit_test_setup_teardown(test_slots, fresh, clear),
		cmocka_unit_test_setup_teardown(test_attest, fresh, clear),
		cmocka_unit_test_setup_teardown(test_policy, fresh, clear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
