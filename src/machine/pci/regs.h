/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Configuration space registers: PCI Local Bus 3.0 chapter 6, bridge 1.2 chapter 3, PCIe 4.0 7.5.
 */
#ifndef VIV_MACHINE_PCI_REGS_H
#define VIV_MACHINE_PCI_REGS_H

#define R_PCI_VENDOR        0x00
#define R_PCI_DEVICE        0x02
#define R_PCI_COMMAND       0x04
#define COMMAND_IO          0x0001
#define COMMAND_MEMORY      0x0002
#define COMMAND_MASTER      0x0004
#define COMMAND_PARITY      0x0040
#define COMMAND_SERR        0x0100
#define COMMAND_INTX_OFF    0x0400
#define R_PCI_STATUS        0x06
#define STATUS_INTERRUPT    0x0008
#define STATUS_CAP_LIST     0x0010
#define STATUS_ERRORS       0xf900 /* written with ones to clear */
#define R_PCI_REVISION      0x08
#define R_PCI_CLASS         0x09
#define R_PCI_CACHE_LINE    0x0c
#define R_PCI_HEADER        0x0e
#define HEADER_MULTI        0x80
#define HEADER_BRIDGE       0x01
#define R_PCI_BAR0          0x10
#define BAR_IO              0x1
#define BAR_64              0x4
#define BAR_PREFETCH        0x8
#define R_PCI_SUBSYS_VENDOR 0x2c
#define R_PCI_SUBSYS        0x2e
#define R_PCI_ROM           0x30
#define ROM_ENABLE          0x1
#define R_PCI_CAP           0x34
#define R_PCI_IRQ_LINE      0x3c
#define R_PCI_IRQ_PIN       0x3d

#define R_BRIDGE_PRIMARY       0x18
#define R_BRIDGE_SECONDARY     0x19
#define R_BRIDGE_SUBORDINATE   0x1a
#define R_BRIDGE_IO_BASE       0x1c
#define R_BRIDGE_IO_LIMIT      0x1d
#define R_BRIDGE_SEC_STATUS    0x1e
#define R_BRIDGE_MEM_BASE      0x20
#define R_BRIDGE_MEM_LIMIT     0x22
#define R_BRIDGE_PREF_BASE     0x24
#define R_BRIDGE_PREF_LIMIT    0x26
#define R_BRIDGE_PREF_BASE_HI  0x28
#define R_BRIDGE_PREF_LIMIT_HI 0x2c
#define R_BRIDGE_IO_BASE_HI    0x30
#define R_BRIDGE_IO_LIMIT_HI   0x32
#define R_BRIDGE_ROM           0x38
#define R_BRIDGE_CONTROL       0x3e
#define BRIDGE_VGA             0x0008
#define BRIDGE_RESET           0x0040

#define CAP_PM      0x01
#define CAP_MSI     0x05
#define CAP_VENDOR  0x09
#define CAP_SSVID   0x0d
#define CAP_EXPRESS 0x10
#define CAP_MSIX    0x11

#define EXT_CAP_AER 0x0001
#define EXT_CAP_ACS 0x000d

/* Express port types (capabilities register, bits 4..7). */
#define PORT_ENDPOINT   0x0
#define PORT_ROOT       0x4
#define PORT_UPSTREAM   0x5
#define PORT_DOWNSTREAM 0x6
#define PORT_PCI_BRIDGE 0x7
#define PORT_INTEGRATED 0x9

/* Express capability of a port with a slot; 7.5.3.8 to 7.5.3.11. */
#define R_LINK_STATUS         0x12
#define LINK_ACTIVE           0x2000
#define R_SLOT_CAPABILITIES   0x14
#define SLOT_CAPABILITIES     0x7b /* button, power, both lights, surprise, hot-plug */
#define R_SLOT_CONTROL        0x18
#define SLOT_INTERRUPT_ENABLE 0x0020
#define SLOT_ATTENTION_OFF    0x00c0
#define SLOT_LIGHT            0x0300 /* power indicator */
#define SLOT_LIGHT_ON         0x0100
#define SLOT_LIGHT_BLINKS     0x0200
#define SLOT_LIGHT_OFF        0x0300
#define SLOT_POWER_OFF        0x0400
#define SLOT_LINK_ENABLE      0x1000
#define SLOT_CONTROLS         0x17fb
#define R_SLOT_STATUS         0x1a
#define SLOT_BUTTON           0x0001
#define SLOT_PRESENCE_CHANGED 0x0008
#define SLOT_COMMAND_DONE     0x0010
#define SLOT_EVENTS_LOW       0x001f /* whose enable bits are the same of the control register */
#define SLOT_PRESENT          0x0040
#define SLOT_LINK_CHANGED     0x0100

#define MSIX_CONTROL       0x2
#define MSIX_ENABLE        0x8000
#define MSIX_MASK_ALL      0x4000
#define MSIX_ENTRY         16
#define MSIX_ENTRY_CONTROL 12
#define MSIX_ENTRY_MASKED  1

#define MSI_CONTROL  0x2
#define MSI_ENABLE   0x0001
#define MSI_64       0x0080
#define MSI_MASKABLE 0x0100

#endif
