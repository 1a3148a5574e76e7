#!/usr/bin/env bash
# fresh.sh: the README's two commands, as the README prints them, in a bare Debian 12 that has nothing else: a clean copy of what is committed.
set -euo pipefail
command -v debootstrap >/dev/null || { echo "skipped: debootstrap is not installed"; exit 77; }
[ "$(id -u)" = 0 ] || { echo "skipped: only root can change its root directory"; exit 77; }

root=$PWD/root
clean() { umount "$root/proc" "$root/dev" 2>/dev/null || true; rm -rf --one-file-system "$root"; }
trap clean EXIT
clean
# The mirror of this machine.
mirror=$(apt-get indextargets --format '$(SITE)' | grep -m 1 '/debian$') || mirror=
debootstrap --variant=minbase bookworm "$root" $mirror >debootstrap.log || { tail debootstrap.log; exit 1; }
mount -t proc proc "$root/proc"
mount --bind /dev "$root/dev"
cp /etc/resolv.conf "$root/etc/" 2>/dev/null || true
for file in /etc/apt/apt.conf.d/*proxy*; do [ ! -e "$file" ] || cp "$file" "$root/etc/apt/apt.conf.d/"; done

git -c safe.directory='*' -C "$SOURCE" archive --prefix=entropy/ HEAD | tar -x -C "$root"
packages=$(chroot "$root" dpkg-query -f '.\n' -W | wc -l)
for preset in demo test; do
    line=$(grep -m 1 -- "--preset $preset\$" "$root/entropy/README.md" | sed 's/^ *//')
    chroot "$root" env -i PATH="$PATH" DEBIAN_FRONTEND=noninteractive bash -c "cd entropy && $line" >"$preset.log" 2>&1 ||
        { tail -n 50 "$preset.log"; echo "failed: $line"; exit 1; }
done
grep -q "perplexity" demo.log && grep -q "100% tests passed" test.log
echo "ran: fresh: both lines of the README, in a Debian 12 of $packages packages: $(grep '100% tests passed' test.log)" | tee ran.txt
