#!/usr/bin/env bash
# A CPU of 2008, before AVX: all suites. An AVX instruction that leaked into code for all machines dies here.
source "$(dirname "$0")/qemu.sh"
run_on Nehalem scalar "${per_isa[@]}" "${once[@]}"
