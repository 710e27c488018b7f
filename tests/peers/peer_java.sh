# shellcheck shell=sh
# The JDK: its TLS, its OCSP client, its CRL code.
needs java default-jre-headless
check "compiles" java_compiles "$here/Tls.java"
active_unit
openssl pkcs12 -export -in "$unit/first.pem" -inkey "$unit/first.key" -passout pass:peers \
	-name identity -out tls.p12
tls() {
	java_runs -cp "$stage/java" Tls "$@" 2>&1
}
one_line() {
	"$@" | tr '\r\n' '  '
}
for version in TLSv1.2 TLSv1.3; do
	check "$version, twice, the second resumed" says \
		"200 OK.*\"access\":\"full\".*version $version .*200 OK.* resumed" \
		one_line tls talk "$port" root.pem tls.p12 $version
done
sources="$plain/ocsp/issuing-production issuing.full.crl issuing.0.crl issuing.bundle.pem"
checked() {
	# shellcheck disable=SC2086
	tls check root.pem issuing.pem "$unit/first.pem" $sources >verdicts
}
verdict() { # WORDS SOURCE
	grep -qi "$1.* by $2" "$stage/verdicts" || ! cat "$stage/verdicts"
}
checked
for source in $sources; do
	check "good by ${source##*/}" verdict good "$source"
done
check "the unit is revoked" revoked first
checked
for source in $sources; do
	check "revoked by ${source##*/}" verdict "revoked.*KEY_COMPROMISE" "$source"
done
check "and its TLS session is refused" says "403" tls talk "$port" root.pem tls.p12 TLSv1.3
