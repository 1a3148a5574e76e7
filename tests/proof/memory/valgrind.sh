#!/usr/bin/env bash
# valgrind.sh SUITE...: the programs of the build tree under valgrind's memcheck, on AVX2 at most, which is what valgrind has. It is asked for accesses
# and uninitialised values alone: its long double is a double and it knows no flush-to-zero, so some comparisons fail there that hold on a CPU (and leave
# allocated what they had; leaks are for the address sanitiser).
set -euo pipefail
command -v valgrind >/dev/null || { echo "skipped: valgrind is not installed"; exit 77; }
export ENTROPY_TEST_DIVIDE=${ENTROPY_TEST_DIVIDE:-50}
found=99 # the exit status that says that valgrind found something
for suite in "$@"; do
    arguments=() status=0
    case $suite in test_command*) arguments=("$BUILD/entropy" "$PWD/$suite.files") ;; esac
    valgrind --quiet --error-exitcode=$found "$BUILD/tests/$suite" "${arguments[@]}" >"$suite.log" 2>&1 ||
        status=$?
    if [ $status -ge $found ] || ! grep -q "test(s) run" "$suite.log"; then
        cat "$suite.log"
        echo "failed: $suite"
        exit 1
    fi
done
echo "ran: sanitize: valgrind: $*" | tee ran.txt
