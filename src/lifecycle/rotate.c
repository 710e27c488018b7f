#include "base/log.h"
#include "lifecycle/enrol.h"

status
rotate_device(struct session *s, int64_t device, struct outcome *o, struct diag *d)
{
	struct decision decision = { .request = { .event = EVENT_ROTATE } };

	return decide(s, device, &decision, o, d);
}

/* --- certificates that were never used --- */

static status
take_back(struct session *s, void *context, struct device *device, struct change *c, struct diag *d)
{
	const struct certificate *listed = context;
	struct certificate now;
	status st = read_certificate(s->reader, s->arena, listed->row, &now);

	if (st != OK) {
		return diag_set(d, st, NULL, "the certificate's record cannot be read");
	}
	if (now.status != CERTIFICATE_PENDING) {
		return diag_set(d, CONFLICT, NULL, "the certificate was used meanwhile");
	}
	if (device->pending_certificate == now.row) {
		device->pending_certificate = 0;
	}
	change_certificate_status(c, now.row, 1u << CERTIFICATE_PENDING, CERTIFICATE_WITHDRAWN,
		s->now_s, REASON_CESSATION_OF_OPERATION);
	if (device->state == DEVICE_SUSPENDED) {
		/* It was on hold on the lists: it does not leave them (lifecycle/effect.h). */
		change_certificates_list_ended(c, device->row, s->now_s);
	}
	return session_deny(s, c, listed, DENY_REVOKE, REASON_CESSATION_OF_OPERATION, d);
}

static status
withdraw_one(struct session *s, struct certificate *k, size_t *count, struct diag *d)
{
	struct step step = { .event = "withdraw",
		.reason_word = "unused",
		.certificate = k,
		.apply = take_back,
		.context = k };
	struct outcome o = { 0 };
	struct diag fault = { 0 };
	status st = decide_step(s, k->device, &step, &o, &fault);

	if (st == CONFLICT) {
		return OK; /* used in the last moment, or ended by another decision */
	}
	*count += st == OK;
	if (st != OK) {
		(void)diag_copy(d, &fault);
	}
	return st;
}

status
certificates_withdraw(struct session *s, size_t max, size_t *count, struct diag *d)
{
	struct certificate *list;
	size_t listed;
	status st = reader_begin(s->reader, d);

	*count = 0;
	if (st != OK) {
		return st;
	}
	st = list_certificates_pending_before(
		s->reader, s->arena, s->now_s - s->life->withdraw_after_s, max, &list, &listed);
	reader_end(s->reader);
	if (st != OK) {
		return diag_set(d, st, NULL, "the waiting certificates cannot be read");
	}
	for (size_t k = 0; st == OK && k < listed; k++) {
		st = withdraw_one(s, &list[k], count, d);
	}
	if (*count > 0) {
		log_event(LOG_INFO, "certificates_withdrawn", "count=%zu", *count);
	}
	return st;
}
