#!/bin/sh
# The command line itself: help, version, unknown commands. Covers: core/cli/main.c core/cli/command.c
. "$(dirname -- "$0")/lib.sh"

run 0 "$weir" --version
has out "weir 0.1.0"
run 0 "$weir" --help
for command in run plugins describe trace fit sample compare report check job; do
    has out "  $command "
    run 0 "$weir" $command --help
    has out "weir $command"
    run 0 "$weir" --help
done
run 2 "$weir"
refused "unknown command 'tarce'; did you mean 'trace'?" "$weir" tarce
refused "unknown command 'xyzzyxyzzy' (weir --help lists them)" "$weir" xyzzyxyzzy
