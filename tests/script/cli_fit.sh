#!/bin/sh
# weir fit, weir sample and weir job, from a trace to a trace, and what people get wrong.
# Covers: core/cli/fit.c core/cli/sample.c core/cli/job.c core/cli/foreground.c core/run/execute.c
# Covers: core/run/work_fit.c core/run/work_sample.c core/run/work_score.c
. "$(dirname -- "$0")/lib.sh"
fixtures=$build/tests/fixtures

awk 'BEGIN {
    print "time,srcip,dstip,srcport,dstport,proto,pkt_len"
    for (i = 0; i < 300; i++)
        printf "%d,10.0.0.%d,10.1.0.%d,%d,443,6,%d\n", 1000000 * i + i * i, i % 9, i % 4, 1024 + i % 20, 40 + i % 1400
}' >trace.csv

# The same seed gives the same bytes, another seed others.
run 0 "$weir" fit bootstrap trace.csv -o model
has out "model: bootstrap fitted on trace: 300 rows"
[ -e model/model.json ] && [ -e model/arrays.safetensors ] || fail "the model is not complete"
run 0 "$weir" sample model -o a.csv
run 0 "$weir" sample model -o b.csv
run 0 "$weir" sample model -o c.csv --seed 2
equal a.csv b.csv
! cmp -s a.csv c.csv || fail "another seed made the same bytes"
run 0 "$weir" sample model -o d.pcap --packets 50
run 0 "$weir" trace info d.pcap
run 0 "$weir" fit bootstrap trace.csv -o model -O shift=0.5 --seed 3 --threads 2
has model/model.json '"shift": 0.5'
has model/model.json '"seed": 3'
ls -A >names
for left in .tmp- .old; do lacks names "$left"; done

# Encoders lent to a generator: the default, another one, and the wrong ones.
run 0 "$weir" fit encoded trace.csv -o coded --plugins "$fixtures"
[ -e coded/encoders/length/model.json ] || fail "the encoder is not saved inside the model"
[ -e coded/curves.csv ] || fail "the curve is not kept with the model"
run 0 "$weir" sample coded -o coded.csv --plugins "$fixtures"
run 0 "$weir" fit encoded trace.csv -o coded2 --plugins "$fixtures" --encoder length=log_minmax
has coded2/model.json '"encoder": "log_minmax"'
refused "encoder role 'length': unknown encoder 'minmx'; did you mean 'minmax'?" \
    "$weir" fit encoded trace.csv -o no --plugins "$fixtures" --encoder length=minmx
refused "generator encoded has no encoder role 'lenght'; did you mean 'length'?" \
    "$weir" fit encoded trace.csv -o no --plugins "$fixtures" --encoder lenght=minmax

# What a role takes from the generator's own options, and what the user adds.
run 0 "$weir" fit encoded trace.csv -o coded3 --plugins "$fixtures" -O columns=pkt_len,time
has coded3/encoders/length/model.json '"name": "time"'
run 0 "$weir" fit encoded trace.csv -o coded4 --plugins "$fixtures" -O columns=time --encoder length=log_minmax
has coded4/encoders/length/model.json '"name": "pkt_len"'

# Options of the encoder that is chosen, and mistakes in them.
run 0 "$weir" fit encoded trace.csv -o coded_options --plugins "$fixtures" --encoder 'length=log_minmax columns=time'
has coded_options/encoders/length/model.json '"name": "time"'
refused "encoder role 'length': unknown option 'colums' of encoder log_minmax; did you mean 'columns'?" \
    "$weir" fit encoded trace.csv -o no --plugins "$fixtures" --encoder 'length=log_minmax colums=time'
refused "--encoder length: 'time' is not 'option=value'" \
    "$weir" fit encoded trace.csv -o no --plugins "$fixtures" --encoder 'length=log_minmax time'

# A preset that chooses the encoder; the user's choice beats it.
run 0 "$weir" fit encoded trace.csv -o coded5 --plugins "$fixtures" -O preset=logarithmic -O columns=time
has coded5/model.json '"encoder": "log_minmax"'
has coded5/encoders/length/model.json '"name": "time"'
lacks coded5/encoders/length/model.json '"name": "pkt_len"'
run 0 "$weir" fit encoded trace.csv -o coded6 --plugins "$fixtures" -O preset=logarithmic --encoder length=minmax
has coded6/model.json '"encoder": "minmax"'

