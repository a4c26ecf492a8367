/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The host side of the comparison: registers in, one instruction, registers out. */
#include "tests/guest/x86/native.h"

#include <glib.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#define CODE_SIZE   4096
#define STACK_SIZE  65536
#define FLAGS_ARITH UINT64_C(0x8d5)

struct native {
    uint8_t *code, *data;
    void *stack;
};

/* Offsets used by the assembly below. */
G_STATIC_ASSERT(offsetof(struct native_state, flags) == 128);
G_STATIC_ASSERT(offsetof(struct native_state, fx) == 192);
G_STATIC_ASSERT(sizeof(struct native_fx) == 512);

/* What the assembly and the signal handler share: one run at a time. */
extern struct native_state *native_state_at;
extern const void *native_code_at;
void native_enter(struct native_state *state);
extern char native_abort[];

struct native_state *native_state_at;
const void *native_code_at;
static volatile sig_atomic_t native_signal;

__asm__(".text\n"
        ".globl native_enter, native_abort\n"
        "native_enter:\n"
        "    push %rbp\n    push %rbx\n    push %r12\n    push %r13\n    push %r14\n    push %r15\n"
        "    sub $8, %rsp\n"
        "    fxrstor64 192(%rdi)\n"
        "    pushq 128(%rdi)\n    popfq\n"
        "    mov 0(%rdi), %rax\n    mov 8(%rdi), %rcx\n    mov 16(%rdi), %rdx\n"
        "    mov 24(%rdi), %rbx\n    mov 40(%rdi), %rbp\n    mov 48(%rdi), %rsi\n"
        "    mov 64(%rdi), %r8\n    mov 72(%rdi), %r9\n    mov 80(%rdi), %r10\n"
        "    mov 88(%rdi), %r11\n    mov 96(%rdi), %r12\n    mov 104(%rdi), %r13\n"
        "    mov 112(%rdi), %r14\n    mov 120(%rdi), %r15\n    mov 56(%rdi), %rdi\n"
        "    call *native_code_at(%rip)\n"
        "    push %rdi\n    pushfq\n"
        "    mov native_state_at(%rip), %rdi\n"
        "    popq 128(%rdi)\n    popq 56(%rdi)\n"
        "    mov %rax, 0(%rdi)\n    mov %rcx, 8(%rdi)\n    mov %rdx, 16(%rdi)\n"
        "    mov %rbx, 24(%rdi)\n    mov %rbp, 40(%rdi)\n    mov %rsi, 48(%rdi)\n"
        "    mov %r8, 64(%rdi)\n    mov %r9, 72(%rdi)\n    mov %r10, 80(%rdi)\n"
        "    mov %r11, 88(%rdi)\n    mov %r12, 96(%rdi)\n    mov %r13, 104(%rdi)\n"
        "    mov %r14, 112(%rdi)\n    mov %r15, 120(%rdi)\n"
        "    fxsave64 192(%rdi)\n"
        "    jmp 1f\n"
        "native_abort:\n"
        "    add $8, %rsp\n" /* the return address of the call */
        "1:  fninit\n    ldmxcsr native_mxcsr(%rip)\n    cld\n"
        "    add $8, %rsp\n"
        "    pop %r15\n    pop %r14\n    pop %r13\n    pop %r12\n    pop %rbx\n    pop %rbp\n"
        "    ret\n"
        ".section .rodata\n"
        "native_mxcsr: .long 0x1f80\n"
        ".text\n");

/* Register numbers of the machine context, in x86 order. */
static const int context_reg[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP,
                                    REG_RSI, REG_RDI, REG_R8,  REG_R9,  REG_R10, REG_R11,
                                    REG_R12, REG_R13, REG_R14, REG_R15};

static void on_signal(int signal, siginfo_t *info, void *context)
{
    ucontext_t *uc = context;
    greg_t *regs = uc->uc_mcontext.gregs;
    const void *code = native_code_at;

    if (regs[REG_RIP] < (greg_t)code || regs[REG_RIP] >= (greg_t)code + CODE_SIZE) {
        abort(); /* not the instruction under test */
    }
    for (unsigned i = 0; i < 16; i++) {
        native_state_at->gpr[i] = (uint64_t)regs[context_reg[i]];
    }
    native_state_at->flags = (uint64_t)regs[REG_EFL];
    memcpy(&native_state_at->fx, uc->uc_mcontext.fpregs, sizeof(native_state_at->fx));
    native_signal = signal;
    /* Go on behind the call with harmless floating point state. */
    uc->uc_mcontext.fpregs->swd = 0;
    uc->uc_mcontext.fpregs->cwd = 0x37f;
    uc->uc_mcontext.fpregs->mxcsr = 0x1f80;
    regs[REG_RIP] = (greg_t)native_abort;
}

struct native *native_new(void)
{
    struct native *n = g_new0(struct native, 1);
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    stack_t stack = {.ss_size = STACK_SIZE};

    n->code = mmap(NULL, CODE_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS,
                   -1, 0);
    n->data = mmap((void *)(uintptr_t)NATIVE_DATA, NATIVE_DATA_SIZE, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    g_assert(n->code != MAP_FAILED && n->data == (void *)(uintptr_t)NATIVE_DATA);
    stack.ss_sp = n->stack = g_malloc(STACK_SIZE);
    g_assert_cmpint(sigaltstack(&stack, NULL), ==, 0);
    sigaction(SIGFPE, &action, NULL);
    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGILL, &action, NULL);
    sigaction(SIGBUS, &action, NULL);
    return n;
}

void native_free(struct native *n)
{
    stack_t none = {.ss_flags = SS_DISABLE};

    signal(SIGFPE, SIG_DFL);
    signal(SIGSEGV, SIG_DFL);
    signal(SIGILL, SIG_DFL);
    signal(SIGBUS, SIG_DFL);
    sigaltstack(&none, NULL);
    munmap(n->code, CODE_SIZE);
    munmap(n->data, NATIVE_DATA_SIZE);
    g_free(n->stack);
    g_free(n);
}

uint8_t *native_data(struct native *n)
{
    return n->data;
}

int native_run(struct native *n, const uint8_t *code, size_t len, struct native_state *state)
{
    memcpy(n->code, code, len);
    n->code[len] = 0xc3; /* ret */
    native_state_at = state;
    native_code_at = n->code;
    native_signal = 0;
    state->flags = (state->flags & FLAGS_ARITH) | 0x202;
    native_enter(state);
    state->flags &= FLAGS_ARITH;
    return native_signal;
}
