#!/bin/sh
# weir report: prints the paths it wrote, refuses a folder that is no store. Covers: core/cli/report.c
. "$(dirname -- "$0")/lib.sh"

# The example store is one text file: "=== PATH", then the file.
mkdir "a store"
(cd "a store" && awk '/^=== /{ close(f); f = substr($0, 5); d = f; if (sub("/[^/]*$", "", d)) system("mkdir -p " d); next }
    { print > f }' "$source/tests/golden/store/store.txt")

run 0 "$weir" report "a store/"
printf 'a store/report.html\na store/report.md\n' >expected
equal out expected
[ ! -s err ] || fail "weir report printed on stderr"
has "a store/report.html" "<h1>example</h1>"
has "a store/report.md" "# example"
cp "a store/report.html" first.html
run 0 "$weir" report "a store"
equal "a store/report.html" first.html
[ "$(ls -A "a store" | wc -l)" -eq 5 ] || fail "weir report left files behind: $(ls -A "a store")"

PATH=/nonexistent
export PATH
status=0
"$weir" report "a store" >/dev/null || status=$?
PATH=/usr/bin:/bin:/usr/local/bin
[ "$status" -eq 0 ] || fail "weir report needs gnuplot"
has "a store/report.html" "gnuplot was not found, so the plots are missing"

refused "nowhere: No such file or directory" "$weir" report nowhere
refused "is no folder; the store of an experiment is meant" "$weir" report first.html
mkdir empty
refused "empty/scores.csv: No such file or directory" "$weir" report empty
sed '3s/,ok,/,fine,/' "a store/scores.csv" >empty/scores.csv
refused "empty/scores.csv:3: column 'status': 'fine' is none of ok, n/a, failed" "$weir" report empty
[ "$(ls -A empty)" = scores.csv ] || fail "a refused report wrote something"
run 2 "$weir" report
