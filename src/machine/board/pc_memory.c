/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/board/pc_memory.h"

#include <fcntl.h>

/* The hole begins here, or at 2 GiB once RAM reaches it: then both parts start on a gigabyte. */
#define HOLE_HIGH UINT64_C(0xb0000000)
#define HOLE_LOW  UINT64_C(0x80000000)

#define VGA_BASE    0xa0000
#define SHADOW_BASE 0xc0000
#define ONE_MIB     0x100000

static gboolean make_ram(struct pc_memory *mem, struct machine *m,
                         const struct machine_config *config, GError **error)
{
    const struct config_memory *c = &config->memory;

    mem->ram = ram_block_new_of("pc.ram", c->size, &c->source, error);
    if (!mem->ram) {
        return FALSE;
    }
    machine_add_ram(m, mem->ram);
    if (c->seal) {
        fcntl(mem->ram->fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL);
    }
    return !c->prealloc || ram_block_populate(mem->ram, error);
}

/* Zeroes that the guest cannot write: option ROMs are copied into the RAM above it. */
static gboolean make_option_rom(struct pc_memory *mem, struct machine *m, GError **error)
{
    struct ram_block *rom = ram_block_new("pc.rom", ONE_MIB - 0xe0000, error);

    if (!rom) {
        return FALSE;
    }
    machine_add_ram(m, rom);
    rom->readonly = true;
    bus_region_init_rom(&mem->option_rom, "pc.rom", rom, 0, rom->size, NULL, NULL, NULL);
    bus_map(m->memory, SHADOW_BASE, &mem->option_rom, 0, rom->size, 0, false);
    return TRUE;
}

gboolean pc_memory_init(struct pc_memory *mem, struct machine *m,
                        const struct machine_config *config, GError **error)
{
    uint64_t size = config->memory.size;

    if (size < 2 * ONE_MIB) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "this machine needs at least 2 MiB of memory");
        return FALSE;
    }
    if (!make_ram(mem, m, config, error) || !make_option_rom(mem, m, error)) {
        return FALSE;
    }
    size = mem->ram->size;
    mem->below_4g = size >= HOLE_HIGH ? HOLE_LOW : size;
    mem->above_4g = size - mem->below_4g;
    bus_region_init_ram(&mem->low, "pc.ram", mem->ram, 0, mem->below_4g);
    bus_map(m->memory, 0, &mem->low, 0, VGA_BASE, 0, false);
    bus_map(m->memory, ONE_MIB, &mem->low, ONE_MIB, mem->below_4g - ONE_MIB, 0, false);
    if (mem->above_4g) {
        bus_region_init_ram(&mem->high, "pc.ram", mem->ram, mem->below_4g, mem->above_4g);
        bus_map(m->memory, PC_4G, &mem->high, 0, mem->above_4g, 0, false);
    }
    return TRUE;
}

void e820_add(GArray *map, uint64_t base, uint64_t length, enum e820_type type)
{
    struct e820_entry e = {GUINT64_TO_LE(base), GUINT64_TO_LE(length), GUINT32_TO_LE(type)};

    g_array_append_val(map, e);
}

GArray *pc_memory_e820(const struct pc_memory *mem)
{
    GArray *map = g_array_new(FALSE, FALSE, sizeof(struct e820_entry));

    e820_add(map, 0, mem->below_4g, E820_RAM);
    if (mem->above_4g) {
        e820_add(map, PC_4G, mem->above_4g, E820_RAM);
    }
    return map;
}
