# SPDX-License-Identifier: GPL-2.0-or-later
"""device_add and device_del as a driver of the port's slot sees them, and in QEMU's words: what is
refused, what the guest is told, when a device is gone and its back end free, and that a saved state
has what came later."""
import sys
import tempfile
import time

from rig import Rig

PORTS = ["-device", "pcie-root-port,id=rp0,chassis=1,slot=1,addr=2",
         "-device", "pcie-root-port,id=rp1,chassis=1,slot=2,addr=3",
         "-device", "pcie-root-port,id=rp2,chassis=1,slot=3,addr=5,hotplug=off"]
RP0, RP1, LATE = 2 << 3, 3 << 3, 1 << 8
CONTROL, STATUS = 0x18, 0x1A
ON, BLINKS, OFF = 0x01C0, 0x02C0, 0x07C0
VIRTIO_BLK, VIRTIO_RNG = 0x10421AF4, 0x10441AF4
count, failed = 0, 0


def check(name, problems):
    global count, failed
    count += 1
    for p in problems:
        print(f"# {p}")
    print(f"{'not ok' if problems else 'ok'} {count} - {name}", flush=True)
    failed += bool(problems)


def same(got, wanted):
    return [] if got == wanted else [f"{got!r}, not {wanted!r}"]


class Slots(Rig):
    """A machine with three ports; the first two have secondary buses 1 and 2."""
    def begin(self):
        for bus, port in (1, RP0), (2, RP1):
            self.set_config(port, 0x18, 0x010100 * bus)
        return self

    def slot(self, port):
        at = self.config(port, 0x34, 1)
        while self.config(port, at, 1) != 0x10:
            at = self.config(port, at + 1, 1)
        return at

    def status(self, port=RP0):
        return self.config(port, self.slot(port) + STATUS, 2)

    def light(self, value, port=RP0):
        self.set_config(port, self.slot(port) + CONTROL, value, 2)
        self.set_config(port, self.slot(port) + STATUS, 0x11F, 2)

    def error(self, command, **arguments):
        return self.qmp(command, **arguments).get("desc")

    def devices(self):
        rows = self.qmp("qom-list", path="/machine/peripheral")
        return [row["name"] for row in rows if row["type"].startswith("child<")]

    def moved(self):
        """Waits until a migration has ended."""
        while self.qmp("query-migrate").get("status") not in ("completed", "failed"):
            time.sleep(0.05)
        return self.qmp("query-migrate")["status"]


def refusals():
    with Slots(*PORTS, "-device", "virtio-rng-pci,id=r,bus=rp1", "-device",
               "virtio-serial-pci") as m:
        m.begin()
        rng = {"driver": "virtio-rng-pci", "id": "x"}
        rows = (
            (dict(rng, id="r", bus="rp0"), "Duplicate device ID 'r'"),
            (dict(rng, bus="nobus"), "Bus 'nobus' not found"),
            (dict(rng, bus="pcie.0"), "Bus 'pcie.0' does not support hotplugging"),
            (dict(rng, bus="rp2"), "Bus 'rp2' does not support hotplugging"),
            (dict(rng, bus="rp0", id="1x"), "Parameter 'id' expects an identifier"),
            (dict(rng, bus="rp0", nonesuch=1), "Property 'virtio-rng-pci.nonesuch' not found"),
            ({"id": "x"}, "Parameter 'driver' is missing"),
            ({"driver": "isa-debugcon", "id": "x"}, "Bus 'isa.0' does not support hotplugging"),
            ({"driver": "pcie-root-port", "id": "x", "chassis": 3},
             "Bus 'pcie.0' does not support hotplugging"),
            ({"driver": "virtio-blk-pci", "id": "x", "bus": "rp0", "drive": "nope"},
             "Property 'drive' can't find value 'nope'"),
            (dict(rng, bus="rp1", addr="0.1"),
             "PCI: slot 0 function 0 already occupied by virtio-rng-pci, new func virtio-rng-pci "
             "cannot be exposed to guest."))
        for arguments, words in rows:
            check(f"device_add: {words}", same(m.error("device_add", **arguments), words))
        check("nothing came of it", same((m.devices(), m.status()), (["rp0", "rp1", "rp2", "r"], 0)))
        check("device_del of nothing", same(m.qmp("device_del", id="x"),
              {"class": "DeviceNotFound", "desc": "Device 'x' not found"}))
        check("device_del of a port", same(m.error("device_del", id="rp0"),
                                           "Bus 'pcie.0' does not support hotplugging"))
        check("device_del of the board's", same(
            m.error("device_del", id="/machine/unattached/device[0]"),
            "Device 'q35-pcihost' does not support hotplugging"))


