/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What -cpu says: the extensions a hart has. */
#include "machine/guest/riscv64/insn.h"

#include <gio/gio.h>
#include <string.h>

#define OPCODES 32

struct riscv_model {
    bool has[RISCV_EXT_COUNT];
    bool sv48, sv57;
    char *isa;
    uint8_t *rows[OPCODES]; /* by bits 6:2 of the code, ended by RISCV_NO_ROW */
};

/* Properties by their names. */
static const struct {
    const char *name;
    uint8_t extension;
} properties[] = {
    {"m", RISCV_EXT_M},           {"a", RISCV_EXT_A},       {"f", RISCV_EXT_F},
    {"d", RISCV_EXT_D},           {"c", RISCV_EXT_C},       {"zba", RISCV_EXT_ZBA},
    {"zbb", RISCV_EXT_ZBB},       {"zbs", RISCV_EXT_ZBS},   {"zicbom", RISCV_EXT_ZICBOM},
    {"zicboz", RISCV_EXT_ZICBOZ}, {"sstc", RISCV_EXT_SSTC},
};

static bool *property(struct riscv_model *m, const char *name)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(properties); i++) {
        if (g_str_equal(name, properties[i].name)) {
            return &m->has[properties[i].extension];
        }
    }
    return g_str_equal(name, "sv48") ? &m->sv48 : g_str_equal(name, "sv57") ? &m->sv57 : NULL;
}

/* "zba=off", "zba" or "zba=on". */
static gboolean set(struct riscv_model *m, const char *text, GError **error)
{
    g_auto(GStrv) pair = g_strsplit(text, "=", 2);
    const char *value = pair[0] && pair[1] ? pair[1] : "on";
    bool *what = property(m, pair[0] ? pair[0] : "");

    if (!what) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                    "Property 'rv64-riscv-cpu.%s' not found", pair[0] ? pair[0] : "");
        return FALSE;
    }
    if (!g_str_equal(value, "on") && !g_str_equal(value, "off")) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                    "Parameter '%s' expects 'on' or 'off'", pair[0]);
        return FALSE;
    }
    *what = g_str_equal(value, "on");
    return TRUE;
}

static gboolean check(const struct riscv_model *m, GError **error)
{
    if (m->has[RISCV_EXT_D] && !m->has[RISCV_EXT_F]) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                    "extension d of a RISC-V CPU needs f");
        return FALSE;
    }
    if (m->sv57 && !m->sv48) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                    "sv57 of a RISC-V CPU needs sv48");
        return FALSE;
    }
    return TRUE;
}

static char *describe(const struct riscv_model *m)
{
    GString *isa = g_string_new("rv64i");

    for (unsigned i = 0; i < G_N_ELEMENTS(properties); i++) {
        const char *name = properties[i].name;

        if (m->has[properties[i].extension]) {
            g_string_append_printf(isa, "%s%s", strlen(name) > 1 ? "_" : "", name);
        }
        if (properties[i].extension == RISCV_EXT_C) {
            g_string_append(isa, "_zicsr_zifencei");
        }
    }
    return g_string_free(isa, FALSE);
}

static void sort_rows(struct riscv_model *m)
{
    unsigned n;
    const struct riscv_row *rows = riscv_rows(&n);

    for (unsigned opcode = 0; opcode < OPCODES; opcode++) {
        GByteArray *list = g_byte_array_new();

        for (unsigned i = 0; i < n; i++) {
            uint8_t number = i;

            if ((rows[i].match >> 2 & (OPCODES - 1)) == opcode && m->has[rows[i].extension]) {
                g_byte_array_append(list, &number, 1);
            }
        }
        g_byte_array_append(list, &(uint8_t){RISCV_NO_ROW}, 1);
        m->rows[opcode] = g_byte_array_free(list, FALSE);
    }
}

static const char *const models[] = {"max", "rv64"};

const char *riscv_model_nth(unsigned n)
{
    return n < G_N_ELEMENTS(models) ? models[n] : NULL;
}

static bool known(const char *name)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(models); i++) {
        if (g_str_equal(models[i], name)) {
            return true;
        }
    }
    return false;
}

struct riscv_model *riscv_model_new(const char *text, GError **error)
{
    g_auto(GStrv) parts = g_strsplit(text, ",", -1);
    struct riscv_model *m = g_new0(struct riscv_model, 1);

    memset(m->has, true, sizeof(m->has));
    m->sv48 = m->sv57 = true;
    if (!parts[0] || !known(parts[0])) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "unable to find CPU model '%s'",
                    parts[0] ? parts[0] : "");
        riscv_model_free(m);
        return NULL;
    }
    for (char **p = parts + 1; *p; p++) {
        if (!set(m, *p, error)) {
            riscv_model_free(m);
            return NULL;
        }
    }
    if (!check(m, error)) {
        riscv_model_free(m);
        return NULL;
    }
    m->isa = describe(m);
    sort_rows(m);
    return m;
}

void riscv_model_free(struct riscv_model *m)
{
    for (unsigned i = 0; m && i < OPCODES; i++) {
        g_free(m->rows[i]);
    }
    if (m) {
        g_free(m->isa);
    }
    g_free(m);
}

const char *riscv_model_isa(const struct riscv_model *m)
{
    return m->isa;
}

const char *riscv_model_mmu(const struct riscv_model *m)
{
    return m->sv57 ? "riscv,sv57" : m->sv48 ? "riscv,sv48" : "riscv,sv39";
}

bool riscv_model_has(const struct riscv_model *m, enum riscv_extension extension)
{
    return m->has[extension];
}

unsigned riscv_model_satp_most(const struct riscv_model *m)
{
    return m->sv57 ? 10 : m->sv48 ? 9 : 8;
}

const uint8_t *riscv_model_rows(const struct riscv_model *m, uint32_t code)
{
    static const uint8_t none[] = {RISCV_NO_ROW};

    return (code & 3) == 3 ? m->rows[code >> 2 & (OPCODES - 1)] : none;
}

unsigned riscv_model_cache_block(const struct riscv_model *m)
{
    return m->has[RISCV_EXT_ZICBOM] || m->has[RISCV_EXT_ZICBOZ] ? RISCV_CACHE_BLOCK : 0;
}

bool riscv_model_get(const struct riscv_model *m, const char *name, bool *ret)
{
    const bool *what = property((struct riscv_model *)m, name);

    if (what) {
        *ret = *what;
    }
    return what;
}

gboolean riscv_model_each(const char *text, void (*fn)(const char *name, bool on, void *opaque),
                          void *opaque, GError **error)
{
    struct riscv_model *m = riscv_model_new(text, error);

    if (!m) {
        return FALSE;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(properties); i++) {
        fn(properties[i].name, m->has[properties[i].extension], opaque);
    }
    fn("sv48", m->sv48, opaque);
    fn("sv57", m->sv57, opaque);
    riscv_model_free(m);
    return TRUE;
}
