/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The Telnet protocol as a terminal's server speaks it: RFC 854, 856 (binary), 857 (echo) and 858
 * (suppress go ahead). Pure: no thread, no I/O.
 */
#ifndef VIV_MACHINE_CHARDEV_TELNET_H
#define VIV_MACHINE_CHARDEV_TELNET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct telnet {
    enum { TELNET_DATA, TELNET_IAC, TELNET_OPTION, TELNET_SUB, TELNET_SUB_IAC } state;
    bool after_cr; /* CR NUL and CR LF are one CR */
};

#define TELNET_HELLO_BYTES 12
/* What the server says first: it echoes, sends all the time, and both sides send bytes. */
extern const uint8_t telnet_hello[TELNET_HELLO_BYTES];

/* Takes commands out of data[0..len) in place; returns how many bytes of data are left and sets
 * *ret_break if the peer sent a break. */
size_t telnet_take(struct telnet *t, uint8_t *data, size_t len, bool *ret_break);

#endif
