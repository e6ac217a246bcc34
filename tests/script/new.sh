#!/bin/sh
# weir new: the four kinds are made, built out of tree against the build folder, checked and tested; their tests can
# fail; names and folders that are refused. Covers: core/cli/new.c
. "$(dirname -- "$0")/lib.sh"
command -v cmake >/dev/null || skip "cmake is not there"

run 0 "$weir" new metric length_gap
has out "length_gap: a metric that works"
has out "cd 'length_gap'"
has out "-Dweir_DIR='$build'"
run 0 "$weir" new generator redrawn -o "of mine/redrawn"
run 0 "$weir" new encoder squeezed
has out "squeezed: an encoder that works"
run 0 "$weir" new metric other -o "it's mine"
has out "cd 'it'\\''s mine'"
mkdir protocols # empty: taken
run 0 "$weir" new downstream protocols
has out "a downstream task that works"
for file in protocols.c CMakeLists.txt README.md test.lua; do
    [ -s "protocols/$file" ] || fail "no $file"
    ! grep -q '@' "protocols/$file" || fail "a mark is left in $file"
done

# What is there stays.
cp length_gap/length_gap.c before.c
refused "length_gap is there already and holds files" "$weir" new metric length_gap
refused "protocols/README.md: " "$weir" new metric other -o protocols/README.md
equal before.c length_gap/length_gap.c
for name in Rows 1st row-ratio "a b" "" _x; do
    refused "'$name' is no name for a plugin: small letters, digits and _" "$weir" new metric "$name"
done
refused "is no name for a plugin" "$weir" new metric "$(printf '%065d' 0 | tr 0 a)"
refused "there is a plugin called 'emd' already: metric " "$weir" new generator emd
refused "unknown kind 'metrics'; did you mean 'metric'?" "$weir" new metrics mine
run 2 "$weir" new metric
[ ! -e Rows ] && [ ! -e mine ] && [ ! -e emd ] || fail "a refused plugin left a folder"
refused "cannot make the folder /proc/mine" "$weir" new metric mine -o /proc/mine

# As careful authors compile them, and in the tree's layout.
for source_file in length_gap/length_gap.c "of mine/redrawn/redrawn.c" squeezed/squeezed.c protocols/protocols.c; do
    "${CC:-cc}" -std=c11 -fsyntax-only -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes \
        -Wvla -pedantic -Werror -I"$source/core/include" "$source_file" || fail "$source_file is not clean"
done

sanitize=$(sed -n 's/^WEIR_SANITIZE:STRING=\(.*\)/\1/p' "$build/CMakeCache.txt")
[ -z "$sanitize" ] || skip "the library is built with sanitizers, which a plugin's plain build lacks"

# Built and tested as the printed commands say.
build_and_test() {
    (cd "$1" && cmake -G Ninja -B build -Dweir_DIR="$build" && cmake --build build) >log 2>&1 || {
        cat log >&2
        fail "$1 does not build"
    }
    run "$2" ctest --test-dir "$1/build" --output-on-failure
}
for folder in length_gap "of mine/redrawn" squeezed protocols; do
    build_and_test "$folder" 0
    has out "100% tests passed, 0 tests failed out of 2"
    run 0 "$weir" check "$folder/build/$(basename "$folder").so"
    has out "all checks passed"
done

# Each test notices a plugin that is wrong.
sed -i 's/sum += length\[i\]/sum += 1/' length_gap/length_gap.c
sed -i 's/% self->tiling.rows)/% 2)/; s/self->model->move)/0)/' "of mine/redrawn/redrawn.c"
sed -i 's/weir_range_set(range, values, i, .*/memset((char *)values, 0, 1);/; s/<stdio.h>/<stdio.h>\n#include <string.h>/' \
    squeezed/squeezed.c
sed -i 's/right += guess.*/right += guess[0] == proto[i];/' protocols/protocols.c
for folder in length_gap "of mine/redrawn" squeezed protocols; do
    build_and_test "$folder" 8
    has out "2 - test (Failed)"
done
