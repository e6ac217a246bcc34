#!/bin/sh
# The set-up scripts say plainly what they lack: no rights, no network, a wrong argument. A copy of the
# scripts is run with a PATH that holds only what the case allows. Covers: experiments/setup.sh tests/run.sh
. "$(dirname -- "$0")/lib.sh"

mkdir -p tree/experiments tree/tests bin
cp "$source/experiments/setup.sh" "$source/experiments/quickstart.sh" tree/experiments/
cp "$source/tests/run.sh" tree/tests/
for tool in sh dirname mktemp rm tail env mkdir grep cat; do
    ln -s "$(command -v $tool)" bin/$tool
done
printf '#!/bin/sh\nexit 1\n' >bin/dpkg-query # nothing is installed
printf '#!/bin/sh\necho 1000\n' >bin/id
chmod +x bin/dpkg-query bin/id

refused "unknown argument 'everything'; one of: build, test, all" sh tree/experiments/setup.sh everything
refused "unknown arguments '--al'; only --all is known" sh tree/tests/run.sh --al

# Neither root nor sudo: what is missing, and what to ask for.
run 2 env PATH="$tmp/bin" sh tree/experiments/quickstart.sh
has err "missing packages: gcc"
has err "needs root or sudo; or ask for: apt-get install gcc"

# Rights, but no network: apt-get fails, its last lines and the packages are shown.
printf '#!/bin/sh\necho 0\n' >bin/id
printf '#!/bin/sh\necho "Temporary failure resolving the mirror" >&2\nexit 100\n' >bin/apt-get
chmod +x bin/apt-get
run 2 env PATH="$tmp/bin" sh tree/tests/run.sh
has err "Temporary failure resolving the mirror"
has err "could not be installed (no network, or no rights?); missing: gcc"
has err "libcmocka-dev"
