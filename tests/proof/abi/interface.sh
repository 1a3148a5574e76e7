#!/usr/bin/env bash
# interface.sh: the shared library has the interface that the last version had, as interface.abi describes it: nothing in it was removed or changed.
# After a change that is meant: `interface.sh --update`, and a new soname if programs have to be compiled anew.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
source=$(cd "${SOURCE:-$here/../../..}" && pwd)
command -v abidw >/dev/null || { echo "skipped: abigail-tools is not installed"; exit 77; }

# The very sources of the library, with what abidw reads: debugging information.
cmake -S "$source" -B debug -G Ninja -DCMAKE_BUILD_TYPE=None -DCMAKE_C_FLAGS="-g -fdebug-prefix-map=$source=." -DENTROPY_BUILD_COMMAND=OFF >configure.log
cmake --build debug --target entropy >build.log
abidw --no-corpus-path --no-comp-dir-path --no-show-locs --no-architecture --no-elf-needed --headers-dir "$source/include" debug/libentropy.so \
    --out-file now.abi
[ "${1:-}" != --update ] || { cp now.abi "$here/interface.abi"; exit; }
abidiff --no-architecture "$here/interface.abi" now.abi || { echo "failed: the interface has changed"; exit 1; }
echo "ran: abi: abidiff finds no change against interface.abi ($(grep -c '<elf-symbol ' now.abi) symbols)" | tee ran.txt
