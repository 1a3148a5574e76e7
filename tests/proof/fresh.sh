#!/usr/bin/env bash
# fresh.sh: the README's two commands, as the README prints them, in a bare Debian 12 that has nothing else: a clean copy of what is committed.
set -euo pipefail
. "$(dirname "$0")/bare.sh"

git -c safe.directory='*' -C "$SOURCE" archive --prefix=entropy/ HEAD | tar -x -C "$root"
for preset in demo test; do
    line=$(grep -m 1 -- "--preset $preset\$" "$root/entropy/README.md" | sed 's/^ *//')
    inside "$line" >"$preset.log" 2>&1 || { tail -n 50 "$preset.log"; echo "failed: $line"; exit 1; }
done
grep -q "perplexity" demo.log && grep -q "100% tests passed" test.log
echo "ran: fresh: both lines of the README, in a Debian 12 of $packages packages: $(grep '100% tests passed' test.log)" | tee ran.txt
