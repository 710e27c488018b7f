# shellcheck shell=sh
# `openssl verify` with every list as it is published: brokers and gateways built on libcrypto see the same.
active_unit
gone=$unit/first.pem
check "a unit is revoked" revoked first
active_unit
good=$unit/first.pem
openssl crl -in issuing.0.crl -out shard.pem
openssl crl -in issuing.full.crl -out full.pem
openssl crl -in root.full.crl -out root.full.pem
openssl crl -in issuing.ca.crl -out ca.pem
openssl crl -in root.ca.crl -out root.ca.pem

verifies() { # LISTS CERTIFICATE OPTION ...
	cat $1 >lists
	certificate=$2
	shift 2
	limited openssl verify "$@" -CAfile root.pem -untrusted issuing.pem -CRLfile lists \
		"$certificate"
}
# The lists, the options; each lets the good one in and keeps the revoked one out.
while IFS=: read -r name lists options; do
	# shellcheck disable=SC2086
	check "$name, good" says "first.pem: OK" verifies "$lists" "$good" $options
	# shellcheck disable=SC2086
	check "$name, revoked" refuses "error 23" verifies "$lists" "$gone" $options
done <<TABLE
shard:shard.pem:-crl_check
full:full.pem:-crl_check
bundle:issuing.bundle.pem:-crl_check
shard and the root's full:shard.pem root.full.pem:-crl_check_all
full and the root's full:full.pem root.full.pem:-crl_check_all
shard and the root's CA list:shard.pem root.ca.pem:-crl_check_all
bundle of the whole chain:issuing.bundle.pem:-crl_check_all
bundle, all extended checks:issuing.bundle.pem:-crl_check_all -extended_crl -x509_strict
TABLE
check "the list of CAs says nothing of units" refuses "error \(3\|44\)" verifies ca.pem "$good" \
	-crl_check
check "a list that has ended is told apart" refuses "error 12" verifies issuing.bundle.pem \
	"$good" -crl_check_all -attime $(($(date +%s) + 2 * 86400))
check "no list at all" refuses "error 3" verifies root.full.pem "$good" -crl_check
check "the birth certificate by its factory's bundle" says "birth.pem: OK" limited openssl verify \
	-crl_check_all -CAfile root.pem -untrusted factory.pem -CRLfile factory.bundle.pem \
	"$unit/birth.pem"
