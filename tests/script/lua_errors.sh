#!/bin/sh
# What scripts are told about their mistakes: every case of lua_errors.txt, word for word. WEIR_SHOW=1 prints
# what differs of all cases and goes on. Covers: core/lua/frames.c core/lua/native.c core/cli/run.c
. "$(dirname -- "$0")/lib.sh"

cat >packets.csv <<'END'
time,srcip,dstip,srcport,dstport,proto,pkt_len
1000000,10.0.0.1,10.0.0.2,1000,80,6,60
1200000,10.0.0.2,10.0.0.1,80,1000,6,1500
1300000,10.0.0.1,10.0.0.2,1000,80,6,52
2000000,10.0.0.3,10.0.0.2,1001,53,17,70
END
cat >helper.lua <<'END'
local weir = require "weir"
local helper = {}
function helper.make()
  local exp = weir.experiment "helped"
  local synth = exp:generate("nosuch", weir.trace "packets.csv")
  return synth
end
return helper
END
awk '/^# / { n++; print substr($0, 3) > (n ".title"); next }
     n && /^> / { print substr($0, 3) > (n ".expected"); next }
     n && !/^$/ { print > (n ".lua") }
     END { print n }' "$source/tests/script/lua_errors.txt" >count
case=0
while [ "$case" -lt "$(cat count)" ]; do
    case=$((case + 1))
    cp $case.lua case.lua
    status=0
    "$weir" run case.lua >out 2>said </dev/null || status=$?
    # Which plugins there are is not this test's business.
    sed "s/\(unknown [a-z ]* '[^']*'[^(]*(known: \)[^)]*, emd,[^)]*)/\1…)/; s/\(unknown generator [^(]*(known: \)[^)]*)/\1…)/" \
        said >err
    if [ "$status" -ne 2 ] || [ -s out ] || ! cmp -s err $case.expected; then
        echo "case '$(cat $case.title)': exit status $status"
        diff $case.expected err || true
        touch differs
        [ "${WEIR_SHOW:-0}" = 1 ] || break
    fi >&2
done
[ ! -e differs ] || fail "scripts are told something else"
[ "$case" -ge 50 ] || fail "only $case cases were found"
[ ! -e results ] || fail "a refused script left results behind"
