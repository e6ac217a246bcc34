#!/bin/sh
# Every script in experiments/ says in its first comment what it shows, takes --quick and --help, and runs; those whose
# --quick takes minutes take --most_steps or --budget, and are run by ablations.sh and compare_all.sh.
. "$(dirname -- "$0")/lib.sh"

[ -e "$source/experiments/data/sample.pcap" ] || skip "experiments/data/sample.pcap is not there"
for script in "$source"/experiments/*.lua; do
    name=$(basename "$script" .lua)
    head -n 1 "$script" | grep -q '^-- [A-Z]' || fail "$name.lua does not begin with what it shows"
    run 0 "$weir" run "$script" -- --help
    has out "--quick"
    cp out help
    slow=$(grep -cE -e '^  --(most_steps|budget) ' out || true)
    refused "unknown argument '--quik'; did you mean '--quick'?" "$weir" run "$script" -- --quik
    if grep -q -e '^  --seeds' help; then
        for seeds in 0 1.5 -2; do
            refused "argument '--seeds' is '$seeds', must be a whole number, 1 or more" \
                "$weir" run "$script" --dry-run -- --seeds "$seeds"
        done
    fi
    run 0 "$weir" run "$script" --dry-run -- --quick
    has out " to run"
    [ ! -e "results/$name/scores.csv" ] || fail "a dry run of $name.lua left scores"
    [ "$slow" = 0 ] || continue
    run 0 "$weir" run "$script" -- --quick
    [ -s out ] || fail "$name.lua prints nothing"
    [ -s "results/$name/scores.csv" ] || fail "$name.lua left no scores"
    cp "results/$name/scores.csv" first.csv
    run 0 "$weir" run "$script" -- --quick
    equal first.csv "results/$name/scores.csv"
done

# Arguments that mean something only together, and lists with nothing in them.
refused "--trace is missing" "$weir" run "$source/experiments/privacy_fidelity.lua" --dry-run -- --same same.pcap
refused "--budgets: 'x' is no epsilon" "$weir" run "$source/experiments/privacy_fidelity.lua" --dry-run -- --budgets 2,x
refused "--budgets names no epsilon" "$weir" run "$source/experiments/privacy_fidelity.lua" --dry-run -- --budgets ,
run 2 "$weir" run "$source/experiments/cascadegan.lua" --dry-run -- --trace ,
has err "--trace names no trace"
