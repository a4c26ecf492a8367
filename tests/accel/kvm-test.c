/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * -accel kvm on this host's /dev/kvm, whatever is behind it: guests of a few instructions, whose
 * results are compared with the interpreter's.
 */
#include "bare.h"

#include "machine/accel/accel.h"
#include "machine/accel/kvm/kvm.h"
#include "machine/guest/x86/arch.h"
#include "machine/guest/x86/exception.h"
#include "machine/guest/x86/flags.h"
#include "machine/guest/x86/interp.h"
#include "machine/guest/x86/segment.h"

#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { CODE = 0x1000, STACK = 0x900, DEVICE = 0xa0000, HANDLER = 0x1800, MAX_RUNS = 100000 };

struct guest {
    struct bare *bare;
    struct accel_vm *vm; /* NULL: the interpreter runs it */
    struct bus_region device;
    uint64_t last, writes; /* what was written to the device, and how often */
};

static uint64_t device_read(void *opaque, gpa off, unsigned size)
{
    return 0x1122334455667788 + off;
}

static void device_write(void *opaque, gpa off, uint64_t value, unsigned size)
{
    struct guest *g = opaque;

    g->last = value;
    g->writes++;
}

static const struct bus_ops device_ops = {
    .read = device_read, .write = device_write, .min_size = 1, .max_size = 8};

/* Real mode at CODE, vectors below: 0x20 and NMI end at HANDLER, which writes 'i' to the console,
 * counts in DI and returns. */
static void prepare(struct guest *g, const void *code, size_t len)
{
    static const uint8_t handler[] = {0x50, 0xb0, 'i', 0xe6, 0xe9, 0x47, 0x58, 0xcf};
    struct x86_cpu *c = g->bare->c;
    uint8_t *ram = g->bare->ram->host;

    ram_write(ram + CODE, code, len);
    ram_write(ram + HANDLER, handler, sizeof(handler));
    for (unsigned v = 0; v < 256; v++) {
        ram_st32(ram + 4 * v, HANDLER);
    }
    c->seg[SEG_CS].selector = 0;
    c->seg[SEG_CS].base = 0;
    c->rip = CODE;
    c->gpr[RSP] = STACK;
    x86_update_mode(c);
}

static struct guest *guest_of(const char *cpu, const void *code, size_t len)
{
    struct guest *g = g_new0(struct guest, 1);

    g->bare = bare_new(cpu);
    bus_region_init_io(&g->device, "device", 0x1000, &device_ops, g, NULL);
    bus_map(g->bare->bus, DEVICE, &g->device, 0, 0x1000, 1, false);
    prepare(g, code, len);
    return g;
}

/* `irqchip`: where its interrupt chips are. */
static void use_kvm_with(struct guest *g, const char *irqchip)
{
    g_autofree void *props = g_malloc0(accel_kvm.props_size);
    json_object *value = json_object_new_string(irqchip);
    g_autoptr(GError) error = NULL;

    row_defaults(accel_kvm.props, props);
    g_assert_true(row_set(accel_kvm.props, props, "-accel kvm", "kernel-irqchip", value, &error));
    json_object_put(value);
    x86_interp_free(g->bare->c);
    g->vm = accel_kvm.vm_new(props, g->bare->bus, NULL, &error);
    g_assert_no_error(error);
    g->bare->c->cpu.arch = &x86_arch;
    g_assert_true(accel_kvm.vcpu_new(g->vm, &g->bare->c->cpu, &error));
    g_assert_no_error(error);
}

static void use_kvm(struct guest *g)
{
    use_kvm_with(g, "off");
}

static struct guest *guest_new(bool kvm, const void *code, size_t len)
{
    struct guest *g = guest_of("qemu64", code, len);

    if (kvm) {
        use_kvm(g);
    }
    return g;
}

static void guest_free(struct guest *g)
{
    if (g->vm) {
        accel_kvm.vcpu_free(g->vm, &g->bare->c->cpu);
        accel_kvm.vm_free(g->vm);
        x86_interp_new(g->bare->c);
    }
    bare_free(g->bare);
    g_free(g);
}

static enum accel_exit run_once(struct guest *g)
{
    struct x86_cpu *c = g->bare->c;
    g_autoptr(GError) error = NULL;
    enum accel_exit why;

