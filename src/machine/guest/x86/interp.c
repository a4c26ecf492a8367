/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The run loop. A block runs handler after handler; between blocks the loop looks for requests,
 * interrupts and the instruction budget. What needs a look at every instruction (TF, RF, code
 * breakpoints, an interrupt shadow) runs one at a time through step().
 */
#include "machine/guest/x86/interp.h"

#include "machine/guest/x86/exception.h"
#include "machine/guest/x86/flags.h"
#include "machine/guest/x86/icache.h"
#include "machine/guest/x86/memory.h"

/*
 * Runs at most `max` instructions of `b`, which starts at RIP. *ret_done: how many were completed
 * (one that faults counts, a repeated one that goes on does not).
 */
static enum x86_status run_block(struct x86_cpu *c, const struct x86_block *b, unsigned max,
                                 unsigned *ret_done)
{
    const struct x86_insn *in = b->insn, *end = in + MIN(b->n, max);
    enum x86_status st;
    uint64_t rip = c->rip;

    do {
        c->rip = rip;
        st = in->fn(c, in);
        if (G_UNLIKELY(st != X86_OK)) {
            break;
        }
        rip += in->len;
        in++;
    } while (in < end && G_LIKELY(!c->code_changed));

    *ret_done = in - b->insn;
    switch (st) {
    case X86_END:
    case X86_HALT: rip += in->len; G_GNUC_FALLTHROUGH;
    case X86_OK:
        *ret_done += st != X86_OK;
        c->rip = (c->mode & MODE_CODE64) ? rip : (uint32_t)rip;
        break;
    case X86_REPEAT: break;
    default: *ret_done += 1; break;
    }
    return st;
}

static void log_exception(struct x86_cpu *c)
{
    fprintf(c->icache->log_to,
            "exception %02x error %x soft %d cr2 %016" PRIx64 " at %04x:%016" PRIx64
            " rsp %016" PRIx64 " cpl %u rax %016" PRIx64 " insns %" PRIu64 "\n",
            c->exc.vector, c->exc.has_error ? c->exc.error : 0, c->exc.is_soft, c->exc.cr2,
            c->seg[SEG_CS].selector, c->rip, c->gpr[RSP], x86_cpl(c), c->gpr[RAX], c->cpu.insns);
}

static void log_insn(struct x86_cpu *c, const struct x86_block *b)
{
    g_autoptr(GString) line = g_string_new(NULL);
    const uint64_t *r = c->gpr;

    x86_disassemble(c->decoder, c->mode | c->icache->branch64, &b->insn[0], c->rip, line);
    fprintf(c->icache->log_to,
            "%04x:%016" PRIx64 " a=%" PRIx64 " c=%" PRIx64 " d=%" PRIx64 " b=%" PRIx64
            " sp=%" PRIx64 " bp=%" PRIx64 " si=%" PRIx64 " di=%" PRIx64 " 8=%" PRIx64 " 9=%" PRIx64
            " 10=%" PRIx64 " 11=%" PRIx64 " 12=%" PRIx64 " 13=%" PRIx64 " 14=%" PRIx64
            " 15=%" PRIx64 " f=%" PRIx64 " %s\n",
            c->seg[SEG_CS].selector, c->rip, r[RAX], r[RCX], r[RDX], r[RBX], r[RSP], r[RBP], r[RSI],
            r[RDI], r[8], r[9], r[10], r[11], r[12], r[13], r[14], r[15], x86_rflags(c), line->str);
}

/* Delivers what an instruction raised. FALSE: triple fault. */
static bool deliver(struct x86_cpu *c)
{
    if (G_UNLIKELY(c->icache->log & X86_LOG_INT)) {
        log_exception(c);
    }
    return x86_deliver_exception(c);
}

/* Instructions of the block that lie inside the code segment's limit. */
static unsigned within_limit(const struct x86_cpu *c, const struct x86_block *b)
{
    uint64_t end = (uint32_t)c->rip, limit = c->seg[SEG_CS].limit;
    unsigned n = 0;

    while (n < b->n && (end += b->insn[n].len) - 1 <= limit) {
        n++;
    }
    return n;
}

/* Finds the code at RIP and runs at most `max` instructions of it. */
static enum x86_status run_here(struct x86_cpu *c, unsigned max, unsigned *ret_done)
{
    struct x86_block *b;
    enum x86_status st;

    *ret_done = 1;
    if (G_UNLIKELY(!(c->mode & MODE_CODE64) && c->rip > c->seg[SEG_CS].limit)) {
        return x86_raise_error(c, VEC_GP, 0);
    }
    st = x86_icache_lookup(c, &b);
    if (G_UNLIKELY(st != X86_OK)) {
        return st;
    }
    if (!(c->mode & MODE_CODE64) && c->rip + b->len - 1 > c->seg[SEG_CS].limit) {
        max = MIN(max, within_limit(c, b));
        if (max == 0) {
            return x86_raise_error(c, VEC_GP, 0);
        }
    }
    if (G_UNLIKELY(c->icache->log & X86_LOG_EXEC)) {
        log_insn(c, b);
    }
    return run_block(c, b, max, ret_done);
}

