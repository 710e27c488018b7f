# shellcheck shell=sh
# BouncyCastle's EST client.
jars=/usr/share/java
needs java default-jre-headless
needs $jars/bcpkix.jar libbcpkix-java
path=$jars/bcpkix.jar:$jars/bcprov.jar:$jars/bcutil.jar
check "compiles" java_compiles -cp "$path" "$here/Est.java"
unit
openssl pkcs12 -export -in "$unit/birth.pem" -inkey "$unit/birth.key" -passout pass:peers \
	-name identity -out birth.p12
est() { # OLD OPERATION NEW
	java_runs -cp "$path:$stage/java" Est "$url" lamps root.pem "$1.p12" "$2" "$3.p12"
}
enrols() {
	est "$@" | tr '\n' ' ' &&
		openssl pkcs12 -in "$3.p12" -passin pass:peers -nodes -nokeys -out "$unit/$3.pem" &&
		openssl pkcs12 -in "$3.p12" -passin pass:peers -nodes -nocerts -out "$unit/$3.key"
}
check "enrols, having seen the hierarchy" says "cacerts: 2.*issued:.*$serial" enrols birth simpleenroll first
check "is in use" says '"access":"full"' state_of first
check "renews" says "issued:.*$serial" enrols first simplereenroll second
check "the new one is in use" says '"access":"full"' state_of second

# An enrolment that is pending: 202 with the time to come again.
held_unit
openssl pkcs12 -export -in "$unit/birth.pem" -inkey "$unit/birth.key" -passout pass:peers \
	-name identity -out birth.p12
policy --est-pending wait --est-retry-after 1s
start polled.log est birth simpleenroll first
check "is told to wait" eventually grep -q "not before" polled.log
claim_unit
waits_for() {
	wait "$1"
	code=$?
	tr '\n' ' ' <polled.log
	return $code
}
check "and enrols once it is owned" says "not before.*issued:.*$serial" waits_for "$started"
policy --est-pending refuse --est-retry-after 1m

# A key that the server makes.
unit
openssl pkcs12 -export -in "$unit/birth.pem" -inkey "$unit/birth.key" -passout pass:peers \
	-name identity -out birth.p12
policy --est-server-keys yes
check "is given a key" says "made:.*issued:.*$serial" enrols birth serverkeygen first
policy --est-server-keys no
check "which is in use" says '"access":"full"' state_of first
