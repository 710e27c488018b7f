# shellcheck shell=sh
# GnuTLS: gnutls-cli's TLS with a session resumed, certtool's view of the list.
needs gnutls-cli gnutls-bin
active_unit
talks() { # OPTION ...
	printf 'GET /device/v1/state HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' |
		limited gnutls-cli --x509cafile root.pem --x509certfile "$unit/first.pem" \
			--x509keyfile "$unit/first.key" -p "$port" "$@" 127.0.0.1
}
for version in 1.2 1.3; do
	only="NORMAL:-VERS-ALL:+VERS-TLS$version"
	check "TLS $version" says '"access":"full"' talks --priority "$only"
	check "TLS $version, resumed" says "This is a resumed session" talks --priority "$only" \
		--resume --waitresumption
done
openssl crl -in issuing.full.crl -out gnutls.crl
check "certtool finds the list signed by the CA" says "Verified" limited certtool --verify-crl \
	--load-ca-certificate issuing.pem --infile gnutls.crl
check "and not by another" prints "Not verified" limited certtool --verify-crl \
	--load-ca-certificate factory.pem --infile gnutls.crl
