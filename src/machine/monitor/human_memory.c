/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The human monitor's looks at memory, ports and registers. */
#include "base/least.h"
#include "machine/monitor/command.h"
#include "machine/monitor/human.h"

#include "machine/core/arch.h"

#include <inttypes.h>
#include <string.h>

#define DUMP_MAX 4096 /* items of one x or xp */
#define INSN_MAX 15
#define PAGE     4096u

struct dump_format {
    unsigned count, size;
    char letter;
};

/* ---- expressions: numbers and $registers, added and subtracted ---- */

struct look {
    const struct cpu *cpu;
    const char *name;
    uint64_t value;
    bool found;
};

/* Called with every vCPU at a safe point. */
static void look_up(void *opaque)
{
    struct look *l = opaque;

    l->found = l->cpu->arch->get_register(l->cpu, l->name, &l->value);
}

static bool term(const struct human_call *c, const char *text, size_t len, uint64_t *ret)
{
    g_autofree char *word = g_strndup(text, len);
    struct look l = {.name = word + 1};
    char *end;

    if (*word != '$') {
        *ret = g_ascii_strtoull(word, &end, 0);
        return len && !*end;
    }
    if (!c->env->machine->n_cpus) {
        return false;
    }
    l.cpu = c->env->machine->cpus[0];
    machine_synchronised(c->env->machine, look_up, &l);
    *ret = l.value;
    return l.found;
}

static bool evaluate(const struct human_call *c, const char *text, uint64_t *ret)
{
    uint64_t value;
    char sign = '+';

    *ret = 0;
    for (;;) {
        size_t len = strcspn(text, "+-");

        if (!term(c, text, len, &value)) {
            g_string_append_printf(c->out, "invalid expression '%s'\n", text);
            return false;
        }
        *ret = sign == '+' ? *ret + value : *ret - value;
        if (!text[len]) {
            return true;
        }
        sign = text[len];
        text += len + 1;
    }
}

/* ---- formats ---- */

static struct dump_format parse_format(const char *format)
{
    struct dump_format f = {1, 4, 'x'};
    char *end;

    if (format && g_ascii_isdigit(*format)) {
        f.count = (unsigned)min_u64(g_ascii_strtoull(format, &end, 10), DUMP_MAX);
        format = end;
    }
    for (; format && *format; format++) {
        switch (*format) {
        case 'b': f.size = 1; break;
        case 'h': f.size = 2; break;
        case 'w': f.size = 4; break;
        case 'g': f.size = 8; break;
        default: f.letter = *format; break;
        }
    }
    return f;
}

/* "x/4xg 0" and "x /4xg 0": the words after the format, which is put in *ret. */
static unsigned take_format(const struct human_call *c, struct dump_format *ret)
{
    bool apart = !c->format && c->argc && c->argv[0][0] == '/';

    *ret = parse_format(apart ? c->argv[0] + 1 : c->format);
    return apart ? 1 : 0;
}

static void print_item(GString *out, const struct dump_format *f, uint64_t v)
{
    unsigned shift = 64 - f->size * 8;

    switch (f->letter) {
    case 'd': g_string_append_printf(out, " %" PRId64, (int64_t)(v << shift) >> shift); break;
    case 'u': g_string_append_printf(out, " %" PRIu64, v); break;
    case 'o': g_string_append_printf(out, " %#" PRIo64, v); break;
    case 'c': g_string_append_printf(out, " '%c'", g_ascii_isprint((char)v) ? (char)v : '.'); break;
    default: g_string_append_printf(out, " 0x%0*" PRIx64, (int)f->size * 2, v); break;
    }
}

/* ---- memory ---- */

/* How many of `len` bytes at `at` there are. */
static unsigned fetch(const struct human_call *c, bool linear, uint64_t at, void *to, unsigned len)
{
    for (unsigned done = 0; done < len;) {
        unsigned n = (unsigned)MIN(len - done, PAGE - (at + done) % PAGE);
        gpa physical = at + done;

        if ((linear && !qmp_translate(c->env, 0, at + done, &physical)) ||
            bus_copy_from(c->env->machine->memory, physical, (uint8_t *)to + done, n) != BUS_OK) {
            return done;
        }
        done += n;
    }
    return len;
}

static void dump_items(const struct human_call *c, bool linear, const struct dump_format *f,
                       uint64_t at)
{
    unsigned per_line = MAX(1, 16 / f->size);

    for (unsigned i = 0; i < f->count; i++, at += f->size) {
        uint64_t v = 0;

        if (i % per_line == 0) {
            g_string_append_printf(c->out, "%s%016" PRIx64 ":", i ? "\n" : "", at);
        }
        if (fetch(c, linear, at, &v, f->size) < f->size) {
            g_string_append(c->out, " Cannot access memory");
            break;
        }
        print_item(c->out, f, GUINT64_FROM_LE(v));
    }
    g_string_append_c(c->out, '\n');
}

