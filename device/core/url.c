#include "device/core/url.h"

static const char scheme[] = "https://";

static bool
is_host_byte(uint8_t c, bool is_ip6)
{
	bool is_digit = c >= '0' && c <= '9', is_low = c >= 'a' && c <= 'f';
	bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

	if (is_ip6) {
		return is_digit || is_low || (c >= 'A' && c <= 'F') || c == ':' || c == '.';
	}
	return is_digit || is_letter || c == '-' || c == '.';
}

static bool
take_host(span text, struct server_url *out)
{
	if (text.len == 0 || text.len >= sizeof(out->host)) {
		return false;
	}
	for (size_t i = 0; i < text.len; i++) {
		if (!is_host_byte(text.data[i], out->is_ip6)) {
			return false;
		}
		out->host[i] = (char)text.data[i];
	}
	return true;
}

static bool
take_port(span text, struct server_url *out)
{
	unsigned long value = 0;

	if (text.len == 0 || text.len >= sizeof(out->port)) {
		return false;
	}
	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] < '0' || text.data[i] > '9') {
			return false;
		}
		value = 10 * value + (unsigned long)(text.data[i] - '0');
		out->port[i] = (char)text.data[i];
	}
	return value > 0 && value <= 65535;
}

status
server_url_read(span text, struct server_url *out, struct diag *d)
{
	size_t prefix = sizeof(scheme) - 1, end;
	span rest = span_slice(text, prefix, SIZE_MAX);
	span host = rest, port = span_text("443");
	bool is_https = text.len > prefix && memcmp(text.data, scheme, prefix) == 0;

	*out = (struct server_url){ .is_ip6 = rest.len > 0 && rest.data[0] == '[' };
	for (end = 0; end < rest.len && rest.data[end] != (out->is_ip6 ? ']' : ':'); end++) {
	}
	if (out->is_ip6 && end < rest.len) {
		host = span_slice(rest, 1, end - 1);
		rest = span_slice(rest, end + 1, SIZE_MAX);
	} else if (out->is_ip6) {
		is_https = false; /* the bracket does not close */
	} else {
		host = span_slice(rest, 0, end);
		rest = span_slice(rest, end, SIZE_MAX);
	}
	if (rest.len > 0) {
		is_https = is_https && rest.data[0] == ':';
		port = span_slice(rest, 1, SIZE_MAX);
	}
	if (!is_https || !take_host(host, out) || !take_port(port, out)) {
		return diag_set(d, BAD_INPUT, "RFC 3986 3.2",
			"the server's address is https://HOST[:PORT], without a path");
	}
	return OK;
}
