# SPDX-License-Identifier: LGPL-2.1-or-later
"""Disks that are volumes of a pool: what the emulator opens, told by its own monitor, and what
virsh then says. And Debian's virt-install, virt-clone and virt-xml make, copy and change such
disks, on vivd's qemu:///session with real QEMU."""
import json
import os
import shutil
import subprocess
import tempfile
import xml.etree.ElementTree as ET

from machine import Session, Steps
from vivd import ENV, Tap

MIB = 1 << 20
HANG = 300
XML = """<domain type='qemu'>
  <name>disks</name>
  <uuid>5f4cb95a-4a41-4d43-8d8b-9a35a5fb2f70</uuid>
  <memory unit='MiB'>64</memory>
  <os><type arch='x86_64' machine='q35'>hvm</type></os>
  <cpu mode='custom' match='exact'><model>qemu64</model></cpu>
  <devices>
    <emulator>{emulator}</emulator>
    {disks}
    <controller type='usb' model='none'/>
    <memballoon model='none'/>
  </devices>
</domain>
"""
DISK = "<disk type='volume' device='{device}'>{driver}<source pool='{pool}' volume='{volume}'{more}/>" \
    "<target dev='{dev}' bus='{bus}'/></disk>"


def disk(volume, dev="vda", bus="virtio", pool="p", device="disk", fmt=None, more=""):
    return DISK.format(volume=volume, dev=dev, bus=bus, pool=pool, device=device, more=more,
                       driver=f"<driver name='qemu' type='{fmt}'/>" if fmt else "")


class Host(Steps):
    def __init__(self, tap, vivd, folder):
        super().__init__(tap, "QEMU")
        self.vivd, self.folder = vivd, folder

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        return path

    def define(self, *disks):
        return self.vivd.virsh("define", self.write("disks.xml", XML.format(
            emulator=shutil.which("qemu-system-x86_64"), disks="".join(disks))))

    def disks(self, name="disks", *words):
        status, out, _ = self.vivd.virsh("dumpxml", name, *words)
        return ET.fromstring(out).findall("devices/disk") if status == 0 else []

    def opened(self):
        """Paths of the images that the emulator has open, with their formats."""
        status, out, _ = self.vivd.virsh("qemu-monitor-command", "disks",
                                         '{"execute": "query-named-block-nodes"}')
        nodes = json.loads(out)["return"] if status == 0 else []
        return sorted((os.path.basename(n["file"]), n["drv"]) for n in nodes
                      if n["drv"] in ("raw", "qcow2"))

    def client(self, name, program, *words):
        env = ENV | {"HOME": self.folder, "XDG_CACHE_HOME": os.path.join(self.folder, "clients"),
                     "XDG_CONFIG_HOME": os.path.join(self.folder, "clients")}
        r = subprocess.run([shutil.which(program), "--connect", self.vivd.uri(), *words], env=env,
                           text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, timeout=HANG, check=False)
        self.true(name, r.returncode == 0, r.stdout)

    def source(self, name, n, attribute="file"):
        found = self.disks(name)
        return found[n].find("source").get(attribute) if n < len(found) else None


def refusals(h):
    for what, text, words in [
            ("a volume without its pool", "<disk type='volume'><source volume='a'/><target dev='vda'/>"
             "</disk>", "'pool' and 'volume' must be specified together for 'pool' type source"),
            ("no volume", "<disk type='volume'><target dev='vda'/></disk>",
             "error: missing source information for device vda"),
            ("an unknown mode", disk("a.raw", more=" mode='x'"),
             "unsupported configuration: unknown source mode 'x' for volume type disk")]:
        err = h.define(text)[2]
        h.true(f"{what} is refused", words in err, err)
    for what, text, words in [
            ("a pool that is not there", disk("a.raw", pool="q"),
             "Storage pool not found: no storage pool with matching name 'q'"),
            ("a pool that is not active", disk("a.raw", pool="idle"),
             "unsupported configuration: storage pool 'idle' containing volume 'a.raw' is not active"),
            ("a volume that is not there", disk("no"),
             "Storage volume not found: no storage vol with matching name 'no'"),
            ("a mode of another type", disk("a.raw", more=" mode='host'"),
             "XML error: disk source mode is only valid when storage pool is of iscsi type")]:
        h.define(text)
        h.fails(f"{what} stops the start", "start", "disks", expect=words)
    h.define(disk("a.raw"))
    h.fails("the size of a volume is not told while nothing has it open", "domblkinfo", "disks", "vda",
            expect="internal error: missing storage backend for 'volume' storage")


