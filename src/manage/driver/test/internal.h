/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of the test driver share. */
#ifndef VIV_MANAGE_DRIVER_TEST_INTERNAL_H
#define VIV_MANAGE_DRIVER_TEST_INTERNAL_H

#include "manage/core/driver.h"
#include "manage/core/storage/pool.h"

extern const struct driver_life test_life;
extern const struct driver_save test_save;
extern const struct driver_moment test_moment;
extern const struct driver_stats test_stats;
extern const struct domain_rules test_rules;
extern const struct driver_proc test_procs[PROC_COUNT];

#define TEST_MOUNTS 2

/* What this driver knows of a domain beside its definition. Under its lock. */
struct test_domain {
    bool frozen[TEST_MOUNTS]; /* file systems */
};
struct test_domain *test_private(struct domain *domain);

/* Fills a host with libvirt's default objects. */
bool test_fill_default(struct host *host, GError **error);
/* Gives a pool the size that all of this driver's pools have, and says so in its definition. */
void test_size_pool(struct pool *pool);
/* What makes its pools real. */
extern const struct resource_ops test_pools;

#endif
