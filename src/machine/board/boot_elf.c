/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ELF kernels with a PVH entry point: Xen's docs/misc/pvh.pandoc and start_info.h (interface
 * version 1); the entry is the note of type XEN_ELFNOTE_PHYS32_ENTRY.
 */
#include "machine/board/boot_elf.h"

#include "base/endian.h"
#include "machine/board/pc_memory.h"

#include <elf.h>

#define NOTE_PHYS32_ENTRY 18
#define PVH_MAGIC         0x336ec578
#define PVH_MODULES       (BOOT_INFO + 0x40)
#define PVH_MEMMAP        (BOOT_INFO + 0x100)
#define PVH_MEMMAP_MAX    128
#define SEGMENTS_MAX      64

static gboolean bad(GError **error, const char *what)
{
    g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "ELF kernel: %s", what);
    return FALSE;
}

static Elf64_Phdr widen(const Elf32_Phdr *p)
{
    return (Elf64_Phdr){.p_type = GUINT32_FROM_LE(p->p_type),
                        .p_offset = GUINT32_FROM_LE(p->p_offset),
                        .p_paddr = GUINT32_FROM_LE(p->p_paddr),
                        .p_filesz = GUINT32_FROM_LE(p->p_filesz),
                        .p_memsz = GUINT32_FROM_LE(p->p_memsz)};
}

static Elf64_Phdr swapped(const Elf64_Phdr *p)
{
    return (Elf64_Phdr){.p_type = GUINT32_FROM_LE(p->p_type),
                        .p_offset = GUINT64_FROM_LE(p->p_offset),
                        .p_paddr = GUINT64_FROM_LE(p->p_paddr),
                        .p_filesz = GUINT64_FROM_LE(p->p_filesz),
                        .p_memsz = GUINT64_FROM_LE(p->p_memsz)};
}

bool elf_open(const uint8_t *data, size_t len, struct elf_image *ret)
{
    Elf64_Ehdr h64;
    Elf32_Ehdr h32;

    *ret = (struct elf_image){.data = data, .len = len};
    if (len < sizeof(h64) || memcmp(data, ELFMAG, SELFMAG) != 0 || data[EI_DATA] != ELFDATA2LSB) {
        return false;
    }
    memcpy(&h64, data, sizeof(h64));
    memcpy(&h32, data, sizeof(h32));
    ret->is64 = data[EI_CLASS] == ELFCLASS64;
    ret->entry = ret->is64 ? GUINT64_FROM_LE(h64.e_entry) : GUINT32_FROM_LE(h32.e_entry);
    ret->phoff = ret->is64 ? GUINT64_FROM_LE(h64.e_phoff) : GUINT32_FROM_LE(h32.e_phoff);
    ret->phnum = GUINT16_FROM_LE(ret->is64 ? h64.e_phnum : h32.e_phnum);
    ret->phsize = ret->is64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);
    return ret->phnum <= SEGMENTS_MAX && ret->phoff < len &&
           ret->phnum * ret->phsize <= len - ret->phoff;
}

bool elf_segment(const struct elf_image *elf, unsigned i, Elf64_Phdr *ret)
{
    const uint8_t *at = elf->data + elf->phoff + i * elf->phsize;
    Elf64_Phdr p64;
    Elf32_Phdr p32;

    if (elf->is64) {
        memcpy(&p64, at, sizeof(p64));
        *ret = swapped(&p64);
    } else {
        memcpy(&p32, at, sizeof(p32));
        *ret = widen(&p32);
    }
    return ret->p_offset <= elf->len && ret->p_filesz <= elf->len - ret->p_offset;
}

gboolean elf_put(const struct elf_image *elf, struct boot_plan *plan,
                 const struct boot_source *source, GError **error)
{
    Elf64_Phdr p;

    for (unsigned i = 0; i < elf->phnum; i++) {
        if (!elf_segment(elf, i, &p)) {
            return bad(error, "a segment lies outside the file");
        }
        if (p.p_type == PT_LOAD &&
            !boot_plan_put(plan, source, "kernel segment", p.p_paddr, elf->data + p.p_offset,
                           p.p_filesz, p.p_memsz, error)) {
            return FALSE;
        }
    }
    return TRUE;
}

