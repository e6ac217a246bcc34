# What every script test begins with: `. "$(dirname -- "$0")/lib.sh"`. Gives $build, $source, $weir, a scratch
# folder $tmp as working folder and as cache, and the checks below. Any failed check ends the test.
set -eu
build=$(CDPATH= cd -- "${1:?the build folder}" && pwd)
source=$(CDPATH= cd -- "$(dirname -- "$0")/../.." && pwd)
weir=$build/weir
traces=${WEIR_TRACES:-$source/../shared/traces}
tmp=$(mktemp -d)
trap 'chmod -R u+w "$tmp" 2>/dev/null; rm -rf "$tmp"' EXIT
export XDG_CACHE_HOME="$tmp/cache" LC_ALL=C
export ASAN_OPTIONS="detect_odr_violation=0${ASAN_OPTIONS:+:$ASAN_OPTIONS}"
cd "$tmp"

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

skip() {
    echo "SKIPPED: $*" >&2
    exit 77
}

# run STATUS COMMAND…: runs it into files `out` and `err`, fails unless it exits with STATUS.
run() {
    expected=$1
    shift
    status=0
    "$@" >out 2>err </dev/null || status=$?
    [ "$status" -eq "$expected" ] || {
        cat out err >&2
        fail "exit status $status instead of $expected: $*"
    }
}

# has FILE TEXT: a line of the file contains the text, as it stands.
has() {
    grep -qF -- "$2" "$1" || {
        cat "$1" >&2
        fail "no line of $1 contains: $2"
    }
}

# lacks FILE TEXT: no line of the file contains the text.
lacks() {
    ! grep -qF -- "$2" "$1" || {
        cat "$1" >&2
        fail "a line of $1 contains: $2"
    }
}

# refused TEXT COMMAND…: bad input: exit 2, nothing on stdout, one line on stderr that contains TEXT.
refused() {
    text=$1
    shift
    run 2 "$@"
    [ ! -s out ] || fail "a refused command printed on stdout: $*"
    [ "$(wc -l <err)" -eq 1 ] || {
        cat err >&2
        fail "a refusal is one line: $*"
    }
    has err "$text"
}

# equal A B: two files have equal bytes.
equal() {
    cmp -s "$1" "$2" || fail "$1 and $2 differ"
}
