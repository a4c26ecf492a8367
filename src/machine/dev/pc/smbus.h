/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ICH9's SMBus host controller, with eight EEPROMs at 50h to 57h. */
#ifndef VIV_MACHINE_DEV_PC_SMBUS_H
#define VIV_MACHINE_DEV_PC_SMBUS_H

#include "machine/pci/pci.h"

#define R_SMBUS_HOSTC     0x40 /* configuration space: host configuration */
#define SMBUS_EEPROM      0x50
#define SMBUS_EEPROMS     8
#define SMBUS_EEPROM_SIZE 256
#define SMBUS_BLOCK       32

/* All under the device's lock. */
struct smbus {
    struct pci_dev pci; /* first */
    struct bus_region ports;
    uint8_t status, control, command, address, data0, data1, aux;
    uint8_t block[SMBUS_BLOCK];
    uint8_t block_at;                                  /* of the next access to the block's bytes */
    uint8_t eeprom[SMBUS_EEPROMS * SMBUS_EEPROM_SIZE]; /* zero from reset on */
    uint8_t eeprom_at[SMBUS_EEPROMS];                  /* byte that is read next */
};

extern const struct dev_class smbus_class;

#endif
