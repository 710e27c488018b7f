#include "proto/est_label.h"

#include "proto/named.h"

#define FLEETS_MAX 64 /* looked at for one authority that they share */

static status
read_fleet_of_peer(struct exchange *x, struct session *s, struct fleet *out)
{
	struct certificate c = { 0 };
	struct device device = { 0 };
	status st = NOT_FOUND;

	if (x->peer->certificate.len > 0) {
		st = read_certificate_by_fingerprint(s->reader, x->arena, x->peer->fingerprint, &c);
	}
	if (st == OK) {
		st = c.device != 0 ? read_device(s->reader, c.device, &device) : NOT_FOUND;
	}
	return st == OK ? read_fleet(s->reader, device.fleet, out) : st;
}

/* Fleets of several authorities have several answers, of which none may be guessed: trust is never mixed. */
static status
read_only_fleet(struct exchange *x, struct session *s, struct fleet *out)
{
	struct fleet *fleets;
	size_t count;
	status st = list_fleets(s->reader, x->arena, 0, FLEETS_MAX, &fleets, &count);

	if (st != OK || count == 0 || count == FLEETS_MAX) {
		return st != OK ? st : NOT_FOUND;
	}
	for (size_t i = 1; i < count; i++) {
		if (fleets[i].authority != fleets[0].authority) {
			return NOT_FOUND;
		}
	}
	*out = fleets[0];
	return OK;
}

static bool
unnamed_fleet(struct exchange *x, struct session *s, struct fleet *out)
{
	status st = reader_begin(s->reader, NULL);
	struct diag d = { 0 };

	if (st == OK) {
		st = read_fleet_of_peer(x, s, out);
		if (st == NOT_FOUND) {
			st = read_only_fleet(x, s, out);
		}
		reader_end(s->reader);
	}
	if (st == OK) {
		return true;
	}
	(void)diag_set(&d, st, NULL,
		st == NOT_FOUND ? "which fleet? ask at /.well-known/est/FLEET/ (RFC 7030 3.2.2)"
				: "no fleet can be read");
	reply_problem(x, &d);
	return false;
}

bool
est_fleet(struct exchange *x, struct session *s, struct fleet *out)
{
	span label = x->parameters[0];

	return label.data != NULL ? named_fleet(x, s, label, out) : unnamed_fleet(x, s, out);
}
