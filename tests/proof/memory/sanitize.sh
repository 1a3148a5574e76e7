#!/usr/bin/env bash
# sanitize.sh COMPILER SANITIZERS SUITE...: builds the library and these suites with sanitizers, and runs them. Whatever is found ends the program.
set -euo pipefail
compiler=$1 sanitizers=$2
shift 2
command -v "$compiler" >/dev/null || { echo "skipped: $compiler is not installed"; exit 77; }
case $compiler in clang) cxx=clang++ ;; *) cxx=g++ ;; esac

# Not optimised for speed: -O3 would only be slower to compile.
flags="-O1 -g -fno-omit-frame-pointer -fsanitize=$sanitizers -fno-sanitize-recover=all"
cmake -S "$SOURCE" -B . -G Ninja -DCMAKE_BUILD_TYPE=None -DENTROPY_BUILD_TESTS=ON -DCMAKE_C_COMPILER="$compiler" -DCMAKE_CXX_COMPILER="$cxx" \
    -DCMAKE_C_FLAGS="$flags" -DCMAKE_CXX_FLAGS="$flags" >configure.log
cmake --build . --target entropy_command "$@" >build.log || { cat build.log; exit 1; }

export ENTROPY_TEST_DIVIDE=${ENTROPY_TEST_DIVIDE:-10} ASAN_OPTIONS=detect_stack_use_after_return=1 UBSAN_OPTIONS=print_stacktrace=1
export TSAN_OPTIONS=halt_on_error=1
for suite in "$@"; do
    arguments=()
    case $suite in test_command*) arguments=("$PWD/entropy" "$PWD/$suite.files") ;; esac
    tests/"$suite" "${arguments[@]}" >"$suite.log" 2>&1 || { cat "$suite.log"; echo "failed: $suite"; exit 1; }
    grep -q "PASSED" "$suite.log" || { cat "$suite.log"; echo "failed: $suite did not run"; exit 1; }
done
echo "ran: sanitize: $compiler -fsanitize=$sanitizers: $*" | tee ran.txt
