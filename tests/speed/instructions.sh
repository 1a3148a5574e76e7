#!/usr/bin/env bash
# instructions.sh PROGRAM TOOLCHAIN [--update]: every call of PROGRAM takes the number of instructions that
# instructions.txt says, within 2 %. Unlike times these do not depend on what else the machine does; they do on the
# compiler, so the table is for one TOOLCHAIN. Fewer instructions are a failure as well: a later loss would hide behind
# a gain that is not in the table. --update makes it anew.
# valgrind 3.19 has no AVX-512: those kernels are not counted.
set -euo pipefail
program=$1 toolchain=$2 update=${3:-}
table=$(cd "$(dirname "$0")" && pwd)/instructions.txt
rm -f ran.txt
skip() { echo "skipped: $*"; exit 77; }
command -v valgrind >/dev/null || skip "valgrind is not installed"
grep -q '^flags.* avx2 ' /proc/cpuinfo || skip "this machine has no AVX2, so neither has valgrind"
if [ "$update" != --update ]; then
    expected=$(sed -n 's/^# toolchain: //p' "$table")
    [ "$expected" = "$toolchain" ] || skip "instructions.txt is for $expected, and this is $toolchain"
fi

# One line for each call: instruction set, call, rows, logits in each, instructions for one logit.
for isa in scalar avx2; do
    rm -f counts.*
    ENTROPY_ISA=$isa valgrind --tool=callgrind --callgrind-out-file=counts.out \
        --toggle-collect=measured --zero-before=measured --dump-after=measured \
        "$program" >"calls.$isa" 2>"valgrind.$isa" ||
        { cat "calls.$isa" "valgrind.$isa"; echo "failed: $program on $isa"; exit 1; }
    i=0
    grep "^$isa " "calls.$isa" | while read -r call; do
        i=$((i + 1))
        awk -v call="$call" '$1 == "totals:" { split(call, w, " "); printf "%s %.4f\n", call, $2 / (w[3] * w[4]) }' \
            "counts.out.$i"
    done
done >now.txt

if [ "$update" = --update ]; then
    { echo "# Instructions for one logit: instruction set, call, rows, logits in each."
      echo "# Made by cmake --build --preset proof --target update_instructions"
      echo "# toolchain: $toolchain"
      cat now.txt; } >"$table"
    exit
fi
awk -v tolerance=0.02 -v toolchain="$toolchain" '
    /^#/ { next }
    { call = $1 " " $2 " " $3 " " $4 }
    FNR == NR { expected[call] = $5; next }
    !(call in expected) { print "failed: " call " is not in the table"; bad = 1; next }
    {
        change = $5 / expected[call] - 1
        if (!(change <= tolerance && change >= -tolerance)) {
            printf "failed: %s: %s instructions a logit, not %s: %+.1f %%\n", call, $5, expected[call], 100 * change
            bad = 1
        }
        counted++
        delete expected[call]
    }
    END {
        for (call in expected) { print "failed: " call " was not counted"; bad = 1 }
        if (bad || !counted) { print "failed: if this is meant, --target update_instructions"; exit 1 }
        printf "ran: speed: %d counts of instructions within 2 %% of the table (%s)\n", counted, toolchain
    }' "$table" now.txt | tee report.txt
grep '^ran: ' report.txt >ran.txt
