/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Registers between KVM and the vCPU's struct. Intel SDM volume 1, 13.4 for the XSAVE area. */
#include "machine/accel/kvm/kvm.h"
#include "machine/guest/x86/flags.h"
#include "machine/guest/x86/segment.h"
#include "machine/guest/x86/system/msr.h"

#include <errno.h>
#include <gio/gio.h>
#include <string.h>
#include <sys/ioctl.h>

#define MSR_TSC 0x10

/* ---- machine-specific registers ---- */

#define FIELD(f) offsetof(struct x86_cpu, msr.f)

static const struct {
    uint32_t first, count, off;
    unsigned stride; /* bytes from one to the next; 0: 8 */
    unsigned step;   /* numbers from one to the next; 0: 1 */
} rows[] = {
    {0x48, 1, FIELD(spec_ctrl)},
    {0x174, 1, FIELD(sysenter_cs)},
    {0x175, 1, FIELD(sysenter_esp)},
    {0x176, 1, FIELD(sysenter_eip)},
    {0x17a, 1, FIELD(mcg_status)},
    {0x17b, 1, FIELD(mcg_ctl)},
    {0x1a0, 1, FIELD(misc_enable)},
    {0x200, X86_MTRR_VAR, FIELD(mtrr_base), 8, 2},
    {0x201, X86_MTRR_VAR, FIELD(mtrr_mask), 8, 2},
    {0x250, 1, FIELD(mtrr_fixed[0])},
    {0x258, 2, FIELD(mtrr_fixed[1])},
    {0x268, 8, FIELD(mtrr_fixed[3])},
    {0x277, 1, FIELD(pat)},
    {0x2ff, 1, FIELD(mtrr_def_type)},
    {0x400, 40, FIELD(mc_bank)},
    {0xda0, 1, FIELD(xss)},
    {0xc0000081, 1, FIELD(star)},
    {0xc0000082, 1, FIELD(lstar)},
    {0xc0000083, 1, FIELD(cstar)},
    {0xc0000084, 1, FIELD(sfmask)},
    {0xc0000102, 1, FIELD(kernel_gs_base)},
    {0xc0000103, 1, FIELD(tsc_aux)},
};

/* TSC_ADJUST, DEBUGCTL, and the clock's: where in the guest's memory it writes. KVM keeps them; a
 * reset makes them 0. */
static const uint32_t zero_msrs[] = {0x3b, 0x1d9, 0x11, 0x12, 0x4b564d00, 0x4b564d01};

#define MSRS_MAX 128

/* struct kvm_msrs with room for its entries. */
struct msr_list {
    uint32_t n, pad;
    struct kvm_msr_entry entry[MSRS_MAX];
};

struct msr_one {
    uint32_t n, pad;
    struct kvm_msr_entry entry;
};

G_STATIC_ASSERT(offsetof(struct msr_list, entry) == offsetof(struct kvm_msrs, entries));
G_STATIC_ASSERT(offsetof(struct msr_one, entry) == offsetof(struct kvm_msrs, entries));

/* KVM gives it and takes it back. */
static bool knows_msr(int vcpu_fd, uint32_t index)
{
    struct msr_one one = {.n = 1, .entry.index = index};

    return ioctl(vcpu_fd, KVM_GET_MSRS, &one) == 1 && ioctl(vcpu_fd, KVM_SET_MSRS, &one) == 1;
}

void kvm_state_init(struct accel_vm *vm, int vcpu_fd)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        unsigned stride = rows[i].stride ? rows[i].stride : 8, step = MAX(rows[i].step, 1);

        for (unsigned k = 0; k < rows[i].count; k++) {
            struct kvm_msr msr = {rows[i].first + k * step, rows[i].off + k * stride};

            if (vm->msrs->len < MSRS_MAX && knows_msr(vcpu_fd, msr.index)) {
                g_array_append_val(vm->msrs, msr);
            }
        }
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(zero_msrs); i++) {
        if (knows_msr(vcpu_fd, zero_msrs[i])) {
            g_array_append_val(vm->zero_msrs, zero_msrs[i]);
        }
    }
}

