#!/bin/sh
# From a fresh clone to a report: installs what is missing, builds, compares the simple generators on the
# sample trace, prints the leaderboard. Works from any directory; arguments go to `weir run`.
set -eu
root=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd)
sh "$root/experiments/setup.sh" build
cd "$root"
exec build/release/weir run experiments/quickstart.lua "$@"
