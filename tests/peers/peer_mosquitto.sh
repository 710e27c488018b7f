# shellcheck shell=sh
# mosquitto as a broker: client certificates by our hierarchy, bundle.pem as it is published.
needs mosquitto mosquitto
needs mosquitto_pub mosquitto-clients
# Not by its command, which stays between us and the program.
two_days_on=$(ls /usr/lib/*/faketime/libfaketime.so.1 2>/dev/null | head -n 1)
needs "${two_days_on:-libfaketime}" libfaketime
active_unit
gone=$unit
check "a unit is revoked" revoked first
active_unit
cat root.pem issuing.pem >trust.pem
broker_starts() { # COMMAND IN FRONT ...
	for attempt in 1 2 3; do
		broker_port=$(free_port)
		cat >mosquitto.conf <<CONF
listener $broker_port 127.0.0.1
cafile $stage/trust.pem
certfile $stage/broker.pem
keyfile $stage/broker.key
crlfile $stage/broker.crl
require_certificate true
use_subject_as_username true
user $(id -un)
CONF
		start mosquitto.log "$@" mosquitto -v -c mosquitto.conf
		eventually grep -q " running" mosquitto.log && return
		stop "$started"
	done
	return 1
}
publishes() { # FOLDER OF THE UNIT
	limited mosquitto_pub -h 127.0.0.1 -p "$broker_port" --cafile broker.pem \
		--cert "$1/first.pem" --key "$1/first.key" -q 1 -t lamps/on -m 1 -d
}
alert_for() { # FOLDER OF THE UNIT: what the broker says to it on the wire
	printf '' | limited openssl s_client -connect "127.0.0.1:$broker_port" -CAfile broker.pem \
		-cert "$1/first.pem" -key "$1/first.key" -tls1_2
}
cp issuing.bundle.pem broker.crl
check "mosquitto takes bundle.pem" broker_starts
check "a good unit publishes" says "received PUBACK\|PUBACK" publishes "$unit"
check "a revoked one does not" refuses "rror" publishes "$gone"
check "and is told why" refuses "alert certificate revoked" alert_for "$gone"
check "another one is revoked" revoked first
cp issuing.bundle.pem broker.crl
kill -HUP "$started"
check "after SIGHUP it is out" eventually refuses "alert certificate revoked" alert_for "$unit"
stop "$started"

check "two days later, without a new list" broker_starts env FAKETIME=+2d LD_PRELOAD="$two_days_on"
active_unit
check "nobody publishes" refuses "rror" publishes "$unit"
check "which is told apart" refuses "alert certificate expired" alert_for "$unit"