static uint64_t *field(struct x86_cpu *c, const struct kvm_msr *msr)
{
    return (uint64_t *)(void *)((char *)c + msr->off);
}

static const struct kvm_msr *nth(const struct accel_vm *vm, unsigned i)
{
    return &g_array_index(vm->msrs, struct kvm_msr, i);
}

static bool set_one(const struct kvm_vcpu *v, uint32_t index, uint64_t value)
{
    struct msr_one one = {.n = 1, .entry = {.index = index, .data = value}};

    return ioctl(v->fd, KVM_SET_MSRS, &one) == 1;
}

static bool get_msrs(const struct kvm_vcpu *v, struct x86_cpu *c)
{
    struct msr_list list = {.n = v->vm->msrs->len + 1};
    unsigned n = v->vm->msrs->len;

    for (unsigned i = 0; i < n; i++) {
        list.entry[i].index = nth(v->vm, i)->index;
    }
    list.entry[n].index = MSR_TSC;
    if (ioctl(v->fd, KVM_GET_MSRS, &list) != (int)n + 1) {
        return false;
    }
    for (unsigned i = 0; i < n; i++) {
        *field(c, nth(v->vm, i)) = list.entry[i].data;
    }
    c->msr.tsc_offset += list.entry[n].data - msr_tsc(c);
    return true;
}

/* FALSE: *ret_bad is one that KVM refuses. */
static bool set_msrs(const struct kvm_vcpu *v, struct x86_cpu *c, uint32_t *ret_bad)
{
    struct msr_list list = {.n = v->vm->msrs->len};
    unsigned n = v->vm->msrs->len;
    int done;

    for (unsigned i = 0; i < n; i++) {
        list.entry[i].index = nth(v->vm, i)->index;
        list.entry[i].data = *field(c, nth(v->vm, i));
    }
    done = ioctl(v->fd, KVM_SET_MSRS, &list);
    if (done < (int)n) {
        *ret_bad = list.entry[MAX(done, 0)].index;
        return false;
    }
    if (v->owner != OWNER_RESET) {
        return true; /* the time goes on */
    }
    for (unsigned i = 0; i < v->vm->zero_msrs->len; i++) {
        *ret_bad = g_array_index(v->vm->zero_msrs, uint32_t, i);
        if (!set_one(v, *ret_bad, 0)) {
            return false;
        }
    }
    *ret_bad = MSR_TSC;
    return set_one(v, MSR_TSC, msr_tsc(c));
}

/* ---- segments and control registers ---- */

static void get_segment(struct x86_seg *to, const struct kvm_segment *from)
{
    to->base = from->base;
    to->limit = from->limit;
    to->selector = from->selector;
    to->attr = (from->type & SEG_TYPE_MASK) | (from->s ? SEG_S : 0) |
               (from->dpl & 3) << SEG_DPL_SHIFT | (from->present && !from->unusable ? SEG_P : 0) |
               (from->avl ? SEG_AVL : 0) | (from->l ? SEG_L : 0) | (from->db ? SEG_DB : 0) |
               (from->g ? SEG_G : 0);
}

static struct kvm_segment set_segment(const struct x86_seg *from)
{
    return (struct kvm_segment){
        .base = from->base,
        .limit = from->limit,
        .selector = from->selector,
        .type = from->attr & SEG_TYPE_MASK,
        .s = (from->attr & SEG_S) != 0,
        .dpl = from->attr >> SEG_DPL_SHIFT & 3,
        .present = (from->attr & SEG_P) != 0,
        .unusable = !(from->attr & SEG_P),
        .avl = (from->attr & SEG_AVL) != 0,
        .l = (from->attr & SEG_L) != 0,
        .db = (from->attr & SEG_DB) != 0,
        .g = (from->attr & SEG_G) != 0,
    };
}

