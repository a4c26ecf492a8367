/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs any bytes as a guest: the first choose mode, privilege and control bits, the next are
 * descriptors (GDT, IDT, TSS) and page-table entries, the rest is code and data. Nothing may crash
 * or hang, and what the CPU ends in must be a state that it could be loaded from. Once interpreted,
 * once translated.
 */
#include "bare.h"

#include "machine/accel/accel.h"
#include "machine/core/clock.h"
#include "machine/guest/x86/arch.h"
#include "machine/guest/x86/exception.h"
#include "machine/guest/x86/flags.h"
#include "machine/guest/x86/interp.h"
#include "machine/guest/x86/saved.h"
#include "machine/guest/x86/segment.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { GDT = 0x1000, IDT = 0x2000, TSS = 0x3000, PML4 = 0x4000, CODE = 0x8000 };

#define HEADER 16
#define STEPS  1000

/* Copies what there is of the next `want` bytes to guest memory. */
static void take(struct bare *b, gpa to, size_t want, const uint8_t **data, size_t *size)
{
    size_t n = MIN(want, *size);

    memcpy(b->ram->host + to, *data, n);
    *data += n;
    *size -= n;
}

/* Identity map of 16 MiB in 2 MiB pages, with bits of the input changed here and there. */
static void make_tables(struct bare *b, const uint8_t *header)
{
    bare_write64(b, PML4, (PML4 + 0x1000) | 7);
    bare_write64(b, PML4 + 0x1000, (PML4 + 0x2000) | 7);
    for (unsigned i = 0; i < 8; i++) {
        bare_write64(b, PML4 + 0x2000 + i * 8, (uint64_t)i << 21 | 0xe7);
    }
    bare_write64(b, PML4 + 0x2000 + (header[8] & 7) * 8, (uint64_t)header[9] << 13 | header[10]);
}

static void set_mode(struct bare *b, const uint8_t *header)
{
    struct x86_cpu *c = b->c;
    unsigned cpl = header[1] & 3;

    switch (header[0] % 4) {
    case 0: /* real mode */
        c->seg[SEG_CS].selector = c->seg[SEG_CS].base = 0;
        x86_update_mode(c);
        break;
    case 1: /* protected, no paging, 16 or 32 bits */
        bare_protected(b, cpl);
        c->seg[SEG_CS].attr ^= header[1] & 4 ? SEG_DB : 0;
        break;
    case 2: bare_long(b, cpl, PML4); break;
    case 3: /* compatibility mode */
        bare_long(b, cpl, PML4);
        c->seg[SEG_CS].attr = (c->seg[SEG_CS].attr & ~SEG_L) | SEG_DB;
        break;
    }
    c->msr.efer |= header[2] & 1 ? EFER_SCE | EFER_NXE : 0;
    c->cr0 |= header[2] & 2 ? CR0_WP | CR0_AM : 0;
    c->cr4 |= header[2] & 4 ? CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_OSXSAVE : 0;
    c->cr4 |= header[2] & 8 ? CR4_SMEP | CR4_SMAP | CR4_UMIP : 0;
    c->rflags |= header[3] & 1 ? FLAG_TF : 0;
    c->rflags |= header[3] & 2 ? FLAG_IOPL : 0;
    c->rflags |= header[3] & 4 ? FLAG_AC : 0;
    c->dr[7] |= header[4];
    c->dr[0] = CODE + header[5];
    x86_update_mode(c);
}

static void set_registers(struct bare *b, const uint8_t *header)
{
    struct x86_cpu *c = b->c;

    for (unsigned i = 0; i < 16; i++) {
        c->gpr[i] = (uint64_t)header[i] << (header[15 - i] & 56) | (CODE + header[i] * 64);
    }
    c->gpr[RSP] = 0x7000 + header[6];
    c->rip = CODE;
    c->gdtr = (struct x86_table){GDT, 0xff};
    c->idtr = (struct x86_table){IDT, 0x1ff};
    c->tr = (struct x86_seg){.base = TSS, .limit = 0xff, .selector = 8, .attr = SEG_P | 0xb};
}

static void prepare(struct bare *b, const uint8_t *data, size_t size)
{
    uint8_t header[HEADER];

    memcpy(header, data, HEADER);
    data += HEADER;
    size -= HEADER;
    make_tables(b, header);
    take(b, GDT, 64, &data, &size);
    take(b, IDT, 128, &data, &size);
    take(b, TSS, 104, &data, &size);
    take(b, CODE, 0x4000, &data, &size);
    set_mode(b, header);
    set_registers(b, header);
}

static void interpret(struct bare *b)
{
    /* Somebody waits, so a repeated string gives way after each element: the loop has an end. */
    __atomic_store_n(&b->c->cpu.exit_request, 1, __ATOMIC_SEQ_CST);
    for (unsigned i = 0; i < STEPS && x86_exec_one(b->c) == X86_EXIT_STEP; i++) {
        g_assert(x86_rflags(b->c) & FLAG_ONE);
    }
}

static void run_translated(struct bare *b)
{
    g_autofree void *props = g_malloc0(accel_jit.props_size);
    struct cpu *cpu = &b->c->cpu;
    struct accel_vm *vm;

    x86_interp_free(b->c); /* the accelerator makes its own */
    row_defaults(accel_jit.props, props);
    *(uint32_t *)props = 1; /* tb-size, the first */
    cpu->arch = &x86_arch;
    cpu->clock = clock_new(0, NULL);
    vm = accel_jit.vm_new(props, b->bus, NULL, NULL);
    g_assert_true(accel_jit.vcpu_new(vm, cpu, NULL));
    for (unsigned left = STEPS; left; left /= 2) {
        cpu->budget = left;
        if (accel_jit.run(vm, cpu, NULL) != ACCEL_EXIT_BUDGET) {
            break;
        }
    }
    accel_jit.vcpu_free(vm, cpu);
    accel_jit.vm_free(vm);
    clock_free(cpu->clock);
    x86_interp_new(b->c);
}

static void check_state(struct bare *b)
{
    g_autoptr(GByteArray) state = g_byte_array_new();
    g_autoptr(GError) error = NULL;
    const uint8_t *saved;
    size_t left;

    x86_save(b->c, state);
    saved = state->data;
    left = state->len;
    if (!x86_load(b->c, &saved, &left, &error)) {
        g_error("an impossible state was reached: %s", error->message);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const ways[])(struct bare * b) = {interpret, run_translated};

    if (size < HEADER) {
        return 0;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(ways); i++) {
        struct bare *b = bare_new("max");

        prepare(b, data, size);
        ways[i](b);
        check_state(b);
        bare_free(b);
    }
    return 0;
}
