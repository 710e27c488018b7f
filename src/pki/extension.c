#include "pki/extension.h"

status
extension_read(struct der_cursor *list, struct extension *out)
{
	status s;

	*out = (struct extension){ .is_critical = false };
	s = der_enter(list, DER_SEQUENCE, "Extension", &out->whole);
	if (s == OK) {
		s = der_read_oid(&out->whole, "extnID", &out->type);
	}
	if (s == OK && der_next_is(&out->whole, DER_BOOLEAN)) {
		s = der_read_boolean(&out->whole, "critical", &out->is_critical);
	}
	if (s == OK) {
		s = der_enter_string(&out->whole, DER_OCTET_STRING, "extnValue", &out->value);
	}
	return s == OK ? der_end(&out->whole, "Extension") : s;
}
