/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The objects of test:///default. */
#include "manage/conf/named.h"
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

static const char default_network[] = "<network>"
                                      "  <name>default</name>"
                                      "  <uuid>dd8fe884-6c02-601e-7551-cca97df1c5df</uuid>"
                                      "  <forward/>"
                                      "  <bridge name='virbr0'/>"
                                      "  <ip address='192.168.122.1' netmask='255.255.255.0'>"
                                      "    <dhcp>"
                                      "      <range start='192.168.122.2' end='192.168.122.254'/>"
                                      "    </dhcp>"
                                      "  </ip>"
                                      "</network>";

static const char default_pool[] = "<pool type='dir'>"
                                   "  <name>default-pool</name>"
                                   "  <uuid>dfe224cb-28fb-8dd0-c4b2-64eb3f0f4566</uuid>"
                                   "  <target><path>/default-pool</path></target>"
                                   "</pool>";

static const char default_interface[] = "<interface type='ethernet' name='eth1'>"
                                        "  <start mode='onboot'/>"
                                        "  <mac address='aa:bb:cc:dd:ee:ff'/>"
                                        "  <mtu size='1492'/>"
                                        "  <protocol family='ipv4'>"
                                        "    <ip address='192.168.0.5' prefix='24'/>"
                                        "    <route gateway='192.168.0.1'/>"
                                        "  </protocol>"
                                        "</interface>";

#define FC_HOST(WWNN, WWPN, FABRIC)                                                 \
    "<capability type='fc_host'>"                                                   \
    "<wwnn>" WWNN "</wwnn><wwpn>" WWPN "</wwpn><fabric_wwn>" FABRIC "</fabric_wwn>" \
    "</capability>"
#define VPORTS \
    "<capability type='vport_ops'><max_vports>0</max_vports><vports>0</vports></capability>"
#define SCSI_HOST(NAME, PARENT, HOST, ID, MORE)                                            \
    "<device><name>" NAME "</name><parent>" PARENT "</parent>"                             \
    "<capability type='scsi_host'><host>" HOST "</host><unique_id>" ID "</unique_id>" MORE \
    "</capability></device>"

static const char *const default_devices[] = {
    "<device><name>computer</name><capability type='system'><hardware><vendor>Libvirt</vendor>"
    "<version>Test driver</version><serial>123456</serial>"
    "<uuid>11111111-2222-3333-4444-555555555555</uuid></hardware><firmware>"
    "<vendor>Libvirt</vendor><version>Test Driver</version>"
    "<release_date>01/22/2007</release_date></firmware></capability></device>",
    SCSI_HOST("scsi_host1", "computer", "1", "0",
              FC_HOST("2000000012341234", "1000000012341234", "2000000043214321") VPORTS),
    SCSI_HOST("scsi_host2", "computer", "2", "1",
              FC_HOST("2000000056785678", "1000000056785678", "2000000087658765") VPORTS),
    SCSI_HOST("scsi_host11", "scsi_host1", "11", "10",
              FC_HOST("2000000034563456", "1000000034563456", "2000000043214321")),
};

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

static bool add_object(struct host *host, enum object_kind kind, enum named_kind named,
                       const char *text, GError **error)
{
    uint8_t uuid[UUID_BYTES] = {0};
    struct xml *def = named_parse(named, text, uuid, error);
    struct object *object;

    if (def == NULL) {
        return false;
    }
    object = kind == OBJECT_POOL ? &pool_new(host, named_name(def), uuid, def)->object
                                 : object_new(kind, host, named_name(def), uuid, def);
    if (kind == OBJECT_POOL) {
        test_size_pool(pool_of(object));
    }
    object->active = true;
    object->persistent = true;
    objects_add(host->objects[kind], object);
    object_unref(object);
    return true;
}

bool test_fill_default(struct host *host, GError **error)
{
    if (!add_domain(host, default_domain, error) ||
        !add_object(host, OBJECT_NETWORK, NAMED_NETWORK, default_network, error) ||
        !add_object(host, OBJECT_INTERFACE, NAMED_INTERFACE, default_interface, error) ||
        !add_object(host, OBJECT_POOL, NAMED_POOL, default_pool, error)) {
        return false;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(default_devices); i++) {
        if (!add_object(host, OBJECT_NODEDEV, NAMED_NODEDEV, default_devices[i], error)) {
            return false;
        }
    }
    return true;
}
