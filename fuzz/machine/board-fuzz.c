/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The q35 board under a guest that touches everything: ports, configuration cycles by both ways,
 * shadow RAM, firmware flash, interrupt controllers; time that passes, resets, and saved machines
 * with changed bytes.
 */
#include "../base/input.h"
#include "base/least.h"
#include "whole.h"

#include "base/endian.h"

#define OPERATIONS 400
#define SLOTS      8 /* of 32: those that hold something, by the fuzzer's choice of options */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const words[] = {"-machine",
                                    "q35,pflash0=fw",
                                    "-accel",
                                    "qtest",
                                    "-m",
                                    "2M",
                                    "-smp",
                                    "2",
                                    "-blockdev",
                                    "driver=null-co,node-name=fw,size=256K,read-zeroes=on",
                                    "-display",
                                    "none",
                                    "-nodefaults",
                                    "-device",
                                    "pcie-root-port,id=port,addr=2,chassis=1",
                                    "-device",
                                    "pci-testdev,bus=port",
                                    "-device",
                                    "pci-testdev,addr=3",
                                    "-device",
                                    "pvpanic",
                                    NULL};

/* Where a guest's accesses are worth something. */
static const struct {
    gpa base;
    uint32_t len;
} memory[] = {
    {0xa0000, 0x60000},   {0xb0000000, 0x10000}, {0xb00f8000, 0x1000}, {0xb0010000, 0x8000},
    {0xfec00000, 0x44},   {0xfed00000, 0x400},   {0xfee00000, 0x1000}, {0xfffc0000, 0x40000},
    {0xfed1c000, 0x4000}, {0xe0000000, 0x4000},  {0, 0x1000},          {0x1fff00, 0x200},
};

static const struct {
    uint16_t base, len;
} ports[] = {
    {0x00, 0x100}, {0xb2, 2},     {0x92, 1},  {0x60, 5},      {0x70, 4},  {0x4d0, 2},
    {0x510, 12},   {0x600, 0x80}, {0xcf8, 8}, {0xc000, 0x40}, {0x3f8, 8}, {0x505, 1},
};

static void touch_memory(struct machine *m, struct input *in, uint8_t op)
{
    unsigned i = input_byte(in) % G_N_ELEMENTS(memory), size = 1u << (op >> 6);
    gpa addr = memory[i].base + input_number(in, 3) % memory[i].len;
    uint64_t v;

    if (op & 8) {
        bus_write(m->memory, addr, input_number(in, size), size);
    } else {
        bus_read(m->memory, addr, size, &v);
    }
}

static void touch_port(struct machine *m, struct input *in, uint8_t op)
{
    unsigned i = input_byte(in) % G_N_ELEMENTS(ports), size = MIN(1u << (op >> 6), 4);
    uint16_t port = ports[i].base + input_number(in, 1) % ports[i].len;
    uint64_t v;

    if (op & 8) {
        bus_write(m->io, port, input_number(in, size), size);
    } else {
        bus_read(m->io, port, size, &v);
    }
}

/* A function of bus 0 or of what lies behind the port. */
static void configure(struct machine *m, struct input *in, uint8_t op)
{
    static const uint8_t devfn[SLOTS] = {0, 0x10, 0x18, 0xf8, 0xfa, 0xfb, 0x00, 0xff};
    unsigned which = op >> 4 & 7, size = MIN(1u << (op >> 6), 4), off = input_byte(in);
    uint64_t v;

    bus_write(
        m->io, 0xcf8,
        0x80000000u | (which == 6 ? 0x10000u : 0) | (uint32_t)devfn[which] << 8 | (off & 0xfc), 4);
    if (op & 8) {
        bus_write(m->io, 0xcfc + (off & 3 & ~(size - 1)), input_number(in, size), size);
    } else {
        bus_read(m->io, 0xcfc + (off & 3 & ~(size - 1)), size, &v);
    }
}

static void append(void *opaque, const void *data, size_t len)
{
    g_byte_array_append(opaque, data, (guint)len);
}

/* FALSE: refused; what is left is no machine any more. */
static bool load_changed(struct machine *m, struct input *in)
{
    g_autoptr(GByteArray) state = g_byte_array_new();
    g_autoptr(GError) error = NULL;
    uint32_t at = input_number(in, 3);

    machine_save(m, append, state);
    if (at < 0x10000) {
        state->data[state->len - 1 - at % state->len] ^= input_byte(in);
    } else {
        state->data[at % state->len] ^= input_byte(in);
    }
    if (!machine_load(m, state->data, at % 31 ? state->len : at % state->len, &error)) {
        g_assert_nonnull(error);
        return false;
    }
    return true;
}

/* Time passes; at most some timers fire. */
static void pass(struct clock *clock, int64_t ns)
{
    int64_t end = clock_now(clock, CLOCK_GUEST) + ns, next;

    for (unsigned i = 0; i < 64 && (next = clock_next(clock, CLOCK_GUEST)) <= end; i++) {
        clock_skip(clock, max_i64(next - clock_now(clock, CLOCK_GUEST), 0));
        clock_run(clock);
    }
    clock_skip(clock, max_i64(end - clock_now(clock, CLOCK_GUEST), 0));
}

static bool operate(struct whole *w, struct input *in)
{
    struct machine *m = w->host.machine;
    uint8_t op = input_byte(in);

    switch (op & 7) {
    case 0:
    case 1: touch_memory(m, in, op); break;
    case 2:
    case 3: touch_port(m, in, op); break;
    case 4:
    case 5: configure(m, in, op); break;
    case 6:
        if (op & 0x80) {
            machine_reset(m);
        } else {
            pass(m->clock, (int64_t)input_number(in, 2) << (op >> 3 & 15));
        }
        break;
    default: return op & 0x80 ? (whole_loop(w), true) : load_changed(m, in);
    }
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    struct whole w;

    whole_init(&w, words);
    for (unsigned n = 0; in.left && n < OPERATIONS && operate(&w, &in); n++) {
    }
    whole_fini(&w);
    return 0;
}