/* After an instruction: data breakpoints it hit, and the trap of a single step. */
static enum x86_status after(struct x86_cpu *c, enum x86_status st, bool stepped)
{
    c->code_changed = false;
    if (st == X86_FAULT || st == X86_TRAP || (!stepped && !c->debug_hit)) {
        return st;
    }
    enum x86_status trap = x86_debug_trap(c, stepped);

    return trap == X86_OK ? st : trap;
}

/* One instruction, with all that is looked at around each. */
static enum x86_status step(struct x86_cpu *c, unsigned *ret_done)
{
    bool tf = c->rflags & FLAG_TF;
    uint32_t rf = c->rflags & FLAG_RF;
    bool shadow = c->int_shadow;
    enum x86_status st;

    *ret_done = 1;
    if (x86_has_breakpoints(c)) {
        st = x86_check_breakpoint(c);
        if (st != X86_OK) {
            return st;
        }
    }
    c->int_shadow = false;
    c->rflags &= ~FLAG_RF;
    c->tf_pending = tf;
    st = run_here(c, 1, ret_done);
    c->tf_pending = false;
    if (st == X86_REPEAT) {
        c->rflags |= rf;
    } else if (st == X86_FAULT) {
        c->int_shadow = shadow;
    }
    /* A new stack segment holds back the trap, as it does interrupts. */
    return after(c, st, tf && (!c->int_shadow || shadow));
}

static bool is_special(const struct x86_cpu *c)
{
    return (c->rflags & (FLAG_TF | FLAG_RF)) || c->int_shadow || x86_has_breakpoints(c) ||
           (c->icache->log & X86_LOG_EXEC);
}

static enum x86_exit exit_halted(struct x86_cpu *c)
{
    __atomic_store_n(&c->cpu.run_state, CPU_HALTED, __ATOMIC_RELEASE);
    return X86_EXIT_HALT;
}

/* FALSE: *ret_exit says why to leave. */
static bool take_pending(struct x86_cpu *c, enum x86_exit *ret_exit)
{
    if (__atomic_load_n(&c->cpu.exit_request, __ATOMIC_RELAXED) ||
        (cpu_pending(&c->cpu) & (CPU_PENDING_FLUSH | CPU_PENDING_WORK))) {
        *ret_exit = X86_EXIT_KICK;
        return false;
    }
    if (!x86_take_pending(c)) {
        *ret_exit = X86_EXIT_SHUTDOWN;
        return false;
    }
    if (c->cpu.run_state != CPU_RUNNING) {
        *ret_exit = X86_EXIT_HALT;
        return false;
    }
    return true;
}

static bool somebody_waits(const struct x86_cpu *c)
{
    return __atomic_load_n(&c->cpu.exit_request, __ATOMIC_RELAXED) || cpu_pending(&c->cpu);
}

/* Other threads read both counts: the machine's total, and the time when it is counted. */
static void completed(struct cpu *cpu, unsigned n, bool counting)
{
    __atomic_store_n(&cpu->insns, cpu->insns + n, __ATOMIC_RELAXED);
    __atomic_store_n(&cpu->budget, cpu->budget - (counting ? n : 0), __ATOMIC_RELAXED);
}

static enum x86_exit run(struct x86_cpu *c, bool counting)
{
    enum x86_exit why;

    if (c->cpu.run_state != CPU_RUNNING && !take_pending(c, &why)) {
        return why;
    }
    for (;;) {
        unsigned done, max = ICACHE_BLOCK_MAX;
        enum x86_status st;

        if (G_UNLIKELY(somebody_waits(c)) && !take_pending(c, &why)) {
            return why;
        }
        if (counting) {
            if (c->cpu.budget == 0) {
                return X86_EXIT_BUDGET;
            }
            max = MIN(max, c->cpu.budget);
        }
        if (G_UNLIKELY(is_special(c))) {
            st = step(c, &done);
        } else {
            st = run_here(c, max, &done);
            if (G_UNLIKELY(c->code_changed)) {
                st = after(c, st, false);
            }
        }
        completed(&c->cpu, done, counting);
        if (G_UNLIKELY(st == X86_FAULT || st == X86_TRAP)) {
            if (!deliver(c)) {
                return X86_EXIT_SHUTDOWN;
            }
        } else if (G_UNLIKELY(st == X86_HALT)) {
            return exit_halted(c);
        }
    }
}

enum x86_exit x86_interp_run(struct x86_cpu *c, bool counting)
{
    enum x86_exit why;

    x86_run_begin(c);
    why = run(c, counting);
    x86_run_end(c);
    return why;
}

enum x86_exit x86_exec_one(struct x86_cpu *c)
{
    unsigned done;
    enum x86_status st = step(c, &done);

    completed(&c->cpu, done, false);
    if ((st == X86_FAULT || st == X86_TRAP) && !deliver(c)) {
        return X86_EXIT_SHUTDOWN;
    }
    return st == X86_HALT ? exit_halted(c) : X86_EXIT_STEP;
}
