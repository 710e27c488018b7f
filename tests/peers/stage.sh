# shellcheck shell=sh
# What the peers stand on: a home made by `tenure init`, its server on free ports, units from the factory line. The
# variables that peers use:
#   $stage              the folder of everything; also the working folder
#   $port, $url         of the TLS listener; $plain of the plain one
#   root.pem issuing.pem factory.pem    the hierarchy, from the plain listener
#   broker.pem broker.key               a server certificate of somebody else's

PATH=$PATH:/usr/sbin:/sbin

# --- results ---------------------------------------------------------------------------------

number_next() {
	number=$(($(cat "$stage/number") + 1))
	echo "$number" >"$stage/number"
}

# check NAME COMMAND ...: it must succeed. What it printed is shown where it does not.
check() {
	checked=$1
	shift
	number_next
	if "$@" >"$stage/output" 2>&1; then
		echo "ok $number - $peer: $checked"
	else
		echo "not ok $number - $peer: $checked"
		tail -n 30 "$stage/output" | sed 's/^/# /'
	fi
}

# says WORDS COMMAND ...: succeeds, and prints the words (a basic regular expression).
says() {
	words=$1
	shift
	"$@" >"$stage/said" 2>&1
	code=$?
	cat "$stage/said"
	[ $code = 0 ] && grep -q -e "$words" "$stage/said"
}

# refuses WORDS COMMAND ...: fails, and prints the words.
refuses() {
	words=$1
	shift
	"$@" >"$stage/said" 2>&1
	code=$?
	cat "$stage/said"
	[ $code != 0 ] && grep -q -e "$words" "$stage/said"
}

# prints WORDS COMMAND ...: prints the words, whatever its exit status means.
prints() {
	words=$1
	shift
	"$@" >"$stage/said" 2>&1
	cat "$stage/said"
	grep -q -e "$words" "$stage/said"
}

# needs PROGRAM-OR-FILE PACKAGE: ends this peer where it is not there.
needs() {
	command -v "$1" >/dev/null || [ -e "$1" ] || skip "$1 is missing (Debian package $2)"
}

skip() {
	number_next
	echo "ok $number - $peer # SKIP $*"
	exit 0
}

# --- programs beside --------------------------------------------------------------------------

# Nobody waits for ever.
limited() {
	timeout -k 2 20 "$@"
}

# start FILE COMMAND ...: its output goes to the file; $started is its pid. Ends with the peer.
start() {
	file=$1
	shift
	"$@" >"$file" 2>&1 &
	started=$!
	all_started="${all_started-} $started"
}

stop() {
	kill "$1" 2>/dev/null
	wait "$1" 2>/dev/null
}

stop_started() {
	for pid in ${all_started-}; do
		stop "$pid"
	done
}

# eventually COMMAND ...: until it succeeds, at most ten seconds.
eventually() {
	tries=0
	until "$@" >/dev/null 2>&1; do
		tries=$((tries + 1))
		[ $tries -lt 200 ] || return 1
		sleep 0.05
	done
}

# Short programs: quick to start is what counts.
java_runs() {
	limited java -XX:+UseSerialGC -XX:TieredStopAtLevel=1 "$@"
}

# The compiler is in the headless JRE, without a command of its own.
java_compiles() {
	java_runs -m jdk.compiler/com.sun.tools.javac.Main -d "$stage/java" "$@"
}

free_port() {
	perl -MIO::Socket::INET -e \
		'print IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1")->sockport'
}

# --- devices ----------------------------------------------------------------------------------

tenure() {
	limited "$TENURE" "$@" --client "$stage/home/client.conf" --server "$url"
}

# held_unit: the next one from the shelf, which nobody owns. $serial is its own, birth.pem and birth.key
# of the folder $unit its birth identity (leaf first).
held_unit() {
	used=$(($(cat "$stage/used") + 1))
	echo "$used" >"$stage/used"
	serial=$(sed -n "$((used + 1))s/,.*//p" "$stage/sheet")
	unit=$stage/units/$serial
	(umask 077 && sed -n "$((used + 1))s/^[^,]*,\([^,]*\),.*/\1/p" "$stage/sheet" >"$unit/code")
	cp "$unit/element/birth.pem" "$unit/birth.pem"
	cp "$unit/element/slot0.key" "$unit/birth.key"
}

claim_unit() {
	tenure device claim "$serial" --owner bob --code-file "$unit/code" >/dev/null
}

# unit: the next one, claimed by bob.
unit() {
	held_unit
	claim_unit
}

# policy --est-... VALUE: of the fleet, for the peer that wants it otherwise.
policy() {
	tenure fleet set lamps "$@" >/dev/null
}

new_key() {
	openssl ecparam -name prime256v1 -genkey -noout -out "$1"
}

# as NAME CURL-ARGUMENTS ...: a request with that identity of the unit.
as() {
	identity=$unit/$1
	shift
	limited curl -sS --fail-with-body --cacert "$stage/home/ca.pem" --cert "$identity.pem" \
		--key "$identity.key" "$@"
}

