#!/bin/sh
# A plugin built outside the tree against an installed Weir: the metric and the commands of docs/plugins.md, by
# pkg-config and by the CMake package; and the installed program finds its own plugins.
. "$(dirname -- "$0")/lib.sh"
command -v cmake >/dev/null || skip "cmake is not there"
command -v pkg-config >/dev/null || skip "pkg-config is not there"

cmake --install "$build" --prefix "$tmp/weir root" >install.log 2>&1 || {
    cat install.log >&2
    fail "the installation failed"
}
prefix="$tmp/weir root"
installed="$prefix/bin/weir"
library=$(dirname "$(find "$prefix" -name 'libweir.so' | head -n 1)")
run 0 "$installed" --version
run 0 "$installed" plugins
has out "  bootstrap "
has out "  emd "
run 0 "$installed" describe bootstrap
has out "file       $library/weir/plugins/generators/bootstrap.so"

# The example of the guide, as it stands there.
page=$source/docs/plugins.md
awk '/^```c$/ { on = 1; next } /^```/ { on = 0 } on' "$page" >row_ratio.c
awk '/^```cmake$/ { on = 1; next } /^```/ { on = 0 } on' "$page" >CMakeLists.txt
[ "$(wc -l <row_ratio.c)" -gt 15 ] && [ "$(wc -l <CMakeLists.txt)" -eq 4 ] || fail "docs/plugins.md lost its example"
awk 'BEGIN {
    print "time,srcip,dstip,srcport,dstport,proto,pkt_len"
    for (i = 0; i < 40; i++)
        printf "%d,10.0.0.%d,10.1.0.%d,%d,443,6,%d\n", 1000000 * i, i % 9, i % 4, 1024 + i % 20, 40 + i
}' >real.csv
head -n 31 real.csv >synthetic.csv

sanitize=$(sed -n 's/^WEIR_SANITIZE:STRING=\(.*\)/\1/p' "$build/CMakeCache.txt")
[ -z "$sanitize" ] || skip "the installed library is built with sanitizers, which a plain compiler line lacks"

# pkg-config, with the flags a careful author uses. The prefix has a space: the file must quote it.
export PKG_CONFIG_PATH="$library/pkgconfig"
mkdir by_hand
eval "${CC:-cc} -std=c11 -Wall -Wextra -Werror -pedantic -shared -fPIC -fvisibility=hidden -o by_hand/row_ratio.so \
    row_ratio.c $(pkg-config --cflags --libs weir)"

# The table of options that the guide shows.
awk '/^```C$/ { on = 1; next } /^```/ { on = 0 } on' "$page" >options.c
[ "$(wc -l <options.c)" -gt 8 ] || fail "docs/plugins.md lost its table of options"
eval "${CC:-cc} -std=c11 -pedantic -Werror -fsyntax-only options.c $(pkg-config --cflags weir)"

# The CMake package.
cmake -G Ninja -S . -B by_cmake -DCMAKE_PREFIX_PATH="$prefix" >cmake.log 2>&1 && cmake --build by_cmake >>cmake.log 2>&1 || {
    cat cmake.log >&2
    fail "the CMake package does not build a plugin"
}
for plugin in by_hand/row_ratio.so by_cmake/row_ratio.so; do
    [ "$(nm -D --defined-only "$plugin" | grep -c ' [A-Z] ')" -eq 1 ] || fail "$plugin exports more than its descriptor"
    run 0 "$installed" check "$plugin"
    has out "metric row_ratio: all checks passed"
    run 0 "$installed" describe "$plugin"
    has out "ROWS: synthetic rows for each real one"
    run 0 "$installed" compare --plugins "$(dirname "$plugin")" --metrics row_ratio --json real.csv synthetic.csv
    has out '0.75'
done

# A plugin that the installed program begins is built by the installed package.
run 0 "$installed" new metric begun
has out "-Dweir_DIR='$library/cmake/weir'"
(cd begun && cmake -G Ninja -B build -Dweir_DIR="$library/cmake/weir" && cmake --build build && ctest --test-dir build) >cmake.log 2>&1 || {
    cat cmake.log >&2
    fail "the CMake package does not build what weir new began"
}

# A function that is not there is a load error that names it.
sed 's/weir_score_na(job, "ROWS", "the real trace has no rows")/weir_not_there()/; 2a int weir_not_there(void);' \
    row_ratio.c >lost.c
sed -i 's/row_ratio,/lost,/' lost.c
eval "${CC:-cc} -std=c11 -shared -fPIC -fvisibility=hidden -o lost.so lost.c $(pkg-config --cflags --libs weir)"
refused "lost.so: cannot be loaded: undefined symbol: weir_not_there" "$installed" check lost.so
