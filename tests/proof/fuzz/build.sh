# What fuzz.sh and coverage.sh share: bash includes it. SOURCE is the tree to test; the working directory is for whatever is built.
set -euo pipefail
: "${SOURCE:?is set by ctest: ctest --preset proof -L fuzz}"
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# Results and messages must not depend on who runs this.
export LC_ALL=C.UTF-8 ASAN_OPTIONS=allocator_may_return_null=1:detect_leaks=1:strict_string_checks=1 UBSAN_OPTIONS=print_stacktrace=1
unset ENTROPY_ISA ENTROPY_NUM_THREADS

skip() { echo "skipped: $*"; exit 77; }
fail() { echo "failed: $*"; exit 1; }

clang=$(command -v clang-14 || command -v clang) || skip "clang is not installed"
echo 'int LLVMFuzzerTestOneInput(const unsigned char *d, unsigned long n) { return d == 0 && n == 1; }' >probe.c
"$clang" -fsanitize=fuzzer,address,undefined probe.c -o probe 2>probe.log || skip "clang's libFuzzer is not installed (libclang-rt-14-dev)"

# The command's sources with smaller windows, so that small files go the ways of large ones.
shrunk_command() {
    rm -rf shrunk && cp -r "$SOURCE/src/command" shrunk
    sed -i 's/^#define NPY_WINDOW .*/#define NPY_WINDOW ((size_t)4096)/' shrunk/npy.h
    sed -i 's/^#define IN_MEMORY .*/#define IN_MEMORY ((size_t)64)/' shrunk/spool.c
    grep -q 'NPY_WINDOW ((size_t)4096)' shrunk/npy.h && grep -q 'IN_MEMORY ((size_t)64)' shrunk/spool.c || fail "npy.h or spool.c has changed"
    for part in css js; do
        echo "static const char page_$part[] = {$(od -An -v -tx1 "$SOURCE/src/command/page/page.$part" | sed 's/ \(..\)/0x\1,/g')};"
    done >shrunk/page.h
}

# build NAME HOW OUTPUT: one harness with what it tests, instrumented in either way.
build() {
    local name=$1 how=$2 output=$3 flags library objects=$3.objects tested=() harness=() file
    case $how in
    fuzz) flags="-O1 -fsanitize=address,undefined -fno-sanitize-recover=undefined" library=-fsanitize=fuzzer-no-link ;;
    coverage) flags="-O1" library="-fprofile-instr-generate -fcoverage-mapping" ;;
    esac
    flags="-std=c11 -g -fno-omit-frame-pointer -ffp-contract=off -fno-math-errno -DENTROPY_WITH_SLEEF $flags -I$SOURCE/include -I$SOURCE/tests"
    case $name in
    calls) harness=(calls calls_rows calls_backward calls_pieces calls_garbage calls_machine problem answers rooms machine predict judge) ;;
    npy) harness=(npy) ;;
    command) harness=(command command_files) ;;
    *) fail "no harness $name" ;;
    esac
    [ "$name" = npy ] || tested=("$SOURCE"/src/*.c "$SOURCE"/kernels/*.c)
    case $name in
    npy) shrunk_command; tested+=(shrunk/npy.c shrunk/npy_header.c shrunk/mapping.c) ;;
    command) shrunk_command; tested+=(shrunk/*.c) ;;
    esac

    rm -rf "$objects" && mkdir "$objects"
    for file in "${tested[@]}"; do
        local more=
        case $file in
        shrunk/main.c) more="-Dmain=command_main -Dexit=command_exit" ;;
        shrunk/summary.c) [ "$how" = coverage ] || more=-fno-sanitize-coverage=trace-cmp ;; # 65536 comparisons for a percentile
        esac
        # shellcheck disable=SC2086
        echo "$clang" $flags $library $more -Ishrunk -c "$file" -o "$objects/$(echo "$file" | tr / _).o"
    done >commands
    for file in "${harness[@]/#/$here/}" "$SOURCE"/tests/{reference,rows,logits}; do
        echo "$clang" $flags -Ishrunk -c "$file.c" -o "$objects/$(basename "$file").harness.o"
    done >>commands
    xargs -P 2 -I{} sh -c '{}' <commands
    # shellcheck disable=SC2086
    "$clang" $flags $library -fsanitize=fuzzer "$objects"/*.o -lsleef -lm -o "$output"
}

# coverage_of NAME CORPUS: llvm-cov's figures of what is tested, file by file, in the working directory's coverage.txt.
coverage_of() {
    local name=$1 corpus=$2 profdata cov not=()
    [ "$name" = calls ] || not=(-ignore-filename-regex="^$SOURCE/(src|kernels|include|tests)/") # the library is for `calls`
    profdata=$(command -v llvm-profdata-14 || command -v llvm-profdata) && cov=$(command -v llvm-cov-14 || command -v llvm-cov) || return 77
    build "$name" coverage "$PWD/$name.coverage"
    LLVM_PROFILE_FILE=$PWD/$name.profraw "./$name.coverage" -runs=0 "$corpus" >coverage.log 2>&1 || { tail -20 coverage.log; return 1; }
    "$profdata" merge "$name.profraw" -o "$name.profdata"
    "$cov" report "./$name.coverage" -instr-profile="$name.profdata" -show-branch-summary=0 -show-region-summary=0 "${not[@]}" 2>/dev/null | sed "s|$SOURCE/||" >coverage.txt
    "$cov" show "./$name.coverage" -instr-profile="$name.profdata" "${not[@]}" 2>/dev/null >lines.txt
}

# Of all lines in coverage.txt, how many of a hundred were run.
lines_covered() {
    awk '$1 == "TOTAL" { for (i = 2; i <= NF; i++) if ($i ~ /%$/) last = $i; print last }' coverage.txt
}
