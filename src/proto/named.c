#include "proto/named.h"

static bool
is_letter(uint8_t c, bool is_first)
{
	bool is_plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');

	return is_plain || (!is_first && (c == '-' || c == '.' || c == '_'));
}

bool
name_of_segment(span segment, char out[NAME_MAX_LEN + 1])
{
	if (segment.len == 0 || segment.len > NAME_MAX_LEN) {
		return false;
	}
	for (size_t k = 0; k < segment.len; k++) {
		if (!is_letter(segment.data[k], k == 0)) {
			return false;
		}
	}
	memcpy(out, segment.data, segment.len);
	out[segment.len] = '\0';
	return true;
}

/* The outcome of a look-up as a reply, unless it is OK. */
static bool
is_found(struct exchange *x, status st, const char *what)
{
	struct diag d = { 0 };

	if (st == OK) {
		return true;
	}
	(void)diag_set(
		&d, st, NULL, st == NOT_FOUND ? "there is no such %s" : "no %s can be read", what);
	reply_problem(x, &d);
	return false;
}

bool
named_authority(struct exchange *x, struct session *s, span segment, struct authority *out)
{
	char name[NAME_MAX_LEN + 1];
	status st = NOT_FOUND;

	if (name_of_segment(segment, name)) {
		st = reader_begin(s->reader, NULL);
		if (st == OK) {
			st = read_authority_by_name(s->reader, x->arena, name, out);
			reader_end(s->reader);
		}
	}
	return is_found(x, st, "authority");
}

bool
named_fleet(struct exchange *x, struct session *s, span segment, struct fleet *out)
{
	char name[NAME_MAX_LEN + 1];
	status st = NOT_FOUND;

	if (name_of_segment(segment, name)) {
		st = reader_begin(s->reader, NULL);
		if (st == OK) {
			st = read_fleet_by_name(s->reader, name, out);
			reader_end(s->reader);
		}
	}
	return is_found(x, st, "fleet");
}
