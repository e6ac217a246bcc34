#!/bin/sh
# Installs what is missing on Debian 12 and builds Weir in Release: sh experiments/setup.sh [build|test|all]
#   build  what the program needs     test  and what its tests need     all  and clang, for tests/run.sh --all
# Quick when nothing is missing. Root or sudo is needed only to install.
set -eu
what=${1:-build}
root=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd)

build_packages="gcc libc6-dev cmake ninja-build pkg-config
    libpcap-dev libjansson-dev liblua5.4-dev libgsl-dev libssl-dev libdnnl-dev gnuplot-nox"
test_packages="libcmocka-dev clang-format tshark binutils procps"
optional_packages="libxgboost-dev" # without it the task fingerprint has no trees
all_packages="clang libclang-rt-dev libomp-dev"

case $what in
build) packages=$build_packages ;;
test) packages="$build_packages $test_packages" ;;
all) packages="$build_packages $test_packages $all_packages" ;;
*)
    echo "setup: unknown argument '$what'; one of: build, test, all" >&2
    exit 2
    ;;
esac

installed() { dpkg-query -W -f '${Status}' "$1" 2>/dev/null | grep -q 'ok installed'; }
missing=
if command -v dpkg-query >/dev/null 2>&1; then
    for package in $packages; do
        installed "$package" || missing="$missing $package"
    done
else
    echo "setup: this is no Debian system, so nothing is installed here; what these packages hold is needed:" \
        $packages >&2
fi

as_root=
[ "$(id -u)" -eq 0 ] || as_root=sudo
if [ -n "$missing" ]; then
    if [ -n "$as_root" ] && ! command -v sudo >/dev/null 2>&1; then
        echo "setup: missing packages:$missing" >&2
        echo "setup: to install them this user needs root or sudo; or ask for: apt-get install$missing" >&2
        exit 2
    fi
    echo "setup: installing$missing"
    log=$(mktemp)
    install="$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing"
    if ! { $install || { $as_root apt-get update && $install; }; } >"$log" 2>&1; then
        tail -n 5 "$log" >&2
        rm -f "$log"
        echo "setup: the packages could not be installed (no network, or no rights?); missing:$missing" >&2
        exit 2
    fi
    rm -f "$log"
fi

# What Weir can do without: asks for no password.
[ -z "$as_root" ] || as_root="sudo -n"
if command -v dpkg-query >/dev/null 2>&1; then
    for package in $optional_packages; do
        installed "$package" ||
            $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$package" \
                >/dev/null 2>&1 ||
            echo "setup: $package could not be installed; Weir is built without it" >&2
    done
fi

cd "$root"
if ! mkdir -p build 2>/dev/null || ! [ -w build ]; then
    echo "setup: cannot write $root/build, where the build goes" >&2
    exit 2
fi
log=build/setup.log
[ -e build/release/weir ] || echo "setup: building, a minute or more; what the compiler says goes to $root/$log"
if ! { cmake --preset release && cmake --build --preset release; } >"$log" 2>&1; then
    grep -E 'error|Error' "$log" | head -n 20 >&2
    echo "setup: the build failed; all of its output is in $root/$log" >&2
    exit 2
fi
if [ -e build/release/libweir_cuda.so ]; then
    gpu="with the CUDA back end; see build/release/weir --version"
elif command -v nvcc >/dev/null 2>&1; then
    gpu="for the CPU: $(sed -n 's/^-- CUDA back end: //p' "$log" | tail -n 1)"
else
    gpu="for the CPU: no CUDA toolkit is here"
fi
echo "setup: $root/build/release/weir is up to date ($gpu)"