def runs(h):
    h.define(disk("a.raw"), disk("b.qcow2", "vdb", fmt="qcow2"),
             "<disk type='file' device='cdrom'><target dev='sda' bus='sata'/></disk>")
    h.true("nobody chose a format yet", "type" not in h.disks()[0].find("driver").attrib)
    h.ok("start", "start", "--paused", "disks")
    h.true("the emulator has the volumes' files",
           h.opened() == [("a.raw", "raw"), ("b.qcow2", "qcow2")], h.opened())
    first = h.disks()[0]
    h.true("clients see pool and volume", (first.get("type"), first.find("source").get("volume"),
                                           first.find("driver").get("type"))
           == ("volume", "a.raw", "raw"), ET.tostring(first))
    h.true("the next start has no format chosen",
           "type" not in h.disks("disks", "--inactive")[0].find("driver").attrib)
    h.ok("domblklist", "domblklist", "disks", "--details", expect="a.raw")
    h.ok("domblkinfo", "domblkinfo", "disks", "vdb", expect=f"Capacity:       {8 * MIB}")
    h.ok("domstats", "domstats", "disks", "--block",
         expect=f"block.0.path={h.folder}/p/a.raw")
    h.fails("a volume that is not there is not attached", "attach-device", "disks",
            h.write("d.xml", disk("no", "vdd")), expect="no storage vol with matching name 'no'")
    h.ok("a volume is attached", "attach-device", "disks",
         h.write("c.xml", disk("c.raw", "vdc")))
    h.true("it is open too", ("c.raw", "raw") in h.opened(), h.opened())
    h.ok("a medium is a volume", "update-device", "disks",
         h.write("m.xml", disk("m.raw", "sda", "sata", device="cdrom")))
    h.true("it is in the drive", ("m.raw", "raw") in h.opened(), h.opened())
    h.ok("it comes out", "change-media", "disks", "sda", "--eject", "--force")
    h.true("it is closed", ("m.raw", "raw") not in h.opened(), h.opened())


def clients(h):
    small = ["--memory", "64", "--vcpus", "1", "--osinfo", "generic", "--network", "none",
             "--virt-type", "qemu", "--import", "--graphics", "none", "--noautoconsole"]
    path = f"{h.folder}/own/one.qcow2"
    os.mkdir(f"{h.folder}/own")
    h.client("virt-install makes a disk by its path", "virt-install", "--name", "one", *small,
             "--disk", f"path={path},size=0.01")
    h.true("it is the domain's", h.source("one", 0) == path and os.path.exists(path),
           h.source("one", 0))
    h.ok("destroy", "destroy", "one")
    h.client("virt-install makes a disk in a pool, and takes a volume", "virt-install", "--name",
             "two", *small, "--disk", "pool=p,size=0.01,format=raw", "--disk",
             "source.pool=p,source.volume=b.qcow2,driver.type=qcow2")
    made = h.source("two", 0) or ""
    h.ok("it is in the pool", "vol-info", made, expect="Capacity:       10.24 MiB")
    h.true("as a file", os.path.dirname(made) == f"{h.folder}/p" and os.path.exists(made), made)
    h.true("the volume is told as one", h.source("two", 1, "volume") == "b.qcow2",
           h.source("two", 1, "volume"))
    h.ok("destroy", "destroy", "two")
    h.client("virt-clone copies a domain with its disks", "virt-clone", "--original", "two",
             "--auto-clone")
    for n in range(2):
        copy = h.source("two-clone", n)
        h.true(f"disk {n + 1} of the clone is a file of its own", copy is not None
               and os.path.exists(copy) and copy != h.source("two", n), copy)
    h.client("virt-xml changes a disk", "virt-xml", "two-clone", "--edit", "target=hdb", "--disk",
             "serial=S42")
    h.client("virt-xml makes and adds one", "virt-xml", "two-clone", "--add-device", "--disk",
             "pool=p,size=0.01,format=raw,target=hdc")
    found = h.disks("two-clone")
    h.true("both are there", [d.findtext("serial") for d in found] == [None, "S42", None]
           and os.path.exists(h.source("two-clone", 2)), [ET.tostring(d) for d in found])
    h.client("virt-xml removes it", "virt-xml", "two-clone", "--remove-device", "--disk",
             "target=hdc")
    h.true("it is gone", len(h.disks("two-clone")) == 2)
    h.ok("the clone starts", "start", "--paused", "two-clone")
    h.ok("destroy", "destroy", "two-clone")


def main():
    tap = Tap()
    with tempfile.TemporaryDirectory(prefix="vivd-disks-") as folder:
        with Session(folder) as vivd:
            h = Host(tap, vivd, folder)
            os.mkdir(f"{folder}/p")
            h.ok("a pool", "pool-create-as", "p", "dir", "--target", f"{folder}/p")
            h.ok("one that is not active", "pool-define-as", "idle", "dir", "--target",
                 f"{folder}/idle")
            for name in ("a.raw", "c.raw", "m.raw"):
                h.ok(f"volume {name}", "vol-create-as", "p", name, "1M", "--allocation", "0")
            h.ok("volume b.qcow2", "vol-create-as", "p", "b.qcow2", "8M", "--format", "qcow2")
            try:
                refusals(h)
                runs(h)
            finally:
                vivd.virsh("destroy", "disks")
                vivd.virsh("undefine", "disks")
            try:
                clients(h)
            finally:
                for name in ("one", "two", "two-clone"):
                    vivd.virsh("destroy", name)
    tap.done()


main()
