#!/usr/bin/env bash
# Builds, once, what run.sh needs, in the cache directory, and prints that directory: the emulator `bochs`, a Linux kernel `kernel.bin`.
# Exit status 77: something that it needs is missing.
set -euo pipefail
umask 022
cache=${XDG_CACHE_HOME:-$HOME/.cache}/libentropy-bochs

# The source of Bochs 3.0 as Debian 13 has it. Debian 12's own Bochs, 2.7, would do, but is three times slower with its debugger, and wrong in
# vscalefps under denormals-are-zero and in the conversion of large unsigned numbers to float.
bochs_source=pool/main/b/bochs/bochs_3.0+dfsg.orig.tar.xz
bochs_sha256=78f6c73d4a6472d5130a87ab9dc306d02c7c71ed8e25b3a8ef642e2a7acd282b

say() { echo "$*" >&2; }
skip() { say "skipped: $*"; exit 77; }
need() {
    local tool
    for tool in "$@"; do command -v "$tool" >/dev/null || skip "$tool is not installed"; done
}

# Debian's mirror is the one that this machine installs its packages from.
build_bochs() {
    local site
    need apt-get make g++ xz strip sha256sum
    site=$(apt-get indextargets --format '$(SITE)' 2>/dev/null | grep -m 1 '/debian/*$') ||
        skip "the source of Bochs comes from a mirror of Debian, and apt knows none"
    /usr/lib/apt/apt-helper download-file "${site%/}/$bochs_source" source.tar.xz >download.log 2>&1 ||
        { cat download.log >&2; skip "the source of Bochs could not be downloaded"; }
    echo "$bochs_sha256  source.tar.xz" | sha256sum --check --quiet >&2 # one that is not what it was is an error, not a reason to skip
    tar xf source.tar.xz
    cd bochs-3.0
    say "Building Bochs 3.0: some two minutes"
    # Without a debugger, a display or devices that nobody looks at: what is left is fast.
    { ./configure --with-nogui --disable-docbook --enable-cpu-level=6 --enable-x86-64 --enable-fpu --enable-avx --enable-evex \
        --enable-all-optimizations CFLAGS=-O2 CXXFLAGS=-O2 && make -j2 bochs; } >build.log 2>&1 || { tail -n 30 build.log >&2; return 1; }
    strip bochs
    mv bochs "$cache/bochs"
}

# A number of 1 or 4 bytes in the kernel's file.
field() { od -A n -t "u$2" -j "$1" -N "$2" "$kernel" | tr -d ' '; }

# The kernel is Debian's for virtual machines, whose signature and hash apt checks. Bochs takes it uncompressed and flat, as it is to lie in memory.
build_kernel() {
    local package kernel setup_sectors payload
    need apt-get apt-cache dpkg-deb lz4 objcopy od
    package=$(apt-cache depends linux-image-cloud-amd64 2>/dev/null | sed -n 's/.*Depends: \(linux-image-[^ ]*\)$/\1/p' | head -n 1)
    [ -n "$package" ] || skip "apt knows no package linux-image-cloud-amd64: not Debian, or apt-get update was never run"
    apt-get download "$package" >download.log 2>&1 || { cat download.log >&2; skip "the package $package could not be downloaded"; }
    dpkg-deb --fsys-tarfile linux-image-*.deb | tar xf - --wildcards './boot/vmlinuz-*'
    kernel=$(echo boot/vmlinuz-*)
    # Linux's boot protocol: setup_sects at 0x1f1, payload_offset at 0x248 from the sector behind those, payload_length at 0x24c.
    setup_sectors=$(field 497 1)
    payload=$(((setup_sectors + 1) * 512 + $(field 584 4)))
    tail -c +$((payload + 1)) "$kernel" >payload
    truncate -s "$(field 588 4)" payload
    [ "$(od -A n -t x4 -N 4 payload)" = " 184c2102" ] || skip "the kernel of $package is not compressed by LZ4"
    # Behind the LZ4 stream is the size of what it holds, which lz4 takes for a damaged second one.
    lz4 -dcq payload >vmlinux 2>/dev/null || [ "$(stat -c %s vmlinux)" = "$(tail -c 4 payload | od -A n -t u4 | tr -d ' ')" ]
    # Its last section has contents, so the memory that starts as zeros, which is before that, is in the file, too.
    objcopy -O binary vmlinux flat
    mv flat "$cache/kernel.bin"
}

mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9 # two tests may ask at the same time
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# once NAME PRODUCT: calls build_NAME in a directory of its own if the product is not there yet.
once() {
    local status
    [ ! -f "$cache/$2" ] || return 0
    mkdir "$work/$1"
    set +e # in a condition, bash would go on after an error
    (set -e; cd "$work/$1"; "build_$1") 9>&-
    status=$?
    set -e
    [ $status = 0 ] || exit $status
}
once bochs bochs
once kernel kernel.bin
echo "$cache"
