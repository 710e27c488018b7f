# shellcheck shell=sh
# OCSP by `openssl ocsp` and by gnutls' ocsptool: POST and GET, both digests of CertIDs, nonces.
active_unit
good=$unit/first.pem
responder=$plain/ocsp/issuing-production

asks() { # CERTIFICATE OPTION ...
	certificate=$1
	shift
	limited openssl ocsp -issuer issuing.pem -CAfile root.pem -url "$responder" "$@" \
		-cert "$certificate"
}
for digest in sha1 sha256; do
	check "POST, $digest, nonce" says "first.pem: good" asks "$good" -$digest -nonce
	check "POST, $digest, no nonce" says "first.pem: good" asks "$good" -$digest -no_nonce
done

check "a second question in the request, of a number never given" says "0x41.*ff: unknown" asks \
	"$good" -serial 0x4100000000ffffffffffffffff

# The request in the path, as RFC 6960 A.1 says, and as clients really send it.
gets() { # FILTER FOR THE PATH
	openssl ocsp -issuer issuing.pem -no_nonce -cert "$good" -reqout request 2>/dev/null
	path=$(openssl base64 -A -in request | sed "$1")
	limited curl -sSf --path-as-is -o answer "$responder/$path" &&
		openssl ocsp -respin answer -issuer issuing.pem -CAfile root.pem -cert "$good"
}
check "GET, escaped" says "first.pem: good" gets 's|/|%2F|g; s|+|%2B|g; s|=|%3D|g'
check "GET, raw" says "first.pem: good" gets ''
check "GET, base64url without padding" says "first.pem: good" gets 'y|/+|_-|; s|=||g'
check "a nonce is echoed" says "OCSP Nonce" asks "$good" -nonce -resp_text
check "a CA certificate of another issuer is not ours to answer" prints "unauthorized\|unknown" \
	asks factory.pem

if command -v ocsptool >/dev/null; then
	gnutls() { # it looks for the signer's issuer among the anchors only
		limited ocsptool --ask="$responder" --load-issuer issuing.pem --load-cert "$1" \
			--load-trust issuing.pem "$2"
	}
	check "gnutls, nonce" says "Certificate Status: good" gnutls "$good" --nonce
	check "gnutls, no nonce" says "Certificate Status: good" gnutls "$good" --no-nonce
fi

check "the unit is revoked" revoked first
check "and POST says so" says "Reason: keyCompromise" asks "$good"
check "and GET says so" says "first.pem: revoked" gets ''
if command -v ocsptool >/dev/null; then
	check "and gnutls hears it" prints "Certificate Status: revoked" gnutls "$good" --nonce
fi
needs ocsptool gnutls-bin # said last: the rest has its own worth