static void dump_insns(const struct human_call *c, bool linear, unsigned count, uint64_t at)
{
    struct cpu *cpu = c->env->machine->n_cpus ? c->env->machine->cpus[0] : NULL;

    if (cpu && !cpu->arch->disassemble) {
        g_string_append_printf(c->out, "a disassembler for %s is not built yet\n", cpu->arch->name);
        return;
    }
    for (unsigned i = 0; cpu && i < count; i++) {
        uint8_t bytes[INSN_MAX];
        unsigned have = fetch(c, linear, at, bytes, INSN_MAX), len;
        g_autoptr(GString) text = g_string_new(NULL);

        len = have ? cpu->arch->disassemble(cpu, at, bytes, have, text) : 0;
        g_string_append_printf(c->out, "0x%08" PRIx64 ":  ", at);
        if (!len) {
            g_string_append(c->out, have ? "(bad)\n" : "unable to read memory\n");
            return;
        }
        for (unsigned b = 0; b < 8; b++) {
            g_string_append_printf(c->out, b < len ? "%02x " : "   ", bytes[b]);
        }
        g_string_append_printf(c->out, "%s\n", text->str);
        at += len;
    }
}

static void dump(const struct human_call *c, bool linear)
{
    struct dump_format f;
    unsigned first = take_format(c, &f);
    uint64_t at;

    if (c->argc <= first || !c->env->machine->memory) {
        g_string_append(c->out, "an address is needed\n");
    } else if (linear && !c->env->machine->n_cpus) {
        g_string_append(c->out, "No CPU\n");
    } else if (evaluate(c, c->argv[first], &at)) {
        if (f.letter == 'i') {
            dump_insns(c, linear, f.count, at);
        } else {
            dump_items(c, linear, &f, at);
        }
    }
}

void human_x(const struct human_call *c)
{
    dump(c, true);
}

void human_xp(const struct human_call *c)
{
    dump(c, false);
}

void human_print(const struct human_call *c)
{
    struct dump_format f;
    unsigned first = take_format(c, &f);
    g_autoptr(GString) text = g_string_new(NULL);
    uint64_t v;

    if (c->argc <= first) {
        g_string_append(c->out, "an expression is needed\n");
    } else if (evaluate(c, c->argv[first], &v)) {
        f.size = 8;
        if (f.letter == 'x') {
            g_string_append_printf(text, " 0x%" PRIx64, v);
        } else {
            print_item(text, &f, v);
        }
        g_string_append_printf(c->out, "%s\n", text->str + 1);
    }
}

static void save(const struct human_call *c, const char *command)
{
    json_object *args = json_object_new_object(), *reply;
    uint64_t at, size;

    if (c->argc > 2 && evaluate(c, c->argv[0], &at) && evaluate(c, c->argv[1], &size)) {
        put_int(args, "val", (int64_t)at);
        put_int(args, "size", (int64_t)size);
        put_str(args, "filename", c->argv[2]);
    }
    reply = human_ask(c, command, args);
    json_object_put(reply);
}

void human_memsave(const struct human_call *c)
{
    save(c, "memsave");
}

void human_pmemsave(const struct human_call *c)
{
    save(c, "pmemsave");
}

/* ---- ports ---- */

static unsigned port_size(const struct dump_format *f, bool given)
{
    return !given ? 1 : MIN(f->size, 4);
}

void human_port_in(const struct human_call *c)
{
    struct dump_format f;
    unsigned first = take_format(c, &f), size = port_size(&f, first || c->format);
    uint64_t port, v;

    if (c->argc <= first || !c->env->machine->io) {
        g_string_append(c->out, "a port is needed\n");
        return;
    }
    if (!evaluate(c, c->argv[first], &port)) {
        return;
    }
    bus_read(c->env->machine->io, port & 0xffff, size, &v);
    g_string_append_printf(c->out, "port%c[0x%04x] = 0x%0*" PRIx64 "\n",
                           size == 1   ? 'b'
                           : size == 2 ? 'w'
                                       : 'l',
                           (unsigned)(port & 0xffff), (int)size * 2,
                           v & (UINT64_MAX >> (64 - size * 8)));
}

void human_port_out(const struct human_call *c)
{
    struct dump_format f;
    unsigned first = take_format(c, &f), size = port_size(&f, first || c->format);
    uint64_t port, v;

    if (c->argc <= first + 1 || !c->env->machine->io) {
        g_string_append(c->out, "a port and a value are needed\n");
    } else if (evaluate(c, c->argv[first], &port) && evaluate(c, c->argv[first + 1], &v)) {
        bus_write(c->env->machine->io, port & 0xffff, v, size);
    }
}
