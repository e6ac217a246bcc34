#!/bin/sh
# Benchmarks: `sh tests/bench/run.sh NAME` builds what tests/bench/NAME.sh needs and runs it. Each figure is one
# JSON line {"name", "ours", "peer", "peer_name", "unit", "ratio"}; both sides are measured in one run.
# Builds into build/release (or $WEIR_BUILD).
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
source=$(CDPATH= cd -- "$here/../.." && pwd)
build=${WEIR_BUILD:-$source/build/release}
name=${1:-}
if [ -z "$name" ] || [ ! -f "$here/$name.sh" ] || [ "$name" = run ]; then
    echo "usage: sh tests/bench/run.sh NAME, one of:" >&2
    for each in "$here"/*.sh; do
        each=$(basename "$each" .sh)
        [ "$each" = run ] || echo "  $each" >&2
    done
    exit 2
fi
shift
[ -f "$build/CMakeCache.txt" ] || cmake -S "$source" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release >&2
cmake --build "$build" >&2
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
export XDG_CACHE_HOME="$tmp/cache" LC_ALL=C source build tmp
# Builds a program of tests/bench and prints its path.
bench_program() {
    cmake --build "$build" --target "bench_$1" >&2
    echo "$build/bench/$1"
}
. "$here/$name.sh"
