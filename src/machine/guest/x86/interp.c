/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The run loop. A block runs handler after handler; between blocks the loop looks for requests,
 * interrupts and the instruction budget. What needs a look at every instruction (TF, RF, code
 * breakpoints, an interrupt shadow) runs one at a time through step().
 */
#include "machine/guest/x86/interp.h"

#include "base/least.h"
#include "machine/guest/x86/exception.h"
#include "machine/guest/x86/flagless.h"
#include "machine/guest/x86/icache.h"
#include "machine/guest/x86/log.h"
#include "machine/guest/x86/memory.h"

/*
 * Runs the first `n` instructions of `b`, which starts at RIP. `whole`: they are all. *ret_done:
 * how many were completed (one that faults counts; a repeated one that goes on has counted its
 * elements).
 */
static inline __attribute__((always_inline)) enum x86_status
run_some(struct x86_cpu *c, const struct x86_block *b, unsigned n, bool whole, unsigned *ret_done)
{
    const struct x86_insn *in = b->insn, *end = in + n;
    enum x86_status st;
    uint64_t rip = c->rip;

    do {
        c->rip = rip;
        st = whole ? in->fn(c, in) : x86_flagless_exact(c, in)(c, in);
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

static enum x86_status run_part(struct x86_cpu *c, const struct x86_block *b, unsigned n,
                                unsigned *ret_done)
{
    return run_some(c, b, n, false, ret_done);
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
        max = min_u64(max, within_limit(c, b));
        if (max == 0) {
            return x86_raise_error(c, VEC_GP, 0);
        }
    }
    if (G_UNLIKELY(c->icache->log & (ACCEL_LOG_EXEC | ACCEL_LOG_CPU))) {
        x86_log_block(c);
    }
    return G_LIKELY(max >= b->n) ? run_some(c, b, b->n, true, ret_done)
                                 : run_part(c, b, max, ret_done);
}

enum x86_status x86_interp_after(struct x86_cpu *c, enum x86_status st)
{
    bool stepped = c->tf_pending;

    c->tf_pending = c->code_changed = false;
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
    enum x86_shadow shadow = c->int_shadow;
    enum x86_status st;

    *ret_done = 1;
    if (x86_has_breakpoints(c) && shadow != SHADOW_ALL) {
        st = x86_check_breakpoint(c);
        if (st != X86_OK) {
            return st;
        }
    }
    c->int_shadow = SHADOW_NONE;
    c->rflags &= ~FLAG_RF;
    c->tf_pending = tf;
    st = run_here(c, 1, ret_done);
    if (st == X86_REPEAT) {
        c->rflags |= rf;
    } else if (st == X86_FAULT) {
        c->int_shadow = shadow;
    }
    if (c->int_shadow == SHADOW_ALL && shadow != SHADOW_ALL) {
        /* A new stack segment: what was hit is reported behind the next instruction. */
        c->tf_pending = c->code_changed = false;
        return st;
    }
    return x86_interp_after(c, st);
}

bool x86_interp_deliver(struct x86_cpu *c)
{
    if (!x86_deliver_exception(c)) {
        return false;
    }
    return G_LIKELY(!c->debug_hit) || x86_debug_trap(c, false) == X86_OK ||
           x86_deliver_exception(c);
}

bool x86_interp_is_special(const struct x86_cpu *c)
{
    return (c->rflags & (FLAG_TF | FLAG_RF)) || c->int_shadow || x86_has_breakpoints(c);
}

static enum x86_exit exit_halted(struct x86_cpu *c)
{
    __atomic_store_n(&c->cpu.run_state, CPU_HALTED, __ATOMIC_RELEASE);
    return X86_EXIT_HALT;
}

bool x86_interp_look(struct x86_cpu *c, enum x86_exit *ret_exit)
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

static enum x86_exit run(struct x86_cpu *c)
{
    enum x86_exit why;

    if (c->cpu.run_state != CPU_RUNNING && !x86_interp_look(c, &why)) {
        return why;
    }
    for (;;) {
        unsigned done, max = ICACHE_BLOCK_MAX;
        enum x86_status st;

        if (G_UNLIKELY(x86_is_wanted(c)) && !x86_interp_look(c, &why)) {
            return why;
        }
        if (G_UNLIKELY(c->cpu.budget < max)) {
            if (c->cpu.budget == 0) {
                return X86_EXIT_BUDGET;
            }
            max = c->cpu.budget;
        }
        if (G_UNLIKELY(x86_interp_is_special(c))) {
            st = step(c, &done);
        } else {
            st = run_here(c, max, &done);
            if (G_UNLIKELY(c->code_changed)) {
                st = x86_interp_after(c, st);
            }
        }
        x86_completed(c, done);
        if (G_UNLIKELY(st == X86_FAULT || st == X86_TRAP)) {
            if (!x86_interp_deliver(c)) {
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

    if (!counting) {
        c->cpu.budget = UINT64_MAX;
    }
    x86_run_begin(c);
    why = run(c);
    x86_run_end(c);
    return why;
}

enum x86_exit x86_interp_step(struct x86_cpu *c)
{
    unsigned done;
    enum x86_status st = step(c, &done);

    x86_completed(c, done);
    if ((st == X86_FAULT || st == X86_TRAP) && !x86_interp_deliver(c)) {
        return X86_EXIT_SHUTDOWN;
    }
    return st == X86_HALT ? exit_halted(c) : X86_EXIT_STEP;
}

enum x86_exit x86_exec_one(struct x86_cpu *c)
{
    uint64_t budget = c->cpu.budget;
    enum x86_exit why;

    c->cpu.budget = UINT64_MAX; /* all of a repeated string */
    why = x86_interp_step(c);
    c->cpu.budget = budget;
    return why;
}
