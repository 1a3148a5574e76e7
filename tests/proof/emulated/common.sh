# What the scripts beside this one share: bash includes it. SOURCE and BUILD name the source and build trees, and the working directory is the
# test's own, as ctest sets them.
set -euo pipefail
: "${SOURCE:?is set by ctest: ctest --preset proof -L emulated}" "${BUILD:?}"

# Emulation is some hundred times slower than the machine, so the tests draw fewer rows. Which instruction set they take is for each script to say.
export ENTROPY_TEST_DIVIDE=50
unset ENTROPY_ISA ENTROPY_NUM_THREADS
rm -f ran.txt

# The suites that ctest runs once per instruction set, and those that say which one they run on, or need not, themselves.
per_isa=(test_entropy test_forward test_forward_cases test_backward test_backward_cases test_state test_shards test_equivalence test_layout test_arguments)
once=(test_half test_conversions test_bits test_exp test_fpenv test_guard test_sharing test_dispatch)

# The line of the closing table.
ran() { echo "ran: emulated: $*" | tee -a ran.txt; }

fail() { echo "failed: $*"; exit 1; }

# What the proof needs and the machine lacks makes it a skipped one. Never anything else: a proof that cannot fail proves nothing.
skip() { echo "skipped: $*"; exit 77; }

need() {
    local tool
    for tool in "$@"; do command -v "$tool" >/dev/null || skip "$tool is not installed"; done
}

# says SUITE ISA LOG: that suite really ran, and on that instruction set. Two of them have nothing to say on it: binary16 is converted by the same
# code everywhere, and test_dispatch asks the compiler what the CPU has and compares that with the choice.
says() {
    case $1 in
    test_half | test_dispatch) grep -q "PASSED" "$3" ;;
    *) grep -q "^$1: instruction set $2; " "$3" && grep -q "PASSED" "$3" ;;
    esac
}
