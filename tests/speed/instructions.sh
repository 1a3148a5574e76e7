#!/usr/bin/env bash
# instructions.sh PROGRAM TOOLCHAIN [--update]: every call of PROGRAM takes the number of instructions that instructions.txt says, within 2 %.
# Unlike times these do not depend on what else the machine does; they do on the compiler, so the table is for one TOOLCHAIN. Fewer instructions
# are a failure as well: the table has to be made anew, which --update does, or a later loss would hide behind the gain.
# valgrind 3.19 has no AVX-512, nor has any other version: those kernels are not counted.
set -euo pipefail
program=$1 toolchain=$2
table=$(cd "$(dirname "$0")" && pwd)/instructions.txt
rm -f ran.txt
skip() { echo "skipped: $*"; exit 77; }
command -v valgrind >/dev/null || skip "valgrind is not installed"
grep -q '^flags.* avx2 ' /proc/cpuinfo || skip "this machine has no AVX2, so neither has valgrind"
counted_for=$(sed -n 's/^# toolchain: //p' "$table" 2>/dev/null || true)
[ "${3:-}" = --update ] || [ "$counted_for" = "$toolchain" ] || skip "instructions.txt is for $counted_for, and this is $toolchain"

# One line per call: instruction set, call, rows, logits in each, instructions for one logit.
for isa in scalar avx2; do
    rm -f counts.*
    ENTROPY_ISA=$isa valgrind --tool=callgrind --callgrind-out-file=counts.out \
        --toggle-collect=measured --zero-before=measured --dump-after=measured "$program" >"calls.$isa" 2>"valgrind.$isa" ||
        { cat "calls.$isa" "valgrind.$isa"; echo "failed: $program on $isa"; exit 1; }
    grep "^$isa " "calls.$isa" | nl -w1 -s ' ' | while read -r i call; do
        awk -v call="$call" '$1 == "totals:" { n = split(call, word, " "); printf "%s %.4f\n", call, $2 / (word[n - 1] * word[n]) }' "counts.out.$i"
    done
done >now.txt

if [ "${3:-}" = --update ]; then
    { echo "# Instructions for one logit: instruction set, call, rows, logits in each. Made by cmake --build BUILD --target update_instructions"
      echo "# toolchain: $toolchain"
      cat now.txt; } >"$table"
    exit
fi
awk -v tolerance=0.02 '
    /^#/ { next }
    { call = $1 " " $2 " " $3 " " $4 }
    FNR == NR { expected[call] = $5; next }
    !(call in expected) { print "failed: " call " is not in the table"; bad = 1; next }
    { change = $5 / expected[call] - 1; counted++
      if (!(change <= tolerance && change >= -tolerance)) {
          printf "failed: %s: %s instructions a logit, %s expected: %+.1f %%\n", call, $5, expected[call], 100 * change; bad = 1 }
      delete expected[call] }
    END { for (call in expected) { print "failed: " call " was not counted"; bad = 1 }
          if (bad || counted == 0) { print "failed: if this is meant, update the table: --target update_instructions"; exit 1 }
          printf "ran: speed: %d counts of instructions within 2 %% of the table, scalar and AVX2 (%s)\n", counted, toolchain }
' toolchain="$toolchain" "$table" now.txt | tee report.txt
grep '^ran: ' report.txt >ran.txt
