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

status
authority_key_id_read(struct der_cursor *value, span *key_id)
{
	struct der_cursor inside;
	span skip;
	status s = der_enter(value, DER_SEQUENCE, "AuthorityKeyIdentifier", &inside);

	if (s == OK && der_next_is(&inside, DER_CONTEXT(0))) {
		s = der_read(&inside, DER_CONTEXT(0), "keyIdentifier", key_id);
	}
	if (s == OK && der_next_is(&inside, DER_CONTEXT_IN(1))) {
		s = der_read_whole(&inside, DER_CONTEXT_IN(1), "authorityCertIssuer", &skip);
	}
	if (s == OK && der_next_is(&inside, DER_CONTEXT(2))) {
		s = der_read(&inside, DER_CONTEXT(2), "authorityCertSerialNumber", &skip);
	}
	return s == OK ? der_end(&inside, "AuthorityKeyIdentifier") : s;
}