    __atomic_store_n(&c->cpu.exit_request, 0, __ATOMIC_SEQ_CST);
    cpu_run_work(&c->cpu);
    if (g->vm) {
        why = accel_kvm.run(g->vm, &c->cpu, &error);
        g_assert_no_error(error);
        return why;
    }
    switch (x86_interp_run(c, false)) {
    case X86_EXIT_HALT: return ACCEL_EXIT_HALT;
    case X86_EXIT_SHUTDOWN: return ACCEL_EXIT_SHUTDOWN;
    default: return ACCEL_EXIT_KICK;
    }
}

/* Until it halts with nothing to wake it, or exits; then the struct is the state. */
static void run(struct guest *g)
{
    struct x86_cpu *c = g->bare->c;
    enum accel_exit why = ACCEL_EXIT_KICK;

    for (unsigned i = 0; i < MAX_RUNS && g->bare->exit_code < 0; i++) {
        if (c->cpu.run_state != CPU_RUNNING && !x86_has_work(&c->cpu)) {
            break;
        }
        why = run_once(g);
        g_assert_cmpint(why, !=, ACCEL_EXIT_SHUTDOWN);
    }
    if (g->vm) {
        accel_kvm.state_get(g->vm, &c->cpu);
    }
}

static void interrupt(struct guest *g, int vector)
{
    g->bare->vector = vector;
    cpu_raise(&g->bare->c->cpu, CPU_PENDING_IRQ);
}

static void compare(const struct guest *a, const struct guest *b)
{
    const struct x86_cpu *x = a->bare->c, *y = b->bare->c;

    g_assert_cmpstr(a->bare->console->str, ==, b->bare->console->str);
    g_assert_cmpint(a->bare->exit_code, ==, b->bare->exit_code);
    g_assert_cmphex(x->rip, ==, y->rip);
    for (unsigned i = 0; i < 16; i++) {
        g_assert_cmphex(x->gpr[i], ==, y->gpr[i]);
    }
    g_assert_cmphex(x86_rflags(x) & ~(uint64_t)FLAG_RF, ==, x86_rflags(y) & ~(uint64_t)FLAG_RF);
    g_assert_cmpuint(a->writes, ==, b->writes);
    g_assert_cmphex(a->last, ==, b->last);
    g_assert_cmpmem(a->bare->ram->host, 0x100000, b->bare->ram->host, 0x100000);
}

static bool have_kvm(void)
{
    g_autoptr(GError) error = NULL;

    if (accel_kvm.probe(true, &error)) {
        return true;
    }
    g_test_skip(error->message);
    return false;
}

/* Both run the code, `before` (may be NULL) prepares each; the results are the same. Returns the
 * one that KVM ran. */
static struct guest *both(const void *code, size_t len, void (*before)(struct guest *g))
{
    struct guest *kvm = guest_new(true, code, len), *interp = guest_new(false, code, len);

    for (unsigned i = 0; i < 2; i++) {
        struct guest *g = i ? interp : kvm;

        if (before) {
            before(g);
        }
        run(g);
    }
    compare(kvm, interp);
    guest_free(interp);
    return kvm;
}

static void test_ports(void)
{
    static const uint8_t code[] = {0xb0, 'k',  0xe6, 0xe9, 0xe4, 0x10, 0x88,
                                   0xc3, 0xb0, 7,    0xe6, 0xf4, 0xeb, 0xfe};
    struct guest *g;

    if (!have_kvm()) {
        return;
    }
    g = both(code, sizeof(code), NULL);
    g_assert_cmpstr(g->bare->console->str, ==, "k");
    g_assert_cmpint(g->bare->exit_code, ==, 7);
    g_assert_cmphex(g->bare->c->gpr[RBX] & 0xff, ==, 0xff);
    guest_free(g);
}

static void test_device(void)
{
    /* mov ax, 0a000h; mov ds, ax; mov eax, [8]; mov [16], eax; hlt */
    static const uint8_t code[] = {0xb8, 0x00, 0xa0, 0x8e, 0xd8, 0x66, 0xa1,
                                   8,    0,    0x66, 0xa3, 16,   0,    0xf4};
    struct guest *g;

    if (!have_kvm()) {
        return;
    }
    g = both(code, sizeof(code), NULL);
    g_assert_cmphex(g->last, ==, 0x55667790);
    g_assert_cmpuint(g->writes, ==, 1);
    guest_free(g);
}

