/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The objects of test:///default. */
#include "manage/driver/test/internal.h"

static const char default_domain[] =
    "<domain type='test'>"
    "  <name>test</name>"
    "  <uuid>6695eb01-f6a4-8304-79aa-97f2502e193f</uuid>"
    "  <memory>8388608</memory>"
    "  <currentMemory>2097152</currentMemory>"
    "  <vcpu>2</vcpu>"
    "  <os><type arch='i686'>hvm</type></os>"
    "  <devices>"
    "    <disk type='file' device='disk'>"
    "      <source file='/guest/diskimage1'/>"
    "      <target dev='vda' bus='virtio'/>"
    "      <address type='pci' domain='0x0000' bus='0x01' slot='0x00' function='0x0'/>"
    "    </disk>"
    "    <interface type='network'>"
    "      <mac address='aa:bb:cc:dd:ee:ff'/>"
    "      <source network='default'/>"
    "      <target dev='testnet0'/>"
    "      <address type='pci' domain='0x0000' bus='0x00' slot='0x01' function='0x0'/>"
    "    </interface>"
    "    <memballoon model='virtio'>"
    "      <address type='pci' domain='0x0000' bus='0x00' slot='0x02' function='0x0'/>"
    "    </memballoon>"
    "  </devices>"
    "</domain>";

static bool add_domain(struct host *host, const char *text, GError **error)
{
    struct domain_def *def = domain_def_parse(text, &test_rules, error);

    if (def == NULL) {
        return false;
    }
    struct domain *domain = domain_new(host, def);

    object_lock(&domain->object);
    objects_add(host->objects[OBJECT_DOMAIN], &domain->object);
    domain->object.persistent = true;
    machine_became(domain, DOMAIN_RUNNING, RUNNING_UNKNOWN);
    object_release(&domain->object);
    return true;
}

bool test_fill_default(struct host *host, GError **error)
{
    return add_domain(host, default_domain, error);
}
