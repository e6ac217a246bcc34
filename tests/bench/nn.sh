# The engine's fit steps against PyTorch on the same CPUs: CascadeGAN's stages (flow, rate, field), a DoppelGANger
# iteration (netshare), a U-Net's training and sampling step. `sh tests/bench/run.sh nn [MODEL…]`; WEIR_PYTORCH names
# the interpreter that has PyTorch, THREADS the number of threads (2), LAUNCHES how often each side is started (3): the
# launches alternate, and the median of their medians counts. Peers: `reference`, as the published code does
# it; `detach` and `best`, what a careful PyTorch user would write.
threads=${THREADS:-2}
launches=${LAUNCHES:-3}
[ $# -gt 0 ] || set -- flow field rate netshare unet unet_sample
step=$(bench_program nn_step)
peers=$here/peers/torch.sh

# The number behind "KEY": in the JSON line of a file.
number() {
    sed -n "s/.*\"$1\": *\([0-9.eE+-]*\).*/\1/p" "$2"
}

ours() {
    OMP_NUM_THREADS=$threads OMP_PROC_BIND=true "$step" "$model" --threads "$threads" >"$tmp/line" && number median "$tmp/line"
}

# peer MODE
peer() {
    case $model in
    flow | rate | field) set -- torch_cascade.py "$model" --mode "$1" ;;
    netshare) set -- torch_netshare.py --mode "$1" ;;
    unet) set -- torch_unet.py train --mode "$1" ;;
    unet_sample) set -- torch_unet.py sample --mode "$1" ;;
    esac
    sh "$peers" "$@" --threads "$threads" >"$tmp/line" && number median "$tmp/line"
}

median() {
    sort -g "$1" | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}

for model in "$@"; do
    case $model in
    flow | rate | field) modes="reference detach best" ;;
    netshare) modes="reference detach best" ;;
    *) modes=channels_last ;; # as fast as plain in training, 8 % faster in sampling
    esac
    rm -f "$tmp"/times.*
    i=0
    while [ $i -lt "$launches" ]; do
        i=$((i + 1))
        ours >>"$tmp/times.ours"
        for mode in $modes; do
            peer "$mode" >>"$tmp/times.$mode"
        done
    done
    for mode in $modes; do
        awk -v name="nn_$model" -v ours="$(median "$tmp/times.ours")" -v peer="$(median "$tmp/times.$mode")" \
            -v peer_name="PyTorch, $mode" -v threads="$threads" 'BEGIN {
            printf "{\"name\": \"%s\", \"ours\": %g, \"peer\": %g, \"peer_name\": \"%s\", \"unit\": \"ms\", \"threads\": %d, \"ratio\": %.3f, \"times_faster\": %.2f}\n",
                name, ours, peer, peer_name, threads, ours / peer, peer / ours }'
    done
done