static void raise_irq(struct guest *g)
{
    run(g); /* to its first HLT */
    interrupt(g, 0x20);
}

static void test_halt(void)
{
    static const uint8_t code[] = {0xfb, 0xf4, 0xb0, 'w', 0xe6, 0xe9, 0xf4}; /* sti; hlt; ... */
    struct guest *g;

    if (!have_kvm()) {
        return;
    }
    g = both(code, sizeof(code), raise_irq);
    g_assert_cmpstr(g->bare->console->str, ==, "iw");
    guest_free(g);
}

static void raise_nmi(struct guest *g)
{
    run(g);
    cpu_raise(&g->bare->c->cpu, CPU_PENDING_NMI);
}

static void test_nmi(void)
{
    static const uint8_t code[] = {0xfa, 0xf4, 0xb0, 'n', 0xe6, 0xe9, 0xf4}; /* cli; hlt; ... */
    struct guest *g;

    if (!have_kvm()) {
        return;
    }
    g = both(code, sizeof(code), raise_nmi);
    g_assert_cmpstr(g->bare->console->str, ==, "in");
    guest_free(g);
}

enum { GDT = 0x7000, IDT = 0x8000, TABLES = 0x10000, LONG_HANDLER = 0x1900 };

/* 64-bit code at CODE, CPL 0, on pages of 2 MiB; interrupt 20h ends at a handler that says 'x'. */
static void prepare_long(struct guest *g)
{
    static const uint8_t handler[] = {0x50, 0xb0, 'x', 0xe6, 0xe9, 0x58, 0x48, 0xcf};
    struct x86_cpu *c = g->bare->c;

    ram_write(g->bare->ram->host + LONG_HANDLER, handler, sizeof(handler));
    bare_write64(g->bare, TABLES, (TABLES + 0x1000) | 3);
    bare_write64(g->bare, TABLES + 0x1000, (TABLES + 0x2000) | 3);
    for (unsigned i = 0; i < 8; i++) {
        bare_write64(g->bare, TABLES + 0x2000 + 8 * i, (uint64_t)i << 21 | 0x83);
    }
    bare_write64(g->bare, GDT + 8, 0x00af9b000000ffff);
    bare_write64(g->bare, GDT + 16, 0x00cf93000000ffff);
    bare_write64(g->bare, IDT + 16 * 0x20, 0x00008e0000080000 | LONG_HANDLER);
    c->gdtr = (struct x86_table){GDT, 23};
    c->idtr = (struct x86_table){IDT, 0xfff};
    c->tr = (struct x86_seg){.limit = 0x67, .attr = SEG_P | 0xb};
    c->cr4 |= CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_OSXSAVE;
    bare_long(g->bare, 0, TABLES);
    c->gpr[RSP] = 0x6000;
}

struct counter {
    const char *name;
    uint64_t value;
    unsigned seen;
};

static void look_at(void *opaque, const struct accel_stat *s)
{
    struct counter *wanted = opaque;

    g_assert_true(s->name[0] && s->type && s->n > 0);
    g_assert_true(s->base == 2 || s->base == 10);
    if (g_str_equal(s->name, wanted->name)) {
        wanted->value = s->value[0];
        wanted->seen++;
    }
}

/* The counters agree with what the guest did, as far as this KVM has them. */
static void check_counters(struct guest *g)
{
    struct counter own = {.name = "insn_interpreted"}, exits = {.name = "exits"};

    accel_kvm.stats(g->vm, NULL, look_at, &own);
    g_assert_cmpuint(own.seen, ==, 1);
    g_assert_cmpuint(own.value, ==, g->vm->helped);
    accel_kvm.stats(g->vm, &g->bare->c->cpu, look_at, &exits);
    if (exits.seen) {
        g_test_message("KVM counted %" G_GUINT64_FORMAT " exits", exits.value);
        g_assert_cmpuint(exits.value, >, 0);
    }
}

/* Instructions that not every KVM runs in the kernel's mode: where it cannot, the interpreter does,
 * and says how often. */
