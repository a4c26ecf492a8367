/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * usage: length-probe FD COUNT
 * FD is memory with COUNT probe_records, which are filled in. See length-probe.h.
 *
 *            page of code        | not there
 *      ......................48 8b|             asks for the next page: longer than 2
 *      ...................48 8b 44|             asks again
 *      ................48 8b 44 24|             asks again
 *      .............48 8b 44 24 08|             does not: 5 bytes
 *
 * Everything happens in the signal handler: it notes how the last run ended and returns into the
 * next one, with the trap flag set so that what does run is one instruction. Nothing here may use
 * thread-local storage (the stack protector does): WRFSBASE may have been what ran.
 */
#include "length-probe.h"

#include <asm/prctl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#define PAGE        4096
#define CODE        UINT64_C(0x100000000000) /* far from everything that is mapped */
#define MISSING     (CODE + PAGE)
#define STACK_SIZE  65536
#define FLAGS_TRAP  0x302
#define ERROR_FETCH 0x10
#define VECTOR_PF   14
#define CPU_SECONDS 600

/* The handler's; nothing else runs. */
static struct {
    struct probe_record *records;
    unsigned n, i;
    unsigned shown;   /* bytes of the running string */
    unsigned lo, hi;  /* more than lo bytes, at most hi */
    greg_t selectors; /* CS and the like as they should be */
    struct _libc_fpstate fp;
} probe;

static void copy(void *to, const void *from, size_t n)
{
    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n) : : "memory");
}

static _Noreturn void leave(void)
{
    for (;;) {
        __asm__ volatile("syscall" : : "a"(SYS_exit_group), "D"(0) : "rcx", "r11", "memory");
    }
}

static void begin_record(void)
{
    const struct probe_record *r = &probe.records[probe.i];

    probe.lo = 0;
    probe.hi = PROBE_BYTES + 1;
    probe.shown = r->guess >= 1 && r->guess <= PROBE_BYTES ? r->guess : 1;
}

/* What the last run says; then the next string of bytes to show. */
static void note(int signal, const greg_t *regs)
{
    struct probe_record *r = &probe.records[probe.i];
    int more = signal == SIGSEGV && regs[REG_TRAPNO] == VECTOR_PF &&
               (regs[REG_ERR] & ERROR_FETCH) && (regs[REG_CR2] & -PAGE) == (greg_t)MISSING &&
               regs[REG_RIP] == (greg_t)(MISSING - probe.shown);

    r->tries++;
    if (more) {
        probe.lo = probe.shown;
    } else {
        probe.hi = probe.shown;
        r->signal = signal;
        r->trapno = regs[REG_TRAPNO];
    }
    if (probe.hi - probe.lo > 1) {
        probe.shown = probe.hi > PROBE_BYTES ? probe.lo + 1 : probe.hi - 1;
        return;
    }
    r->len = probe.hi;
    if (++probe.i == probe.n) {
        leave();
    }
    begin_record();
}

static void on_signal(int signal, siginfo_t *info, void *context)
{
    ucontext_t *uc = context;
    greg_t *regs = uc->uc_mcontext.gregs;

    (void)info;
    if (probe.shown) {
        note(signal, regs);
    } else {
        probe.selectors = regs[REG_CSGSFS];
        copy(&probe.fp, uc->uc_mcontext.fpregs, offsetof(struct _libc_fpstate, __glibc_reserved1));
        probe.fp.cwd = 0x37f;
        probe.fp.swd = 0;
        probe.fp.ftw = 0;
        probe.fp.mxcsr = 0x1f80;
        begin_record();
    }
    copy((void *)(MISSING - probe.shown), probe.records[probe.i].bytes, probe.shown);
    for (unsigned i = REG_R8; i <= REG_RSP; i++) {
        regs[i] = (greg_t)PROBE_VALUE;
    }
    regs[REG_RIP] = (greg_t)(MISSING - probe.shown);
    regs[REG_EFL] = FLAGS_TRAP;
    regs[REG_CSGSFS] = probe.selectors;
    copy(uc->uc_mcontext.fpregs, &probe.fp, offsetof(struct _libc_fpstate, __glibc_reserved1));
}

/* A system call made by a probed instruction raises SIGSYS; so does any that is not of 64-bit
 * code. */
static int trap_system_calls(void)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 0, 2),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, instruction_pointer) + 4),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(CODE >> 32), 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = sizeof(filter) / sizeof(*filter), .filter = filter};

    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

static int catch_signals(void)
{
    static const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS};
    struct sigaction action = {.sa_sigaction = on_signal,
                               .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
    stack_t stack = {.ss_size = STACK_SIZE, .ss_sp = malloc(STACK_SIZE)};

    if (!stack.ss_sp || sigaltstack(&stack, NULL)) {
        return -1;
    }
    for (unsigned i = 0; i < sizeof(signals) / sizeof(*signals); i++) {
        if (sigaction(signals[i], &action, NULL)) {
            return -1;
        }
    }
    return 0;
}

/* A page for code, and none behind it. */
static int map_pages(void)
{
    void *code = mmap((void *)CODE, 2 * PAGE, PROT_READ | PROT_WRITE | PROT_EXEC,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

    return code != (void *)CODE || mprotect((void *)MISSING, PAGE, PROT_NONE);
}

int main(int argc, char **argv)
{
    struct rlimit cpu = {CPU_SECONDS, CPU_SECONDS};

    if (argc != 3 || (probe.n = strtoul(argv[2], NULL, 0)) == 0) {
        fprintf(stderr, "usage: length-probe FD COUNT\n");
        return 2;
    }
    probe.records = mmap(NULL, probe.n * sizeof(*probe.records), PROT_READ | PROT_WRITE, MAP_SHARED,
                         atoi(argv[1]), 0);
    if (probe.records == MAP_FAILED || setrlimit(RLIMIT_CPU, &cpu) || map_pages() ||
        catch_signals() || trap_system_calls()) {
        perror("length-probe");
        return 1;
    }
    /* No thread-local storage from here on: FS:address shall be nowhere. */
    __asm__ volatile("syscall\n\tud2"
                     :
                     : "a"(SYS_arch_prctl), "D"(ARCH_SET_FS), "S"(0)
                     : "rcx", "r11", "memory");
    return 1;
}