# enrolled_as OLD NEW [OPERATION]: by curl; NEW.key and NEW.pem of the unit.
enrolled_as() {
	new_key "$unit/$2.key" &&
		openssl req -new -key "$unit/$2.key" -subj / -outform DER |
		openssl base64 >"$unit/$2.csr" &&
		as "$1" -H "Content-Type: application/pkcs10" --data-binary "@$unit/$2.csr" \
			-o "$unit/$2.p7" "$url/.well-known/est/lamps/${3:-simpleenroll}" &&
		openssl base64 -d -A -in "$unit/$2.p7" | openssl pkcs7 -inform DER -print_certs |
		openssl x509 -out "$unit/$2.pem"
}

state_of() {
	as "$1" "$url/device/v1/state"
}

# active_unit: a unit in use; first.pem and first.key are its operational identity.
active_unit() {
	unit && enrolled_as birth first && state_of first >/dev/null
}

# lists NUMBER FILE: whether the PEM or DER list has this serial number.
lists() {
	openssl crl -in "$2" -noout -text | grep -q "$1"
}

number_of() {
	openssl x509 -in "$1" -noout -serial | sed 's/serial=//'
}

# Every list of the three authorities, one request after the other on one connection.
fetch_lists() {
	set --
	for ca in root issuing factory; do
		for list in full.crl ca.crl bundle.pem; do
			set -- "$@" -o "$stage/$ca.$list" "$plain/crl/$ca-production/$list"
		done
	done
	limited curl -sSf "$@" -o "$stage/issuing.0.crl" "$plain/crl/issuing-production/0.crl"
}

# The bundle is the last to be replaced; the issuing CA's own list stands first in it.
is_published() { # NUMBER
	limited curl -sSf -o "$stage/newest.pem" "$plain/crl/issuing-production/bundle.pem" &&
		lists "$1" "$stage/newest.pem"
}

# revoked NAME: the unit's identity, in all lists when this returns.
revoked() {
	tenure device revoke "$serial" --key operational --reason keyCompromise &&
		eventually is_published "$(number_of "$unit/$1.pem")" && fetch_lists
}

# --- opening and closing ----------------------------------------------------------------------

make_home() {
	(umask 077 && echo "correct horse battery staple" >passphrase)
	limited "$TENURE" init --home "$stage/home" --company Acme --fleet lamps \
		--passphrase-file "$stage/passphrase" --signer "$TENURE_SIGNER" \
		--listen 127.0.0.1:0 --listen-plain 127.0.0.1:0
}

start_server() {
	start "$stage/log" "$TENURED" --home "$stage/home"
	server_pid=$started
	eventually grep -q " ready " "$stage/log" || return 1
	port=$(sed -n 's/.*https:[^ ]*:\([0-9]*\) .*/\1/p' "$stage/log")
	url=https://127.0.0.1:$port
	plain=$(sed -n 's/.*\(http:[^ "]*\)".*/\1/p' "$stage/log")
}

# restart_server: by its present configuration, on the same sockets.
restart_server() {
	ready=$(grep -c " ready " "$stage/log")
	kill -USR2 "$server_pid"
	is_ready_again() {
		[ "$(grep -c " ready " "$stage/log")" -gt "$ready" ]
	}
	eventually is_ready_again
}

fill_shelf() {
	openssl req -x509 -newkey rsa:2048 -nodes -keyout printer.key -out printer.pem \
		-subj "/CN=printer" -days 2 2>/dev/null
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout broker.key \
		-out broker.pem -subj "/CN=localhost" -addext "subjectAltName=DNS:localhost,IP:127.0.0.1" \
		-days 90 2>/dev/null
	tenure factory run --fleet lamps --count 24 --out units &&
		tenure manifest import units/manifest.json --fleet lamps --codes sheet.cms \
			--recipient printer.pem &&
		tenure owner add bob --title Bob --kind customer &&
		openssl cms -decrypt -inform DER -in sheet.cms -recip printer.pem \
			-inkey printer.key | tr -d '\r' >sheet
	for ca in root issuing factory; do
		limited curl -sSf "$plain/ca/$ca-production.cer" |
			openssl x509 -inform DER -out "$ca.pem" || return 1
	done
	cat root.pem issuing.pem factory.pem >hierarchy.pem
	eventually fetch_lists
}

stage_close() {
	stop_started
	rm -rf "$stage"
}

stage_open() {
	: "${TENURE:?}" "${TENURED:?}" "${TENURE_SIGNER:?}"
	stage=$(mktemp -d "${TMPDIR:-/tmp}/peers-XXXXXX") || return 1
	trap stage_close EXIT
	trap 'exit 143' TERM INT HUP
	cd "$stage" || return 1
	peer=stage
	echo 0 >number
	echo 0 >used
	for step in make_home start_server fill_shelf; do
		if ! $step >"output.$step" 2>&1; then
			cat "output.$step" log
			check "$step" false
			return 1
		fi
	done
}
