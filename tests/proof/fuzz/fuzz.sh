#!/usr/bin/env bash
# fuzz.sh NAME: what was found before, the corpus, and then ENTROPY_FUZZ_SECONDS of fuzzing; see README.md.
source "$(dirname "$0")/build.sh"
name=${1:?NAME: calls, npy or command}
seconds=${ENTROPY_FUZZ_SECONDS:-300}
work=$PWD
rm -rf corpus artifacts ran.txt && mkdir corpus artifacts
cp "$here/corpus/$name"/* corpus/ 2>/dev/null || true
limits=(-dict="$here/words.dict" -timeout=10 -rss_limit_mb=2048 -artifact_prefix="$work/artifacts/")

# fuzz ARGUMENT...: the harness; where it fails, the input that did it.
fuzz() {
    local input
    ./"$name" "${limits[@]}" "$@" >fuzz.log 2>&1 && return
    grep -v -e '#[0-9]*[[:space:]]*\(NEW\|REDUCE\|pulse\|RELOAD\)' -e NEW_FUNC fuzz.log | tail -60
    for input in artifacts/*; do
        [ -e "$input" ] || continue
        echo "the input $work/$input, in base64:"
        base64 "$input"
    done
    fail "$name"
}

build "$name" fuzz "$work/$name"
findings=("$here/regressions/$name"/*)
if [ -e "${findings[0]}" ]; then fuzz "${findings[@]}"; else findings=(); fi
fuzz "$work/corpus" -max_total_time="$seconds" -max_len=2048 -len_control=0 -print_final_stats=1
runs=$(awk '$1 == "stat::number_of_executed_units:" { print $2 }' fuzz.log)
[ "${runs:-0}" -gt 0 ] || fail "$name: nothing was run"

# Coverage is told where llvm's tools are installed.
covered=unknown
if coverage_of "$name" "$work/corpus"; then covered=$(lines_covered); fi
inputs=("$work"/corpus/*)
echo "ran: fuzz $name: $runs executions, ${#inputs[@]} inputs in the corpus, coverage $covered of lines" | tee ran.txt
