/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * QMP commands, events and types as rows. Member lists are text: "name:type other?:[type]", '?'
 * for optional, brackets for arrays; types are str, int, number, bool, any or a row of types.c.
 * Checking of arguments and query-qmp-schema derive from them.
 */
#ifndef VIV_MACHINE_MONITOR_COMMAND_H
#define VIV_MACHINE_MONITOR_COMMAND_H

#include "machine/monitor/env.h"

struct qmp_session;

struct qmp_call {
    const struct monitor_env *env;
    struct qmp_session *session; /* NULL: from the human monitor */
    json_object *args;           /* checked against the row; never NULL */
};

struct qmp_command {
    const char *name;
    const char *args;    /* members, or NULL: none */
    const char *returns; /* type, or NULL: the empty object */
    /* New value (NULL: {}), or NULL with an error. */
    json_object *(*call)(const struct qmp_call *c, GError **error);
    const char *doc;
    bool any_args; /* members beyond `args` are the command's to check */
};

struct qmp_event {
    const char *name;
    const char *data; /* members, or NULL */
};

struct qmp_type {
    const char *name;
    const char *values;   /* of an enumeration, or NULL */
    const char *members;  /* of an object, or NULL */
    const char *tag;      /* member whose value chooses a variant, or NULL */
    const char *variants; /* "value:type ..." */
};

#define QMP_ERROR qmp_error_quark()
GQuark qmp_error_quark(void);
enum qmp_error {
    QMP_ERROR_GENERIC,
    QMP_ERROR_COMMAND_NOT_FOUND,
    QMP_ERROR_DEVICE_NOT_ACTIVE,
    QMP_ERROR_DEVICE_NOT_FOUND,
    QMP_ERROR_KVM_MISSING,
};
/* Sets a generic error; returns NULL. */
json_object *qmp_fail(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);
json_object *qmp_not_found(GError **error, const char *what, const char *name);

/* Tables of commands; each ends with a NULL name. */
extern const struct qmp_command qmp_block_commands[], qmp_char_commands[], qmp_cpu_commands[],
    qmp_device_commands[], qmp_info_commands[], qmp_life_commands[], qmp_media_commands[],
    qmp_memory_commands[], qmp_migration_commands[], qmp_pci_commands[], qmp_qom_commands[],
    qmp_session_commands[], qmp_stats_commands[];
/* not_built.c: TRUE for a command of QEMU's that is not built yet. */
bool qmp_is_known(const char *name);
/* The n-th command, NULL past the last. */
const struct qmp_command *qmp_command_nth(unsigned n);
const struct qmp_command *qmp_command_find(const char *name);

extern const struct qmp_event qmp_events[];
extern const struct qmp_type qmp_types[];
const struct qmp_type *qmp_type_find(const char *name);

/* One member of a list; *p is moved on. FALSE at the end. */
struct qmp_member {
    char name[48];
    char type[48];
    bool optional;
};
bool qmp_member_next(const char **p, struct qmp_member *ret);
/* Checks arguments against a member list, in QEMU's words. */
gboolean qmp_check(const char *members, json_object *args, bool any_more,
                   GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* query-qmp-schema */
json_object *qmp_schema(void);

/* Arguments that qmp_check has passed: NULL, 0 or FALSE when absent. */
const char *qmp_str(const struct qmp_call *c, const char *name);
int64_t qmp_int(const struct qmp_call *c, const char *name);
bool qmp_bool(const struct qmp_call *c, const char *name);
bool qmp_has(const struct qmp_call *c, const char *name);

/* Members of replies. */
static inline void put_str(json_object *o, const char *name, const char *value)
{
    json_object_object_add(o, name, json_object_new_string(value ? value : ""));
}
static inline void put_int(json_object *o, const char *name, int64_t value)
{
    json_object_object_add(o, name, json_object_new_int64(value));
}
static inline void put_bool(json_object *o, const char *name, bool value)
{
    json_object_object_add(o, name, json_object_new_boolean(value));
}

/* qmp_block.c: the guest's device that uses the back end, or NULL. */
struct dev *qmp_block_device(const struct monitor_env *env, struct block_backend *b);
/* qmp_memory.c: physical address of a linear one of a vCPU; FALSE: not mapped. Synchronises. */
bool qmp_translate(const struct monitor_env *env, unsigned cpu, uint64_t linear, gpa *ret);

/* human.c: the text a human monitor's command prints. */
char *human_run(const struct monitor_env *env, const char *line);

#endif
