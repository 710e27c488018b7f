#include "pki/crl.h"

#include "pki/der.h"

/* Behind tag and length of a SEQUENCE that may go on behind the end of what was read. */
static bool
enter_sequence(span *rest)
{
	size_t header = 2;

	if (rest->len < 6 || rest->data[0] != DER_SEQUENCE) {
		return false;
	}
	if (rest->data[1] >= 0x80) {
		size_t bytes = rest->data[1] & 0x7fu;

		if (bytes < 1 || bytes > 4) {
			return false;
		}
		header += bytes;
	}
	*rest = span_slice(*rest, header, rest->len);
	return true;
}

status
crl_dates_read(span head, int64_t *this_update_s, int64_t *next_update_s)
{
	struct der_cursor c;
	uint32_t version;
	span skipped;
	status s;

	for (int depth = 0; depth < 2; depth++) { /* CertificateList, TBSCertList */
		if (!enter_sequence(&head)) {
			return BAD_INPUT;
		}
	}
	c = der_cursor_of(head, "RFC 5280 5.1.2", NULL);
	s = der_read_number(&c, DER_INTEGER, "version", 1, &version);
	if (s == OK) {
		s = der_read_whole(&c, DER_SEQUENCE, "signature", &skipped);
	}
	if (s == OK) {
		s = der_read_whole(&c, DER_SEQUENCE, "issuer", &skipped);
	}
	if (s == OK) {
		s = der_read_time(&c, "thisUpdate", this_update_s);
	}
	if (s == OK) {
		s = der_read_time(&c, "nextUpdate", next_update_s);
	}
	return s == OK ? OK : BAD_INPUT;
}
