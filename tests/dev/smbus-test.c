/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ICH9's SMBus controller: its EEPROMs, addresses where nothing is, interrupts. */
#include "machine/dev/pc/smbus.h"

#include "rig.h"

#define PORT (0xc000 + 4 * 256) /* of BAR 4 */

enum { STS = 0, CNT = 2, CMD = 3, ADDRESS = 4, D0 = 5, D1 = 6, BLOCK = 7, AUX = 13 };
enum { QUICK, BYTE, BYTE_DATA, WORD_DATA, CALL, BLOCK_DATA, I2C_READ };
enum { WRITE, READ };
#define START      0x40
#define INTERRUPTS 1
#define DONE       0x02
#define ERROR      0x04

static struct pci_dev *make(struct rig *r)
{
    struct pci_dev *p = rig_pci(r, rig_make(r, &smbus_class));

    pci_config_write(p, R_SMBUS_HOSTC, 1, 1);
    return p;
}

static void out(struct rig *r, unsigned reg, uint8_t value)
{
    rig_out(r, PORT + reg, 1, value);
}

static unsigned in(struct rig *r, unsigned reg)
{
    return rig_in(r, PORT + reg, 1);
}

/* Runs one transaction; what the status says at its end, which is then cleared. */
static unsigned run(struct rig *r, unsigned address, unsigned read, unsigned protocol,
                    unsigned command)
{
    unsigned status;

    out(r, ADDRESS, address << 1 | read);
    out(r, CMD, command);
    out(r, CNT, START | protocol << 2);
    status = in(r, STS);
    out(r, STS, 0xff);
    g_assert_cmphex(in(r, STS), ==, 0);
    return status;
}

static void test_eeprom(void)
{
    struct rig *r = rig_new();

    make(r);
    g_assert_cmphex(run(r, 0x57, READ, QUICK, 0), ==, DONE);
    out(r, D0, 0x77);
    g_assert_cmphex(run(r, 0x50, WRITE, BYTE_DATA, 5), ==, DONE);
    out(r, D0, 0x34);
    out(r, D1, 0x12);
    g_assert_cmphex(run(r, 0x50, WRITE, WORD_DATA, 255), ==, DONE); /* goes round */
    out(r, D0, 0);
    g_assert_cmphex(run(r, 0x50, READ, BYTE_DATA, 5), ==, DONE);
    g_assert_cmphex(in(r, D0), ==, 0x77);
    g_assert_cmphex(run(r, 0x50, READ, BYTE_DATA, 0), ==, DONE);
    g_assert_cmphex(in(r, D0), ==, 0x12);
    g_assert_cmphex(run(r, 0x51, READ, BYTE_DATA, 5), ==, DONE); /* another device */
    g_assert_cmphex(in(r, D0), ==, 0);
    g_assert_cmphex(run(r, 0x50, WRITE, BYTE, 255), ==, DONE); /* its address, then what is there */
    g_assert_cmphex(run(r, 0x50, READ, BYTE, 0), ==, DONE);
    g_assert_cmphex(in(r, D0), ==, 0x34);
    g_assert_cmphex(run(r, 0x50, READ, BYTE, 0), ==, DONE);
    g_assert_cmphex(in(r, D0), ==, 0x12);
    rig_free(r);
}

static void test_block(void)
{
    struct rig *r = rig_new();

    make(r);
    out(r, AUX, 2);
    in(r, CNT); /* to the first byte of the buffer */
    for (unsigned i = 0; i < 32; i++) {
        out(r, BLOCK, 0x80 + i);
    }
    out(r, D0, 32);
    g_assert_cmphex(run(r, 0x52, WRITE, BLOCK_DATA, 0x40), ==, DONE);
    for (unsigned i = 0; i < 32; i++) {
        out(r, BLOCK, 0);
    }
    out(r, D0, 0);
    g_assert_cmphex(run(r, 0x52, READ, BLOCK_DATA, 0x40), ==, DONE);
    g_assert_cmpuint(in(r, D0), ==, 32);
    for (unsigned i = 0; i < 32; i++) {
        g_assert_cmphex(in(r, BLOCK), ==, 0x80 + i);
    }
    g_assert_cmphex(run(r, 0x52, READ, BLOCK_DATA, 0x41), ==, ERROR); /* a count of 80h */
    out(r, D0, 33);
    g_assert_cmphex(run(r, 0x52, WRITE, BLOCK_DATA, 0), ==, ERROR);
    out(r, AUX, 0);
    g_assert_cmphex(run(r, 0x52, READ, BLOCK_DATA, 0x40), ==, ERROR);
    rig_free(r);
}

static void test_nothing_there(void)
{
    struct rig *r = rig_new();
    struct pci_dev *p = make(r);

    for (unsigned address = 0; address < 128; address++) {
        bool there = address >= 0x50 && address <= 0x57;

        g_assert_cmphex(run(r, address, READ, BYTE_DATA, 0), ==, there ? DONE : ERROR);
    }
    g_assert_cmphex(run(r, 0x50, WRITE, CALL, 0), ==, ERROR);
    g_assert_cmphex(run(r, 0x50, READ, I2C_READ, 0), ==, ERROR);
    out(r, CNT, 2); /* kill */
    g_assert_cmphex(in(r, STS), ==, 0x10);
    pci_config_write(p, R_SMBUS_HOSTC, 0, 1);
    g_assert_cmphex(in(r, STS), ==, 0xff);
    rig_free(r);
}

static void test_interrupt(void)
{
    struct rig *r = rig_new();
    struct pci_dev *p = make(r);

    g_assert_cmphex(run(r, 0x50, READ, BYTE_DATA, 0), ==, DONE);
    g_assert_false(p->intx_level);
    out(r, CNT, START | BYTE_DATA << 2 | INTERRUPTS);
    g_assert_true(p->intx_level);
    g_assert_cmphex(pci_config_read(p, 6, 2) & 8, ==, 8);
    out(r, STS, DONE);
    g_assert_false(p->intx_level);
    rig_free(r);
}

static void test_state(void)
{
    struct rig *r = rig_new();
    struct pci_dev *p = make(r);

    out(r, D0, 0x77);
    g_assert_cmphex(run(r, 0x50, WRITE, BYTE_DATA, 5), ==, DONE);
    rig_round_trip(&p->dev);
    rig_bad_states(&p->dev);
    rig_free(r);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/smbus/eeprom", test_eeprom);
    g_test_add_func("/smbus/block", test_block);
    g_test_add_func("/smbus/nothing-there", test_nothing_there);
    g_test_add_func("/smbus/interrupt", test_interrupt);
    g_test_add_func("/smbus/state", test_state);
    return g_test_run();
}
