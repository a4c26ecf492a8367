/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manage/driver/test/test.h"

#include "manage/driver/test/internal.h"

#include <string.h>

static const char *const types[] = {"test", NULL};

const struct domain_rules test_rules = {
    .types = types,
    .default_arch = "i686",
};

static const char *path_of(const char *uri)
{
    const char *path =
        g_str_has_prefix(uri, "test://") ? strchr(uri + strlen("test://"), '/') : NULL;

    return path != NULL ? path : "";
}

static bool shared(const char *uri)
{
    return strcmp(path_of(uri), "/default") == 0;
}

static struct host *open_host(const char *uri, GError **error)
{
    struct host *host;

    if (strcmp(path_of(uri), "") == 0 || strcmp(path_of(uri), "/") == 0) {
        fault_set(error, FAULT_INVALID_ARG, "testOpen: supply a path or use test:///default");
        return NULL;
    }
    if (!shared(uri)) {
        fault_set(error, FAULT_NO_CONNECT, "%s: test files are not built yet", uri);
        return NULL;
    }
    host = host_new(&test_driver, uri);
    host->resource[OBJECT_POOL] = &test_pools;
    if (!test_fill_default(host, error)) {
        host_unref(host);
        return NULL;
    }
    return host;
}

const struct driver test_driver = {
    .name = "test",
    .type = "TEST",
    .prefix = "test",
    .from = FAULT_FROM_TEST,
    .version = 2,
    .rules = &test_rules,
    .procs = test_procs,
    .terse_lookup = true,
    .open = open_host,
    .shared = shared,
    .life = &test_life,
    .save = &test_save,
    .moment = &test_moment,
    .stats = &test_stats,
};
