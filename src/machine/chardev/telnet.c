/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/chardev/telnet.h"

enum { /* commands */
       SE = 240,
       BREAK = 243,
       INTERRUPT = 244,
       SB = 250,
       WILL = 251,
       WONT = 252,
       DO = 253,
       DONT = 254,
       IAC = 255,
};
enum { BINARY = 0, ECHO = 1, NO_GO_AHEAD = 3 };

const uint8_t telnet_hello[TELNET_HELLO_BYTES] = {
    IAC, WILL, ECHO, IAC, WILL, NO_GO_AHEAD, IAC, WILL, BINARY, IAC, DO, BINARY,
};

/* The byte after IAC. TRUE: it is data. */
static bool command(struct telnet *t, uint8_t byte, bool *ret_break)
{
    switch (byte) {
    case WILL:
    case WONT:
    case DO:
    case DONT: t->state = TELNET_OPTION; return false;
    case SB: t->state = TELNET_SUB; return false;
    default: break;
    }
    t->state = TELNET_DATA;
    *ret_break = *ret_break || byte == BREAK || byte == INTERRUPT;
    return byte == IAC;
}

/* TRUE: the byte is data. */
static bool take(struct telnet *t, uint8_t byte, bool *ret_break)
{
    bool second;

    switch (t->state) {
    case TELNET_IAC: return command(t, byte, ret_break);
    case TELNET_OPTION: t->state = TELNET_DATA; return false;
    case TELNET_SUB: t->state = byte == IAC ? TELNET_SUB_IAC : TELNET_SUB; return false;
    case TELNET_SUB_IAC: t->state = byte == SE ? TELNET_DATA : TELNET_SUB; return false;
    default: break;
    }
    if (byte == IAC) {
        t->state = TELNET_IAC;
        return false;
    }
    second = t->after_cr && (byte == '\0' || byte == '\n');
    t->after_cr = byte == '\r';
    return !second;
}

size_t telnet_take(struct telnet *t, uint8_t *data, size_t len, bool *ret_break)
{
    size_t kept = 0;

    for (size_t i = 0; i < len; i++) {
        if (take(t, data[i], ret_break)) {
            data[kept++] = data[i];
        }
    }
    return kept;
}
