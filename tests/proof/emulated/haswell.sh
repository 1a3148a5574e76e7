#!/usr/bin/env bash
# A CPU of 2013, the first with AVX2 and FMA. Only two suites: qemu 7.2 reads all 32 bytes of a vmaskmovps, whatever the mask, and lets
# flush-to-zero touch binary16 subnormals. CPUs do neither, so guard pages and binary16 are for real AVX2 machines.
source "$(dirname "$0")/qemu.sh"
run_on Haswell avx2 test_entropy test_fpenv
