/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Intel SDM volume 2, 2.1 to 2.7 and appendix A; AMD APM volume 3, 1.2 and 1.4. */
#include "shape.h"

#include <string.h>

#define BYTES 16

static bool take_prefix(struct shape *s, uint8_t byte)
{
    switch (byte) {
    case 0x66: s->p66 = true; break;
    case 0x67: s->p67 = true; break;
    case 0xf0: s->lock = true; break;
    case 0xf2:
    case 0xf3: s->rep = byte; break;
    case 0x26:
    case 0x2e:
    case 0x36:
    case 0x3e:
    case 0x64:
    case 0x65: s->segment = true; break;
    default:
        if ((byte & 0xf0) != 0x40) {
            return false;
        }
        s->lost_rex |= s->rex != 0;
        s->rex = byte;
        return true;
    }
    s->lost_rex |= s->rex != 0;
    s->rex = 0;
    return true;
}

/* C4, C5, 62 and 8F: the bytes behind the escape say map and W. Returns where the opcode is. */
static unsigned take_vector(struct shape *s, const uint8_t *p)
{
    switch (p[0]) {
    case 0xc5:
        s->encoding = SHAPE_VEX;
        s->map = 1;
        s->l = p[1] & 4;
        return 2;
    case 0x62:
        s->encoding = SHAPE_EVEX;
        s->map = p[1] & 7;
        s->w = p[2] & 0x80;
        return 4;
    default:
        s->encoding = p[0] == 0xc4 ? SHAPE_VEX : SHAPE_XOP;
        s->map = p[1] & 0x1f;
        s->w = p[2] & 0x80;
        s->l = p[2] & 4;
        return 3;
    }
}

static unsigned take_legacy(struct shape *s, const uint8_t *p)
{
    s->map = 1;
    if (p[0] != 0x0f) {
        return 0;
    }
    s->map = 0x0f;
    if (p[1] == 0x38 || p[1] == 0x3a) {
        s->map = 0x0f00 | p[1];
        return 2;
    }
    s->encoding = p[1] == 0x0f ? SHAPE_3DNOW : SHAPE_LEGACY;
    return 1;
}

struct shape shape_of(const uint8_t *bytes)
{
    struct shape s = {0};
    uint8_t padded[BYTES + 8] = {0};
    const uint8_t *p = padded;

    memcpy(padded, bytes, BYTES);
    while (s.prefixes < BYTES - 1 && take_prefix(&s, *p)) {
        s.prefixes++;
        p++;
    }
    bool xop = p[0] == 0x8f && (p[1] & 0x1f) >= 8;

    p += p[0] == 0xc4 || p[0] == 0xc5 || p[0] == 0x62 || xop ? take_vector(&s, p)
                                                             : take_legacy(&s, p);
    s.opcode = p[0];
    s.modrm = p[1];
    return s;
}
