/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A device's own way to guest memory. Reaches RAM and, for reading, ROM; anything else (another
 * device's registers, nothing at all) is an error that the device sees, so a device can never be
 * made to call another one. Today addresses are physical; a virtual IOMMU will translate here.
 */
#ifndef VIV_MACHINE_CORE_DMA_H
#define VIV_MACHINE_CORE_DMA_H

#include "machine/core/bus.h"

#include <sys/uio.h>

struct dma {
    struct bus *bus;
    uint32_t device_id; /* PCI requester id, for MSI and a later IOMMU */
    bool enabled;       /* atomic: PCI bus mastering; a disabled handle refuses everything */
};

/* 0, or -EFAULT: part of the range is not RAM (nothing past that part was touched). Any thread
 * that is a registered reader (quiesce.h). */
int dma_read(const struct dma *dma, gpa addr, void *to, uint64_t len) G_GNUC_WARN_UNUSED_RESULT;
int dma_write(const struct dma *dma, gpa addr, const void *from,
              uint64_t len) G_GNUC_WARN_UNUSED_RESULT;

/*
 * Direct pointers for scatter-gather: appends the pieces of [addr, addr + len) to `iov`, at most
 * `max` in all (*n counts them). `write`: the device will write; only RAM will do, and the caller
 * calls dma_wrote() on the same range afterwards. The pointers stay valid until the machine is
 * freed (RAM blocks are never unmapped while it runs). -EFAULT or -E2BIG.
 */
int dma_map(const struct dma *dma, gpa addr, uint64_t len, bool write, struct iovec *iov,
            unsigned max, unsigned *n) G_GNUC_WARN_UNUSED_RESULT;
void dma_wrote(const struct dma *dma, gpa addr, uint64_t len);

/* Single aligned loads and stores (rings); little-endian values; -EFAULT as above. */
int dma_ld16(const struct dma *dma, gpa addr, uint16_t *ret) G_GNUC_WARN_UNUSED_RESULT;
int dma_ld32(const struct dma *dma, gpa addr, uint32_t *ret) G_GNUC_WARN_UNUSED_RESULT;
int dma_ld64(const struct dma *dma, gpa addr, uint64_t *ret) G_GNUC_WARN_UNUSED_RESULT;
int dma_st16(const struct dma *dma, gpa addr, uint16_t value) G_GNUC_WARN_UNUSED_RESULT;
int dma_st32(const struct dma *dma, gpa addr, uint32_t value) G_GNUC_WARN_UNUSED_RESULT;
int dma_st64(const struct dma *dma, gpa addr, uint64_t value) G_GNUC_WARN_UNUSED_RESULT;

#endif
