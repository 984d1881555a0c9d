# A boot sector that dirties a known working set at a known rate, so that a test
# or a demo knows what the guest's CPU does. No operating system, no driver.
#
# It switches to 32-bit protected mode without paging, programs the PIT for 1165
# interrupts a second, and after each one writes the pages that became due by the
# ACPI PM timer (3.579545 MHz). Between interrupts it halts: a guest that polls
# would take a whole core of the host from the migration that is to be watched.
# Both clocks stand still while the VM is stopped.
#
# Everything that it changes besides the working set lies in one page, the state
# page. scripts/lab/workload.ts patches the parameters below into the assembled
# sector, and knows both layouts.

        .intel_syntax noprefix
        .code16
        .globl start
        .text

start:  jmp     begin
        .org    start + 8

# Parameters, at these offsets of the sector.
        .set    P_MAGIC, 8
        .ascii  "workload"              # the magic of every stamp
        .set    P_BASE, 16
        .long   0x1000000               # first page of the working set
        .set    P_PAGES, 20
        .long   1024
        .set    P_RATE, 24
        .long   1000                    # pages/s, 0: as fast as possible
        .set    P_SEQUENTIAL, 28
        .long   0                       # 1: in order, else at random
        .set    P_HOT_PAGES, 32
        .long   0                       # the first pages of the working set ...
        .set    P_HOT_SHARE, 36
        .long   0                       # ... get this share of the writes, in 2^-32
        .set    P_BURST_ON, 40
        .long   0                       # PM timer ticks
        .set    P_BURST_PERIOD, 44
        .long   0                       # 0: no bursts
        .set    P_SEED, 48
        .long   0x2545f491              # not 0
        .set    P_STATE, 52
        .long   0x8000                  # the state page
        .set    P_SPIN, 56
        .long   0                       # turns of an empty loop after a write of a flood

# The state page, by offset. A tester reads the first three.
        .set    MAGIC, 0                # "progress", once the guest runs
        .set    SEQUENCE, 8             # u64 pages written
        .set    TICKS, 16               # u64 PM timer ticks since the start
        .set    LAST, 24                # u32 PM timer when last read
        .set    RANDOM, 28              # u32
        .set    CREDIT, 32              # u64 pages due, in units of 1 / PM_HZ
        .set    PHASE, 40               # u32 ticks since the burst began
        .set    NEXT, 44                # u32 page index, when sequential
        .set    IDT, 256
        .set    STACK, 4096             # top

        .set    PM_HZ, 3579545
        .set    PM_TIMER, 0x608         # I/O port: PMBASE + 8, as SeaBIOS sets it
        .set    STAMP_BYTES, 32
        .set    VECTOR, 8               # IRQ 0, as the firmware set up the PIC

begin:  cli
        cld
        xor     ax, ax
        mov     ds, ax
        in      al, 0x92                # A20, if the firmware left it off
        or      al, 2
        and     al, 0xfe
        out     0x92, al
        lgdt    [gdt]
        mov     eax, cr0
        or      al, 1
        mov     cr0, eax
        .byte   0x66, 0xea              # jmp 8:flat
        .long   protected
        .word   8

        .code32
protected:
        push    16                      # shorter than mov: this sector is full
        pop     eax
        mov     ds, ax
        mov     es, ax
        mov     ss, ax
        mov     ebp, offset start       # ebp: this sector, for the parameters
        mov     ebx, [ebp + P_STATE]      # ebx: the state page, from here on
        lea     esp, [ebx + STACK]

        xor     eax, eax                # clear the page
        mov     edi, ebx
        mov     ecx, 1024
        rep stosd

        lea     edi, [ebx + IDT]        # one gate: IRQ 0
        mov     eax, offset timer
        mov     word ptr [edi + VECTOR * 8], ax
        mov     byte ptr [edi + VECTOR * 8 + 2], 8
        mov     byte ptr [edi + VECTOR * 8 + 5], 0x8e
        push    edi
        push    (VECTOR * 8 + 7) << 16
        lidt    [esp + 2]

        mov     al, 0xfe                # only IRQ 0
        out     0x21, al
        mov     al, 0xff
        out     0xa1, al
        mov     al, 0x24                # PIT channel 0, rate generator, high byte:
        out     0x43, al
        mov     al, 4                   # 1193182 Hz / 1024
        out     0x40, al

        mov     eax, [ebp + P_SEED]
        mov     [ebx + RANDOM], eax
        call    read_timer
        and     dword ptr [ebx + TICKS], 0
        mov     al, 'R'                 # running: debug console and COM1
        out     0xe9, al
        mov     dx, 0x3f8
        out     dx, al
        mov     dword ptr [ebx + MAGIC], 0x676f7270     # "prog"
        mov     dword ptr [ebx + MAGIC + 4], 0x73736572 # "ress"

