#!/bin/sh
# fingerprint through an experiment on the sample's series: a row a classifier, labels cut to a level, uncertainty,
# wrong options, and the same scores for the same seed.
. "$(dirname -- "$0")/lib.sh"

[ -e "$source/experiments/data/sample-series.csv" ] || skip "experiments/data/sample-series.csv is not there"
cat >series.lua <<E
local weir = require "weir"
local trace = weir.trace "$source/experiments/data/sample-series.csv"
local train, test = trace:split { test = 0.2, by = "label", seed = 1 }
local exp = weir.experiment "series"
local synthetic = exp:generate("bootstrap", train)
local real = { train = train, test = test }
exp:score("fingerprint", real, synthetic, { preset = "tiny" })
exp:score("fingerprint", real, synthetic, { label = "sites", preset = "tiny", level = 2, classifiers = "bayes",
    legitimate = { "web/h2", "web/http1", "session/ssh" } })
exp:run()
E
run 0 "$weir" run series.lua --out store
run 0 "$weir" run series.lua --out again
cut -d, -f1-15 store/scores.csv >one
cut -d, -f1-15 again/scores.csv >two
equal one two

# at_least LABEL VARIANT FEATURE LEAST: that score is no less, and is of 240 test series.
at_least() {
    awk -F, -v label="$1" -v variant="$2" -v feature="$3" -v least="$4" '
        $3 == label && $7 == variant && $8 == feature { found = $9 >= least && $12 == 240 }
        END { exit !found }' store/scores.csv || {
        cat store/scores.csv >&2
        fail "$1, $2: $3 is not $4 or more of 240 series"
    }
}
at_least bootstrap cnn ORI 0.2
at_least bootstrap mlp SYN 0.2
at_least bootstrap bayes ORI 0.7
at_least bootstrap bayes SYN_F1 0.65
at_least sites bayes ORI 0.85
at_least sites syn ENT_AUC 0
if ! grep -q 'forest,ORI.*without XGBoost' store/scores.csv; then
    at_least bootstrap forest ORI 0.8
    at_least bootstrap xgboost BOTH 0.8
fi
grep -q '^[^,]*,bootstrap,bootstrap,.*,AGREE,[-0-9.]*,' store/scores.csv || fail "no AGREE"
grep -q '^[^,]*,bootstrap,sites,.*,AGREE,,.*both scores of 1 of the classifiers; 3 are needed' store/scores.csv ||
    fail "one classifier agrees with itself"

# A held-out part is needed, and options are checked.
cat >without.lua <<E
local weir = require "weir"
local trace = weir.trace "$source/experiments/data/sample-series.csv"
local exp = weir.experiment "without"
exp:score("fingerprint", trace, exp:generate("bootstrap", trace))
E
run 2 "$weir" run without.lua --out without
has err "test"
sed 's/classifiers = "bayes"/classifiers = "bayes,svm"/; s/{ preset = "tiny" }/{ preset = "tiny", rare = "web\/h3" }/' series.lua >wrong.lua
run 1 "$weir" run wrong.lua --out wrong
has wrong/scores.csv "option classifiers: 'svm' is none of"
has wrong/scores.csv "option rare: no series of the real test data has the class 'web/h3'"