/* Looks through one note segment: name, type and description are padded to four bytes each. */
static bool find_note(const uint8_t *p, uint64_t len, uint64_t *ret_entry)
{
    while (len >= 12) {
        uint64_t name = ld_le32(p), desc = ld_le32(p + 4);
        uint32_t type = ld_le32(p + 8);
        uint64_t name_pad = (name + 3) & ~UINT64_C(3), desc_pad = (desc + 3) & ~UINT64_C(3);

        if (name_pad > len - 12 || desc > len - 12 - name_pad) {
            return false;
        }
        if (type == NOTE_PHYS32_ENTRY && name == 4 && memcmp(p + 12, "Xen", 4) == 0 && desc >= 4) {
            *ret_entry = ld_le32(p + 12 + name_pad);
            return true;
        }
        if (desc_pad > len - 12 - name_pad) {
            return false;
        }
        p += 12 + name_pad + desc_pad;
        len -= 12 + name_pad + desc_pad;
    }
    return false;
}

static bool find_entry(const struct elf_image *elf, uint64_t *ret_entry)
{
    Elf64_Phdr p;

    for (unsigned i = 0; i < elf->phnum; i++) {
        if (elf_segment(elf, i, &p) && p.p_type == PT_NOTE &&
            find_note(elf->data + p.p_offset, p.p_filesz, ret_entry)) {
            return true;
        }
    }
    return false;
}

/* hvm_start_info, one module, the memory map. */
static gboolean put_info(struct boot_plan *plan, const struct boot_source *source, gpa initrd,
                         GError **error)
{
    uint8_t info[0x1000] = {0};
    unsigned n = MIN(source->e820->len, PVH_MEMMAP_MAX);

    st_le32(info, PVH_MAGIC);
    st_le32(info + 4, 1);
    st_le32(info + 12, initrd ? 1 : 0);
    st_le64(info + 16, PVH_MODULES);
    st_le64(info + 24, BOOT_CMDLINE);
    st_le64(info + 32, source->rsdp);
    st_le64(info + 40, PVH_MEMMAP);
    st_le32(info + 48, n);
    if (initrd) {
        st_le64(info + (PVH_MODULES - BOOT_INFO), initrd);
        st_le64(info + (PVH_MODULES - BOOT_INFO) + 8, g_bytes_get_size(source->initrd));
    }
    for (unsigned i = 0; i < n; i++) {
        const struct e820_entry *e = &g_array_index(source->e820, struct e820_entry, i);

        memcpy(info + (PVH_MEMMAP - BOOT_INFO) + 24 * i, e, sizeof(*e));
    }
    return boot_plan_put(plan, source, "start information", BOOT_INFO, info, sizeof(info), 0,
                         error);
}

gboolean boot_plan_put_initrd(struct boot_plan *plan, const struct boot_source *source,
                              gpa *ret_addr, GError **error)
{
    gsize len;
    const void *data;

    *ret_addr = 0;
    if (!source->initrd) {
        return TRUE;
    }
    data = g_bytes_get_data(source->initrd, &len);
    *ret_addr = boot_plan_place(plan, source, len, UINT32_MAX);
    if (!*ret_addr) {
        return bad(error, "the initrd does not fit into the guest's memory");
    }
    return boot_plan_put(plan, source, "initrd", *ret_addr, data, len, 0, error);
}

gboolean boot_plan_put_cmdline(struct boot_plan *plan, const struct boot_source *source,
                               GError **error)
{
    size_t len = strlen(source->cmdline);

    if (len >= BOOT_CMDLINE_MAX) {
        return bad(error, "the command line is too long");
    }
    return boot_plan_put(plan, source, "command line", BOOT_CMDLINE, source->cmdline, len + 1, 0,
                         error);
}

struct boot_plan *boot_elf(const struct boot_source *source, bool *ret_mine, GError **error)
{
    struct elf_image elf;
    struct boot_plan *plan;
    uint64_t entry;
    gpa initrd;
    gsize len;
    const uint8_t *data = g_bytes_get_data(source->kernel, &len);

    if (!elf_open(data, len, &elf) || !find_entry(&elf, &entry)) {
        return NULL;
    }
    *ret_mine = true;
    plan = boot_plan_new();
    if (!elf_put(&elf, plan, source, error) ||
        !boot_plan_put_initrd(plan, source, &initrd, error) ||
        !boot_plan_put_cmdline(plan, source, error) || !put_info(plan, source, initrd, error)) {
        boot_plan_free(plan);
        return NULL;
    }
    plan->eip = entry;
    plan->ebx = BOOT_INFO;
    return plan;
}
