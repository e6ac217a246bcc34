# Every simple generator end to end on the sample trace: fit, sample, exact numbers of packets and flows, equal
# bytes for equal seeds.
. "$(dirname -- "$0")/lib.sh"

data=$source/experiments/data
[ -f "$data/sample.pcap" ] || skip "there is no experiments/data/sample.pcap"

# facts FILE KEY: a number that `weir trace info` says of a file.
facts() {
    run 0 "$weir" trace info "$1" --json
    sed -n "s/^ *\"$2\": \([0-9]*\),*$/\1/p" out | tail -n 1
}

# expect WHAT FOUND EXPECTED
expect() {
    [ "$2" = "$3" ] || fail "$1: $2 instead of $3"
}

# sampled MODEL OUT ARGUMENTS…
sampled() {
    model=$1
    file=$2
    shift 2
    run 0 "$weir" sample "$model" -o "$file" "$@"
    [ -s "$file" ] || fail "$file is empty"
}

flows=$(facts "$data/sample.pcap" flows)
packets=$(facts "$data/sample.pcap" packets)
[ "$flows" -gt 1000 ] || fail "the sample trace has $flows flows"

for name in bootstrap marginals uniform copy time_shuffle markov; do
    run 0 "$weir" fit $name "$data/sample.pcap" -o $name.model --seed 1
    sampled $name.model $name.csv --seed 7
    sampled $name.model again.csv --seed 7
    equal $name.csv again.csv
    sampled $name.model other.csv --seed 8
    if cmp -s $name.csv other.csv; then
        [ $name = copy ] || fail "$name gives the same for two seeds"
    else
        [ $name != copy ] || fail "copy depends on the seed"
    fi
    run 0 "$weir" fit $name "$data/sample.pcap" -o $name.again --seed 1
    sampled $name.again again.csv --seed 7
    equal $name.csv again.csv

    for n in 1 1000 60000; do
        sampled $name.model some.csv --packets $n
        expect "$name, packets $n" "$(facts some.csv packets)" $n
    done
    for n in 1 500; do
        sampled $name.model some.csv --flows $n
        expect "$name, flows $n" "$(facts some.csv flows)" $n
    done
    case $name in
    copy | time_shuffle)
        run 1 "$weir" sample $name.model -o many.csv --flows 100000
        has err "have only $flows"
        [ ! -e many.csv ] || fail "a failed sampling left many.csv"
        ;;
    *)
        sampled $name.model some.csv --flows 10000
        expect "$name, flows 10000" "$(facts some.csv flows)" 10000
        ;;
    esac
    # A capture of it is read back whole.
    sampled $name.model some.pcap --packets 2000
    expect "$name, a capture" "$(facts some.pcap ipv4)" 2000
    refused "the model makes packets" "$weir" sample $name.model -o some.csv --series 3
done
expect "copy" "$(facts copy.csv packets)" "$packets"
expect "time_shuffle" "$(facts time_shuffle.csv packets)" "$packets"
expect "time_shuffle, flows" "$(facts time_shuffle.csv flows)" "$flows"

# Flow records, with the same generators.
if [ -f "$data/sample-netflow.csv" ]; then
    for name in bootstrap marginals uniform copy time_shuffle markov; do
        run 0 "$weir" fit $name "$data/sample-netflow.csv" -o $name.records
        sampled $name.records some.csv --packets 1234
        expect "$name, records" "$(facts some.csv packets)" 1234
    done
fi

# What the options are for.
refused "did you mean 'distinct'" "$weir" fit bootstrap "$data/sample.pcap" -o x -O distinkt=true
refused "must be between 0 and 1" "$weir" fit bootstrap "$data/sample.pcap" -o x -O shift=2
run 0 "$weir" fit markov "$data/sample.pcap" -o small -O "gaps=lognormal" -O classes=4
sampled small small.csv --packets 5000

# Packets shorter than a header, as other people's generators make them, can be learnt, sampled and scored.
printf 'srcip,dstip,srcport,dstport,proto,time,pkt_len\n1,2,3,4,6,100,0\n1,2,3,4,6,200,19\n' >short.csv
run 0 "$weir" fit copy short.csv -o short
run 0 "$weir" sample short -o again.csv
run 0 "$weir" compare short.csv again.csv --metrics emd
has out "packet length"
