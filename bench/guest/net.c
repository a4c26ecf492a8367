/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pings the user network's gateway, 10.0.2.2, one packet at a time. */
#include "virtio.h"

#define HEADER  12 /* struct virtio_net_hdr with VERSION_1 */
#define BUFFER  2048
#define BUFFERS 8
#define PING    (14 + 20 + 8 + 56)

enum { RECEIVE, SEND };

static struct queue queues[2];
static uint8_t received[BUFFERS][BUFFER] __attribute__((aligned(16)));
static uint8_t sent[BUFFER] __attribute__((aligned(16)));
static const uint8_t arp[42] = {
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x52, 0x54, 0,    0x12, 0x34, 0x56, 8,    6, /* ethernet */
    0,    1,    8,    0,    6,    4,    0,    1,    0x52, 0x54, 0,    0x12, 0x34, 0x56,
    10,   0,    2,    15, /* who asks */
    0,    0,    0,    0,    0,    0,    10,   0,    2,    2,
};
static const uint8_t ping[34] = {
    0,    0,  0,  0,         0, 0, 0x52, 0x54, 0,  0x12, 0x34, 0x56, 8,  0, /* ethernet */
    0x45, 0,  0,  PING - 14, 0, 0, 0,    0,    64, 1,    0,    0,    10, 0,
    2,    15, 10, 0,         2, 2, /* IPv4 */
};

static void checksum(uint8_t *ret, const uint8_t *bytes, int length)
{
    uint32_t sum = 0;
    for (int n = 0; n < length; n += 2) {
        sum += (uint32_t)bytes[n] << 8 | bytes[n + 1];
    }
    sum = (sum & 0xffff) + (sum >> 16);
    sum = ~(sum + (sum >> 16));
    ret[0] = (uint8_t)(sum >> 8);
    ret[1] = (uint8_t)sum;
}

static void copy(uint8_t *to, const uint8_t *from, int length)
{
    for (int n = 0; n < length; n++) {
        to[n] = from[n];
    }
}

static void send(int length)
{
    queues[SEND].desc[0] = (struct desc){(uintptr_t)sent, (uint32_t)(HEADER + length), 0, 0};
    queue_give(&queues[SEND], 0);
    queue_wait(&queues[SEND]);
}

/* Waits for a frame that has `value` at `at`; its gateway's address is kept. */
static void await(int at, uint8_t type, int seq_at, uint16_t seq, uint8_t *ret_mac)
{
    for (;;) {
        uint16_t n = queue_wait(&queues[RECEIVE]);
        volatile uint8_t *frame = received[n] + HEADER;
        int match =
            frame[at] == type && (seq_at == 0 || (frame[seq_at] << 8 | frame[seq_at + 1]) == seq);
        for (int b = 0; match && b < 6; b++) {
            ret_mac[b] = frame[6 + b];
        }
        queue_give(&queues[RECEIVE], n);
        if (match) {
            return;
        }
    }
}

static void round_trip(uint16_t seq)
{
    uint8_t *icmp = sent + HEADER + 34, mac[6];
    icmp[0] = 8;
    icmp[2] = icmp[3] = 0;
    icmp[6] = (uint8_t)(seq >> 8);
    icmp[7] = (uint8_t)seq;
    checksum(icmp + 2, icmp, 64);
    send(PING);
    await(34, 0, 40, seq, mac);
}

void guest_main(void);
void guest_main(void)
{
    virtio_start(0x1041, queues, 2);
    for (uint16_t n = 0; n < BUFFERS; n++) {
        queues[RECEIVE].desc[n] = (struct desc){(uintptr_t)received[n], BUFFER, DESC_WRITE, 0};
        queue_give(&queues[RECEIVE], n);
    }
    copy(sent + HEADER, arp, sizeof(arp));
    send(60);
    await(13, 6, 20, 2, sent + HEADER);
    uint8_t mac[6];
    copy(mac, sent + HEADER, 6);
    copy(sent + HEADER, ping, sizeof(ping));
    copy(sent + HEADER, mac, 6);
    checksum(sent + HEADER + 24, sent + HEADER + 14, 20);
    round_trip(0);
    say('A');
    for (uint32_t n = 1; n <= REQUESTS; n++) {
        round_trip((uint16_t)n);
    }
    say('Z');
    finish(0);
}
