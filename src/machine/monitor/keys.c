/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Scan codes of set 1 (IBM PS/2 Technical Reference, Keyboard). */
#include "machine/monitor/keys.h"

#include "machine/monitor/command.h"

/* Names in the order of their codes from 1 on; "" where no key is. */
static const char *const plain[] = {
    "esc",
    "1",
    "2",
    "3",
    "4",
    "5",
    "6",
    "7",
    "8",
    "9",
    "0",
    "minus",
    "equal",
    "backspace",
    "tab",
    "q",
    "w",
    "e",
    "r",
    "t",
    "y",
    "u",
    "i",
    "o",
    "p",
    "bracket_left",
    "bracket_right",
    "ret",
    "ctrl",
    "a",
    "s",
    "d",
    "f",
    "g",
    "h",
    "j",
    "k",
    "l",
    "semicolon",
    "apostrophe",
    "grave_accent",
    "shift",
    "backslash",
    "z",
    "x",
    "c",
    "v",
    "b",
    "n",
    "m",
    "comma",
    "dot",
    "slash",
    "shift_r",
    "kp_multiply",
    "alt",
    "spc",
    "caps_lock",
    "f1",
    "f2",
    "f3",
    "f4",
    "f5",
    "f6",
    "f7",
    "f8",
    "f9",
    "f10",
    "num_lock",
    "scroll_lock",
    "kp_7",
    "kp_8",
    "kp_9",
    "kp_subtract",
    "kp_4",
    "kp_5",
    "kp_6",
    "kp_add",
    "kp_1",
    "kp_2",
    "kp_3",
    "kp_0",
    "kp_decimal",
    "sysrq",
    "",
    "less",
    "f11",
    "f12",
};

static const struct {
    const char *name;
    uint16_t code;
} extended[] = {
    {"kp_enter", 0xe01c}, {"ctrl_r", 0xe01d}, {"kp_divide", 0xe035}, {"print", 0xe037},
    {"alt_r", 0xe038},    {"home", 0xe047},   {"up", 0xe048},        {"pgup", 0xe049},
    {"left", 0xe04b},     {"right", 0xe04d},  {"end", 0xe04f},       {"down", 0xe050},
    {"pgdn", 0xe051},     {"insert", 0xe052}, {"delete", 0xe053},    {"meta_l", 0xe05b},
    {"meta_r", 0xe05c},   {"menu", 0xe05d},
};

int keys_code(const char *name)
{
    for (unsigned i = 0; *name && i < G_N_ELEMENTS(plain); i++) {
        if (g_str_equal(plain[i], name)) {
            return (int)i + 1;
        }
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(extended); i++) {
        if (g_str_equal(extended[i].name, name)) {
            return extended[i].code;
        }
    }
    return -1;
}

struct press {
    const struct monitor_env *env;
    GSource *later; /* borrowed: in env->held_keys */
    uint16_t codes[KEYS_MAX];
    unsigned n;
};

static gboolean let_go(gpointer opaque)
{
    struct press *p = opaque;

    while (p->n) {
        p->env->key(p->env->opaque, p->codes[--p->n], false);
    }
    g_ptr_array_remove(p->env->held_keys, p->later);
    return G_SOURCE_REMOVE;
}

static void drop_source(gpointer source)
{
    g_source_destroy(source);
    g_source_unref(source);
}

GPtrArray *keys_held_new(void)
{
    return g_ptr_array_new_with_free_func(drop_source);
}

gboolean keys_press(const struct monitor_env *env, const uint16_t *codes, unsigned n,
                    int64_t hold_ms, GError **error)
{
    struct press *p = g_new0(struct press, 1);

    p->env = env;
    for (; p->n < n; p->n++) {
        p->codes[p->n] = codes[p->n];
        if (!env->key(env->opaque, codes[p->n], true)) {
            g_free(p);
            qmp_fail(error, "the machine has no keyboard");
            return FALSE;
        }
    }
    p->later = g_timeout_source_new((guint)CLAMP(hold_ms, 1, 60000));
    g_ptr_array_add(env->held_keys, p->later);
    g_source_set_callback(p->later, let_go, p, g_free);
    g_source_attach(p->later, env->machine->context);
    return TRUE;
}
