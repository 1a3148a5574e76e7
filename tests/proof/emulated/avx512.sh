#!/usr/bin/env bash
# All suites of this build, as they are, on an emulated CPU with AVX-512, whether or not this machine has it.
source "$(dirname "$0")/common.sh"
cpu=sapphire_rapids
suites=("${per_isa[@]}" "${once[@]}")
commands=()
for suite in "${suites[@]}"; do commands+=("$BUILD/tests/$suite" +); done

status=0
ENTROPY_ISA=avx512 BOCHS_CPU=$cpu GUEST_TIMEOUT=1500 GUEST_FILES="$SOURCE/tests/data/smollm2_f32.npy $SOURCE/tests/data/smollm2_tokens.json" \
    "$(dirname "$0")/bochs/run.sh" "${commands[@]}" >bochs.log 2>&1 || status=$?
cat bochs.log
[ $status != 77 ] || exit 77

# No AVX-512 is emulated unless the library found it: it asks CPUID for the instructions, and XCR0 for the registers.
for suite in "${suites[@]}"; do
    sed -n "\|^@guest: run $BUILD/tests/$suite\$|,/^@guest: status/p" bochs.log >"$suite.log"
    grep -qx "@guest: status 0" "$suite.log" || fail "$suite on $cpu"
    says "$suite" avx512 "$suite.log" || fail "$suite did not run on avx512"
done
[ $status = 0 ] || fail "the emulator: status $status"
ran "avx512 (Bochs 3.0, $cpu): ${suites[*]} passed"
