#include "lifecycle/look.h"

#include "base/text.h"

status
look_device(struct session *s, int64_t row, struct device *out, struct diag *d)
{
	status result = reader_begin(s->reader, d);

	if (result != OK) {
		return result;
	}
	result = row != 0 ? read_device(s->reader, row, out) : NOT_FOUND;
	reader_end(s->reader);
	if (result == OK && !session_may_see(s, out)) {
		result = NOT_FOUND;
	}
	return result == OK ? OK : diag_set(d, result, NULL, "there is no such device");
}

status
look_coming_owner(const struct session *s, int64_t owner, int64_t *out, struct diag *d)
{
	const struct operator_account *o = &s->actor.account;

	if (s->actor.kind != ACTOR_OPERATOR || o->is_disabled) {
		return diag_set(d, DENIED, NULL, "only an owner's or the maker's operators may");
	}
	if (o->role == OPERATOR_OWNER) {
		if (o->owner == 0 || (owner != 0 && owner != o->owner)) {
			return diag_set(
				d, DENIED, NULL, "an owner's operator acts for that owner alone");
		}
		*out = o->owner;
		return OK;
	}
	if (o->role != OPERATOR_ADMIN && o->role != OPERATOR_MAKER) {
		return diag_set(d, DENIED, NULL, "only an owner's or the maker's operators may");
	}
	if (owner == 0) {
		return diag_set(d, DENIED, NULL, "name the owner that you act for");
	}
	*out = owner;
	return OK;
}

status
look_new_code(const struct session *s, char code[CLAIM_CODE_TEXT_MAX], struct claim_code *sealed,
	struct diag *d)
{
	status result = claim_code_new(code);

	if (result == OK) {
		result = claim_code_seal(code, 0, s->now_s, sealed);
	}
	return result == OK ? OK : diag_set(d, result, NULL, "a code could not be made");
}

status
look_name(const char *what, const char *name, struct diag *d)
{
	size_t len = strlen(name);
	bool is_good = len > 0 && len <= NAME_MAX_LEN;

	for (size_t i = 0; is_good && i < len; i++) {
		char c = name[i];
		bool is_mark = c == '-' || c == '.' || c == '_';

		is_good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (is_mark && i > 0);
	}
	return is_good ? OK
		       : diag_set(d, BAD_INPUT, NULL,
				 "%s: 1 to %d of a-z 0-9 - . _, the first a letter or a digit",
				 what, NAME_MAX_LEN);
}

status
look_words(const char *what, const char *words, size_t max, struct diag *d)
{
	if (words == NULL) {
		return OK;
	}
	if (strlen(words) > max) {
		return diag_set(d, BAD_INPUT, NULL, "%s: at most %zu bytes", what, max);
	}
	return utf8_is_printable(span_text(words))
		       ? OK
		       : diag_set(d, BAD_INPUT, "RFC 3629 3",
				 "%s: not UTF-8, or with control characters", what);
}
