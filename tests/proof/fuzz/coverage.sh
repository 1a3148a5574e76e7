#!/usr/bin/env bash
# coverage.sh NAME [CORPUS]: which lines the committed corpus runs, or another one: a table here, and lines.txt with a count for every line.
source "$(dirname "$0")/build.sh"
name=${1:?NAME: calls, npy or command}
corpus=${2:-$here/corpus/$name}
coverage_of "$name" "$(realpath "$corpus")" || { [ $? != 77 ] || skip "llvm-profdata and llvm-cov are not installed (llvm)"; fail coverage; }
cat coverage.txt
echo "lines covered: $(lines_covered); those that were not: grep -E '\| +0\|' lines.txt"
