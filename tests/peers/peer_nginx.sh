# shellcheck shell=sh
# nginx as a gateway: client certificates by our hierarchy, bundle.pem as it is published.
needs nginx nginx
# Not by its command, which stays between us and the program.
two_days_on=$(ls /usr/lib/*/faketime/libfaketime.so.1 2>/dev/null | head -n 1)
needs "${two_days_on:-libfaketime}" libfaketime
active_unit
gone=$unit
check "a unit is revoked" revoked first
active_unit
cat root.pem issuing.pem >trust.pem
mkdir -p nginx
cat >nginx.conf <<CONF
daemon off;
pid $stage/nginx/pid;
error_log $stage/nginx/log info;
worker_processes 1;
events { }
http {
	access_log off;
	client_body_temp_path $stage/nginx;
	proxy_temp_path $stage/nginx;
	fastcgi_temp_path $stage/nginx;
	uwsgi_temp_path $stage/nginx;
	scgi_temp_path $stage/nginx;
	server {
		listen unix:$stage/nginx/socket ssl;
		ssl_certificate $stage/broker.pem;
		ssl_certificate_key $stage/broker.key;
		ssl_verify_client on;
		ssl_verify_depth 4;
		ssl_client_certificate $stage/trust.pem;
		ssl_crl $stage/gateway.pem;
		location / { return 200 "welcome \$ssl_client_s_dn"; }
	}
}
CONF
visits() { # FOLDER OF THE UNIT
	limited curl -sS --fail-with-body --unix-socket nginx/socket --cacert broker.pem \
		--cert "$1/first.pem" --key "$1/first.key" https://localhost/
}
nginx_starts() { # COMMAND IN FRONT ...
	rm -f nginx/socket nginx/log
	start nginx/output "$@" nginx -c "$stage/nginx.conf" -e "$stage/nginx/log"
	eventually [ -S nginx/socket ]
}
cp issuing.bundle.pem gateway.pem
check "nginx takes bundle.pem" nginx_starts
check "a good unit is let in" says "welcome.*$serial" visits "$unit"
check "a revoked one is not" refuses "400" visits "$gone"
check "and the log says why" grep "(23:certificate revoked)" nginx/log
check "another one is revoked" revoked first
cp issuing.bundle.pem gateway.pem
kill -HUP "$started"
check "after a reload it is out" eventually refuses 400 visits "$unit"
stop "$started"

check "two days later, without a new list" nginx_starts env FAKETIME=+2d LD_PRELOAD="$two_days_on"
active_unit
check "nobody is let in" refuses "400" visits "$unit"
check "and the log tells it apart" grep "(12:CRL has expired)" nginx/log
