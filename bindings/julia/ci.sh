#!/usr/bin/env bash
# The Julia package: its tests against the library installed in $ENTROPY_PREFIX, with Pkg.test as users run it. Where there is no Julia it
# installs that of Debian 11, since Debian 12 has none.
set -euo pipefail
cd "$(dirname "$0")"

if ! command -v julia >/dev/null; then
    awk -v RS= 'NR == 1' /etc/apt/sources.list.d/debian.sources | sed 's/^Suites:.*/Suites: bullseye/' >/etc/apt/sources.list.d/bullseye.sources
    printf 'Package: *\nPin: release n=bullseye\nPin-Priority: 100\n' >/etc/apt/preferences.d/bullseye
    apt-get update
    apt-get install -y --no-install-recommends julia curl
    # Debian 12's libunwind crashes this Julia where an exception is caught: it gets its own beside it.
    unwind=$(mktemp -d) && chmod 755 "$unwind"
    (cd "$unwind" && apt-get download libunwind8/bullseye && dpkg-deb -x libunwind8_*.deb .)
    mkdir -p /usr/local/lib/julia-libunwind && cp -a "$unwind"/usr/lib/*/libunwind*.so.8* /usr/local/lib/julia-libunwind/
    rm -rf "$unwind"
    # shellcheck disable=SC2016
    printf '#!/bin/sh\nLD_LIBRARY_PATH=/usr/local/lib/julia-libunwind${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} exec /usr/bin/julia "$@"\n' \
        >/usr/local/bin/julia
    chmod +x /usr/local/bin/julia
fi

# The package depends on nothing but the standard library: an empty registry keeps Pkg from fetching the general one.
JULIA_DEPOT_PATH=$(mktemp -d)
export JULIA_DEPOT_PATH
trap 'rm -rf "$JULIA_DEPOT_PATH"' EXIT
mkdir -p "$JULIA_DEPOT_PATH/registries/Empty"
printf 'name = "Empty"\nuuid = "00000000-0000-0000-0000-000000000001"\nrepo = ""\n\n[packages]\n' \
    >"$JULIA_DEPOT_PATH/registries/Empty/Registry.toml"

ENTROPY_LIBRARY=$(echo "$ENTROPY_PREFIX"/lib*/libentropy.so.0 "$ENTROPY_PREFIX"/lib/*/libentropy.so.0 | tr ' ' '\n' | grep -m 1 -v '\*')
export ENTROPY_LIBRARY
JULIA_NUM_THREADS=2 julia --project=. --startup-file=no -e 'using Pkg; Pkg.test()'
