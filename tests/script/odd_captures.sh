# Odd, broken and hostile captures: each is read with tshark's count of IPv4 packets (tests/golden/odd_captures.tsv,
# outermost IPv4) or refused in one line for a reason that holds. None crashes or hangs.
. "$(dirname -- "$0")/lib.sh"
odd=$traces/odd
[ -d "$odd" ] || skip "no folder $odd"

checked=0
read_count=0
tab=$(printf '\t')
while IFS=$tab read -r name packets ipv4; do
    file=$odd/$name
    [ -e "$file" ] || fail "$file is missing"
    checked=$((checked + 1))
    status=0
    timeout 60 "$weir" trace info "$file" --json >out 2>err </dev/null || status=$?
    case $status in
    0)
        found=$(sed -n 's/^  "ipv4": \([0-9]*\),$/\1/p' out)
        [ "$found" = "$ipv4" ] || fail "$name: $found IPv4 packets; tshark finds $ipv4"
        [ ! -s err ] || fail "$name: read, but with a message: $(cat err)"
        read_count=$((read_count + 1))
        ;;
    2)
        [ "$(wc -l <err)" -eq 1 ] && [ ! -s out ] || fail "$name: not one line on stderr"
        has err "weir trace: $file: "
        # Where tshark does find IPv4, the refusal is about the file, not about its packets.
        if grep -q -e 'no usable IPv4' -e 'it has no packets' -e 'is empty' err; then
            [ "$ipv4" = 0 ] || fail "$name: tshark finds $ipv4: $(cat err)"
        else
            grep -q -e 'link type [0-9]* (.*) is not supported; supported: ' -e 'not a capture' \
                -e 'packet [0-9]*: the capture is cut short' -e 'packet [0-9]*: damaged: ' err ||
                fail "$name: $(cat err)"
        fi
        ;;
    *) fail "$name: exit status $status: $(head -c 300 err)" ;;
    esac
    # What was read can be written and read again; what is cut short gives its whole packets.
    if [ "$status" -eq 0 ]; then
        run 0 "$weir" trace convert "$file" again.csv
        run 0 "$weir" trace convert again.csv twice.csv
        cmp -s again.csv twice.csv || fail "$name: CSV written, read and written again differs"
    elif grep -q 'cut short' err; then
        timeout 60 "$weir" trace info --allow-truncated "$file" >out 2>err </dev/null || [ $? -eq 2 ] ||
            fail "$name: --allow-truncated: $(head -c 300 err)"
    fi
done <"$source/tests/golden/odd_captures.tsv"
[ "$checked" -ge 85 ] && [ "$read_count" -ge 40 ] || fail "only $checked checked, $read_count read"

run 0 "$weir" trace info --allow-truncated "$odd/cut-in-packet-data.pcap" --json
has out '"ipv4": 893'
has out '"truncated": true'
refused "packet 894: the capture is cut short" "$weir" trace info "$odd/cut-in-record-header.pcap"
echo "$checked captures, $read_count read"
