#!/bin/sh
# Every plugin that was built, and the fixtures that behave, goes through the conformance checks; fixtures that
# misbehave fail the check that is for them. Covers: core/plugin/conform.c core/plugin/conform_trace.c
# Covers: core/plugin/conform_generator.c core/plugin/conform_encoder.c core/plugin/conform_score.c core/cli/check.c
. "$(dirname -- "$0")/lib.sh"

n=0
for plugin in "$build"/plugins/*/*.so "$build/tests/fixtures/encoded.so" "$build/tests/fixtures/in_parts.so"; do
    run 0 "$weir" check "$plugin"
    lacks out FAILED
    has out "all checks passed"
    [ "$(grep -c '^ok' out)" -ge 8 ] || fail "$plugin: fewer than 8 checks"
    n=$((n + 1))
done
[ "$n" -ge 3 ] || fail "no plugin was found in $build/plugins"
run 0 "$weir" check generator/bootstrap
has out "generator bootstrap: all checks passed"

# What misbehaves is caught by the check that is for it, and by nothing that takes the program down.
run 1 "$weir" check "$build/tests/fixtures/careless.so"
has out "FAILED every feature is scored or n/a, real against itself too: score of netflow"
has out "FAILED same seed, same scores: packets: it says deterministic, but the seed changes its scores"
has out "FAILED a failed weir_alloc is reported: "
has out "ok     the descriptor is complete"
has out "metric careless: "
run 1 "$weir" check "$build/tests/fixtures/heedless.so"
has out "FAILED fits and samples every schema it accepts: sample of packets: 7 rows instead of the 50 that were asked for"
has out "FAILED a cancelled call ends within a second: fit returned WEIR_OK, although call 1 of its 3 of weir_progress gave"
has out "FAILED a failed weir_alloc is reported: "
if [ -e "$build/tests/fixtures/crash.so" ]; then
    run 1 "$weir" check "$build/tests/fixtures/crash.so"
    grep -q "^FAILED fits and samples every schema it accepts: it crashed\|^FAILED fits and samples.*status" out ||
        fail "a crash is not reported"
fi
if [ -e "$build/tests/fixtures/hang.so" ]; then
    run 1 "$weir" check "$build/tests/fixtures/hang.so" --time 1
    has out "FAILED a cancelled call ends within a second: it did not end within 1 s"
fi
if [ -e "$build/tests/fixtures/chatter.so" ]; then
    run 1 "$weir" check "$build/tests/fixtures/chatter.so"
    has out "FAILED nothing is printed: it printed: chatter"
fi
if [ -e "$build/tests/fixtures/nan.so" ]; then
    run 1 "$weir" check "$build/tests/fixtures/nan.so"
    has out "the score of feature 'N' is not a number"
fi

refused "no such plugin" "$weir" check nowhere.so
refused "--time must be more than 0 s" "$weir" check x.so --time 0
refused "unknown plugin 'bootstrp'; did you mean 'bootstrap'?" "$weir" check bootstrp
