#include "enrolling.h"

#include <pthread.h>

/* Many devices, or many requests of one, at the same time. */

#define THREADS 8
#define UNITS 6 /* each thread's */

struct crowd {
	struct unit units[THREADS * UNITS];
	span csrs[THREADS * UNITS];
	struct certificate got[THREADS * UNITS];
	pthread_barrier_t start;
};

struct member {
	struct crowd *crowd;
	unsigned from, count;
	bool is_same; /* all of them the first unit's request */
	bool only_admits;
	uint8_t fingerprint[32];
};

static void *
member_run(void *argument)
{
	struct member *m = argument;
	struct session s = h.session;
	struct diag d = { 0 };

	s.arena = arena_new(64 << 20);
	assert_ok(reader_open(h.store, &s.reader, &d), d);
	pthread_barrier_wait(&m->crowd->start);
	for (unsigned k = m->from; k < m->from + m->count; k++) {
		unsigned unit = m->is_same ? 0 : k;
		struct admission who;
		struct enrolment e = { .who = &who, .csr = m->crowd->csrs[unit] };
		struct outcome o;

		assert_ok(admit_device(&s,
				  m->only_admits ? m->fingerprint : m->crowd->units[unit].birth,
				  &who, &d),
			d);
		if (m->only_admits) {
			assert_int_equal(ACCESS_FULL, who.access);
			continue;
		}
		assert_ok(enrol_device(&s, &e, &o, &d), d);
		m->crowd->got[k] = o.certificate;
	}
	reader_close(s.reader);
	arena_free(s.arena);
	return NULL;
}

static void
crowd_run(struct crowd *c, struct member pattern)
{
	pthread_t threads[THREADS];
	struct member members[THREADS];

	pthread_barrier_init(&c->start, NULL, THREADS);
	for (unsigned t = 0; t < THREADS; t++) {
		members[t] = pattern;
		members[t].crowd = c;
		members[t].from = t * pattern.count;
		assert_int_equal(0, pthread_create(&threads[t], NULL, member_run, &members[t]));
	}
	for (unsigned t = 0; t < THREADS; t++) {
		pthread_join(threads[t], NULL);
	}
	pthread_barrier_destroy(&c->start);
}

static void
many_at_once_never_share_an_index(void **state)
{
	struct crowd *c = arena_alloc(h.arena, sizeof(*c));
	bool seen[THREADS * UNITS + 1] = { false };
	struct outcome o;
	struct unit one_more;

	(void)state;
	for (unsigned k = 0; k < THREADS * UNITS; k++) {
		c->units[k] = unit_new(k + 1, DEVICE_AWAITING_DEVICE);
		c->csrs[k] = csr_new(KEY_P256, "");
	}
	crowd_run(c, (struct member){ .count = UNITS });
	for (unsigned k = 0; k < THREADS * UNITS; k++) {
		int64_t index = c->got[k].index;

		assert_in_range(index, 1, THREADS * UNITS);
		assert_false(seen[index]);
		seen[index] = true;
	}
	/* A new process goes on behind the last. */
	home_reopen(&h);
	one_more = unit_new(1000, DEVICE_AWAITING_DEVICE);
	o = enrolled(one_more.birth, csr_new(KEY_P256, ""), false);
	assert_int_equal(THREADS * UNITS + 1, o.certificate.index);
}

static void
the_same_request_at_once_is_one_certificate(void **state)
{
	struct crowd *c = arena_alloc(h.arena, sizeof(*c));
	struct certificate *list;
	size_t count;
	int64_t size;

	(void)state;
	c->units[0] = unit_new(1, DEVICE_AWAITING_DEVICE);
	c->csrs[0] = csr_new(KEY_P256, "");
	size = home_ledger_size(&h);
	crowd_run(c, (struct member){ .count = 1, .is_same = true });
	for (unsigned k = 1; k < THREADS; k++) {
		assert_int_equal(c->got[0].row, c->got[k].row);
	}
	assert_int_equal(OK, list_certificates_of_device(h.reader, h.arena, c->units[0].device.row,
				     0, 100, &list, &count));
	assert_int_equal(2, count); /* birth, and this */
	assert_int_equal(size + 1, home_ledger_size(&h));
}

static void
first_uses_at_once_are_one_confirmation(void **state)
{
	struct crowd *c = arena_alloc(h.arena, sizeof(*c));
	struct member m = { .count = 3, .only_admits = true };
	struct unit u = unit_new(1, DEVICE_AWAITING_DEVICE);
	struct outcome o = enrolled(u.birth, csr_new(KEY_P256, ""), false);
	int64_t size = home_ledger_size(&h);

	(void)state;
	memcpy(m.fingerprint, o.certificate.fingerprint, 32);
	crowd_run(c, m);
	assert_int_equal(size + 1, home_ledger_size(&h));
	assert_int_equal(DEVICE_ACTIVE, device_now(u.device.row).state);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		ENROLLING_TEST(many_at_once_never_share_an_index),
		ENROLLING_TEST(the_same_request_at_once_is_one_certificate),
		ENROLLING_TEST(first_uses_at_once_are_one_confirmation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
