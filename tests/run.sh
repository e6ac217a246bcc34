#!/bin/sh
# Every test: sh tests/run.sh [--all]. Installs what is missing, builds, runs; works from any directory.
#   default  lint, the release suite, the unit tests under AddressSanitizer and UndefinedBehaviorSanitizer
#   --all    everything under both sanitizers, everything built by clang, each fuzz target for a while
set -eu
root=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd)
extent=test
if [ "${1:-}" = --all ] && [ $# -eq 1 ]; then
    extent=all
elif [ "${1:-}" = --help ]; then
    sed -n '2,4s/^# //p' "$0"
    exit 0
elif [ $# -gt 0 ]; then
    echo "run.sh: unknown arguments '$*'; only --all is known" >&2
    exit 2
fi
sh "$root/experiments/setup.sh" "$extent"
cd "$root"
cores=$(nproc)

# build PRESET: quiet unless it fails.
build() {
    log=build/$1.log
    if ! { cmake --preset "$1" && cmake --build --preset "$1"; } >"$log" 2>&1; then
        tail -n 40 "$log" >&2
        echo "run.sh: the build of preset $1 failed" >&2
        exit 1
    fi
}

failed=
# suite NAME COMMAND…: runs it, remembers a failure, goes on.
suite() {
    name=$1
    shift
    echo "== $name"
    "$@" || failed="$failed, $name"
}

sh tests/lint.sh
suite "release" ctest --preset release -j "$cores"
build asan
if [ "$extent" = test ]; then
    suite "unit tests under sanitizers" ctest --preset asan -j "$cores" -L unit
else
    suite "everything under sanitizers" ctest --preset asan -j "$cores"
    build clang
    suite "everything built by clang" ctest --preset clang -j "$cores"
    build fuzz
    for target in build/fuzz/fuzz/fuzz_*; do
        name=${target##*/fuzz_}
        corpus=$(mktemp -d)
        suite "fuzz $name" "$target" -max_total_time=20 -timeout=10 -rss_limit_mb=2048 -verbosity=0 \
            -print_final_stats=1 -artifact_prefix=build/fuzz/ "$corpus" "tests/fuzz/corpus/$name"
        rm -rf "$corpus"
    done
fi
if [ -n "$failed" ]; then
    echo "run.sh: failed: ${failed#, }" >&2
    exit 1
fi
echo "run.sh: all passed"