# A fit in parts, in one process and as the runner does it, gives one model.
run 0 "$weir" fit in_parts trace.csv -o whole --plugins "$fixtures"
has whole/model.json '"parts": 3'
spec() { # NAME INPUTS
    printf '{"job":"fit","plugin":{"kind":"generator","name":"in_parts","path":"%s/in_parts.so"},"seed":1,
        "inputs":{"train":{"files":["%s/trace.csv"]}%s},"out":"%s/%s"}\n' "$fixtures" "$tmp" "$2" "$tmp" "$1" >"$1.json"
}
spec part0 ',"part":0'
run 0 "$weir" job part0.json
has part0/status.json '"parts": 3'
for i in 1 2; do
    spec part$i ",\"part\":$i,\"parts\":3,\"base\":\"$tmp/part0/model\""
    run 0 "$weir" job part$i.json
done
spec joined ",\"models\":[\"$tmp/part0/model\",\"$tmp/part1/model\",\"$tmp/part2/model\"]"
run 0 "$weir" job joined.json
equal joined/model/arrays.safetensors whole/arrays.safetensors
run 0 "$weir" sample whole -o whole.csv --plugins "$fixtures"

# A job that is killed goes on from its checkpoint and ends with the same model.
spec undisturbed ',"part":0'
run 0 "$weir" job undisturbed.json
spec killed ',"part":0'
status=0
WEIR_FIXTURE_STOP=4 "$weir" job killed.json >out 2>err || status=$?
[ "$status" -gt 2 ] || fail "the fixture did not stop itself"
[ -e killed/checkpoint/model.json ] || fail "there is no checkpoint"
[ ! -e killed/status.json ] || fail "a killed job wrote a status"
run 0 "$weir" job killed.json
has err "going on from the checkpoint of step 4"
[ ! -e killed/checkpoint ] || fail "the checkpoint was not removed"
equal killed/model/arrays.safetensors undisturbed/model/arrays.safetensors
grep -q '"noise": [0-9.]*' killed/model/model.json
[ "$(grep '"noise":' killed/model/model.json)" = "$(grep '"noise":' undisturbed/model/model.json)" ] ||
    fail "the resumed fit drew other numbers"
equal killed/curves.csv undisturbed/curves.csv

# The checkpoint of another job is not gone on from.
spec other ',"part":0'
status=0
WEIR_FIXTURE_STOP=4 "$weir" job other.json >out 2>err || status=$?
sed -i 's/"seed":1/"seed":2/' other.json
run 0 "$weir" job other.json
has err "the checkpoint is of another seed or other options; beginning anew"
! cmp -s other/curves.csv undisturbed/curves.csv || fail "another seed gave the same curves"

# A damaged checkpoint is left alone, with a word.
spec damaged ',"part":0'
mkdir -p damaged/checkpoint
printf '{"format":1,"plugin":{"name":"in_parts"},"options":{},"seed":1,"values":{"noise":"x"}}' >damaged/checkpoint/model.json
run 0 "$weir" job damaged.json
has err "the checkpoint cannot be used"
equal damaged/model/arrays.safetensors undisturbed/model/arrays.safetensors

# Bad input: one line, exit 2, nothing written.
rm -rf no
refused "unknown generator 'bootsrap'; did you mean 'bootstrap'?" "$weir" fit bootsrap trace.csv -o no
refused "'minmax' is of kind encoder, not generator" "$weir" fit minmax trace.csv -o no
refused "unknown option 'shfit' of generator bootstrap; did you mean 'shift'?" "$weir" fit bootstrap trace.csv -o no -O shfit=1
refused "option 'shift' of generator bootstrap is '7x', must be between" "$weir" fit bootstrap trace.csv -o no -O shift=7x
refused "'shift' is not 'option=value'" "$weir" fit bootstrap trace.csv -o no -O shift
refused "nowhere.pcap" "$weir" fit bootstrap nowhere.pcap -o no
refused "-o MODEL is missing" "$weir" fit bootstrap trace.csv
refused "/nowhere: cannot be written" "$weir" fit bootstrap trace.csv -o /nowhere/no
refused "trace.csv exists and is not a model" "$weir" fit bootstrap trace.csv -o trace.csv
refused "--device is 'gpu', must be auto, cpu or cuda" "$weir" fit bootstrap trace.csv -o no --device gpu
refused "--device is 'gpu', must be auto, cpu or cuda" "$weir" sample model -o no.csv --device gpu
refused "--threads is 0" "$weir" fit bootstrap trace.csv -o no --threads 0
refused "--seed is 'x', must be a whole number" "$weir" fit bootstrap trace.csv -o no --seed x
refused "something is missing" "$weir" fit bootstrap -o no
echo "time,srcip" >short.csv
refused "short.csv" "$weir" fit bootstrap short.csv -o no
[ ! -e no ] || fail "a refused fit wrote something"
refused "nowhere: not a model: it has no model.json" "$weir" sample nowhere -o x.csv
refused "x.txt: must end in .pcap, .pcapng or .csv" "$weir" sample model -o x.txt
refused "only one of --flows, --packets and --series" "$weir" sample model -o x.csv --flows 1 --packets 2
refused "--series: the model makes packets" "$weir" sample model -o x.csv --series 2
refused "-o OUT.pcap or OUT.csv is missing" "$weir" sample model
cp -r model broken
echo '{' >broken/model.json
refused "broken/model.json:2:" "$weir" sample broken -o x.csv
cp -r model cut
head -c 100 model/arrays.safetensors >cut/arrays.safetensors
refused "cut/arrays.safetensors: it is not a safetensors file" "$weir" sample cut -o x.csv
[ ! -e x.csv ] && [ ! -e x.txt ] || fail "a refused sample wrote something"

