# shellcheck shell=sh
# haproxy in front: it says by the PROXY protocol's version 2 for whom it connects. The server goes on with its sockets
# under another configuration for as long.
needs haproxy haproxy
unit
front=$(free_port) plain_front=$(free_port) old_front=$(free_port)
cat >haproxy.cfg <<END
defaults
	mode tcp
	timeout connect 5s
	timeout client 20s
	timeout server 20s
listen tls
	bind 127.0.0.1:$front
	server tenured 127.0.0.1:$port send-proxy-v2 proxy-v2-options unique-id,crc32c check check-send-proxy inter 200ms
listen plain
	bind 127.0.0.1:$plain_front
	server tenured ${plain#http://} send-proxy-v2
listen old
	bind 127.0.0.1:$old_front
	server tenured 127.0.0.1:$port send-proxy
END
cp home/tenure.conf conf.before
sed -i "s/^listen = .*/&\nproxy_protocol = v2\nproxy_protocol_plain = v2\nproxy_from = 127.0.0.1/" home/tenure.conf
check "the server goes on behind a balancer" restart_server
start haproxy.log haproxy -db -f haproxy.cfg
direct=$port url=https://127.0.0.1:$front
reaches() {
	limited curl -sSf --cacert home/ca.pem "$@"
}
check "through it, TLS" eventually reaches "$url/healthz"
check "through it, plain" reaches "http://127.0.0.1:$plain_front/ca/root-production.cer" -o list
check "a device enrols through it" enrolled_as birth first
check "and is in use" says '"access":"full"' state_of first
check "without it nobody is let in" refuses "curl" reaches "https://127.0.0.1:$direct/healthz"
check "version 1 is not spoken" refuses "curl" reaches "https://127.0.0.1:$old_front/healthz"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout stranger.key -out stranger.pem \
	-subj /CN=stranger -days 2 2>/dev/null
log_has_client() {
	limited curl -sS --cacert home/ca.pem --cert stranger.pem --key stranger.key -o refused \
		-w '%{local_port}' "$url/device/v1/state" >local_port
	grep "device_unknown peer=127.0.0.1:$(cat local_port)\$" "$stage/log"
}
check "the log has the client's address, not its" log_has_client
cp conf.before home/tenure.conf
check "and it goes on without" restart_server
check "for itself again" reaches "https://127.0.0.1:$direct/healthz"
