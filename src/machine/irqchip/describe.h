/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Interrupt controllers as text for people, in the form of QEMU's "info pic" and "info lapic". */
#ifndef VIV_MACHINE_IRQCHIP_DESCRIBE_H
#define VIV_MACHINE_IRQCHIP_DESCRIBE_H

#include "machine/irqchip/ioapic.h"
#include "machine/irqchip/lapic.h"
#include "machine/irqchip/pic.h"

void describe_pic(const struct pic *pic, GString *out);
void describe_ioapic(const struct ioapic *io, GString *out);
void describe_lapic(struct lapic *l, int64_t now, GString *out);

#endif
