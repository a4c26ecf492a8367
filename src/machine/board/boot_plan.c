/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/board/boot_plan.h"

#include "base/bits.h"
#include "base/endian.h"
#include "machine/guest/x86/flags.h"
#include "machine/guest/x86/segment.h"

#define ONE_MIB 0x100000

struct piece {
    gpa addr;
    uint64_t size; /* with the zeroes that follow */
    GBytes *bytes; /* NULL: only kept free */
};

static void clear_piece(gpointer p)
{
    g_clear_pointer(&((struct piece *)p)->bytes, g_bytes_unref);
}

struct boot_plan *boot_plan_new(void)
{
    struct boot_plan *plan = g_new0(struct boot_plan, 1);

    plan->pieces = g_array_new(FALSE, FALSE, sizeof(struct piece));
    g_array_set_clear_func(plan->pieces, clear_piece);
    return plan;
}

void boot_plan_free(struct boot_plan *plan)
{
    if (plan) {
        g_array_unref(plan->pieces);
        g_free(plan);
    }
}

/* The piece that [addr, addr + size) lies on, or NULL. */
static const struct piece *in_the_way(const struct boot_plan *plan, gpa addr, uint64_t size)
{
    for (unsigned i = 0; i < plan->pieces->len; i++) {
        const struct piece *p = &g_array_index(plan->pieces, struct piece, i);

        if (addr < p->addr + p->size && p->addr < addr + size) {
            return p;
        }
    }
    return NULL;
}

gboolean boot_plan_put(struct boot_plan *plan, const struct boot_source *source, const char *what,
                       gpa addr, const void *data, size_t len, uint64_t size, GError **error)
{
    struct piece p = {.addr = addr, .size = MAX(size, len)};

    if (p.size == 0) {
        return TRUE;
    }
    if (addr >= source->ram_top || p.size > source->ram_top - addr) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_NOSPC,
                    "%s (%" G_GUINT64_FORMAT " bytes at 0x%" G_GINT64_MODIFIER
                    "x) does not fit into the guest's memory",
                    what, p.size, addr);
        return FALSE;
    }
    if (in_the_way(plan, addr, p.size)) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
                    "%s at 0x%" G_GINT64_MODIFIER "x would lie on another part", what, addr);
        return FALSE;
    }
    p.bytes = data ? g_bytes_new(data, len) : NULL;
    g_array_append_val(plan->pieces, p);
    return TRUE;
}

gpa boot_plan_place(const struct boot_plan *plan, const struct boot_source *source, uint64_t len,
                    gpa limit)
{
    gpa top = MIN(limit, source->ram_top);

    for (unsigned i = 0; i <= plan->pieces->len; i++) {
        const struct piece *p;
        gpa addr;

        if (len > top || top - len < ONE_MIB) {
            return 0;
        }
        addr = align_down(top - len, RAM_PAGE_SIZE);
        p = in_the_way(plan, addr, len);
        if (!p) {
            return addr;
        }
        top = p->addr;
    }
    return 0;
}

struct boot_plan *boot_plan_kernel(const struct boot_source *source, GError **error)
{
    static struct boot_plan *(*const formats[])(const struct boot_source *, bool *,
                                                GError **) = {boot_linux, boot_multiboot, boot_elf};

    for (unsigned i = 0; i < G_N_ELEMENTS(formats); i++) {
        bool mine = false;
        struct boot_plan *plan = formats[i](source, &mine, error);

        if (mine) {
            return plan;
        }
    }
    g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
                "the kernel is neither a bzImage, nor a Multiboot image, nor an ELF file with a "
                "PVH entry point");
    return NULL;
}

static void zero(struct bus *memory, gpa addr, uint64_t len)
{
    static const uint8_t zeroes[RAM_PAGE_SIZE];

    while (len > 0) {
        uint64_t n = MIN(len, sizeof(zeroes));

        bus_load(memory, addr, zeroes, n);
        addr += n;
        len -= n;
    }
}

static void load_gdt(struct bus *memory)
{
    uint8_t gdt[32] = {0};

    st_le64(gdt + BOOT_CODE_SEL, UINT64_C(0x00cf9b000000ffff));
    st_le64(gdt + BOOT_DATA_SEL, UINT64_C(0x00cf93000000ffff));
    bus_load(memory, BOOT_GDT, gdt, sizeof(gdt));
}

static void flat(struct x86_seg *s, uint16_t selector, uint16_t type)
{
    *s = (struct x86_seg){
        .selector = selector, .limit = UINT32_MAX, .attr = type | SEG_S | SEG_P | SEG_DB | SEG_G};
}

static void set_cpu(const struct boot_plan *plan, struct x86_cpu *c)
{
    flat(&c->seg[SEG_CS], BOOT_CODE_SEL, 0xb);
    for (unsigned i = 0; i < SEG_COUNT; i++) {
        if (i != SEG_CS) {
            flat(&c->seg[i], BOOT_DATA_SEL, 0x3);
        }
    }
    c->gdtr = (struct x86_table){.base = BOOT_GDT, .limit = 31};
    c->idtr = (struct x86_table){0};
    c->tr = (struct x86_seg){.limit = 0x67, .attr = SEG_P | 0xb};
    c->ldtr = (struct x86_seg){0};
    c->cr0 = CR0_PE | CR0_ET;
    c->cr4 = 0;
    c->rflags = FLAG_ONE;
    x86_flags_set(c, 0);
    memset(c->gpr, 0, sizeof(c->gpr));
    c->gpr[RAX] = plan->eax;
    c->gpr[RBX] = plan->ebx;
    c->gpr[RSI] = plan->esi;
    c->rip = plan->eip;
    x86_update_mode(c);
    tlb_flush(&c->cpu.tlb);
}

void boot_plan_carry_out(const struct boot_plan *plan, struct bus *memory, struct x86_cpu *cpu)
{
    for (unsigned i = 0; i < plan->pieces->len; i++) {
        const struct piece *p = &g_array_index(plan->pieces, struct piece, i);
        gsize len;
        const void *data;

        if (!p->bytes) {
            continue;
        }
        data = g_bytes_get_data(p->bytes, &len);
        bus_load(memory, p->addr, data, len);
        zero(memory, p->addr + len, p->size - len);
    }
    load_gdt(memory);
    set_cpu(plan, cpu);
}
