# The plugin gasf_diffusion with its default network at 32x32: a training step of batch 32 on one thread against PyTorch,
# and sampling 1000 series in 50 strides of DDIM on one and two threads. `sh tests/bench/run.sh gasf [TRACE]` (else the
# sample's series, 20 labels: the peer's number); WEIR_PYTORCH as for nn, LAUNCHES how often each side of the step is
# started (3), in turn, SERIES how many are drawn (1000). A step's time is processor time, so that other programs matter
# less: what more steps add to a fit, so that reading, images and checkpoints, of which a fit has ten, stay out of it.
launches=${LAUNCHES:-3}
series=${SERIES:-1000}
trace=${1:-$source/experiments/data/sample-series.csv}
usage=$(bench_program usage)
peers=$here/peers/torch.sh
few=10
more=40

# fit STEPS: processor seconds of a fit.
fit() {
    OMP_PROC_BIND=true "$usage" "$tmp/used" "$build/weir" fit gasf_diffusion "$trace" -o "$tmp/model" -O batch=32 -O steps="$1" \
        -O sampler=ddim -O sampling_steps=50 --threads 1 >"$tmp/out" 2>&1 || {
        cat "$tmp/out" >&2
        exit 1
    }
    awk '{ print $2 }' "$tmp/used"
}

ours() (
    a=$(fit $few)
    b=$(fit $more)
    awk -v a="$a" -v b="$b" -v n=$((more - few)) 'BEGIN { print (b - a) / n * 1e3 }'
)

peer() {
    sh "$peers" torch_gasf.py --mode "$1" --threads 1 >"$tmp/line" && sed -n 's/.*"cpu": *\([0-9.]*\).*/\1/p' "$tmp/line"
}

median() {
    sort -g "$1" | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}

i=0
while [ $i -lt "$launches" ]; do
    i=$((i + 1))
    ours >>"$tmp/times.ours"
    peer channels_last >>"$tmp/times.peer"
done
awk -v ours="$(median "$tmp/times.ours")" -v peer="$(median "$tmp/times.peer")" \
    -v network="$(sed -n 's/^weir fit: \(.*weights\)$/\1/p' "$tmp/out")" \
    -v weights="$(sed -n 's/.*"weights": *\([0-9]*\).*/\1/p' "$tmp/line")" 'BEGIN {
    printf "{\"name\": \"gasf_step\", \"ours\": %g, \"peer\": %g, \"peer_name\": \"PyTorch, channels last, %d weights\", \"network\": \"%s\", \"unit\": \"processor ms\", \"threads\": 1, \"ratio\": %.3f, \"times_faster\": %.2f}\n",
        ours, peer, weights, network, ours / peer, peer / ours }'

for threads in 1 2; do
    "$usage" "$tmp/used" "$build/weir" sample "$tmp/model" -o "$tmp/sample.csv" --series "$series" --threads $threads >&2
    read -r wall cpu memory <"$tmp/used"
    printf '{"name": "gasf_sample", "series": %s, "wall": %s, "cpu": %s, "unit": "s", "threads": %s, "megabytes": %s}\n' \
        "$series" "$wall" "$cpu" $threads "$memory"
done
