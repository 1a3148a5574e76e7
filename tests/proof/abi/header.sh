#!/usr/bin/env bash
# header.sh: include/entropy.h by itself in every language that it is for, with layout.c's structures, by gcc and clang, any warning an error.
set -euo pipefail
command -v clang >/dev/null || { echo "skipped: clang is not installed"; exit 77; }
here=$(cd "$(dirname "$0")" && pwd)
warnings="-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wundef -Werror"
for compiler in gcc clang; do
    for standard in c11 c17 c++11 c++20; do
        case $standard in
        c++*) language=c++ extra="-Wold-style-cast -Wzero-as-null-pointer-constant" ;;
        *) language=c extra="-Wstrict-prototypes" ;;
        esac
        # layout.c's own main is C; the header's macros and casts must suit C++ as well
        $compiler -x $language -std=$standard $warnings $extra -I "$SOURCE/include" -c "$here/layout.c" -o "$compiler-$standard.o" ||
            { echo "failed: $compiler -std=$standard"; exit 1; }
    done
done
echo "ran: abi: entropy.h and its structures as C11, C17, C++11 and C++20, by gcc and clang" | tee ran.txt
