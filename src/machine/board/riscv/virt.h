/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The RISC-V `virt` machine as QEMU lays it out: what devices there are and where, which a guest
 * learns from its device tree. The addresses are those of QEMU 7.2's `-machine virt,dumpdtb=`.
 */
#ifndef VIV_MACHINE_BOARD_RISCV_VIRT_H
#define VIV_MACHINE_BOARD_RISCV_VIRT_H

#include "machine/board/board.h"
#include "machine/guest/riscv64/hart.h"
#include "machine/irqchip/aclint.h"
#include "machine/irqchip/plic.h"
#include "machine/pci/gpex.h"

#define VIRT_ROM    0x1000
#define VIRT_TEST   0x100000
#define VIRT_RTC    0x101000
#define VIRT_ACLINT 0x2000000
#define VIRT_PLIC   0xc000000
#define VIRT_UART   0x10000000
#define VIRT_VIRTIO 0x10001000 /* the first slot; one a page */
#define VIRT_FW_CFG 0x10100000
#define VIRT_RAM    UINT64_C(0x80000000)

#define VIRT_ROM_SIZE  0xf000
#define VIRT_TEST_SIZE 0x1000
#define VIRT_RTC_SIZE  0x1000
#define VIRT_RTC_IRQ   11
#define VIRT_UART_SIZE 0x100
#define VIRT_UART_IRQ  10
#define VIRT_UART_HZ   3686400
#define VIRT_SLOTS     8 /* of virtio-mmio, with interrupts from 1 */
#define VIRT_SLOT_SIZE 0x1000

/* PCI Express: interrupts INTA to INTD from 32; the high window is behind RAM, at a multiple of its
 * size. */
#define VIRT_PCI_PORTS      0x3000000
#define VIRT_PCI_PORTS_SIZE 0x10000
#define VIRT_PCI_ECAM       0x30000000
#define VIRT_PCI_ECAM_SIZE  0x10000000
#define VIRT_PCI_LOW        0x40000000
#define VIRT_PCI_LOW_SIZE   0x40000000
#define VIRT_PCI_HIGH_SIZE  UINT64_C(0x400000000)
#define VIRT_PCI_IRQ        32

struct virt {
    struct machine *m;
    const struct machine_config *config;
    struct riscv_model *model; /* frozen */
    struct riscv_cpu **cpu;    /* by index; frozen */
    struct cpu **list;         /* the same, as the machine wants them */
    unsigned n;
    uint64_t seed; /* vCPU thread: random numbers when instructions are counted */
    struct aclint *aclint;
    struct plic *plic;
    struct fw_cfg *fw_cfg; /* the machine's, borrowed */
    struct gpex *pci;      /* the machine's, borrowed */
    struct ram_block *ram, *rom;
    struct bus_region ram_region, rom_region, test_region;
    GBytes *tree;   /* owned, from virt_plan on */
    gpa rng_seed;   /* where the tree in RAM has its random bytes; 0: nowhere */
    GArray *pieces; /* struct virt_piece: what a reset puts into RAM */
};

/* Bytes that lie in RAM when the first hart begins. */
struct virt_piece {
    gpa addr;
    GBytes *bytes; /* owned */
};

extern const struct board_class virt_board;

#define VIRT_SEED_SIZE 32

/* The device tree; `initrd_size` 0: none. Never fails but for want of memory. */
GBytes *virt_tree(const struct virt *v, gpa initrd, uint64_t initrd_size);
/* Where in the tree VIRT_SEED_SIZE random bytes are for the guest; 0: nowhere. */
size_t virt_tree_seed(GBytes *tree);

/* Reads firmware, kernel and initrd, makes the device tree and plans where they lie. */
gboolean virt_plan(struct virt *v, GError **error) G_GNUC_WARN_UNUSED_RESULT;

#endif
