#!/bin/sh
# The Lua examples of the README and of docs/ run as they stand, from the root of a source tree.
. "$(dirname -- "$0")/lib.sh"

[ -e "$source/experiments/data/sample.pcap" ] || skip "experiments/data/sample.pcap is not there"
mkdir experiments
ln -s "$source/experiments/data" experiments/data
total=0
for page in "$source/README.md" "$source"/docs/*.md; do
    name=$(basename "$page" .md)
    awk -v name="$name" '/^```lua$/ { n++; on = 1; next } /^```/ { on = 0 } on { print > (name "_" n ".lua") }' "$page"
    for example in "$name"_*.lua; do
        [ -e "$example" ] || continue
        run 0 "$weir" run "$example"
        [ -s out ] || fail "$example of $name.md prints nothing"
        lacks err "warning"
        total=$((total + 1))
    done
done
[ "$total" -ge 8 ] || fail "only $total examples were found"