/* The pointers of 32-bit PAE paging, which a write of CR3 has loaded. */
static void load_pdptes(const struct kvm_vcpu *v, struct x86_cpu *c)
{
    uint8_t bytes[32];

    if ((c->cr0 & CR0_PG) && (c->cr4 & CR4_PAE) && !(c->msr.efer & EFER_LMA) &&
        bus_copy_from(v->vm->memory, c->cr3 & 0xffffffe0, bytes, sizeof(bytes)) == BUS_OK) {
        for (unsigned i = 0; i < 4; i++) {
            memcpy(&c->pdpte[i], bytes + 8 * i, 8);
        }
    }
}

static void get_sregs(const struct kvm_vcpu *v, struct x86_cpu *c, const struct kvm_sregs *s)
{
    get_segment(&c->seg[SEG_ES], &s->es);
    get_segment(&c->seg[SEG_CS], &s->cs);
    get_segment(&c->seg[SEG_SS], &s->ss);
    get_segment(&c->seg[SEG_DS], &s->ds);
    get_segment(&c->seg[SEG_FS], &s->fs);
    get_segment(&c->seg[SEG_GS], &s->gs);
    get_segment(&c->ldtr, &s->ldt);
    get_segment(&c->tr, &s->tr);
    c->gdtr = (struct x86_table){s->gdt.base, s->gdt.limit};
    c->idtr = (struct x86_table){s->idt.base, s->idt.limit};
    c->cr0 = s->cr0;
    c->cr2 = s->cr2;
    c->cr3 = s->cr3;
    c->cr4 = s->cr4;
    c->cr8 = s->cr8;
    c->msr.efer = s->efer;
    load_pdptes(v, c);
}

static void set_sregs(struct kvm_vcpu *v, const struct x86_cpu *c, struct kvm_sregs *s)
{
    *s = (struct kvm_sregs){
        .es = set_segment(&c->seg[SEG_ES]),
        .cs = set_segment(&c->seg[SEG_CS]),
        .ss = set_segment(&c->seg[SEG_SS]),
        .ds = set_segment(&c->seg[SEG_DS]),
        .fs = set_segment(&c->seg[SEG_FS]),
        .gs = set_segment(&c->seg[SEG_GS]),
        .ldt = set_segment(&c->ldtr),
        .tr = set_segment(&c->tr),
        .gdt = {.base = c->gdtr.base, .limit = c->gdtr.limit},
        .idt = {.base = c->idtr.base, .limit = c->idtr.limit},
        .cr0 = c->cr0,
        .cr2 = c->cr2,
        .cr3 = c->cr3,
        .cr4 = c->cr4,
        .cr8 = c->cr8,
        .efer = c->msr.efer,
    };
    c->cpu.upcalls->reg_read((struct cpu *)&c->cpu, 0x1b, &v->apic_base);
    s->apic_base = v->apic_base;
}

/* KVM's order of the general registers. */
#define GPRS(X) \
    X(rax, RAX) \
    X(rbx, RBX) \
    X(rcx, RCX) \
    X(rdx, RDX) \
    X(rsi, RSI) \
    X(rdi, RDI) \
    X(rsp, RSP) \
    X(rbp, RBP) \
    X(r8, R8) X(r9, R9) X(r10, R10) X(r11, R11) X(r12, R12) X(r13, R13) X(r14, R14) X(r15, R15)

static void get_regs(struct x86_cpu *c, const struct kvm_regs *r)
{
#define GET(theirs, ours) c->gpr[ours] = r->theirs;
    GPRS(GET)
#undef GET
    c->rip = r->rip;
    x86_rflags_write(c, r->rflags, UINT64_MAX);
}

static void set_regs(const struct x86_cpu *c, struct kvm_regs *r)
{
#define SET(theirs, ours) r->theirs = c->gpr[ours];
    GPRS(SET)
#undef SET
    r->rip = c->rip;
    r->rflags = x86_rflags(c);
}

/* ---- x87 and SSE: the legacy part of the XSAVE area ---- */

