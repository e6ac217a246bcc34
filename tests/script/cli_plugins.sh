#!/bin/sh
# Finding, loading and describing plugins, and everything that may be wrong with one.
# Covers: core/cli/plugins.c core/cli/describe.c core/plugin/describe.c core/plugin/registry.c core/plugin/descriptor.c
. "$(dirname -- "$0")/lib.sh"
fixtures=$build/tests/fixtures

run 0 "$weir" plugins
for word in generators encoders metrics "downstream tasks" "  bootstrap " "  minmax " "  emd " "  burst "; do
    has out "$word"
done
run 0 "$weir" plugins --json
[ ! -s err ] || fail "--json printed on stderr"
has out '"name": "bootstrap"'
has out '"kind": "downstream"'

# Plugins that do not load are named with the reason and hide nobody.
mkdir bad
cp "$fixtures/wrong_abi.so" "$fixtures/no_symbol.so" "$fixtures/other_name.so" "$fixtures/bad_default.so" bad
run 1 "$weir" plugins --plugins bad
has out "  bootstrap "
has err "bad/wrong_abi.so: was built for another Weir: ABI 0x"
has err " found, 0x"
has err " expected"
has err "bad/no_symbol.so: is not a plugin of Weir: it has no symbol weir_plugin_descriptor"
has err "bad/other_name.so: the plugin is called 'another_name'; the file must be called another_name.so"
has err "option 'bins': its default is outside its range"
[ "$(wc -l <err)" -eq 4 ] || fail "four plugins do not load, and that is not what was said"
run 1 "$weir" plugins --plugins bad --json
[ ! -s err ] || fail "--json printed on stderr"
has out '"error": '

for name in wrong_abi no_symbol other_name bad_default; do
    refused "bad/$name.so: " "$weir" describe "bad/$name.so"
    refused "bad/$name.so: " "$weir" describe --plugins bad "$name"
done

# A kind's folder holds that kind; a text is not a plugin; a missing function is named.
mkdir -p wrong/metrics text
cp "$build/plugins/generators/bootstrap.so" wrong/metrics/
refused "bootstrap.so: is a plugin of kind generator, not metric" "$weir" describe "$tmp/wrong/metrics/bootstrap.so"
echo "not a library" >text/letter.so
refused "text/letter.so: cannot be loaded: " "$weir" describe text/letter.so

# The same name twice is an error that says both places.
mkdir -p twice/generators
cp "$build/plugins/generators/copy.so" twice/generators/
refused "two plugins are called generator copy: $tmp/twice/generators/copy.so and " "$weir" plugins --plugins twice
refused "two plugins are called generator copy" env WEIR_PLUGIN_PATH="$tmp/twice" "$weir" describe copy
refused "nowhere: no such folder of plugins" "$weir" plugins --plugins nowhere
refused "unknown flag '--jsn'; did you mean '--json'?" "$weir" plugins --jsn

# The flag may be given again: all its folders are searched, and each must be there.
run 0 "$weir" describe encoded --plugins text --plugins "$fixtures"
run 0 "$weir" describe encoded --plugins="$fixtures" --plugins text
refused "nowhere: no such folder of plugins" "$weir" plugins --plugins text --plugins nowhere

# A folder given twice over is one folder.
run 0 env WEIR_PLUGIN_PATH="$fixtures/nowhere::$build/plugins" "$weir" plugins --plugins "$build/plugins"

run 0 "$weir" describe encoded --plugins "$fixtures"
has out "generator encoded"
has out "accepts    packets"
has out "produces   timestamps"
has out "  noise (real, 0 to 1; default 0.01)"
has out "      standard deviation added to each code"
has out "encoder roles"
has out '  length (default minmax columns=$columns)'
run 0 "$weir" describe metric/emd
has out "  IT: interarrival time (s, lower is better)"
has out "ceiling"
run 0 "$weir" describe metrics/emd --json
has out '"label": "IT"'
has out '"better": "lower"'
refused "unknown plugin 'emdd'; did you mean 'emd'?" "$weir" describe emdd
refused "unknown generator 'emdx'" "$weir" describe generator/emdx
refused "'emd' is of kind metric, not generator" "$weir" describe generator/emd
