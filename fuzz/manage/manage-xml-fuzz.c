/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Definitions of strangers: the first byte chooses the kind ('S' a snapshot, 'C' a checkpoint), the
 * rest is XML. What is taken must be taken again in the form in which it was written.
 */
#include "manage/conf/domain.h"
#include "manage/conf/moment.h"
#include "manage/conf/named.h"

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const types[] = {"test", "qemu", "kvm", NULL};
static const struct domain_rules rules = {.types = types, .default_arch = "x86_64"};

static void try_domain(const char *text)
{
    g_autoptr(domain_def_own) def = domain_def_parse(text, &rules, NULL);

    if (def != NULL) {
        g_autofree char *written = domain_def_format(def, -1, DOMAIN_DEF_INACTIVE);
        g_autoptr(domain_def_own) again = domain_def_parse(written, &rules, NULL);

        g_assert_nonnull(again);
    }
}

static void try_named(enum named_kind kind, const char *text)
{
    uint8_t uuid[UUID_BYTES];
    g_autoptr(xml_own) def = named_parse(kind, text, uuid, NULL);

    if (def != NULL) {
        g_autofree char *written = xml_format(def);
        g_autoptr(xml_own) again = named_parse(kind, written, uuid, NULL);

        g_assert_nonnull(again);
    }
}

static void try_moment(enum moment_kind kind, const char *text)
{
    g_autoptr(moment_def_own) def = moment_parse(kind, text, true, &rules, NULL);

    if (def != NULL && def->domain != NULL && moment_align(def, NULL)) {
        g_autofree char *written = moment_format(def, 0);
        g_autoptr(moment_def_own) again = moment_parse(kind, written, true, &rules, NULL);

        g_assert_nonnull(again);
        g_assert_true(moment_align(again, NULL));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1) {
        return 0;
    }
    g_autofree char *text = g_strndup((const char *)data + 1, size - 1);
    unsigned kind = data[0] % 8;

    if (data[0] == 'S' || data[0] == 'C') {
        try_moment(data[0] == 'S' ? MOMENT_SNAPSHOT : MOMENT_CHECKPOINT, text);
    } else if (kind == 7) {
        try_domain(text);
    } else {
        try_named((enum named_kind)kind, text);
    }
    return 0;
}
