#!/usr/bin/env bash
# Which instruction set the library chooses on CPUs that this machine is not, under a real kernel; test_recorded_cpus knows them as numbers.
source "$(dirname "$0")/common.sh"
chosen=()

# choice CPU ISA [KERNEL_ARGUMENT]: the command must name that set, and test_dispatch agree with the compiler's own detection.
choice() {
    local cpu=$1 isa=$2 status=0 as="$1${3:+ $3}${GUEST_HIDE:+ without $GUEST_HIDE}"
    BOCHS_CPU=$cpu GUEST_KERNEL_ARGUMENTS=${3:-} GUEST_TIMEOUT=120 \
        "$(dirname "$0")/bochs/run.sh" "$BUILD/entropy" --version + "$BUILD/tests/test_dispatch" >bochs.log 2>&1 || status=$?
    case $status in
    0) grep -q "^entropy .*($isa)$" bochs.log || { cat bochs.log; fail "$as: not $isa"; } ;;
    77) cat bochs.log; exit 77 ;;
    *) cat bochs.log; fail "$as: status $status" ;;
    esac
    echo "$as: $isa"
    chosen+=("$as $isa,")
}

choice core2_penryn_t9600 scalar
choice corei7_sandy_bridge_2600k scalar # AVX without AVX2
choice corei7_haswell_4770 avx2
choice ryzen avx2
choice corei7_skylake_x avx512
choice sapphire_rapids avx512
# A CPU that has it all under a kernel that saves less: CPUID alone would choose instructions that die, or registers that are lost.
choice sapphire_rapids scalar noxsave
GUEST_HIDE=avx512f choice sapphire_rapids avx2
GUEST_HIDE=avx choice sapphire_rapids scalar
ran "dispatch (Bochs 3.0): ${chosen[*]} as they should"