enum { XSAVE_ST = 32, XSAVE_XMM = 160, XSAVE_BV = 512 };

static void get_xsave(struct x86_cpu *c, const struct kvm_xsave *x)
{
    const uint8_t *p = (const uint8_t *)x->region;
    unsigned top;

    memcpy(&c->fpu.control, p, 2);
    memcpy(&c->fpu.status, p + 2, 2);
    c->fpu.tag = p[4];
    memcpy(&c->fpu.opcode, p + 6, 2);
    memcpy(&c->fpu.ip, p + 8, 8);
    memcpy(&c->fpu.dp, p + 16, 8);
    memcpy(&c->mxcsr, p + 24, 4);
    top = c->fpu.status >> 11 & 7;
    for (unsigned i = 0; i < 8; i++) {
        struct x86_f80 *st = &c->fpu.st[(top + i) & 7];

        memcpy(&st->mantissa, p + XSAVE_ST + 16 * i, 8);
        memcpy(&st->sign_exponent, p + XSAVE_ST + 16 * i + 8, 2);
    }
    for (unsigned i = 0; i < 16; i++) {
        memcpy(c->vec[i].u8, p + XSAVE_XMM + 16 * i, 16);
    }
}

static void set_xsave(const struct x86_cpu *c, struct kvm_xsave *x)
{
    uint8_t *p = (uint8_t *)x->region;
    unsigned top = c->fpu.status >> 11 & 7;

    memcpy(p, &c->fpu.control, 2);
    memcpy(p + 2, &c->fpu.status, 2);
    p[4] = c->fpu.tag;
    p[5] = 0;
    memcpy(p + 6, &c->fpu.opcode, 2);
    memcpy(p + 8, &c->fpu.ip, 8);
    memcpy(p + 16, &c->fpu.dp, 8);
    memcpy(p + 24, &c->mxcsr, 4);
    for (unsigned i = 0; i < 8; i++) {
        const struct x86_f80 *st = &c->fpu.st[(top + i) & 7];

        memcpy(p + XSAVE_ST + 16 * i, &st->mantissa, 8);
        memcpy(p + XSAVE_ST + 16 * i + 8, &st->sign_exponent, 2);
    }
    for (unsigned i = 0; i < 16; i++) {
        memcpy(p + XSAVE_XMM + 16 * i, c->vec[i].u8, 16);
    }
    p[XSAVE_BV] |= 3;
}

/* ---- events ---- */

static void get_events(struct x86_cpu *c, const struct kvm_vcpu_events *e)
{
    c->int_shadow = e->interrupt.shadow & KVM_X86_SHADOW_INT_MOV_SS ? SHADOW_ALL
                    : e->interrupt.shadow                           ? SHADOW_INTERRUPTS
                                                                    : SHADOW_NONE;
    c->nmi_blocked = e->nmi.masked;
}

/* What was on its way to the guest at the last get still is, but not after a reset. */
static void set_events(struct kvm_vcpu *v, const struct x86_cpu *c)
{
    struct kvm_vcpu_events *e = &v->events;

    if (v->owner == OWNER_RESET) {
        memset(e, 0, sizeof(*e));
    }
    e->interrupt.shadow = c->int_shadow == SHADOW_ALL          ? KVM_X86_SHADOW_INT_MOV_SS
                          : c->int_shadow == SHADOW_INTERRUPTS ? KVM_X86_SHADOW_INT_STI
                                                               : 0;
    e->nmi.masked = c->nmi_blocked;
    e->flags = KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SHADOW;
    v->ready = (c->rflags & FLAG_IF) && !c->int_shadow && !e->interrupt.injected &&
               !e->nmi.injected && !e->exception.injected;
}

static void get_debug(struct x86_cpu *c, const struct kvm_debugregs *d)
{
    memcpy(c->dr, d->db, sizeof(d->db));
    c->dr[6] = d->dr6;
    c->dr[7] = d->dr7;
}

