# Sourced by capture.sh: network namespaces, the cables between them, and the table of hosts.
# Nothing here has a default route or touches an interface of the machine itself.
# shellcheck shell=sh

NETNS="weir$$"
export NETNS

# name    address         side rate    delay jitter loss   ttl congestion control
# Rate is per direction ("-": unlimited); delay and jitter are one way, in ms; loss is a probability.
# Side lan: on the captured bridge. Side wan: behind the router gw, each on a cable of its own.
hosts() {
    cat <<'TABLE'
alice     10.1.0.11       lan  100mbit 0     0      0      64  cubic
bob       10.1.0.12       lan  30mbit  1.5   2.0    0.002  128 cubic
carol     10.1.0.13       lan  100mbit 0     0      0      128 cubic
dave      10.1.4.7        lan  20mbit  3.0   3.0    0.004  64  bbr
erin      10.1.4.8        lan  100mbit 0.3   0.2    0      64  cubic
app       10.1.8.2        lan  -       0     0      0      64  cubic
cache     10.1.8.3        lan  -       0     0      0      64  cubic
dns       10.1.0.53       lan  -       0.2   0.1    0      64  cubic
mallory   10.1.66.6       lan  50mbit  0.5   0.3    0      64  cubic
www       192.0.2.10      wan  50mbit  9     1      0.0005 58  bbr
shop      198.51.100.20   wan  20mbit  41    3      0.001  49  cubic
cdn       203.0.113.30    wan  40mbit  3     0.5    0      61  bbr
login     172.16.5.22     wan  20mbit  17    1      0      57  cubic
clock     198.51.100.123  wan  10mbit  24    4      0      246 cubic
auth      198.51.100.53   wan  10mbit  30    2      0.002  55  cubic
depot     203.0.113.44    wan  8mbit   73    6      0.004  113 cubic
TABLE
}

# in_host NAME COMMAND...: runs a command in a host's namespace
in_host() {
    host=$1
    shift
    ip netns exec "$NETNS-$host" "$@"
}

# add_host NAME [TTL CC]: a namespace of its own, IPv4 only
add_host() {
    ip netns add "$NETNS-$1"
    in_host "$1" ip link set lo up
    in_host "$1" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1 \
        net.ipv4.ip_default_ttl="${2:-64}"
    # The congestion control is best effort: a kernel may lack one.
    in_host "$1" sysctl -qw net.ipv4.tcp_congestion_control="${3:-cubic}" 2>/dev/null || :
}

# plain NAME INTERFACE: up, and with every offload off, so that packets are packets and checksums are real
plain() {
    in_host "$1" ethtool -K "$2" rx off tx off sg off tso off gso off gro off lro off >/dev/null 2>&1 || :
    in_host "$1" ip link set "$2" up
}

# shape NAME INTERFACE RATE DELAY JITTER LOSS: what leaves by this interface
shape() {
    parent=root
    if [ "$HAVE_NETEM" = yes ] && [ "$4" != 0 ]; then
        in_host "$1" tc qdisc add dev "$2" root handle 1: netem limit 2000 delay "$4ms" "$5ms" \
            loss "$(awk "BEGIN { print $6 * 100 }")%"
        parent="parent 1:1"
    fi
    # shellcheck disable=SC2086 # $parent is one word or two
    [ "$3" = - ] || in_host "$1" tc qdisc add dev "$2" $parent tbf rate "$3" burst 16k latency 120ms
}

# cable NAME NETWORK PORT RATE DELAY JITTER LOSS: eth0 of host NAME to interface PORT of namespace NETWORK.
# Where the kernel has no netem and the cable has a delay, it runs through wire.py.
cable() {
    if [ "$HAVE_NETEM" = yes ] || [ "$5" = 0 ]; then
        ip link add eth0 netns "$NETNS-$1" type veth peer name "$3" netns "$NETNS-$2"
    else
        ip link add eth0 netns "$NETNS-$1" type veth peer name "a-$1" netns "$NETNS-wire"
        ip link add "$3" netns "$NETNS-$2" type veth peer name "b-$1" netns "$NETNS-wire"
        plain wire "a-$1"
        plain wire "b-$1"
        echo "a-$1 b-$1 $5 $6 $7" >>"$WORK/wires"
    fi
    plain "$1" eth0
    plain "$2" "$3"
    shape "$1" eth0 "$4" "$5" "$6" "$7"
    shape "$2" "$3" "$4" "$5" "$6" "$7"
}

