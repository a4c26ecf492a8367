/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A machine without CPUs for device tests: RAM, ports, an ISA bus whose lines are watched, time
 * that moves when the test says so, and requests and events that are only noted.
 */
#ifndef VIV_TESTS_DEV_RIG_H
#define VIV_TESTS_DEV_RIG_H

#include "block/backend.h"
#include "machine/chardev/chardev.h"
#include "machine/core/machine.h"
#include "machine/dev/pc/isa.h"
#include "machine/pci/pci.h"

#define RIG_RAM   (UINT64_C(4) << 20)
#define RIG_LINES 24

struct rig {
    struct machine *m;
    struct ram_block *ram;
    struct bus_region ram_region;
    struct bus_mapping *ram_mapping;
    struct dev *bridge; /* owns the ISA bus */
    struct isa_bus isa;
    struct pci_bus *pci; /* made by rig_pci */
    GPtrArray *devs;

    struct rig_line {
        struct rig *rig;
        bool level;
        unsigned rises;
    } line[RIG_LINES];
    struct irq irq[RIG_LINES];
    unsigned requests[MACHINE_REQUESTS];
    int exit_code;
    unsigned events;
    char last_event[32];
    unsigned msis;
    uint32_t msi_data;

    struct chardev_set *chardevs;
    struct block_graph *graph;
    struct block_backend *backend; /* what every block link finds */
};

struct rig *rig_new(void);
void rig_free(struct rig *r);
/* The rig of a machine its devices see. */
struct rig *rig_of(struct machine *m);

/* New instance, not realized; then realized on the ISA bus, or on none. Freed by rig_free. */
struct dev *rig_make(struct rig *r, const struct dev_class *class);
void rig_start(struct rig *r, struct dev *dev, struct dev_bus *bus);
/* Both, and a reset. */
struct dev *rig_add(struct rig *r, const struct dev_class *class, struct dev_bus *bus);

/* A function on bus pcie.0, its memory BARs mapped from 0xe0000000 on (BAR n at n MiB), its ports
 * from 0xc000 (n * 256), bus master. INTx are lines 16 to 19. */
struct pci_dev *rig_pci(struct rig *r, struct dev *dev);

/* A ring buffer as chardev `id`; a disk of `size` zero bytes behind every drive. */
struct chardev *rig_chardev(struct rig *r, const char *id);
void rig_disk(struct rig *r, uint64_t size);

uint64_t rig_in(struct rig *r, uint16_t port, unsigned size);
void rig_out(struct rig *r, uint16_t port, unsigned size, uint64_t value);
uint64_t rig_ld(struct rig *r, gpa addr, unsigned size);
void rig_st(struct rig *r, gpa addr, unsigned size, uint64_t value);

/* Guest time moves on, its timers run in order. */
void rig_sleep(struct rig *r, int64_t ns);
int64_t rig_now(struct rig *r);
/* Runs what waits on the main loop. */
void rig_loop(struct rig *r);

/* Saves, resets, loads and saves again: the same bytes. */
void rig_round_trip(struct dev *dev);
/* Cut-off and altered saved states are refused or harmless. */
void rig_bad_states(struct dev *dev);

#endif
