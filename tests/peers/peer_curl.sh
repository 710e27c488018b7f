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