def comes_and_goes(disk):
    with Slots(*PORTS) as m:
        m.begin()
        node = {"driver": "file", "node-name": "n", "filename": disk}
        blk = {"driver": "virtio-blk-pci", "id": "d", "bus": "rp0", "drive": "n"}
        m.qmp("blockdev-add", **node)
        check("a disk comes", same((m.qmp("device_add", **blk), m.status()), ({}, 0x49)))
        check("its slot has no power", same(m.config(LATE, 0), 0xFFFFFFFF))
        m.light(ON)
        check("now it has", same((m.config(LATE, 0), m.status()), (VIRTIO_BLK, 0x40)))
        check("its node is in use", same(m.error("blockdev-del", node__name="n"),
                                         "Node n is in use"))
        check("it was hot-plugged", same(m.qmp("qom-get", path="/machine/peripheral/d",
                                               property="hotplugged"), True))
        check("the guest is asked", same((m.qmp("device_del", id="d"), m.status()), ({}, 0x41)))
        check("once", same(m.error("device_del", id="d"),
                           "Device d is already in the process of unplug"))
        m.light(BLINKS)
        m.light(ON)
        check("it does not want", same(m.event("DEVICE_UNPLUG_GUEST_ERROR"),
                                       {"device": "d", "path": "/machine/peripheral/d"}))
        m.qmp("device_del", id="d")
        m.light(OFF)
        check("it does", same(m.event("DEVICE_DELETED"),
                              {"device": "d", "path": "/machine/peripheral/d"}))
        check("the slot is empty", same((m.config(LATE, 0), m.status() & 0x40, m.devices()),
                                        (0xFFFFFFFF, 0, ["rp0", "rp1", "rp2"])))
        check("its node is free", same(m.qmp("blockdev-del", node__name="n"), {}))
        m.qmp("blockdev-add", **node)
        check("it comes again", same((m.qmp("device_add", **blk), m.devices()[-1]), ({}, "d")))
        m.qmp("device_del", id="d")
        check("without power it goes at once", same(m.event("DEVICE_DELETED")["device"], "d"))
        check("by the human monitor", same(
            (m.human("device_add virtio-rng-pci,id=r,bus=rp1"), m.human("device_del r")), ("", "")))
        check("that too", same(m.event("DEVICE_DELETED")["device"], "r"))
        check("the human monitor's words", same(m.human("device_del r").strip(),
                                                "Error: Device 'r' not found"))


def many():
    """Every kind of device, and what a reset does."""
    with Slots(*PORTS, "-netdev", "null,id=n", "-object", "rng-builtin,id=o") as m:
        m.begin()
        for kind in ("virtio-net-pci,netdev=n", "virtio-rng-pci,rng=o", "virtio-serial-pci",
                     "virtio-balloon-pci", "qemu-xhci", "pcie-pci-bridge"):
            problems = same(m.human(f"device_add {kind},id=x,bus=rp0"), "")
            m.light(ON)
            problems += same(m.config(LATE, 0) != 0xFFFFFFFF, True)
            m.light(OFF)
            problems += same(m.event("DEVICE_DELETED")["device"], "x")
            check(f"{kind.split(',', maxsplit=1)[0]} comes and goes", problems)
        check("its network is free", same(m.qmp("netdev_del", id="n"), {}))
        check("its object is free", same(m.qmp("object-del", id="o"), {}))
        m.qmp("device_add", driver="virtio-rng-pci", id="r", bus="rp0")
        m.qmp("system_reset")
        m.event("RESET")
        m.begin()
        check("a reset powers it", same((m.config(LATE, 0), m.status()), (VIRTIO_RNG, 0x40)))


def saved(folder):
    """The second machine has at its start, in another order, what came later to the first."""
    file = f"exec:cat > {folder}/state"
    with Slots(*PORTS) as m:
        m.begin()
        for i, port in (0, RP0), (1, RP1):
            m.qmp("device_add", driver="virtio-rng-pci", id=f"r{i}", bus=f"rp{i}")
            m.light(ON, port)
        m.light(BLINKS, RP1)
        m.qmp("stop")
        m.qmp("migrate", uri=file)
        check("both go", same(m.moved(), "completed"))
    with Slots(*PORTS, "-device", "virtio-rng-pci,bus=rp1,id=r1", "-device",
               "virtio-rng-pci,bus=rp0,id=r0", "-incoming", "defer") as m:
        m.qmp("migrate-incoming", uri=f"exec:cat {folder}/state")
        check("both have come", same(m.moved(), "completed"))
        check("both answer", same((m.config(LATE, 0), m.config(2 << 8, 0)), (VIRTIO_RNG,) * 2))
        check("the light blinks", same(m.config(RP1, m.slot(RP1) + CONTROL, 2), BLINKS))


with tempfile.TemporaryDirectory(prefix="viv-hotplug-") as scratch:
    with open(f"{scratch}/disk", "wb") as f:
        f.truncate(1 << 20)
    refusals()
    comes_and_goes(f"{scratch}/disk")
    many()
    saved(scratch)
print(f"1..{count}")
sys.exit(1 if failed else 0)
