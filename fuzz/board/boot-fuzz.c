/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A kernel file of any bytes for the direct start: bzImage, ELF with a PVH note, Multiboot. What is
 * accepted is laid into memory. The first bytes say how much RAM there is and how long the initrd.
 */
#include "../base/input.h"
#include "bare.h"

#include "machine/board/boot_plan.h"
#include "machine/board/pc_memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void carry_out(const struct boot_plan *plan)
{
    struct bare *b = bare_new("qemu64");

    boot_plan_carry_out(plan, b->bus, b->c);
    bare_free(b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    g_autoptr(GArray) e820 = g_array_new(FALSE, FALSE, sizeof(struct e820_entry));
    gpa ram_top = (1 + (gpa)input_byte(&in) % 16) << 20;
    size_t initrd_len = input_number(&in, 2) << 8, line_len = input_byte(&in);
    const char *line_at = (const char *)input_skip(&in, line_len, &line_len);
    g_autofree char *line = g_strndup(line_at, line_len);
    g_autofree void *initrd_bytes = g_malloc0(initrd_len + 1);
    g_autoptr(GBytes) initrd = g_bytes_new(initrd_bytes, initrd_len);
    g_autoptr(GBytes) kernel = g_bytes_new(in.data, in.left);
    const struct boot_source source = {
        .kernel = kernel,
        .initrd = initrd_len ? initrd : NULL,
        .cmdline = line,
        .ram_top = ram_top,
        .rsdp = line_len & 1 ? 0xe0000 : 0,
        .e820 = e820,
    };
    g_autoptr(GError) error = NULL;
    struct boot_plan *plan;

    e820_add(e820, 0, ram_top, E820_RAM);
    plan = boot_plan_kernel(&source, &error);
    g_assert(!plan == !!error);
    if (plan) {
        carry_out(plan);
    }
    boot_plan_free(plan);
    return 0;
}