# A plugin that crashes takes its job down and nothing else.
if [ -e "$fixtures/crash.so" ]; then
    run 1 "$weir" fit crash trace.csv -o no --plugins "$fixtures"
    grep -q "crashed (SIG\|ended without a word" err || fail "the crash is not reported"
    [ ! -e no ] || fail "a crashed fit left a model"
fi

# A fit that is told to end does, even one that does not listen, and leaves nothing behind.
if [ -e "$fixtures/hang.so" ]; then
    "$weir" fit hang trace.csv -o no --plugins "$fixtures" >out 2>err &
    fit=$!
    sleep 1
    kill -TERM "$fit"
    status=0
    wait "$fit" || status=$?
    [ "$status" -eq 130 ] || fail "an interrupted fit left with $status"
    has err "weir fit: interrupted"
    ls -A >names
    lacks names "no.tmp-"
fi

# Specs.
refused "nowhere.json: No such file or directory" "$weir" job nowhere.json
echo '{ "job": ' >spec.json
refused "spec.json:2:" "$weir" job spec.json
echo '{ "job": "dance", "out": "x", "inputs": {} }' >spec.json
refused 'spec: job must be "fit", "sample", "score" or "select"' "$weir" job spec.json
echo '{ "job": "fit", "inputs": {} }' >spec.json
refused 'spec: out must be the path of a folder' "$weir" job spec.json
echo '{ "job": "fit", "out": "x", "inputs": {}, "device": "gpu" }' >spec.json
refused 'spec: device must be' "$weir" job spec.json
printf '{"job":"score","plugin":{"kind":"metric","name":"emd"},"inputs":{"real":{"files":["%s/trace.csv"]},
    "synthetic":{"files":["%s/a.csv"]}},"out":"%s/scored"}' "$tmp" "$tmp" "$tmp" >spec.json
run 0 "$weir" job spec.json
has scored/scores.json '"feature": "IT"'
has scored/scores.json '"status": "ok"'
has scored/status.json '"phase": "done"'
printf '{"job":"score","plugin":{"kind":"metric","name":"emd"},"options":{"features":["IT","XX"]},"inputs":{"real":{"files":
    ["%s/trace.csv"]},"synthetic":{"files":["%s/a.csv"]}},"out":"%s/scored2"}' "$tmp" "$tmp" "$tmp" >spec.json
run 1 "$weir" job spec.json
has err "metric emd: score: option 'features': feature 'XX' is not declared"
has scored2/status.json '"ok": false'
[ ! -e scored2/scores.json ] || fail "a failed score wrote scores"

# Options that name files: opened by the core, n/a by the plugin where they are unset.
head -n 11 trace.csv >ten.csv
printf 'seven b' >note.txt
reference() { # OPTIONS
    printf '{"job":"score","plugin":{"kind":"metric","name":"reference","path":"%s/reference.so"},"options":{%s},"inputs":{
        "real":{"files":["%s/trace.csv"]},"synthetic":{"files":["%s/a.csv"]}},"out":"%s/referred"}' \
        "$fixtures" "$1" "$tmp" "$tmp" "$tmp" >spec.json
}
reference '"other":"ten.csv","note":"note.txt"'
run 0 "$weir" job spec.json
has referred/scores.json '"value": 10.0'
has referred/scores.json '"value": 7.0'
reference ''
run 0 "$weir" job spec.json
has referred/scores.json "option 'other' names no trace"
reference '"other":"eleven.csv"'
run 1 "$weir" job spec.json
has err "option 'other' of metric reference is 'eleven.csv', must be a file that exists and can be read"
reference '"other":"note.txt"'
run 1 "$weir" job spec.json
has err "note.txt"
run 0 "$weir" check "$fixtures/reference.so"
