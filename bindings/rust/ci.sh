#!/usr/bin/env bash
# All that must hold of the Rust crates: Debian 12 as root, the installed library in $ENTROPY_PREFIX.
set -euo pipefail
cd "$(dirname "$0")"
apt-get install -y --no-install-recommends build-essential pkg-config libsleef-dev ca-certificates
# The package rustc of Debian 12 is from 2022; rustc-web is the one that is kept up to date.
command -v cargo >/dev/null || apt-get install -y --no-install-recommends cargo-web rust-web-clippy rustfmt-web

pc=$(find "$ENTROPY_PREFIX" -name entropy.pc -print -quit)
export PKG_CONFIG_PATH=${pc%/*} LD_LIBRARY_PATH=${pc%/pkgconfig/*}
CARGO_TARGET_DIR=$(mktemp -d)
export CARGO_TARGET_DIR
trap 'rm -rf "$CARGO_TARGET_DIR"' EXIT

cargo fmt --check
cargo clippy --all-targets --features half,ndarray -- -D warnings
RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --features half,ndarray

cargo test --features half,ndarray # with the installed library
grep -q 'libentropy\.so\.0' "$CARGO_TARGET_DIR"/debug/deps/forward-*
PKG_CONFIG_LIBDIR=/nonexistent PKG_CONFIG_PATH='' cargo test # with the sources, where none is installed
cargo package --allow-dirty --features vendored # with the sources in the packages alone

cd bench
cargo fmt --check
cargo clippy --benches -- -D warnings
cargo bench -- --test
