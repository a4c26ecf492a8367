/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writing AML, the byte code of ACPI tables: ACPI Specification 5.0, chapter 20. Calls mirror ASL:
 * what opens a package (scope, device, method, package, if) ends with aml_end().
 *
 *     aml_device(a, "RTC");
 *     aml_name(a, "_HID"), aml_eisa_id(a, "PNP0B00");
 *     aml_end(a);
 *
 * Operators are written in prefix form: aml_op(a, AML_AND), operand, operand, target.
 */
#ifndef VIV_MACHINE_BOARD_AML_H
#define VIV_MACHINE_BOARD_AML_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define AML_DEPTH 16

struct aml {
    GByteArray *out;          /* borrowed */
    unsigned open[AML_DEPTH]; /* where the length of each open package goes */
    unsigned depth;
};

enum aml_op {
    AML_ZERO = 0x00,
    AML_LOCAL0 = 0x60,
    AML_ARG0 = 0x68,
    AML_STORE = 0x70,
    AML_SHIFT_RIGHT = 0x7a,
    AML_AND = 0x7b,
    AML_OR = 0x7d,
    AML_CREATE_DWORD_FIELD = 0x8a,
    AML_LOR = 0x91,
    AML_LNOT = 0x92,
    AML_LEQUAL = 0x93,
    AML_LGREATER = 0x94,
    AML_ELSE = 0xa1,
    AML_RETURN = 0xa4,
};

enum aml_space { AML_SYSTEM_MEMORY, AML_SYSTEM_IO, AML_PCI_CONFIG };
/* Field flags: access width, lock, update rule. */
enum aml_field { AML_BYTE_ACC = 1, AML_DWORD_ACC = 3, AML_LOCK = 0x10 };

void aml_init(struct aml *a, GByteArray *out);

/* Packages; each until aml_end. Paths are ASL's: "\\_SB.PCI0", "_CRS". */
void aml_scope(struct aml *a, const char *path);
void aml_device(struct aml *a, const char *path);
void aml_method(struct aml *a, const char *path, unsigned args, bool serialized);
void aml_package(struct aml *a, unsigned elements);
void aml_if(struct aml *a); /* its condition follows */
void aml_else(struct aml *a);
void aml_fields(struct aml *a, const char *region, unsigned flags);
void aml_end(struct aml *a);

void aml_name(struct aml *a, const char *path); /* its value follows */
void aml_path(struct aml *a, const char *path); /* a reference, or a call */
void aml_op(struct aml *a, enum aml_op op);
void aml_int(struct aml *a, uint64_t value);
void aml_string(struct aml *a, const char *text);
void aml_eisa_id(struct aml *a, const char *id); /* "PNP0A08" */
void aml_buffer(struct aml *a, const void *data, size_t len);
void aml_uuid(struct aml *a, const char *uuid); /* as ASL's ToUUID */
void aml_region(struct aml *a, const char *name, enum aml_space space, uint64_t base, uint64_t len);
void aml_field(struct aml *a, const char *name, unsigned bits); /* in aml_fields; NULL: skipped */

/* Resource descriptors (section 6.4), collected and then written as one buffer. */
struct aml_resources {
    GByteArray *bytes;
};
void aml_res_begin(struct aml_resources *r);
void aml_res_io(struct aml_resources *r, uint16_t base, uint8_t len);
void aml_res_irq(struct aml_resources *r, unsigned irq); /* IRQNoFlags */
/* Interrupt(ResourceConsumer, Level, ActiveHigh, Shared). */
void aml_res_interrupt(struct aml_resources *r, const uint32_t *irqs, unsigned n);
void aml_res_memory32_fixed(struct aml_resources *r, uint32_t base, uint32_t len);
void aml_res_bus(struct aml_resources *r, uint16_t first, uint16_t last);
void aml_res_io_window(struct aml_resources *r, uint16_t first, uint16_t last);
void aml_res_memory_window(struct aml_resources *r, uint32_t first, uint32_t last, bool cacheable);
void aml_res_memory_window64(struct aml_resources *r, uint64_t first, uint64_t last,
                             bool cacheable);
/* Writes the end tag and the buffer; frees. */
void aml_res_end(struct aml_resources *r, struct aml *a);

#endif
