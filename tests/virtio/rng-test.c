/* SPDX-License-Identifier: GPL-2.0-or-later */
/* virtio-rng through its PCI interface. VIRTIO 1.2, 5.4. */
#include "rig.h"

#include "machine/core/object.h"
#include "machine/virtio/devices.h"

struct counter {
    struct object_rng rng;
    uint8_t next;
};

static ssize_t count(struct object_rng *rng, void *to, size_t len)
{
    struct counter *c = (struct counter *)rng;

    for (size_t i = 0; i < len; i++) {
        ((uint8_t *)to)[i] = c->next++;
    }
    return len;
}

static void fills_from_the_object(void)
{
    struct counter c = {.rng = {{"rng-random", (char *)"r0"}, count}};
    const struct rig_buffer b[] = {{RIG_DATA, 100, true}, {RIG_DATA + 200, 50, true}};
    struct rig r;

    rig_init(&r, true, &c);
    rig_add(&r, &virtio_rng_pci_class, "rng=r0");
    rig_start(&r, UINT64_MAX);
    rig_send(&r, 0, 0, b, 2);
    g_assert_cmpint(rig_used(&r, 0, false), ==, 150);
    for (unsigned i = 0; i < 150; i++) {
        g_assert_cmpuint(r.ram->host[RIG_DATA + (i < 100 ? i : i + 100)], ==, i);
    }
    rig_fini(&r);
}

static void host_generator_is_the_default(void)
{
    const struct rig_buffer b = {RIG_DATA, 4096, true};
    struct rig r;
    unsigned zeroes = 0;

    rig_init(&r, true, NULL);
    rig_add(&r, &virtio_rng_pci_class, "");
    rig_start(&r, UINT64_MAX);
    rig_send(&r, 0, 0, &b, 1);
    g_assert_cmpint(rig_used(&r, 0, false), ==, 4096);
    for (unsigned i = 0; i < 4096; i++) {
        zeroes += r.ram->host[RIG_DATA + i] == 0;
    }
    g_assert_cmpuint(zeroes, <, 200); /* 16 expected */
    rig_fini(&r);
}

/* max-bytes in a period: the second request waits for the next one. */
static void quota_is_kept(void)
{
    const struct rig_buffer b = {RIG_DATA, 64, true};
    struct rig r;

    rig_init(&r, true, NULL);
    rig_add(&r, &virtio_rng_pci_class, "max-bytes=64,period=30");
    rig_start(&r, UINT64_MAX);
    rig_send(&r, 0, 0, &b, 1);
    g_assert_cmpint(rig_used(&r, 0, false), ==, 64);
    rig_send(&r, 0, 0, &b, 1);
    g_assert_cmpint(rig_used(&r, 0, false), ==, -1);
    clock_start(r.machine.env.clock);
    g_assert_cmpint(rig_used(&r, 0, true), ==, 64);
    rig_fini(&r);
}

static void wrong_object_is_refused(void)
{
    struct object o = {"memory-backend-ram", (char *)"m0"};
    struct rig r;
    g_autofree char *says = NULL;

    rig_init(&r, true, &o);
    says = rig_add_fails(&r, &virtio_rng_pci_class, "rng=m0");
    g_assert_nonnull(strstr(says, "not a source of random numbers"));
    rig_fini(&r);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/virtio-rng/object", fills_from_the_object);
    g_test_add_func("/virtio-rng/host", host_generator_is_the_default);
    g_test_add_func("/virtio-rng/quota", quota_is_kept);
    g_test_add_func("/virtio-rng/wrong-object", wrong_object_is_refused);
    return g_test_run();
}
