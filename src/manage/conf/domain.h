/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The definition of a domain. The truth is one tree of XML in libvirt's normal form: elements in
 * libvirt's order, defaults filled in, what we do not model kept where it belongs. These functions
 * read and change it; none does I/O. A definition belongs to whoever holds its owner's lock.
 */
#ifndef VIV_MANAGE_CONF_DOMAIN_H
#define VIV_MANAGE_CONF_DOMAIN_H

#include "manage/conf/uuid.h"
#include "manage/conf/xml.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

struct domain_def {
    struct xml *root; /* <domain>, normal form */
    uint8_t uuid[UUID_BYTES];
};

/* What a driver takes, as the checks of a definition need it. Constant. */
struct domain_rules {
    const char *const *types; /* of <domain type=>, NULL-terminated */
    const char *default_arch; /* where <type> has none; the driver may widen this later */
    bool (*check)(struct domain_def *def, GError **error); /* after the common checks; or NULL */
};

/* Which parts domain_def_format writes. */
enum domain_def_format {
    DOMAIN_DEF_SECURE = 1 << 0,   /* passwords too */
    DOMAIN_DEF_INACTIVE = 1 << 1, /* without what only a running domain has */
};

/* From XML text, in normal form; NULL with libvirt's code and words (27, 35, 67, 8). */
struct domain_def *domain_def_parse(const char *text, const struct domain_rules *rules,
                                    GError **error);
/* From a tree that it takes, also on failure. */
struct domain_def *domain_def_from_xml(struct xml *root, const struct domain_rules *rules,
                                       GError **error);
struct domain_def *domain_def_copy(const struct domain_def *def);
void domain_def_free(struct domain_def *def);
typedef struct domain_def domain_def_own;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(domain_def_own, domain_def_free)

/* Text for dumpxml; an id below 0 is not written. `flags`: enum domain_def_format. */
char *domain_def_format(const struct domain_def *def, int id, unsigned flags);

const char *domain_def_type(const struct domain_def *def); /* "kvm" */
const char *domain_def_name(const struct domain_def *def);
void domain_def_set_name(struct domain_def *def, const char *name);
const char *domain_def_os_type(const struct domain_def *def); /* "hvm" */

/* KiB. The current memory is never above the most. */
uint64_t domain_def_memory(const struct domain_def *def);
uint64_t domain_def_current_memory(const struct domain_def *def);
void domain_def_set_memory(struct domain_def *def, uint64_t kib);
void domain_def_set_current_memory(struct domain_def *def, uint64_t kib);

unsigned domain_def_max_vcpus(const struct domain_def *def);
unsigned domain_def_vcpus(const struct domain_def *def); /* of those, how many are on */
void domain_def_set_max_vcpus(struct domain_def *def, unsigned n);
void domain_def_set_vcpus(struct domain_def *def, unsigned n);

/* "on_poweroff", "on_reboot", "on_crash": "destroy", "restart", "preserve", "rename-restart". */
const char *domain_def_action(const struct domain_def *def, const char *event);
void domain_def_set_action(struct domain_def *def, const char *event, const char *action);

/*
 * Sets, or with NULL removes, the text of a child of <domain> ("title", "description") at the
 * place where libvirt writes it; the new child, NULL when removed.
 */
struct xml *domain_def_set_text(struct domain_def *def, const char *child, const char *text);
/* The child of <domain>, made at its place if need be. */
struct xml *domain_def_need(struct domain_def *def, const char *child);
/* The element <devices>. A device is a child of it; its name is its kind. */
struct xml *domain_def_devices(const struct domain_def *def);

#endif