tick:   call    read_timer              # eax: ticks since the last time
        mov     ecx, [ebp + P_BURST_PERIOD]
        jecxz   due
        mov     edx, [ebx + PHASE]
        add     edx, eax
burst:  cmp     edx, ecx
        jb      phase
        sub     edx, ecx
        jmp     burst
phase:  mov     [ebx + PHASE], edx
        cmp     edx, [ebp + P_BURST_ON]
        jae     wait
due:    mov     ecx, [ebp + P_RATE]
        jecxz   flood
        mul     ecx
        add     eax, [ebx + CREDIT]
        adc     edx, [ebx + CREDIT + 4]
        mov     ecx, PM_HZ
        div     ecx                     # eax: pages due
        mov     [ebx + CREDIT], edx
        mov     ecx, eax
        jecxz   wait
        cmp     ecx, [ebp + P_RATE]     # what was missed for more than a second
        jbe     write                   # is not caught up with
        mov     ecx, [ebp + P_RATE]
write:  call    write_page
        loop    write
wait:   sti
        hlt
        cli
        jmp     tick

flood:  mov     cl, 64                  # ecx was 0
1:      call    write_page
        mov     eax, [ebp + P_SPIN]
2:      dec     eax
        jns     2b
        loop    1b
        jmp     tick

timer:  mov     al, 0x20                # comes only after the hlt above: eax is free
        out     0x20, al
        iretd

# eax: PM timer ticks since the last call, which must be within 4.6 s (24 bits).
read_timer:
        mov     dx, PM_TIMER
        in      eax, dx
        mov     edx, eax
        xchg    edx, [ebx + LAST]
        sub     eax, edx
        and     eax, 0xffffff
        add     [ebx + TICKS], eax
        adc     dword ptr [ebx + TICKS + 4], 0
        ret

# eax: random, of 32 bits (xorshift).
random: mov     eax, [ebx + RANDOM]
        mov     edx, eax
        shl     edx, 13
        xor     eax, edx
        mov     edx, eax
        shr     edx, 17
        xor     eax, edx
        mov     edx, eax
        shl     edx, 5
        xor     eax, edx
        mov     [ebx + RANDOM], eax
        ret

# Chooses the next page and stamps it. Keeps ebx and ecx.
write_page:
        mov     edi, [ebp + P_PAGES]
        xor     esi, esi                # esi: first page, edi: how many
        cmp     dword ptr [ebp + P_SEQUENTIAL], 0
        je      at_random
        mov     edx, [ebx + NEXT]
        lea     eax, [edx + 1]
        cmp     eax, edi
        jb      1f
        xor     eax, eax
1:      mov     [ebx + NEXT], eax
        jmp     stamp
at_random:
        call    random
        mov     esi, [ebp + P_HOT_PAGES]
        cmp     eax, [ebp + P_HOT_SHARE]
        jb      hot
        sub     edi, esi
        jmp     2f
hot:    mov     edi, esi
        xor     esi, esi
2:      call    random
        mul     edi                     # edx: random of 0 .. edi - 1
        add     edx, esi
stamp:  add     dword ptr [ebx + SEQUENCE], 1
        adc     dword ptr [ebx + SEQUENCE + 4], 0
        shl     edx, 12
        add     edx, [ebp + P_BASE]
        mov     edi, edx                # edi: the page's address
        shr     edx, 12
        imul    edx, edx, 0x9e3779b1
        imul    eax, [ebx + SEQUENCE], 0x85ebca6b
        xor     edx, eax
        xor     edx, STAMP_BYTES        # edx: the fill
        push    edi
        lea     esi, [ebp + P_MAGIC]
        movsd
        movsd
        pop     eax
        stosd                           # u64 address
        xor     eax, eax
        stosd
        lea     esi, [ebx + SEQUENCE]
        movsd
        movsd
        mov     al, STAMP_BYTES
        stosd
        xchg    eax, edx
        stosd
        ret

# Flat segments; "accessed" is set, so that the CPU does not write here. The
# descriptor that nothing uses holds the pointer.
gdt:    .word   23
        .long   gdt
        .word   0
        .quad   0x00cf9b000000ffff
        .quad   0x00cf93000000ffff

        .org    start + 510
        .word   0xaa55
