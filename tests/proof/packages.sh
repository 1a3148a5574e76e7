#!/usr/bin/env bash
# packages.sh: the Debian packages install on a bare Debian 12. The command needs no other of them; the consumer builds against them and runs,
# and so does the example for C++; what is linked with the library depends on its package; and removing them leaves nothing.
set -euo pipefail
command -v dpkg-shlibdeps >/dev/null || { echo "skipped: dpkg-dev is not installed"; exit 77; }
. "$(dirname "$0")/bare.sh"

rm -rf build && mkdir build
(cd build && cmake -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX=/usr "$SOURCE" && cmake --build . && cpack -G DEB) >build.log 2>&1 ||
    { tail -n 50 build.log; exit 1; }
cp -r build/*.deb "$SOURCE/tests/consumer" "$SOURCE/tests/data" "$BUILD"/tests/hpp/hpp_example.{cpp,expected} "$root/entropy"

step() { echo "$1" && inside "$1" >>steps.log 2>&1 || { tail -n 50 steps.log; echo "failed: $1"; exit 1; }; }
: >steps.log
step "apt-get update && apt-get install -y --no-install-recommends ./entropy_*.deb"
step "entropy --summary data/smollm2_f32.npy && ! dpkg -s libentropy0"
step "apt-get install -y --no-install-recommends build-essential cmake ./libentropy0_*.deb ./libentropy-dev_*.deb"
step "cmake -S consumer -B built && cmake --build built"
for program in entropy entropy-static; do step "built/${program}_c && built/${program}_cpp"; done
step 'g++ -std=c++17 hpp_example.cpp -o example $(pkg-config --cflags --libs entropy) && ./example | diff - hpp_example.expected'
step "mkdir debian && printf 'Source: x\n\nPackage: x\nArchitecture: any\n' >debian/control && dpkg-shlibdeps -O example | grep 'libentropy0 (>= [0-9.]*)'"
step "apt-get purge -y entropy libentropy-dev libentropy0"
step "[ -z \"\$(find / -xdev -path /entropy -prune -o -name '*entropy*' -print)\" ]"
echo "ran: fresh: $(cd build && echo *.deb), in a Debian 12 of $packages packages" | tee ran.txt
