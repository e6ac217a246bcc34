# netshare end to end: parts side by side give what parts in a row give, a public trace of another schema and labels
# that it lacks, epsilon that falls with noise and stands in the model, traces with what fits badly.
. "$(dirname -- "$0")/lib.sh"

data=$source/experiments/data
[ -f "$data/sample.pcap" ] || skip "there is no experiments/data/sample.pcap"
tiny="-O preset=tiny"

# number MODEL NAME: a number of a model.
number() {
    sed -n "s/^ *\"$2\": \([-0-9.e]*\),*$/\1/p" "$1/model.json" | tail -n 1
}

# below A B: A < B
below() {
    awk -v a="$1" -v b="$2" 'BEGIN { exit !(a < b) }' || fail "$3: $1 is not below $2"
}

# declined TEXT COMMAND…: a job that fails, and says why.
declined() {
    text=$1
    shift
    run 1 "$@"
    has err "$text"
}

# Three chunks as three jobs side by side, and in a row: the same model.
cat >parts.lua <<END
local weir = require "weir"
local trace = weir.trace("$data/sample.pcap", { packets = 3000 })
local exp = weir.experiment "chunked"
exp:score("jsd", trace, exp:generate("netshare", trace, { preset = "tiny", n_chunks = 3 }))
exp:run()
END
run 0 "$weir" run parts.lua --jobs 3
run 0 "$weir" fit netshare "$data/sample.pcap" -o row --packets 3000 $tiny -O n_chunks=3
found=
for model in results/chunked/jobs/*/model/arrays.safetensors; do
    cmp -s "$model" row/arrays.safetensors && found=$model
done
[ -n "$found" ] || fail "parts side by side and parts in a row give other models"
[ "$(ls -d results/chunked/jobs/*/model | wc -l)" -eq 4 ] || fail "three parts and their join are four models"

# A public trace: of another schema it is refused; it changes what is learnt.
declined "must be of one kind" "$weir" fit netshare "$data/sample-netflow.csv" -o x $tiny -O public_trace="$data/sample.pcap"
run 0 "$weir" fit netshare "$data/sample-netflow.csv" -o with $tiny -O public_trace="$data/sample-netflow.csv"
run 0 "$weir" fit netshare "$data/sample-netflow.csv" -o without $tiny
! cmp -s with/arrays.safetensors without/arrays.safetensors || fail "a public trace changes nothing"