# probe_netem: sets HAVE_NETEM, and says so
probe_netem() {
    add_host probe
    if in_host probe tc qdisc add dev lo root netem delay 1ms 2>/dev/null; then
        HAVE_NETEM=yes
        echo "delay and loss: netem"
    else
        HAVE_NETEM=no
        echo "delay and loss: wire.py (this kernel has no netem)"
    fi
    ip netns del "$NETNS-probe"
}

# start_wires: forwards the frames of all cables that run through wire.py
start_wires() {
    if [ -s "$WORK/wires" ]; then
        ip netns exec "$NETNS-wire" timeout 3600 python3 "$HERE/wire.py" "$SEED" <"$WORK/wires" &
    fi
}

# make_sample_network: a bridge with the lan hosts and the router gw on it, the wan hosts behind gw
make_sample_network() {
    add_host wire
    add_host bridge
    in_host bridge ip link add br0 type bridge stp_state 0 forward_delay 0 mcast_snooping 0
    in_host bridge ip link set br0 up
    add_host gw
    cable gw bridge gw - 0 0 0
    in_host bridge ip link set gw master br0
    in_host gw ip addr add 10.1.0.1/16 dev eth0
    in_host gw sysctl -qw net.ipv4.ip_forward=1
    hosts | while read -r name address side rate delay jitter loss ttl cc; do
        add_host "$name" "$ttl" "$cc"
        if [ "$side" = lan ]; then
            cable "$name" bridge "$name" "$rate" "$delay" "$jitter" "$loss"
            in_host bridge ip link set "$name" master br0
            in_host "$name" ip addr add "$address/16" dev eth0
            for net in 192.0.2.0/24 198.51.100.0/24 203.0.113.0/24 172.16.0.0/12; do
                in_host "$name" ip route add "$net" via 10.1.0.1
            done
        else
            cable "$name" gw "$name" "$rate" "$delay" "$jitter" "$loss"
            in_host "$name" ip addr add "$address/32" dev eth0
            in_host "$name" ip route add 10.1.0.1/32 dev eth0
            in_host "$name" ip route add 10.1.0.0/16 via 10.1.0.1
            in_host gw ip route add "$address/32" dev "$name"
        fi
        mkdir -p "/etc/netns/$NETNS-$name"
        echo "nameserver 10.1.0.53" >"/etc/netns/$NETNS-$name/resolv.conf"
    done
    # A subnet nobody is in (host unreachable) and one that is closed (administratively prohibited).
    in_host gw ip link add empty type bridge
    in_host gw ip link set empty up
    in_host gw ip route add 172.16.9.0/24 dev empty
    in_host gw ip route add prohibit 172.16.66.0/24
    start_wires
}

# make_lanes N: N separate pairs of client and server (10.2.0.1, 10.2.0.2), each with a delay and a rate of its own
make_lanes() {
    add_host wire
    lane=0
    while [ "$lane" -lt "$1" ]; do
        add_host "c$lane"
        add_host "s$lane"
        delay=$(awk "BEGIN { print 1 + 1.7 * $lane }")
        rate=$(awk "BEGIN { print 8 + (7 * $lane) % 40 }")
        cable "c$lane" "s$lane" eth0 "${rate}mbit" "$delay" 0.8 0.0005
        in_host "c$lane" ip addr add 10.2.0.1/24 dev eth0
        in_host "s$lane" ip addr add 10.2.0.2/24 dev eth0
        lane=$((lane + 1))
    done
    start_wires
}

# remove_network: ends every process of the namespaces, then the namespaces
remove_network() {
    for ns in $(ip netns list | awk -v p="$NETNS-" 'index($1, p) == 1 { print $1 }'); do
        # Again, as a server may start another worker while its own end is on the way.
        for _ in 1 2 3 4 5; do
            pids=$(ip netns pids "$ns")
            # shellcheck disable=SC2086 # one word a process
            [ -z "$pids" ] || kill -9 $pids || :
        done
        ip netns del "$ns" || :
        rm -rf "/etc/netns/$ns"
    done 2>/dev/null
    { wait; } 2>/dev/null || :
    rmdir /etc/netns 2>/dev/null || :
    : >"$WORK/wires"
}
