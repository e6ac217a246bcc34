#!/bin/sh
# The commands of the README run as they stand, from the root of a source tree; its two set-up commands exist.
. "$(dirname -- "$0")/lib.sh"

[ -e "$source/experiments/data/sample.pcap" ] || skip "experiments/data/sample.pcap is not there"
mkdir experiments bin
ln -s "$source/experiments/data" experiments/data
ln -s "$weir" bin/weir
export PATH="$tmp/bin:$PATH"

awk '/^```sh$/ { n++; next } /^```/ { on = n; next } n > on { print > ("block_" n ".sh") }' "$source/README.md"
while read -r _ script _; do
    [ -e "$source/$script" ] || fail "README.md names $script, which does not exist"
done <block_1.sh
commands=0
while read -r command; do
    run 0 sh -c "$command"
    commands=$((commands + 1))
done <block_2.sh
[ "$commands" -ge 7 ] || fail "only $commands commands were found"
has out "interarrival time"

# The files that README.md and docs/ link to exist.
for page in README.md docs/architecture.md docs/experiments.md docs/formats.md docs/lua.md docs/metrics.md docs/plugins.md; do
    folder=$(dirname "$page")
    grep -oE '\]\([^)#:]+\)' "$source/$page" | tr -d '])(' | while read -r link; do
        [ -e "$source/$folder/$link" ] || fail "$page links to $link, which does not exist"
    done
done