static void test_help(void)
{
    /* int 20h; xor ecx, ecx; xgetbv; mov bl, al; int 20h; hlt */
    static const uint8_t code[] = {0xcd, 0x20, 0x31, 0xc9, 0x0f, 0x01,
                                   0xd0, 0x88, 0xc3, 0xcd, 0x20, 0xf4};
    struct guest *kvm, *interp;

    if (!have_kvm()) {
        return;
    }
    kvm = guest_of("max", code, sizeof(code));
    interp = guest_of("max", code, sizeof(code));
    prepare_long(kvm);
    prepare_long(interp);
    use_kvm(kvm);
    run(kvm);
    run(interp);
    compare(kvm, interp);
    g_assert_cmpstr(kvm->bare->console->str, ==, "xx");
    g_assert_cmpuint(kvm->bare->c->gpr[RBX] & 0xff, ==, 1);
    g_test_message("the interpreter ran %" G_GUINT64_FORMAT " instructions", kvm->vm->helped);
    if (!accel_kvm.probe(false, NULL)) {
        g_assert_cmpuint(kvm->vm->helped, >, 0); /* no hardware's KVM */
    }
    check_counters(kvm);
    guest_free(kvm);
    guest_free(interp);
}

/* ---- interrupt chips in KVM ---- */

enum {
    APIC = 0xfee00000,
    SVR = 0xf0,
    LVT_TIMER = 0x320,
    LVT_ERROR = 0x370,
    EDGE = 0x51,
    LEVEL = 0x52
};

struct chips {
    struct guest *g;
    struct bus_region page; /* what the machine's own local APIC shows after a reset */
    struct cpu_upcalls upcalls;
    unsigned ended; /* how often 52h did */
};

static uint64_t apic_read(void *opaque, gpa off, unsigned size)
{
    return off == SVR                                 ? 0x1ff
           : off >= LVT_TIMER && off <= LVT_ERROR     ? 0x10000
           : off == 0xe0 /* the destination format */ ? UINT32_MAX
                                                      : 0;
}

static const struct bus_ops apic_ops = {.read = apic_read, .min_size = 4, .max_size = 4};

/* The guest asks for an interrupt: 1: 51h, an edge; 2: 52h, a level. */
static void chips_write(void *opaque, gpa off, uint64_t value, unsigned size)
{
    struct chips *s = opaque;
    struct accel_vm *vm = s->g->vm;

    s->g->writes++;
    accel_kvm.chips(vm)->send(vm, APIC, value == 1 ? EDGE : 0xc000 | LEVEL);
}

static const struct bus_ops chips_ops = {.write = chips_write, .min_size = 1, .max_size = 1};

static void irq_ended(struct cpu *cpu, uint8_t vector)
{
    struct chips *s = (struct chips *)((char *)cpu->upcalls - offsetof(struct chips, upcalls));

    g_assert_cmphex(vector, ==, LEVEL);
    s->ended++;
}

static bool have_split(void)
{
    int fd, split;

    if (!have_kvm()) {
        return false;
    }
    fd = kvm_open(NULL);
    split = ioctl(fd, KVM_CHECK_EXTENSION, KVM_CAP_SPLIT_IRQCHIP);
    close(fd);
    if (split <= 0) {
        g_test_skip("this KVM has no split interrupt chips");
    }
    return split > 0;
}

/* The vectors and the page of the local APIC; the handler ends its interrupt there. */
static void prepare_chips(struct guest *g)
{
    static const uint8_t handler[] = {
        0x50, 0xb0, 'x',  0xe6, 0xe9,    /* push rax; mov al, 'x'; out 0e9h, al */
        0xb8, 0xb0, 0x00, 0xe0, 0xfe,    /* mov eax, 0fee000b0h */
        0xc7, 0x00, 0,    0,    0,    0, /* mov dword [rax], 0 */
        0x58, 0x48, 0xcf,                /* pop rax; iretq */
    };

    prepare_long(g);
    ram_write(g->bare->ram->host + LONG_HANDLER, handler, sizeof(handler));
    bare_write64(g->bare, TABLES + 0x1000 + 8 * 3, (TABLES + 0x3000) | 3);
    bare_write64(g->bare, TABLES + 0x3000 + 8 * 503, APIC | 0x83);
    bare_write64(g->bare, IDT + 16 * EDGE, 0x00008e0000080000 | LONG_HANDLER);
    bare_write64(g->bare, IDT + 16 * LEVEL, 0x00008e0000080000 | LONG_HANDLER);
}

/* Interrupts by message wake a vCPU that KVM itself halts; the end of a level is told, that of an
 * edge is not. */
