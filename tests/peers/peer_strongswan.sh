# shellcheck shell=sh
# strongSwan's pki: EST without labels, with the client certificate at simplereenroll only.
needs pki strongswan-pki
# Its plugins' complaints are not of interest.
pki() {
	limited /usr/bin/env pki "$@" 2>pki.log
	code=$?
	grep -v "failed to load" pki.log >&2
	return $code
}
unit
new_request() { # NAME DN
	pki --gen --type ecdsa --size 256 --outform pem >"$1.key" &&
		pki --req --in "$1.key" --type priv --dn "$2" --outform der >"$1.csr"
}
enrols() { # OLD NEW: the identity's files in DER
	pki --est --url "$url" --cacert root.pem --cacert issuing.pem --cert "$1.der" \
		--key "$1.key" --in "$2.csr" --outform der >"$2.der" &&
		openssl x509 -inform DER -in "$2.der" -out "$2.pem"
}
cd "$unit" || exit 1
cp "$stage/root.pem" "$stage/issuing.pem" .
openssl x509 -in birth.pem -outform DER -out birth.der

check "estca finds root and issuing CA" says "Sub CA cert is trusted" pki --estca \
	--url "$url" --cacert root.pem --outform pem --caout ca.pem --force
check "the issuing CA is ours" cmp ca-1.pem issuing.pem
new_request first "CN=whatever"
check "enrols with its birth identity" says "Issued certificate is trusted" enrols birth first
check "is in use" says '"access":"full"' state_of first
id=$(openssl x509 -in first.pem -noout -subject -nameopt RFC2253 | sed 's/.*serialNumber=\([^,]*\).*/\1/')
new_request second "O=Acme, CN=$serial, serialNumber=$id"
check "renews with a new key" says "Issued certificate is trusted" enrols first second
check "the new one is in use" says '"access":"full"' state_of second
new_request third "CN=somebody else"
check "gets no other name" refuses "HTTP 400" enrols second third

# An enrolment that is pending: it asks again as it is told, until somebody owns the unit.
held_unit
cd "$unit" || exit 1
cp "$stage/root.pem" "$stage/issuing.pem" .
openssl x509 -in birth.pem -outform DER -out birth.der
new_request first "CN=whatever"
policy --est-pending wait --est-retry-after 1s
start polled.log limited /usr/bin/env pki --est --url "$url" --cacert root.pem --cacert issuing.pem \
	--cert birth.der --key birth.key --in first.csr --interval 1 --outform der
is_told() {
	grep -q "retry" polled.log || grep -q "pending" polled.log
}
check "is told to wait" eventually is_told
claim_unit
waits_for() {
	wait "$1"
	code=$?
	grep -av "failed to load" polled.log | tr -cd '[:print:]\n' | tail -n 20
	return $code
}
check "and enrols once it is owned" says "Issued certificate is trusted" waits_for "$started"
policy --est-pending refuse --est-retry-after 1m
