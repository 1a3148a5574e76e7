# bare.sh, sourced: a bare Debian 12 in $root, which disappears with the script that wants it.
#   inside COMMAND: runs it there, from /entropy
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
mkdir "$root/entropy"
packages=$(chroot "$root" dpkg-query -f '.\n' -W | wc -l)
inside() { chroot "$root" env -i PATH="$PATH" DEBIAN_FRONTEND=noninteractive bash -euo pipefail -c "cd /entropy && $1"; }
