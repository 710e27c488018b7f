# shellcheck shell=sh
# `openssl s_client`: sessions resumed, and judged again.
active_unit
talks() { # OPTION ...
	printf 'GET /device/v1/state HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' |
		limited openssl s_client -connect "127.0.0.1:$port" -servername localhost \
			-CAfile root.pem -verify_return_error -cert "$unit/first.pem" \
			-key "$unit/first.key" -ign_eof "$@" 2>&1
}
for version in 1_2 1_3; do
	check "TLS $version, full" says "^New, TLSv" talks -tls$version -sess_out "session$version"
	check "TLS $version, resumed" says "^Reused, TLSv" talks -tls$version \
		-sess_in "session$version" -sess_out "again$version"
done
check "TLS 1_2, no ticket" says "^New, TLSv" talks -tls1_2 -no_ticket -sess_out session_id
check "TLS 1_2, by session ID" says "^Reused, TLSv" talks -tls1_2 -no_ticket -sess_in session_id
check "a resumed session is the unit's" says '"access":"full"' talks -tls1_3 -sess_in again1_3 \
	-sess_out last1_3
check "the unit is revoked" revoked first
check "TLS 1.2, resumed after that" says "HTTP/1.1 403" talks -tls1_2 -sess_in session1_2
check "TLS 1.3, resumed after that" says "HTTP/1.1 403" talks -tls1_3 -sess_in last1_3
check "TLS 1.1 is refused" refuses "alert\|no protocols" talks -tls1_1 -cipher ALL:@SECLEVEL=0
