/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The decoder: lengths and text of known encodings, and random strings cut off anywhere. */
#include "machine/guest/x86/insn.h"

#define MODE64 (MODE_CODE64 | MODE_PROT | MODE_LONG)
#define MODE32 (MODE_CODE32 | MODE_PROT)
#define MODE16 MODE_PROT

struct sample {
    uint32_t mode;
    unsigned available;
    uint8_t bytes[16];
    enum x86_decode_result want;
    unsigned len;
    const char *text; /* NULL: not looked at */
};

static const struct sample samples[] = {
    {MODE64, 16, {0x90}, X86_DECODED, 1, "nop"},
    {MODE64, 16, {0x41, 0x90}, X86_DECODED, 2, "xchg r8d,eax"},
    {MODE64, 16, {0x48, 0x8b, 0x44, 0x24, 0x08}, X86_DECODED, 5, "mov rax,QWORD PTR [rsp+0x8]"},
    {MODE64, 16, {0x66, 0x05, 0x34, 0x12}, X86_DECODED, 4, "add ax,0x1234"},
    {MODE64, 16, {0x8b, 0x05, 4, 0, 0, 0}, X86_DECODED, 6, "mov eax,DWORD PTR [rip+0x4]"},
    {MODE32, 16, {0x8b, 0x05, 4, 0, 0, 0}, X86_DECODED, 6, "mov eax,DWORD PTR ds:0x4"},
    {MODE16, 16, {0x8b, 0x46, 0xfe}, X86_DECODED, 3, "mov ax,WORD PTR [bp-0x2]"},
    {MODE16, 16, {0x67, 0x66, 0x8b, 0x04, 0x88}, X86_DECODED, 5, "mov eax,DWORD PTR [eax+ecx*4]"},
    {MODE64, 16, {0x48, 0xb8, 1, 2, 3, 4, 5, 6, 7, 8}, X86_DECODED, 10, NULL},
    {MODE64, 16, {0xa1, 1, 2, 3, 4, 5, 6, 7, 8}, X86_DECODED, 9, NULL},
    {MODE64, 16, {0x67, 0xa1, 1, 2, 3, 4}, X86_DECODED, 6, NULL},
    {MODE64, 16, {0xc8, 0x10, 0, 1}, X86_DECODED, 4, "enter 0x10,0x1"},
    {MODE32, 16, {0xea, 1, 2, 3, 4, 5, 6}, X86_DECODED, 7, "jmp 0x605:0x4030201"},
    {MODE64, 16, {0xf0, 0x0f, 0xc1, 0x03}, X86_DECODED, 4, "lock xadd DWORD PTR [rbx],eax"},
    {MODE64, 16, {0xf3, 0xa4}, X86_DECODED, 2, "rep movs BYTE PTR es:[rdi],BYTE PTR ds:[rsi]"},
    {MODE64, 16, {0xc4, 0xe2, 0x70, 0xf2, 0xc2}, X86_DECODED, 5, "andn eax,ecx,edx"},
    {MODE32, 16, {0xc4, 0x03}, X86_DECODED, 2, NULL}, /* les */
    /* REX counts only right before the opcode. */
    {MODE64, 16, {0x48, 0x66, 0x89, 0xc8}, X86_DECODED, 4, "mov ax,cx"},
    {MODE64, 16, {0x06}, X86_INVALID, 1, NULL},
    {MODE64, 16, {0xf0, 0x89, 0x03}, X86_INVALID, 3, NULL},
    {MODE64, 3, {0x48, 0x8b, 0x44}, X86_NEED_MORE, 3, NULL},
    {MODE64, 0, {0}, X86_NEED_MORE, 0, NULL},
    {MODE64,
     15,
     {0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x90},
     X86_DECODED,
     15,
     NULL},
    {MODE64,
     16,
     {0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66,
      0x90},
     X86_TOO_LONG,
     15,
     NULL},
    /* Near branches: 66h is the vendor's matter. */
    {MODE64, 16, {0x66, 0xe9, 1, 2, 3, 4}, X86_DECODED, 4, NULL},
    {MODE64 | MODE_BRANCH64, 16, {0x66, 0xe9, 1, 2, 3, 4}, X86_DECODED, 6, NULL},
};

static void known(void)
{
    struct x86_decoder *d = x86_decoder_new();

    for (unsigned i = 0; i < G_N_ELEMENTS(samples); i++) {
        const struct sample *s = &samples[i];
        g_autoptr(GString) text = g_string_new(NULL);
        struct x86_insn in;

        g_assert_cmpint(x86_decode(d, s->mode, s->bytes, s->available, &in), ==, s->want);
        g_assert_cmpuint(in.len, ==, s->len);
        if (s->text) {
            x86_disassemble(d, s->mode, &in, 0, text);
            g_assert_cmpstr(text->str, ==, s->text);
        }
    }
    x86_decoder_free(d);
}

/* Whatever is cut off: fewer bytes never decode to something else. */
static void prefixes_of_strings(void)
{
    struct x86_decoder *d = x86_decoder_new();

    for (unsigned n = 0; n < 200000; n++) {
        static const uint32_t modes[] = {MODE64, MODE32, MODE16, 0};
        uint32_t mode = modes[n & 3];
        uint8_t bytes[16];
        struct x86_insn in, cut;

        for (unsigned i = 0; i < 16; i += 4) {
            uint32_t v = g_random_int();

            memcpy(bytes + i, &v, 4);
        }
        if (x86_decode(d, mode, bytes, 16, &in) != X86_DECODED) {
            continue;
        }
        g_assert_cmpint(x86_decode(d, mode, bytes, in.len, &cut), ==, X86_DECODED);
        g_assert_cmpuint(cut.len, ==, in.len);
        for (unsigned len = 0; len < in.len; len++) {
            g_assert_cmpint(x86_decode(d, mode, bytes, len, &cut), ==, X86_NEED_MORE);
        }
    }
    x86_decoder_free(d);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/x86/decode/known", known);
    g_test_add_func("/x86/decode/prefixes", prefixes_of_strings);
    return g_test_run();
}
