# Sourced by capture.sh: starts the servers, each bounded in time and ended with its namespace.
# shellcheck shell=sh

LIFE=3600 # seconds that no daemon outlives, whatever happens

# serve NAME COMMAND...: a daemon in a host's namespace, its output kept apart
serve() {
    host=$1
    shift
    ip netns exec "$NETNS-$host" timeout "$LIFE" "$@" >>"$WORK/log/$host" 2>&1 </dev/null &
}

# make_keys: a TLS certificate and SSH keys that live as long as this run
make_keys() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=news.test \
        -keyout "$WORK/tls.key" -out "$WORK/tls.pem" 2>/dev/null
    ssh-keygen -q -t ed25519 -N '' -C '' -f "$WORK/host_key"
    ssh-keygen -q -t ed25519 -N '' -C '' -f "$WORK/user_key"
}

# nginx_on NAME: HTTP on 80, TLS with HTTP/2 on 443; /ticker is passed to ticker.py
nginx_on() {
    mkdir -p "$WORK/nginx-$1"
    cat >"$WORK/nginx-$1/conf" <<CONF
daemon off; user root; worker_processes 1; pid nginx.pid; error_log error.log;
events { worker_connections 256; }
http {
    access_log off; default_type text/html; sendfile on; tcp_nodelay on; keepalive_timeout 20;
    client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
    server {
        listen 80; listen 443 ssl http2;
        ssl_certificate $WORK/tls.pem; ssl_certificate_key $WORK/tls.key;
        root $WORK/site;
        location /ticker { proxy_pass http://127.0.0.1:9000; proxy_buffering off; }
    }
}
CONF
    serve "$1" nginx -p "$WORK/nginx-$1" -c conf -e error.log
}

# sshd_on NAME: public key only, the key of this run only
sshd_on() {
    mkdir -p /run/sshd
    cat >"$WORK/sshd-$1" <<CONF
Port 22
HostKey $WORK/host_key
AuthorizedKeysFile $WORK/user_key.pub
PidFile none
StrictModes no
PasswordAuthentication no
PermitRootLogin prohibit-password
UsePAM yes
PrintMotd no
UseDNS no
MaxStartups 50
CONF
    serve "$1" /usr/sbin/sshd -D -e -f "$WORK/sshd-$1"
}

redis_on() {
    serve "$1" redis-server --port 6379 --bind 0.0.0.0 --protected-mode no --save '' --appendonly no --rename-command COMMAND "" --dir "$WORK"
}

# dnsmasq_on NAME OPTION...
dnsmasq_on() {
    name=$1
    shift
    serve "$name" dnsmasq --keep-in-foreground --conf-file=/dev/null --no-resolv --no-hosts --user=root \
        --pid-file= --bind-interfaces --except-interface=lo "$@"
}

# chronyd_on NAME DIRECTIVE...: never touches the clock (-x)
chronyd_on() {
    name=$1
    shift
    serve "$name" chronyd -x -d -U -u root "cmdport 0" "pidfile $WORK/chrony-$name.pid" "$@"
}

start_sample_servers() {
    for name in www shop cdn; do nginx_on "$name"; done
    sshd_on login
    redis_on cache
    serve depot iperf3 -s -p 5201
    serve depot iperf3 -s -p 5202
    sshd_on depot
    dnsmasq_on auth --local=/test/ --local-ttl=20 --address=/news.test/192.0.2.10 --address=/shop.test/198.51.100.20 \
        --address=/cdn.test/203.0.113.30 --address=/login.test/172.16.5.22 --address=/clock.test/198.51.100.123 \
        --address=/depot.test/203.0.113.44 --txt-record=news.test,"v=spf1 ip4:192.0.2.0/24 -all" \
        --txt-record=shop.test,"$(printf 'k%.0s' $(seq 240))" --mx-host=shop.test,login.test,10
    dnsmasq_on dns --server=198.51.100.53 --cache-size=40
    chronyd_on clock "local stratum 2" "allow"
    for name in alice carol app dave; do
        chronyd_on "$name" "server 198.51.100.123 iburst minpoll 3 maxpoll 5"
    done
    serve app socat -u UDP-RECV:514 /dev/null
}

# start_lane_servers N: nginx, ticker.py, sshd and redis in each lane
start_lane_servers() {
    lane=0
    while [ "$lane" -lt "$1" ]; do
        nginx_on "s$lane"
        serve "s$lane" python3 "$HERE/ticker.py"
        sshd_on "s$lane"
        redis_on "s$lane"
        lane=$((lane + 1))
    done
}
