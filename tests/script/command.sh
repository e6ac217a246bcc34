#!/bin/sh
# The command line itself: help, version, unknown commands.
# Covers: core/cli/main.c core/cli/command.c core/nn/engine.c
. "$(dirname -- "$0")/lib.sh"

run 0 "$weir" --version
has out "weir 0.1.0"
has out "engine: cpu "
has out "CUDA back end: "
for isa in baseline avx2 avx512; do
    if WEIR_CPU=$isa "$weir" --version | grep -q "cpu $isa, oneDNN"; then known=$isa; fi
done
[ "${known:-}" ] || fail "no instruction set that WEIR_CPU names is said to be used"
[ -e "$build/libweir_cuda.so" ] || has out "CUDA back end: not built"
run 0 "$weir" --help
for command in run plugins describe trace fit sample compare report check new job; do
    has out "  $command "
    run 0 "$weir" $command --help
    has out "weir $command"
    run 0 "$weir" --help
done
run 2 "$weir"
refused "unknown command 'tarce'; did you mean 'trace'?" "$weir" tarce
refused "unknown command 'xyzzyxyzzy' (weir --help lists them)" "$weir" xyzzyxyzzy

# What could not be printed is an error, and what is printed to a closed descriptor goes into no file.
if [ -w /dev/full ]; then
    refused_with() { "$@" >/dev/full 2>err && fail "$* did not notice a full device" || [ $? -eq 1 ]; }
    refused_with "$weir" plugins
    has err "weir: what was to be printed could not be written: No space left on device"
fi
cat >closed.lua <<'END'
local file <close> = io.open("file", "w")
print "not for the file"
io.stderr:write "nor this"
file:write "for the file"
END
"$weir" run closed.lua <&- >&- 2>&- || fail "closed descriptors end a run"
[ "$(cat file)" = "for the file" ] || fail "a file took what was printed: $(cat file)"
