#!/bin/sh
# Series made by hand, as people get them wrong: too few for a split or a take, without labels, of different lengths,
# values that are no numbers. Each is one line, or is counted. Covers: core/run/inputs.c
. "$(dirname -- "$0")/lib.sh"

# series TABLE LABEL COUNT STEPS: adds so many series, of 1 to STEPS steps, to the table.
series() {
    awk -v label="$2" -v count="$3" -v steps="$4" 'BEGIN {
        for (i = 0; i < count; i++)
            for (k = 0; k <= i % steps; k++)
                printf "%s%d,%s,%d,%d,%g\n", label, i, label, k, 100 + 7 * k + i, k / 10
    }' >>"$1"
}
header=series,label,step,size,gap
tiny="-O preset=tiny -O steps=2 --threads 1"

# A label with fewer series than a split needs: said for the part that gets none of it.
echo $header >few.csv
series few.csv web 8 6
series few.csv ssh 1 1
cat >few.lua <<E
local weir = require "weir"
local train, test = weir.trace "few.csv":split { test = 0.25, by = "label" }
local exp = weir.experiment "few"
exp:score("jsd", { train = train, test = test }, exp:generate("bootstrap", train))
exp:run()
assert(test:info().absent.ssh == 1 and train:info().absent == nil)
E
run 0 "$weir" run few.lua --out few
has err "note: few:test: 1 label has no row in this part of the split, as 'ssh' (it has 1)"
[ "$(grep -c 'in this part of the split' err)" -eq 1 ] || fail "the note stands more than once"
sed -i 's/"few.csv":split/"few.csv":take { per_label = 4 }:split/' few.lua
run 0 "$weir" run few.lua --out taken
has err "1 label has fewer rows than the take asks for, as 'ssh' (it has 1)"

# Two series a label are too few for a fifth of them.
echo $header >two.csv
series two.csv web 2 6
series two.csv ssh 2 6
cat >two.lua <<E
local weir = require "weir"
local exp = weir.experiment "two"
exp:compare { traces = { weir.trace "two.csv" }, generators = { "bootstrap" }, metrics = { "jsd" },
    split = { test = 0.2, by = "label" }, seeds = 1 }
exp:run()
E
refused "two.lua:3: two: the split by label leaves no rows for test (of 4): too little data" "$weir" run two.lua --out two

# Series of different lengths, and without a label: each counted, and a model all the same.
echo $header >odd.csv
series odd.csv web 9 9
series odd.csv "" 2 6
run 0 "$weir" fit gasf_diffusion odd.csv -o odd $tiny -O length=6
has err "3 of 11 series are longer and were cut"
has err "7 of 11 series are shorter and end in zeros"
has err "2 of 11 series have no label and are a class of their own"
run 0 "$weir" sample odd -o made.csv
[ "$(cut -d, -f1 made.csv | sort -u | wc -l)" -eq 12 ] || fail "not as many series as in training"

# Values that are no numbers, or no sizes: one line with the place, and no model.
for value in nan inf -inf 1e99 ""; do
    sed "5s/^\([^,]*,[^,]*,[^,]*\),[^,]*/\1,$value/" odd.csv >bad.csv
    refused "bad.csv:5: column 'size': '$value' is not a number" "$weir" fit gasf_diffusion bad.csv -o bad $tiny
    refused "bad.csv:5: column 'size': '$value' is not a number" "$weir" compare odd.csv bad.csv
done
sed "5s/^\([^,]*,[^,]*,[^,]*\),[^,]*/\1,-40/" odd.csv >bad.csv
run 1 "$weir" fit gasf_diffusion bad.csv -o bad $tiny
has err "series 3, step 1: size is -40; only a direction"
[ ! -e bad ] || fail "a refused fit left a model"

# Without the columns that every table of series has.
sed 's/,label,/,/' odd.csv >bad.csv
refused "bad.csv:1: a series table begins with series,label,step and at least one channel" "$weir" fit gasf_diffusion bad.csv -o bad $tiny
