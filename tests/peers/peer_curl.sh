# shellcheck shell=sh
# curl: EST by both TLS versions, forms of bodies, keep-alive, lists with validators.
unit
est=$url/.well-known/est/lamps

for version in 1.2 1.3; do
	check "TLS $version reaches cacerts" says "$version" limited curl -sSfv --tls-max $version \
		--tlsv$version --cacert home/ca.pem "$est/cacerts"
done
check "a held unit is refused in words" refuses "held" limited curl -sS --fail-with-body \
	--cacert home/ca.pem --cert "units/$(sed -n '$s/,.*//p' sheet)/element/birth.pem" \
	--key "units/$(sed -n '$s/,.*//p' sheet)/element/slot0.key" \
	-H "Content-Type: application/pkcs10" -d AAAA "$est/simpleenroll"
check "enrols" enrolled_as birth first
check "is in use" says '"state":"ACTIVE"' state_of first
check "renews" enrolled_as first second simplereenroll
check "the new one is in use" says '"access":"full"' state_of second
check "the former one is out" refuses superseded state_of first
check "renews by simpleenroll too" enrolled_as second third
check "a body in chunks" says "" as second -H "Content-Type: application/pkcs10" \
	-H "Transfer-Encoding: chunked" --data-binary "@$unit/third.csr" "$est/simpleenroll"
check "Expect: 100-continue" says "100 Continue" as second -v -H "Expect: 100-continue" \
	-H "Content-Type: application/pkcs10" --data-binary "@$unit/third.csr" "$est/simpleenroll"
check "HTTP/1.0" says '"state"' as second -0 "$url/device/v1/state"
check "two requests on one connection" says "Re-\?using existing .*connection" as second -v \
	"$url/device/v1/state" "$url/device/v1/state"

list=$plain/crl/issuing-production/full.crl
fetch_status() {
	limited curl -sS -D head -o list -w '%{http_code}' "$@" "$list"
}
not_modified() {
	[ "$(fetch_status "$@")" = 304 ]
}
fetch_status --etag-save etag >status
check "a list that is known by its tag" not_modified --etag-compare etag
fetch_status >status
check "a list that is known by its date" not_modified -z "$(tr -d '\r' <head | sed -n 's/^Last-Modified: //p')"

# A key that the server makes: the parts of the answer, read by openssl.
part() { # TYPE: the base64 of that part
	tr -d '\r' <keys | sed -n "\|^Content-Type: $1|,/^--/p" | sed '1,/^$/d; /^--/d'
}
makes_key() {
	as birth -H "Content-Type: application/pkcs10" --data-binary "@$unit/throw.csr" -o keys \
		"$est/serverkeygen" &&
		part application/pkcs8 | openssl base64 -d | openssl pkey -inform DER -out "$unit/$1.key" &&
		part application/pkcs7-mime | openssl base64 -d | openssl pkcs7 -inform DER -print_certs |
		openssl x509 -out "$unit/$1.pem" &&
		[ "$(openssl pkey -in "$unit/$1.key" -pubout)" = "$(openssl x509 -in "$unit/$1.pem" -noout -pubkey)" ]
}
unit
new_key "$unit/throw.key"
openssl req -new -key "$unit/throw.key" -subj / -outform DER | openssl base64 >"$unit/throw.csr"
check "no key is made unless the fleet wants it" refuses "501" as birth -H \
	"Content-Type: application/pkcs10" --data-binary "@$unit/throw.csr" "$est/serverkeygen"
policy --est-server-keys yes
check "a key that the server made" makes_key made
check "is in use" says '"access":"full"' state_of made
check "the same again makes another one" makes_key next
differs() {
	! cmp -s "$unit/made.key" "$unit/next.key"
}
check "which is another one" differs
policy --est-server-keys no

# A registration authority in between.
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout gate.key -out gate.pem \
	-subj /CN=gate -days 2 -addext "extendedKeyUsage=clientAuth,1.3.6.1.5.5.7.3.28" 2>/dev/null
check "an authority is known by its certificate" tenure operator add gate --role ra \
	--certificate gate.pem
through_gate() { # IDENTITY OF THE DEVICE, CURL-ARGUMENTS ...
	presented=$(openssl x509 -in "$unit/$1.pem" -outform DER | openssl base64 -A)
	shift
	limited curl -sS --fail-with-body --cacert home/ca.pem --cert gate.pem --key gate.key \
		-H "Client-Cert: :$presented:" "$@"
}
unit
new_key "$unit/first.key"
openssl req -new -key "$unit/first.key" -subj / -outform DER | openssl base64 >"$unit/first.csr"
enrols_through_gate() {
	through_gate birth -H "Content-Type: application/pkcs10" --data-binary "@$unit/first.csr" \
		-o "$unit/first.p7" "$est/simpleenroll" &&
		openssl base64 -d -A -in "$unit/first.p7" | openssl pkcs7 -inform DER -print_certs |
		openssl x509 -out "$unit/first.pem"
}
check "speaks for nobody unless the fleet names it" refuses "403" enrols_through_gate
policy --est-ra gate
check "enrols a device" enrols_through_gate
check "whose use it sees" says '"access":"full"' through_gate first "$url/device/v1/state"
check "the device itself is let in as well" says '"access":"full"' state_of first
policy --est-ra none
check "not any more" refuses "403" through_gate first "$url/device/v1/state"