static void set_debug(const struct x86_cpu *c, struct kvm_debugregs *d)
{
    memset(d, 0, sizeof(*d));
    memcpy(d->db, c->dr, sizeof(d->db));
    d->dr6 = c->dr[6];
    d->dr7 = c->dr[7];
}

/* ---- all of it ---- */

static gboolean refused(const char *what, GError **error)
{
    g_set_error(error, G_IO_ERROR, g_io_error_from_errno(errno), "KVM: %s: %s", what,
                g_strerror(errno));
    return FALSE;
}

gboolean kvm_state_fetch(struct kvm_vcpu *v, struct x86_cpu *c, GError **error)
{
    struct kvm_regs regs;
    struct kvm_sregs sregs;
    struct kvm_debugregs debug;
    struct kvm_xcrs xcrs;

    if (v->owner != OWNER_KVM) {
        return TRUE;
    }
    kvm_finish(v, &c->cpu);
    if (ioctl(v->fd, KVM_GET_REGS, &regs) < 0 || ioctl(v->fd, KVM_GET_SREGS, &sregs) < 0 ||
        ioctl(v->fd, KVM_GET_DEBUGREGS, &debug) < 0 || ioctl(v->fd, KVM_GET_XCRS, &xcrs) < 0 ||
        ioctl(v->fd, KVM_GET_XSAVE, &v->xsave) < 0 ||
        ioctl(v->fd, KVM_GET_VCPU_EVENTS, &v->events) < 0 || !get_msrs(v, c)) {
        return refused("cannot get the registers", error);
    }
    get_sregs(v, c, &sregs);
    get_regs(c, &regs);
    get_debug(c, &debug);
    get_xsave(c, &v->xsave);
    get_events(c, &v->events);
    for (unsigned i = 0; i < MIN(xcrs.nr_xcrs, KVM_MAX_XCRS); i++) {
        if (xcrs.xcrs[i].xcr == 0) {
            c->xcr0 = xcrs.xcrs[i].value;
        }
    }
    c->code_changed = true;
    x86_update_mode(c);
    tlb_flush(&c->cpu.tlb);
    v->owner = OWNER_STRUCT;
    return TRUE;
}

gboolean kvm_state_store(struct kvm_vcpu *v, struct x86_cpu *c, GError **error)
{
    struct kvm_regs regs;
    struct kvm_sregs sregs;
    struct kvm_debugregs debug;
    struct kvm_xcrs xcrs = {.nr_xcrs = 1, .xcrs[0] = {.xcr = 0, .value = c->xcr0}};
    uint32_t bad;

    if (v->owner == OWNER_KVM) {
        return TRUE;
    }
    set_regs(c, &regs);
    set_sregs(v, c, &sregs);
    set_debug(c, &debug);
    if (v->owner == OWNER_RESET) {
        memset(&v->xsave, 0, sizeof(v->xsave));
    }
    set_xsave(c, &v->xsave);
    set_events(v, c);
    if (ioctl(v->fd, KVM_SET_SREGS, &sregs) < 0 || ioctl(v->fd, KVM_SET_REGS, &regs) < 0 ||
        ioctl(v->fd, KVM_SET_XCRS, &xcrs) < 0 || ioctl(v->fd, KVM_SET_XSAVE, &v->xsave) < 0) {
        return refused("refuses the registers", error);
    }
    if (!set_msrs(v, c, &bad)) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "KVM: refuses the register 0x%x", bad);
        return FALSE;
    }
    if (ioctl(v->fd, KVM_SET_DEBUGREGS, &debug) < 0 ||
        ioctl(v->fd, KVM_SET_VCPU_EVENTS, &v->events) < 0) {
        return refused("refuses the events", error);
    }
    if (v->vm->split) {
        if (v->owner == OWNER_RESET && !kvm_irqchip_reset(v, c, error)) {
            return FALSE;
        }
        v->ready = false; /* KVM says when the PIC's interrupt gets through */
    }
    v->owner = OWNER_KVM;
    return TRUE;
}
