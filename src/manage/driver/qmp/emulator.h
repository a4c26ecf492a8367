/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What an emulator has, from its own answers over QMP: no name and no version of it is looked at.
 * Frozen once made; counted, any thread.
 */
#ifndef VIV_MANAGE_DRIVER_QMP_EMULATOR_H
#define VIV_MANAGE_DRIVER_QMP_EMULATOR_H

#include <glib.h>
#include <json-c/json.h>
#include <stdbool.h>

struct emulator_machine {
    char *name;  /* canonical, "pc-q35-7.2" */
    char *alias; /* "q35", or NULL */
    char *cpu;   /* default model, or NULL */
    unsigned max_cpus;
    bool deprecated;
};

struct emulator_cpu {
    char *name;
    char **blockers; /* what it lacks of the model: properties */
};

struct emulator {
    gatomicrefcount refs;
    char *path;
    char *arch;           /* libvirt's name, "i686" */
    unsigned version;     /* 7002022: major, minor, micro, three digits each */
    char *machine;        /* default, or NULL */
    GPtrArray *machines;  /* struct emulator_machine, in the emulator's order */
    GPtrArray *cpus;      /* struct emulator_cpu, likewise */
    GHashTable *types;    /* names of devices, objects and machines */
    GHashTable *commands; /* of QMP */
    char **displays;      /* "sdl", ... */
    char **tpm_models, **tpm_backends;
    GHashTable *cpu_properties;     /* of the richest CPU model; a value is NULL where it is off */
    char *cpu_vendor;               /* of that model, "AuthenticAMD"; or NULL */
    GHashTable *machine_properties; /* of the default machine */
};

/* What to ask: commands and their arguments as JSON (NULL: none). The last row has no command. */
struct emulator_question {
    const char *command, *arguments;
    bool needed; /* an emulator that fails at it is none */
};
extern const struct emulator_question emulator_questions[];

/* A further question, its name in the answers and its one argument (to be freed), or NULL: nothing
 * more to ask. It rests on the answers so far. */
#define EMULATOR_MACHINE_QUESTION "qom-list-properties"
char *emulator_machine_type(json_object *answers);
/* Replaces what is large in the answers (one member a question) by what we read in it. */
void emulator_reduce(json_object *answers);
/* From reduced answers; NULL when they are not those of an emulator. */
struct emulator *emulator_new(const char *path, json_object *answers);
struct emulator *emulator_ref(struct emulator *emulator);
void emulator_unref(struct emulator *emulator);
typedef struct emulator emulator_own;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(emulator_own, emulator_unref)

/* By name or alias; NULL: the default. NULL when there is none. */
const struct emulator_machine *emulator_find_machine(const struct emulator *emulator,
                                                     const char *name);
bool emulator_has(const struct emulator *emulator, const char *type);

#endif