# What a fit read is not read again: the public trace of a generator and of its encoders may go.
cp "$data/sample-netflow.csv" gone.csv
run 0 "$weir" fit netshare gone.csv -o alone $tiny -O public_trace=gone.csv
run 0 "$weir" sample alone -o before.csv --flows 20
rm gone.csv
run 0 "$weir" sample alone -o after.csv --flows 20
equal before.csv after.csv
refused "a file that exists" "$weir" fit netshare "$data/sample-netflow.csv" -o x $tiny -O public_trace=gone.csv
cp "$data/sample-netflow.csv" gone.csv
cat >gone.lua <<END
local weir = require "weir"
local trace = weir.trace "$data/sample-netflow.csv"
local exp = weir.experiment "gone"
exp:score("jsd", trace, exp:generate("netshare", trace, {
  preset = "tiny", n_chunks = 1, encoders = { ports = { "ip2vec", public = weir.trace "gone.csv" } },
}))
exp:run()
END
run 0 "$weir" run gone.lua
rm gone.csv
run 0 "$weir" sample results/gone/jobs/*/model -o encoded.csv --flows 20

# Privacy: what is wanted is what is spent, more noise costs less, and nothing is claimed that does not hold.
known="-O declared=span,counts"
run 0 "$weir" fit netshare "$data/sample.pcap" -o timed --packets 3000 $tiny $known -O noise=2 --budget 10m
again=$(sed -n 's/.*the same again: //p' out)
run 0 "$weir" fit netshare "$data/sample.pcap" -o repeated --packets 3000 $tiny $known -O noise=2 $again
cmp -s timed/arrays.safetensors repeated/arrays.safetensors || fail "a private fit does not repeat its steps: $again"
run 0 "$weir" fit netshare "$data/sample.pcap" -o begun --packets 3000 $tiny $known -O noise=2 --steps 3/0
run 0 "$weir" sample begun -o begun.csv --flows 5
run 0 "$weir" fit netshare "$data/sample.pcap" -o private --packets 3000 $tiny $known -O epsilon=3
has err "private: epsilon"
below "$(number private epsilon)" 3.0001 "epsilon"
below 2.9 "$(number private epsilon)" "epsilon"
run 0 "$weir" fit netshare "$data/sample.pcap" -o less --packets 3000 $tiny $known -O noise=2
run 0 "$weir" fit netshare "$data/sample.pcap" -o more --packets 3000 $tiny $known -O noise=4
below "$(number more epsilon)" "$(number less epsilon)" "epsilon with more noise"
run 0 "$weir" fit netshare "$data/sample.pcap" -o unclaimed --packets 3000 $tiny -O noise=4
has err "no epsilon is claimed: the private trace gives away, without noise, its first and last time (span)"
[ "$(number unclaimed noise)" = 4.0 ] || fail "the model does not say its noise"
below "$(number unclaimed epsilon)" 0 "epsilon that is not claimed"
declined "cannot be claimed" "$weir" fit netshare "$data/sample.pcap" -o x $tiny -O epsilon=3
run 0 "$weir" fit netshare "$data/sample.pcap" -o public --packets 3000 $tiny $known -O epsilon=3 -O public_trace="$data/sample.pcap"
run 0 "$weir" sample public -o public.csv
has err "pieces"

# Records with labels that a public trace lacks, and with durations below 0.
head=ts,td,srcip,dstip,srcport,dstport,proto,pkt,byt
awk -v h=$head 'BEGIN { print h ",label"; for (i = 0; i < 60; i++) print i * 1000 ",0.5,10.0.0." i % 9 ",10.0.1.1," 4000 + i ",80,6,3,180," (i % 2 ? "a" : "b") }' >labels.csv
awk -v h=$head 'BEGIN { print h; for (i = 0; i < 60; i++) print i * 1000 ",0.5,10.0.0." i % 9 ",10.0.1.1," 4000 + i ",80,6,3,180" }' >bare.csv
declined "no column 'label'" "$weir" fit netshare labels.csv -o x $tiny $known -O epsilon=9 -O public_trace=bare.csv
declined "no column 'label'" "$weir" fit netshare labels.csv -o x $tiny -O public_trace=bare.csv
sed 's/,a$/,c/' labels.csv >others.csv
run 0 "$weir" fit netshare others.csv -o others $tiny $known -O epsilon=9 -O public_trace=labels.csv
has err "classes are not in the dictionary"
run 0 "$weir" sample others -o others.out.csv
lacks others.out.csv ",c"

# Killed on the way, on the public trace and after it, it goes on from its checkpoint to the same model.
cat >killed.lua <<END
local weir = require "weir"
local trace = weir.trace("$data/sample.pcap", { packets = 1500 })
local exp = weir.experiment "killed"
exp:score("jsd", trace, exp:generate("netshare", trace, {
  preset = "tiny", n_chunks = 1, epochs = 100000, max_steps = 1500, public_epochs = 100000,
  public_trace = weir.trace "$data/sample.pcap",
}))
exp:run()
END
run 0 "$weir" run killed.lua
cp results/killed/scores.csv whole.csv
rm -rf results/killed
for pause in 0 0.5; do
    "$weir" run killed.lua >out 2>err &
    runner=$!
    tries=0
    until [ -n "$(find results/killed -name checkpoint 2>/dev/null)" ] || [ $tries -gt 300 ]; do
        tries=$((tries + 1))
        sleep 0.1
    done
    sleep $pause
    kill -KILL $runner
    wait $runner 2>/dev/null || true
done
run 0 "$weir" run killed.lua
equal whole.csv results/killed/scores.csv
grep -q 'going on from the checkpoint of step' results/killed/jobs/*/log || fail "no fit went on from its checkpoint"

# A silence in the middle: chunks without packets.
awk 'BEGIN { print "time,srcip,dstip,srcport,dstport,proto,pkt_len"
    for (i = 0; i < 40; i++) print (i < 20 ? i : 100000 + i) * 1000 ",10.0.0.1,10.0.1." i % 7 ",5000,80,6,60" }' >silence.csv
run 0 "$weir" fit netshare silence.csv -o silence $tiny -O n_chunks=10
has err "chunk 9 of 10"
lacks err "chunk 4 of 10"
run 0 "$weir" sample silence -o silence.out.csv --packets 100
[ "$(wc -l <silence.out.csv)" -eq 101 ] || fail "100 packets were asked for"

# A role takes another encoder.
run 0 "$weir" fit netshare "$data/sample.pcap" -o bits --packets 1000 $tiny --encoder ports=word2vec
run 0 "$weir" sample bits -o bits.csv --flows 20

# A model whose parts do not fit together.
sed -i 's/"length": 8/"length": 80/' bits/model.json
declined "is not for pieces of 80 packets" "$weir" sample bits -o x.csv