static void test_split(void)
{
    static const uint8_t code[] = {
        0xc6, 0x04, 0x25, 0,    0,    0x0a, 0, 1, /* mov byte [0a0000h], 1 */
        0xfb, 0xf4, 0xfa,                         /* sti; hlt; cli */
        0xc6, 0x04, 0x25, 0,    0,    0x0a, 0, 2, /* mov byte [0a0000h], 2 */
        0xfb, 0xf4, 0xfa,                         /* sti; hlt; cli */
        0xb0, 7,    0xe6, 0xf4, 0xeb, 0xfe,       /* mov al, 7; out 0f4h, al; jmp $ */
    };
    const struct irq_message level = {.address = APIC, .data = 0xc000 | LEVEL};
    struct chips s = {0};
    struct x86_cpu *c;

    if (!have_split()) {
        return;
    }
    s.g = guest_of("max", code, sizeof(code));
    c = s.g->bare->c;
    bus_region_init_io(&s.page, "apic", 0x1000, &apic_ops, &s, NULL);
    bus_map(s.g->bare->bus, APIC, &s.page, 0, 0x1000, 1, false);
    s.g->device.ops = &chips_ops;
    s.g->device.opaque = &s;
    s.upcalls = *c->cpu.upcalls;
    s.upcalls.irq_ended = irq_ended;
    c->cpu.upcalls = &s.upcalls;
    use_kvm_with(s.g, "split");
    accel_kvm.chips(s.g->vm)->watch(s.g->vm, &level, 1);
    for (unsigned round = 1; round <= 3; round++) { /* a reset between them */
        s.g->bare->exit_code = -1;
        x86_reset(c, true);
        prepare(s.g, code, sizeof(code));
        prepare_chips(s.g);
        accel_kvm.state_set(s.g->vm, &c->cpu);
        run(s.g);
        g_assert_cmpint(s.g->bare->exit_code, ==, 7);
        g_assert_cmpuint(s.g->bare->console->len, ==, 2 * round);
        g_assert_cmpuint(s.g->writes, ==, 2 * round);
        g_assert_cmpuint(s.ended, ==, round);
    }
    g_assert_cmpstr(s.g->bare->console->str, ==, "xxxxxx");
    guest_free(s.g);
}

/* Memory comes, becomes read-only and goes while the vCPU's place in the code stays. */
static void test_slots(void)
{
    /* mov ax, 0b000h; mov ds, ax; again: mov byte [0], 5; mov bl, [0]; hlt; jmp again */
    static const uint8_t code[] = {0xb8, 0x00, 0xb0, 0x8e, 0xd8, 0xc6, 0x06, 0,   0,
                                   5,    0x8a, 0x1e, 0,    0,    0xf4, 0xeb, 0xf4};
    struct bus_region region;
    struct bus_mapping *map;
    struct guest *g;

    if (!have_kvm()) {
        return;
    }
    g = guest_new(true, code, sizeof(code));
    bus_region_init_ram(&region, "window", g->bare->ram, 0x200000, 0x1000);
    for (unsigned i = 0; i < 30; i++) {
        bool readonly = i % 3 == 1, there = i % 3 != 2;
        uint8_t *byte = g->bare->ram->host + (there ? 0x200000 : 0xb0000);

        *byte = 9;
        map = there ? bus_map(g->bare->bus, 0xb0000, &region, 0, 0x1000, 2, readonly) : NULL;
        if (i) {
            cpu_raise(&g->bare->c->cpu, CPU_PENDING_NMI);
            g->bare->c->nmi_blocked = false;
        }
        run(g);
        g_assert_cmpuint(g->bare->c->gpr[RBX] & 0xff, ==, readonly ? 9 : 5);
        g_assert_cmpuint(*byte, ==, readonly ? 9 : 5);
        bus_unmap(g->bare->bus, map);
        quiesce_point(&g->bare->c->cpu.reader);
    }
    guest_free(g);
}

enum { KICKS = 20000 };

struct kicker {
    struct guest *g;
    uint32_t taken, over; /* atomic */
};

static gpointer kick_often(gpointer data)
{
    struct kicker *k = data;

    for (unsigned i = 0; i < KICKS; i++) {
        cpu_kick(&k->g->bare->c->cpu);
        while (__atomic_load_n(&k->taken, __ATOMIC_SEQ_CST) <= i) {
            g_thread_yield();
        }
    }
    return NULL;
}

