#!/usr/bin/env bash
# neon.sh CPU: builds for AArch64 in the working directory, and runs the tests under qemu on that CPU. cortex-a72 is the oldest in use, without
# binary16 arithmetic; max has all that qemu knows (but SVE, which the library does not use and which is slow to emulate).
source "$(dirname "$0")/common.sh"
export QEMU_CPU=${1:?CPU} # read by the toolchain file, at each run of cmake
need cmake ninja qemu-aarch64-static aarch64-linux-gnu-gcc aarch64-linux-gnu-g++
for library in cmocka sleef; do
    [ -e "/usr/lib/aarch64-linux-gnu/pkgconfig/$library.pc" ] || skip "lib$library-dev:arm64 is not installed"
done

warnings="-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror"
rm -rf build
cmake -S "$SOURCE" -B build -G Ninja --toolchain cmake/aarch64-linux-gnu.cmake -DCMAKE_BUILD_TYPE=Release -DENTROPY_BUILD_TESTS=ON \
    -DCMAKE_C_FLAGS="$warnings" -DCMAKE_CXX_FLAGS="$warnings" >configure.log 2>&1 || { cat configure.log; fail "configure"; }
cmake --build build --parallel 2 >build.log 2>&1 || { cat build.log; fail "build"; }
ctest --test-dir build --output-on-failure --no-tests=error --parallel 2 2>&1 | tee ctest.log || fail "tests on $QEMU_CPU"

# ctest is content with a suite that was skipped; this is not.
wanted=("${per_isa[@]/%/.scalar}" "${per_isa[@]/%/.neon}" "${once[@]}")
for name in "${wanted[@]}"; do
    grep -Eq " $name \.+ +Passed" ctest.log || fail "$name did not run on $QEMU_CPU"
done
version=$(qemu-aarch64-static --version | sed -n '1s/.*version \([0-9.]*\).*/\1/p')
ran "neon, scalar (qemu $version, ${QEMU_CPU%%,*}): ${wanted[*]} passed"
