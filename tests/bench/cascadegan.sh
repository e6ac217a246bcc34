# The plugin cascadegan at the size published for CAIDA against the reference's way in PyTorch, same threads:
# training by stages, the data's part in it included, and the whole of the published schedule; sampling; the memory
# of both on a million packets. `sh tests/bench/run.sh cascadegan [TRACE PACKETS FLOWS]` (else a synthetic trace of
# a million packets and 50,000 flows); WEIR_PYTORCH, THREADS (1), LAUNCHES (3) as for nn. Both sides take turns. With one
# thread the unit is processor time of the trainer, so that other programs matter less (that of the reference's
# loader, another process, is not counted); with more it is time on the wall.
threads=${THREADS:-1}
launches=${LAUNCHES:-3}
usage=$(bench_program usage)
peers=$here/peers/torch.sh
weir=$build/weir
trace=${1:-}
packets=${2:-1000000}
flows=${3:-50000}
if [ -z "$trace" ]; then
    make_trace=$(bench_program make_trace)
    trace=$tmp/trace.pcap
    "$make_trace" "$packets" "$flows" 1 "$trace" "$tmp/trace.csv"
fi
# Which of usage's numbers, of torch_cascade.py's and of torch_cascade_sample.py's.
if [ "$threads" = 1 ]; then column=2 step_key=cpu key=cpu; else column=1 step_key=median key=wall; fi
export OMP_NUM_THREADS="$threads" OMP_PROC_BIND=true

# train STEPS OPTION…: seconds of a fit of so many steps a stage on a tenth of the trace.
train() {
    steps=$1
    shift
    "$usage" "$tmp/used" "$weir" fit cascadegan "$trace" --packets $((packets / 10)) -o "$tmp/model.part" -O preset=caida \
        -O most_steps="$steps" "$@" --threads "$threads" >"$tmp/out" 2>&1 || {
        cat "$tmp/out" >&2
        exit 1
    }
    rm -rf "$tmp/model.part"
    awk -v c="$column" '{ print $c }' "$tmp/used"
}

# The number behind "KEY": in a JSON line.
number() {
    sed -n "s/.*\"$1\": *\([0-9.eE+-]*\).*/\1/p"
}

median() {
    sort -g "$1" | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}

# figure NAME OURS PEER PEER_NAME UNIT
figure() {
    awk -v name="$1" -v ours="$2" -v peer="$3" -v peer_name="$4" -v unit="$5" -v threads="$threads" 'BEGIN {
        printf "{\"name\": \"%s\", \"ours\": %g, \"peer\": %g, \"peer_name\": \"%s\", \"unit\": \"%s\", \"threads\": %d, \"ratio\": %.3f, \"times_faster\": %.2f}\n",
            name, ours, peer, peer_name, unit, threads, ours / peer, peer / ours }'
}

# Milliseconds of a step: what more steps add to a fit, so that reading, encoding and checkpoints, of which a fit has
# ten, stay out of it.
ours_step() (
    few=10
    some=$((few + $2))
    others=
    for stage in flow rate field joint; do
        [ $stage = "$1" ] || others="$others -O epochs_$stage=0"
    done
    less=$(train $few $others)
    more=$(train $some $others)
    awk -v a="$less" -v b="$more" -v n="$2" 'BEGIN { print (b - a) / n * 1e3 }'
)

# theirs STAGE MODE STEPS
theirs() {
    sh "$peers" torch_cascade.py "$1" --mode "$2" --steps "$3" --flows "$flows" --packets "$packets" --threads "$threads" |
        number $step_key
}

for stage in flow rate field joint; do
    case $stage in
    flow | field) steps=40 peer_steps=10 ;;
    *) steps=12 peer_steps=5 ;;
    esac
    i=0
    while [ $i -lt "$launches" ]; do
        i=$((i + 1))
        ours_step $stage $steps >>"$tmp/$stage.ours"
        for mode in reference best; do
            theirs $stage $mode $peer_steps >>"$tmp/$stage.$mode"
        done
    done
    for mode in reference best; do
        figure "cascadegan_$stage" "$(median "$tmp/$stage.ours")" "$(median "$tmp/$stage.$mode")" "PyTorch, $mode" "ms a step"
    done
done

# The whole: reading and encoding, and the steps that CAIDA's 95,736 flows and a million packets take.
"$usage" "$tmp/used" "$weir" fit cascadegan "$trace" -o "$tmp/model" -O preset=caida -O most_steps=1 --threads "$threads" >&2
read -r wall cpu memory <"$tmp/used"
awk -v a="$wall" -v b="$cpu" -v m="$memory" -v n="$packets" 'BEGIN {
    printf "{\"name\": \"cascadegan_prepare\", \"wall\": %g, \"cpu\": %g, \"unit\": \"s\", \"megabytes\": %g, \"packets\": %d}\n", a, b, m, n }'
hours() (
    for stage in flow rate field joint; do
        median "$tmp/$stage.$1"
    done | awk -v prepare="${2:-0}" 'BEGIN { split("149400 149400 156240 14940", n) } { all += n[NR] * $1 / 1e3 }
        END { print (all + prepare) / 3600 }'
)
ours=$(hours ours "$(awk -v c="$column" '{ print $c }' "$tmp/used")")
for mode in reference best; do
    figure cascadegan_schedule "$ours" "$(hours $mode)" "PyTorch, $mode, preparation left out" h
done
du -sb "$tmp/model" | awk '{ printf "{\"name\": \"cascadegan_model\", \"bytes\": %d}\n", $1 }'

# Sampling as many flows as there are; then the reference's way with as many flows and packets. Flows of a model that
# was hardly trained end soon, and what is behind a flow's end is not made: CASCADE_MODEL names a trained one.
"$usage" "$tmp/used" "$weir" sample "${CASCADE_MODEL:-$tmp/model}" -o "$tmp/sample.csv" --threads "$threads" >&2
made=$(($(wc -l <"$tmp/sample.csv") - 1))
read -r wall cpu memory <"$tmp/used"
sh "$peers" torch_cascade_sample.py --flows "$flows" --packets "$made" --threads "$threads" >"$tmp/line"
[ $key = wall ] || wall=$cpu
figure cascadegan_sample "$wall" "$(number $key <"$tmp/line")" "PyTorch and numpy, $made packets, nothing written" s
awk -v m="$memory" -v p="$(number megabytes <"$tmp/line")" 'BEGIN {
    printf "{\"name\": \"cascadegan_sample_memory\", \"ours\": %g, \"peer\": %g, \"unit\": \"MB\"}\n", m, p }'
