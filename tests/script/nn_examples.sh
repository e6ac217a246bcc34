#!/bin/sh
# The example programs of docs/nn.md learn what they are to learn, twice to the same numbers, and the page shows them
# as they are.
. "$(dirname -- "$0")/lib.sh"

# learns NAME CONDITION: the condition is on the fields of the line that the program prints.
learns() {
    [ -x "$build/tests/examples/$1" ] || skip "$1 is not built"
    run 0 "$build/tests/examples/$1"
    awk "{ found = 1; if (!($2)) exit 1 } END { exit !found }" out || {
        cat out >&2
        fail "$1 does not learn: $2"
    }
}

learns nn_wgan_gp '$2 > 1.6 && $2 < 2.4 && $4 > 0.04 && $5 > 0.04 && $6 > 0.04 && $7 > 0.04'
learns nn_lstm '$2 > 0.2 && $4 < 0.02 && $6 < 0.2'
mv out once
learns nn_lstm '$2 > 0.2 && $4 < 0.02 && $6 < 0.2'
cmp -s once out || fail "nn_lstm learns something else the second time"
learns nn_diffusion '$2 > 0.85 && $4 > 0.15 && $5 > 0.15 && $6 > 0.15 && $7 > 0.15'

# The page's code, fence by fence, is the files.
awk '/^```c$/ { n++; on = 1; next } /^```/ { on = 0 } on { print > ("fence_" n ".c") }' "$source/docs/nn.md"
for example in "$source"/tests/examples/nn_*.c; do
    shown=no
    for fence in fence_*.c; do
        cmp -s "$fence" "$example" && shown=yes
    done
    [ "$shown" = yes ] || fail "docs/nn.md does not show $(basename "$example") as it is"
done
