#!/usr/bin/env bash
# run.sh PROGRAM [ARGUMENT...] [+ PROGRAM [ARGUMENT...]]...
#
# Runs Linux programs for x86-64, as they are, on an emulated CPU with AVX-512, one after another, in this directory and environment. Passes on
# what they print. One program: exits with its status. Several: each is announced by a line "@guest: run PROGRAM" and ended by
# "@guest: status N", and the exit status is 0 if theirs all are, else 1. Status 77: a tool is missing; 124: out of time; 125: the emulator failed.
#
# The programs, their shared libraries and whatever files are named as arguments exist there under their own paths. In the environment:
#   GUEST_FILES             more such files, separated by blanks
#   GUEST_MEMORY            MiB, default 512
#   GUEST_TIMEOUT           seconds of the real clock, default 600
#   GUEST_HIDE              what the kernel shall take the CPU to lack, such as avx512f: it then does not save those registers
#   GUEST_KERNEL_ARGUMENTS  more of the arguments of Linux, such as noxsave
#   BOCHS_CPU               the model, default sapphire_rapids; ~/.cache/libentropy-bochs/bochs --help cpu lists all
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
[ $# -gt 0 ] || { sed -n '2,/^set/{/^#/s/^# \?//p}' "$0"; exit 2; }
missing() { echo "skipped: $1 is not installed" >&2; exit 77; }
for tool in gcc as ld cpio; do command -v $tool >/dev/null || missing $tool; done
cache=$("$here/build.sh")
cpu=${BOCHS_CPU:-sapphire_rapids}
ram_bytes=$((${GUEST_MEMORY:-512} << 20))
image=$((0x1000000)) # where this kernel wants to lie

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

# The guest's file system: what programs need, under its own paths.
root=$work/root
bring() { mkdir -p "$root$(dirname "$1")" && cp -L "$1" "$root$1"; }
populate() {
    local first=1 argument file
    mkdir -p "$root"/{proc,sys,dev,tmp,guest} "$root$PWD"
    gcc -std=gnu11 -O2 -static -o "$root/init" "$here/guest_init.c"
    for argument in "$@"; do
        if [ "$argument" = + ]; then
            first=1
            continue
        fi
        if [ $first = 1 ]; then
            [ -f "$argument" ] || { echo "run.sh: no program $argument" >&2; exit 2; }
            for file in $(ldd "$argument" 2>/dev/null | grep -o '/[^ )]*'); do bring "$file"; done
        fi
        if [ -f "$argument" ]; then bring "$(realpath -s "$argument")"; fi
        first=0
    done
    for file in ${GUEST_FILES:-}; do bring "$(realpath -s "$file")"; done
    printf '%s\0' "$@" >"$root/guest/commands"
    printf '%s\0' "$PWD" >"$root/guest/directory"
    env -0 >"$root/guest/environment"
}

# The image in RAM: the kernel, and from the next MiB on the archive of the file system.
lay_out_memory() {
    cp "$cache/kernel.bin" "$work/image"
    truncate -s %1M "$work/image"
    files=$((image + $(stat -c %s "$work/image")))
    (cd "$root" && find . | cpio -o -H newc -R 0:0 --quiet) >>"$work/image"
    image_end=$((image + $(stat -c %s "$work/image")))
    # The kernel unpacks the archive beside it, and wants some memory besides.
    [ $((image_end + image_end - files + (64 << 20))) -lt $ram_bytes ] || { echo "run.sh: GUEST_MEMORY is too small" >&2; exit 125; }
}

make_rom() {
    local arguments=(
        console=ttyS0 loglevel=3 panic=-1 reboot=t # errors go to the serial port; a panic ends the run
        clearcpuid=fsrm${GUEST_HIDE:+,$GUEST_HIDE}   # with fsrm, this kernel hangs in Bochs 3.0 before its first word
        nosmp nolapic noapic acpi=off pci=off      # there is only a CPU, RAM and a serial port
        tsc=reliable tsc_early_khz=20000           # as many ticks as instructions a second: see ips below
        mitigations=off cryptomgr.notests          # the rest saves time
        initcall_blacklist=trace_eval_init,ftrace_check_for_weak_functions,tracer_init_tracefs,load_system_certificate_list
        ${GUEST_KERNEL_ARGUMENTS:-}
    )
    printf '%s' "${arguments[*]}" >"$work/command_line"
    as -I "$work" -o "$work/boot.o" --defsym RAM_BYTES=$ram_bytes --defsym IMAGE=$image --defsym FILES=$files --defsym IMAGE_END=$image_end \
        "$here/boot.S"
    ld -Ttext 0xf0000 --oformat binary -o "$work/rom" "$work/boot.o"
}

configure_bochs() {
    cat >"$work/bochsrc" <<END
config_interface: textconfig
display_library: nogui
memory: guest=$((ram_bytes >> 20)), host=$((ram_bytes >> 20))
romimage: file=$work/rom, address=0xffff0000
vgaromimage: file=$work/rom
optramimage1: file=$work/image, address=$(printf '0x%x' $image)
cpu: model=$cpu, count=1, ips=20000000, reset_on_triple_fault=0
clock: sync=none, time0=utc
pci: enabled=0
com1: enabled=1, mode=file, dev=$work/serial
port_e9_hack: enabled=1
panic: action=fatal
error: action=ignore
log: $work/log
END
}

# Bochs's own words precede the guest's first line, and follow its last. With one program, the guest's own lines are of no interest.
pass_on() {
    local quiet=
    case " $* " in *" + "*) ;; *) quiet='/^@guest: /d;' ;; esac
    sed -un "/^@guest: started\$/,/^@guest: finished\$/{${quiet}p}"
}

populate "$@"
lay_out_memory
make_rom
configure_bochs
status=0
{ timeout -k 5 "${GUEST_TIMEOUT:-600}" "$cache/bochs" -q -f "$work/bochsrc" </dev/null 2>"$work/stderr" || echo $? >"$work/status"; } |
    tee "$work/stdout" | pass_on "$@"
if ! grep -qx '@guest: finished' "$work/stdout"; then
    status=125
    if grep -qsx 124 "$work/status"; then status=124; fi
    grep '^@guest: cannot' "$work/stdout" >&2 || :
    tail -n 15 "$work/stderr" "$work/log" "$work/serial" >&2 || :
    exit $status
fi
statuses=$(sed -n 's/^@guest: status \([0-9]*\)$/\1/p' "$work/stdout")
case $statuses in
*$'\n'*) if grep -qvx 0 <<<"$statuses"; then status=1; fi ;;
*) status=$statuses ;;
esac
exit "$status"
