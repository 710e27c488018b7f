/* What must hold of a device whatever has happened to it. */
#include "world.h"

static void
check_pointers(const struct device *d, const struct certificate *k)
{
	if (k->kind != CERTIFICATE_OPERATIONAL) {
		return;
	}
	if (k->status == CERTIFICATE_CURRENT) {
		assert_int_equal(d->current_certificate, k->row);
	} else if (k->status == CERTIFICATE_PENDING) {
		assert_int_equal(d->pending_certificate, k->row);
	} else {
		assert_int_not_equal(d->current_certificate, k->row);
		assert_int_not_equal(d->pending_certificate, k->row);
	}
}

/* Each that ended, is held or is let in again stands so in the feed. */
static void
check_feed(struct world *w, const struct device *d, const struct certificate *k)
{
	int last = world_denied(w, k->row, NULL);
	bool is_live = k->status == CERTIFICATE_CURRENT || k->status == CERTIFICATE_PENDING;

	if (!is_live) {
		assert_true(last == DENY_REVOKE ||
			    (last == DENY_SUPERSEDE && (k->status == CERTIFICATE_SUPERSEDED ||
							       k->reason == REASON_SUPERSEDED)));
		assert_true(k->revoked_s != 0);
	} else if (k->kind == CERTIFICATE_OPERATIONAL && d->state == DEVICE_SUSPENDED) {
		assert_int_equal(DENY_SUSPEND, last);
	} else {
		assert_true(last == -1 || last == DENY_RESTORE);
	}
}

static enum access
highest_access(enum device_state s)
{
	switch (s) {
	case DEVICE_HELD:
	case DEVICE_SUSPENDED:
	case DEVICE_RETURNED:
		return ACCESS_STATE_ONLY;
	case DEVICE_AWAITING_DEVICE:
	case DEVICE_ACTIVE:
	case DEVICE_IN_TRANSFER:
		return ACCESS_FULL;
	default:
		return ACCESS_REFUSED;
	}
}

/* Promises 1 and 2: some way in, and none for what a former owner held. */
static enum access
check_access(struct world *w, const struct device *d, const struct certificate *k)
{
	enum access a = world_judge(w, d->row, k->row);

	assert_true(a <= highest_access(d->state));
	if (k->kind == CERTIFICATE_OPERATIONAL && k->owner != d->owner) {
		assert_true(a < ACCESS_FULL);
	}
	if (k->kind == CERTIFICATE_OPERATIONAL && d->state == DEVICE_SUSPENDED) {
		assert_int_equal(ACCESS_REFUSED, a);
	}
	return a;
}

static void
check_offer(struct world *w, const struct device *d)
{
	struct offer *offers;
	size_t count;

	assert_int_equal(OK, list_offers(w->reader, w->arena, d->row, 0, 0, 10, &offers, &count));
	assert_int_equal(d->offer != 0, count);
	if (count == 1) {
		assert_int_equal(d->offer, offers[0].row);
		assert_int_equal(d->owner, offers[0].from_owner);
	}
	assert_true(d->state != DEVICE_IN_TRANSFER || d->offer != 0);
}

void
world_check(struct world *w, int64_t device, bool is_lost)
{
	struct device d = world_now(w, device);
	struct certificate *list;
	size_t count;
	enum access best = ACCESS_REFUSED;
	bool must_open = d.state == DEVICE_AWAITING_DEVICE || d.state == DEVICE_ACTIVE ||
			 d.state == DEVICE_IN_TRANSFER;

	assert_int_equal(OK, list_certificates_of_device(
				     w->reader, w->arena, device, 0, LIST_PAGE_MAX, &list, &count));
	for (size_t i = 0; i < count; i++) {
		/* Promise 5, for whoever goes by CRL and OCSP: nothing of before that only the policy would list. */
		bool is_before =
			list[i].kind == CERTIFICATE_OPERATIONAL &&
			(list[i].owner != d.owner || d.state == DEVICE_SUSPENDED || !must_open) &&
			list[i].not_after_s >= w->session.now_s;
		enum access a = check_access(w, &d, &list[i]);

		assert_true(!is_before || (list[i].status != CERTIFICATE_SUPERSEDED &&
						  list[i].status != CERTIFICATE_WITHDRAWN));
		check_pointers(&d, &list[i]);
		check_feed(w, &d, &list[i]);
		best = a > best ? a : best;
	}
	if (must_open && !is_lost && best < ACCESS_ENROLMENT) {
		fail_msg("device %d is %s and has no way back in", (int)device,
			device_state_name(d.state));
	}
	assert_true(d.state == DEVICE_SUSPENDED || d.state_before == d.state);
	assert_true((d.state == DEVICE_SUSPENDED) == (d.suspend_rank != RANK_NONE));
	check_offer(w, &d);
}
