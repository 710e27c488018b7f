#pragma once
/* Devices that enrol: what the tests of enrolment and admission share. One home, with a root, an issuing CA and a fleet. */
#include "home.h"

#include "lifecycle/enrol.h"
#include "pki/csr.h"

extern struct home h;
extern struct authority root, ca;
extern struct home_fleet fleet;

int enrolling_set_up(void **state);
int enrolling_tear_down(void **state);
#define ENROLLING_TEST(f) cmocka_unit_test_setup_teardown(f, enrolling_set_up, enrolling_tear_down)

struct unit {
	struct device device;
	uint8_t birth[32]; /* fingerprints */
};

/* Device `number` with a birth certificate (a record only), in this state. */
struct unit unit_new(unsigned number, enum device_state in);
/* A request, by this key or a new one. */
span csr_by(struct private_key *key, const struct simple_name *subject, enum oid_known attribute,
	span value);
span csr_new(enum key_kind kind, const char *common_name);
/* As at the door; ends the test when it is not OK. */
enum access admit(const uint8_t fingerprint[32], struct admission *out);
status enrol(const uint8_t fingerprint[32], span csr, bool is_renewal, struct outcome *o,
	struct diag *d);
/* ... and must be OK. */
struct outcome enrolled(const uint8_t fingerprint[32], span csr, bool is_renewal);
struct device device_now(int64_t row);
struct certificate certificate_now(int64_t row);
/* Enrolled and confirmed by its first use. */
struct outcome in_use(const struct unit *u);
/* Whether these words are in it. */
bool holds(span text, const char *what);
/* How many deny records there are of it. */
size_t deny_count(const struct certificate *k);
