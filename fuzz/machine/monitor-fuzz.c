/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A monitor (FUZZ_MONITOR: human, qmp or qtest) of a small machine whose peer sends any bytes. What
 * would open files, sockets or devices of the host is left out.
 */
#include "../chardev/feed.h"
#include "whole.h"

#include <string.h>

#define BYTES_MAX 4096
#define PIECE     256

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Names that only stand in a command as they are: no other escape makes a letter. */
static bool reaches_host(const char *text)
{
    static const char *const names[] = {"chardev-add", "netdev_add", "blockdev-add", "object-add",
                                        "object_add",  "romfile",    "\\u",          "\\x",
                                        "memsave",     "migrate,",   "incoming",     "change"};
    g_autofree char *bare = g_strdup(text);
    size_t kept = 0;

    /* A shell's words lose quotes in their middle. */
    for (const char *c = text; *c; c++) {
        if (!strchr("'\"\\", *c)) {
            bare[kept++] = *c;
        }
    }
    bare[kept] = '\0';
    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        if (strstr(text, names[i]) || strstr(bare, names[i])) {
            return true;
        }
    }
    return false;
}

static const char *const *machine_words(void)
{
    static const char *const qtest[] = {"-machine",    "none",     "-accel",      "qtest",
                                        "-nodefaults", "-display", "none",        "-chardev",
                                        "null,id=mon", "-qtest",   "chardev:mon", NULL};
    static const char *const other[] = {
        "-machine",    "q35,pflash0=fw",
        "-blockdev",   "driver=null-co,node-name=fw,size=256K,read-zeroes=on",
        "-accel",      "qtest",
        "-m",          "2M",
        "-display",    "none",
        "-chardev",    "null,id=mon",
        "-mon",        "chardev=mon,mode=" FUZZ_MODE,
        "-blockdev",   "driver=null-co,node-name=b,size=1M",
        "-blockdev",   "driver=null-co,node-name=spare,size=1M",
        "-netdev",     "null,id=free",
        "-chardev",    "ringbuf,id=ring,size=64",
        "-device",     "pcie-root-port,id=rp,chassis=1,slot=1,addr=0x10",
        "-device",     "ide-cd,id=cd",
        "-netdev",     "null,id=n",
        "-device",     "virtio-net-pci,netdev=n,id=net0",
        "-device",     "virtio-blk-pci,drive=b,id=disk0",
        "-device",     "virtio-balloon-pci",
        "-object",     "secret,id=s,data=x",
        "-nodefaults", NULL};

    return strcmp(FUZZ_MONITOR, "qtest") == 0 ? qtest : other;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *text = g_strndup((const char *)data, MIN(size, BYTES_MAX));
    size_t len = strlen(text);
    struct chardev *c;
    struct whole w;

    if (reaches_host(text)) {
        return 0;
    }
    whole_init(&w, machine_words());
    c = chardev_find(w.host.chardevs, "mon");
    for (size_t at = 0; at < len; at += PIECE) {
        feed(c, text + at, MIN(PIECE, len - at));
        whole_loop(&w);
    }
    whole_fini(&w);
    return 0;
}
