# An iteration of DoppelGANger's training at NetShare's sizes, through the code that generators call, with the preparation
# of its data, against PyTorch: `sh tests/bench/run.sh netshare`. WEIR_PYTORCH names the interpreter that has PyTorch, THREADS
# the number of threads (2), LAUNCHES how often each side is started (3): the launches alternate, the median of their medians
# counts. CLOCK=cpu compares processor time instead of what passed, for one thread on a busy machine. Ours is the default
# (the penalty between real and made sequences), which the peer's modes, taking it at made ones, need not compute.
threads=${THREADS:-2}
launches=${LAUNCHES:-3}
clock=${CLOCK:-median}
step=$(bench_program dgan_step)
peers=$here/peers/torch.sh

# The number behind "KEY": in the JSON line of a file.
number() {
    sed -n "s/.*\"$1\": *\([0-9.eE+-]*\).*/\1/p" "$2"
}

ours() {
    OMP_NUM_THREADS=$threads OMP_PROC_BIND=true "$step" --threads "$threads" --steps 20 >"$tmp/line" && number "$clock" "$tmp/line"
}

# peer MODE
peer() {
    sh "$peers" torch_netshare.py --mode "$1" --threads "$threads" >"$tmp/line" && number "$clock" "$tmp/line"
}

median() {
    sort -g "$1" | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}

i=0
while [ $i -lt "$launches" ]; do
    i=$((i + 1))
    ours >>"$tmp/times.ours"
    for mode in reference detach best; do
        peer "$mode" >>"$tmp/times.$mode"
    done
done
for mode in reference detach best; do
    awk -v ours="$(median "$tmp/times.ours")" -v peer="$(median "$tmp/times.$mode")" -v mode="$mode" -v threads="$threads" \
        -v clock="$clock" 'BEGIN {
        printf "{\"name\": \"netshare\", \"ours\": %g, \"peer\": %g, \"peer_name\": \"PyTorch, %s\", \"unit\": \"ms\", \"clock\": \"%s\", \"threads\": %d, \"ratio\": %.3f, \"times_faster\": %.2f}\n",
            ours, peer, mode, clock, threads, ours / peer, peer / ours }'
done
