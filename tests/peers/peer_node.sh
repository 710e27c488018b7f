# shellcheck shell=sh
# Node: https with kept connections and resumed sessions.
needs node nodejs
active_unit
tls() {
	limited node "$here/tls.js" "$port" root.pem "$unit/first.pem" "$unit/first.key" "$1"
}
for version in TLSv1.2 TLSv1.3; do
	check "$version, kept alive, then resumed" says "full $version kept, full $version resumed" \
		tls $version
done
check "the unit is revoked" revoked first
check "and refused in words" says "403.*revoked" tls TLSv1.3
