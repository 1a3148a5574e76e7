# What nehalem.sh and haswell.sh share: bash includes it.
source "$(dirname "$0")/common.sh"
need qemu-x86_64-static

# run_on CPU ISA SUITE...: the programs of this build on an older x86-64 CPU, where they must choose that instruction set by themselves.
run_on() {
    local cpu=$1 isa=$2 suite
    shift 2
    for suite in "$@"; do
        echo "$suite"
        qemu-x86_64-static -cpu "$cpu" "$BUILD/tests/$suite" >"$suite.log" 2>&1 || { cat "$suite.log"; fail "$suite on $cpu"; }
        says "$suite" "$isa" "$suite.log" || { cat "$suite.log"; fail "$suite on $cpu did not run on $isa"; }
    done
    ran "$isa (qemu $(qemu-x86_64-static --version | sed -n '1s/.*version \([0-9.]*\).*/\1/p'), $cpu): $* passed"
}
