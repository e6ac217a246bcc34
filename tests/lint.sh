#!/bin/sh
# What the compiler cannot see: layout, files without tests, exported symbols no header declares, plugins
# without a page. Prints every finding; exits 1 if there is one. Needs the release build.
set -eu
root=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd)
cd "$root"
export LC_ALL=C
findings=$(mktemp)
trap 'rm -f "$findings"' EXIT
find_bad() { echo "lint: $*" >>"$findings"; }

sources=$(find core plugins tests -name '*.[ch]' | sort)

# The layout that clang-format decides.
if command -v clang-format >/dev/null 2>&1; then
    for file in $(clang-format --dry-run $sources 2>&1 | sed -n 's/^\([^:]*\):.*-Wclang-format-violations.*/\1/p' | sort -u); do
        find_bad "$file: layout; mend with: clang-format -i $file"
    done
else
    find_bad "clang-format is missing, so the layout was not checked"
fi

# A file that outgrew one purpose.
for file in $sources $(find core experiments tests -name '*.lua' -o -name '*.sh'); do
    lines=$(wc -l <"$file")
    [ "$lines" -le 600 ] || find_bad "$file: $lines lines; 600 at most, so that a file has one purpose"
done

# Every core file is tested: tests/unit/test_STEM.c, or a test that says "Covers: core/…/STEM.c".
for file in $(find core -name '*.c' | sort); do
    stem=$(basename "$file" .c)
    [ -e "tests/unit/test_$stem.c" ] || grep -rqs "Covers:.*$file" tests/unit tests/script ||
        find_bad "$file: no tests/unit/test_$stem.c, and no test says 'Covers: $file'"
done

# Exported symbols are declared in a public header, and the other way round.
nm -D --defined-only build/release/libweir.so | awk '{ print $3 }' | sort -u | while read -r symbol; do
    grep -qrw "$symbol" core/include/weir || echo "lint: libweir.so exports '$symbol', which no header in core/include/weir declares"
done >>"$findings"
for symbol in $(grep -hoE '^WEIR_API [^;{]*\(' core/include/weir/*.h | grep -oE '[a-z_0-9]+\($' | tr -d '(' | sort -u); do
    nm -D --defined-only build/release/libweir.so | grep -qw "$symbol" ||
        find_bad "core/include/weir declares $symbol, which libweir.so does not export"
done

# Every plugin has its page and a test.
for folder in plugins/*/*/; do
    name=$(basename "$folder")
    [ -s "${folder}README.md" ] || find_bad "$folder: no README.md that defines what the plugin does"
    grep -rqsw "$name" tests/unit tests/script || find_bad "$folder: no test names it"
done

# Every command is in the help and in the README or the docs.
for command in $(build/release/weir --help | sed -n 's/^  \([a-z]*\) .*/\1/p'); do
    grep -rqs "weir $command" README.md docs || find_bad "weir $command: neither README.md nor docs/ shows it"
done

if [ -s "$findings" ]; then
    cat "$findings" >&2
    echo "lint: $(wc -l <"$findings") findings" >&2
    exit 1
fi
echo "lint: nothing found"
