# The firmware of the emulated machine: 64 KiB of ROM that take the CPU from reset to the 64-bit entry of a Linux kernel. No BIOS, no boot loader
# and no disk: the kernel and its initial file system already lie in RAM (run.sh puts them there). Linked to 0xf0000, where the ROM shows as well
# as below 4 GiB, so that a label is its linear address.
#
# Given with --defsym: RAM_BYTES of the machine; IMAGE, where the kernel starts; FILES, where the initial file system does; IMAGE_END.
# Documentation/x86/boot.rst and zero-page.rst of Linux describe what it expects.

        .text
        .globl  _start
_start:
        .code16
real_mode:                                      # CS has base 0xffff0000 here: data is addressed from the ROM's start
        cli
        lgdtl   %cs:gdt_register - _start
        mov     $0x20, %eax                     # CR4.PAE
        mov     %eax, %cr4
        mov     $level4, %eax
        mov     %eax, %cr3
        mov     $0xc0000080, %ecx               # EFER.LME
        mov     $0x100, %eax
        xor     %edx, %edx
        wrmsr
        mov     $0x80000001, %eax               # CR0.PG and CR0.PE: from here to long mode in one step
        mov     %eax, %cr0
        ljmpl   $0x10, $long_mode

        .code64
long_mode:
        mov     $0x18, %eax
        mov     %eax, %ds
        mov     %eax, %es
        mov     %eax, %ss

# Bochs has read the image into its memory in one piece, but finds a place for each 128 KiB of guest memory only when they are first touched, one
# behind the other. Only if they are touched in ascending order, and before all else, does each find its own place.
        mov     $IMAGE, %esi
touch:  mov     (%rsi), %al
        add     $0x20000, %esi
        cmp     $IMAGE_END, %esi
        jb      touch

        mov     $0x8000, %esp
        mov     $boot_params, %esi              # where the kernel looks for it
        mov     $IMAGE, %eax
        jmp     *%rax

        .balign 8
gdt:    .quad   0, 0
        .quad   0x00af9b000000ffff              # 0x10, code of 64 bits: the selectors are those that Linux asks for
        .quad   0x00cf93000000ffff              # 0x18, data
gdt_register:
        .word   gdt_register - gdt - 1
        .long   gdt

command_line:
        .incbin "command_line"
        .byte   0

# Linear addresses are physical ones, for 4 GiB in pages of 2 MiB. The bits "accessed" (0x20) and "dirty" (0x40) are set beforehand, as the CPU
# could not set them in a ROM.
        .balign 0x1000
level4: .quad   level3 + 0x23
        .balign 0x1000
level3: .quad   level2 + 0x23, level2 + 0x1023, level2 + 0x2023, level2 + 0x3023
        .balign 0x1000
level2: .set    page, 0
        .rept   2048
        .quad   page * 0x200000 + 0xe3
        .set    page, page + 1
        .endr

# struct boot_params: a page of which the kernel reads these fields.
boot_params:
        .org    boot_params + 0x1e8; .byte 2                            # e820_entries
        .org    boot_params + 0x1fe; .word 0xaa55                       # boot_flag
        .org    boot_params + 0x202; .ascii "HdrS"; .word 0x020f        # header and version of the protocol
        .org    boot_params + 0x210; .byte 0xff, 1                      # type_of_loader: none of the known; loadflags: LOADED_HIGH
        .org    boot_params + 0x218; .long FILES, IMAGE_END - FILES     # ramdisk_image and _size
        .org    boot_params + 0x228; .long command_line                 # cmd_line_ptr
        .org    boot_params + 0x238; .long 2047                         # cmdline_size
        .org    boot_params + 0x2d0                                     # e820_table: address, size, type 1 = RAM
        .quad   0x1000, 0x9e000
        .long   1
        .quad   0x100000, RAM_BYTES - 0x100000
        .long   1
        .org    boot_params + 0x1000

        .org    _start + 0xfff0                 # the first instruction after reset
        .code16
        jmp     real_mode
        .org    _start + 0x10000