/* Each kick makes run() return; a lost one hangs the test. */
static void test_kicks(void)
{
    static const uint8_t code[] = {0x40, 0xeb, 0xfd}; /* again: inc ax; jmp again */
    struct kicker k = {0};
    GThread *t;

    if (!have_kvm()) {
        return;
    }
    k.g = guest_new(true, code, sizeof(code));
    t = g_thread_new("kicker", kick_often, &k);
    for (unsigned i = 0; i < KICKS; i++) {
        g_autoptr(GError) error = NULL;
        struct cpu *cpu = &k.g->bare->c->cpu;

        while (!__atomic_load_n(&cpu->exit_request, __ATOMIC_SEQ_CST)) {
            g_assert_cmpint(accel_kvm.run(k.g->vm, cpu, &error), ==, ACCEL_EXIT_KICK);
            g_assert_no_error(error);
        }
        __atomic_store_n(&cpu->exit_request, 0, __ATOMIC_SEQ_CST);
        __atomic_store_n(&k.taken, i + 1, __ATOMIC_SEQ_CST);
    }
    g_thread_join(t);
    guest_free(k.g);
}

/* Set, taken by KVM, and got again after one instruction. */
static void test_state(void)
{
    static const uint8_t code[] = {0xf4};
    struct guest *g;
    struct x86_cpu *c, was;

    if (!have_kvm()) {
        return;
    }
    g = guest_new(true, code, sizeof(code));
    c = g->bare->c;
    for (unsigned i = 0; i < 16; i++) {
        if (i != RSP) {
            c->gpr[i] = 0x0101010101010101 * i;
        }
        memset(c->vec[i].u8, 0x40 + i, 16);
    }
    c->cr2 = 0x1234567;
    c->dr[0] = 0x1000000;
    c->fpu.control = 0x27f;
    c->mxcsr = 0x1fa0;
    c->msr.star = 0x0023001000000000;
    c->msr.lstar = 0xffffffff81000000;
    c->msr.sfmask = 0x700;
    c->msr.kernel_gs_base = 0xffff888000000000;
    c->msr.sysenter_eip = 0x1111;
    c->msr.pat = 0x0007040600070406;
    memcpy(&was, c, sizeof(was));
    accel_kvm.state_set(g->vm, &c->cpu);
    run(g);
    g_assert_cmphex(c->rip, ==, was.rip + 1);
    g_assert_cmpmem(c->gpr, sizeof(c->gpr), was.gpr, sizeof(was.gpr));
    for (unsigned i = 0; i < 16; i++) {
        g_assert_cmpmem(c->vec[i].u8, 16, was.vec[i].u8, 16);
    }
    g_assert_cmphex(c->cr0, ==, was.cr0);
    g_assert_cmphex(c->cr2, ==, was.cr2);
    g_assert_cmphex(c->dr[0], ==, was.dr[0]);
    g_assert_cmphex(c->fpu.control, ==, was.fpu.control);
    g_assert_cmphex(c->mxcsr, ==, was.mxcsr);
    g_assert_cmphex(c->msr.star, ==, was.msr.star);
    g_assert_cmphex(c->msr.lstar, ==, was.msr.lstar);
    g_assert_cmphex(c->msr.sfmask, ==, was.msr.sfmask);
    g_assert_cmphex(c->msr.kernel_gs_base, ==, was.msr.kernel_gs_base);
    g_assert_cmphex(c->msr.sysenter_eip, ==, was.msr.sysenter_eip);
    g_assert_cmphex(c->msr.pat, ==, was.msr.pat);
    for (unsigned i = 0; i < SEG_COUNT; i++) {
        g_assert_cmphex(c->seg[i].base, ==, was.seg[i].base);
        g_assert_cmphex(c->seg[i].limit, ==, was.seg[i].limit);
        g_assert_cmphex(c->seg[i].selector, ==, was.seg[i].selector);
    }
    guest_free(g);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/accel/kvm/ports", test_ports);
    g_test_add_func("/accel/kvm/device", test_device);
    g_test_add_func("/accel/kvm/halt", test_halt);
    g_test_add_func("/accel/kvm/nmi", test_nmi);
    g_test_add_func("/accel/kvm/help", test_help);
    g_test_add_func("/accel/kvm/slots", test_slots);
    g_test_add_func("/accel/kvm/kicks", test_kicks);
    g_test_add_func("/accel/kvm/split", test_split);
    g_test_add_func("/accel/kvm/state", test_state);
    return g_test_run();
}
