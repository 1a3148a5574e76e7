#!/usr/bin/env bash
# libentropy over MPI: builds against the library installed in $ENTROPY_PREFIX, and starts 2, 3 and 4 ranks.
set -euo pipefail
cd "$(dirname "$0")"
apt-get install -y --no-install-recommends gcc cmake make pkg-config libopenmpi-dev openmpi-bin
build=$(mktemp -d)
trap 'rm -rf "$build"' EXIT
cmake -S . -B "$build" -DCMAKE_BUILD_TYPE=Release -DCMAKE_PREFIX_PATH="$ENTROPY_PREFIX" \
    -DCMAKE_C_FLAGS="-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror"
cmake --build "$build"
ctest --test-dir "$build" --output-on-failure --no-tests=error
