#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Devices other than disks, and vCPUs, that come to a running machine of real QEMU, leave it and
change, by Debian's virsh; what the machine has is read back from QMP."""
import json
import os
import shutil
import signal
import tempfile
import uuid

from machine import Session, Steps, processes
from vivd import Tap

NAME = "plug"
UUID = str(uuid.uuid4())  # its machines are ended by it, and no other run's
# On boards before 6.1 PCIe's ports are not ACPI's: one that no guest ever powered gives its device back
# at once.
XML = """<domain type='qemu'>
  <name>{name}</name>
  <uuid>{uuid}</uuid>
  <memory unit='MiB'>32</memory>
  <vcpu current='1'>3</vcpu>
  <os><type arch='x86_64' machine='pc-q35-6.0'>hvm</type></os>
  <cpu mode='custom' match='exact'><model>qemu64</model></cpu>
  <devices>
    <emulator>{emulator}</emulator>
    <controller type='pci' index='0' model='pcie-root'/>
    <controller type='pci' index='1' model='pcie-root-port'/>
    <controller type='pci' index='2' model='pcie-root-port'/>
    <controller type='pci' index='3' model='pcie-root-port'/>
    <controller type='pci' index='4' model='pcie-root-port'/>
    <controller type='pci' index='5' model='pcie-root-port'/>
    <interface type='user'>
      <mac address='52:54:00:11:22:33'/>
      <model type='virtio'/>
      <link state='down'/>
    </interface>
    <controller type='usb' model='qemu-xhci'/>
    <memballoon model='none'/>
  </devices>
</domain>
"""
MAC = "52:54:00:aa:bb:cc"
NIC = f"""<interface type='user'><mac address='{MAC}'/><model type='{{}}'/></interface>"""
RNG = """<rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>"""
TABLET = """<input type='tablet' bus='usb'/>"""


def qmp(s, command, **arguments):
    out = s.vivd.virsh("qemu-monitor-command", NAME,
                       json.dumps({"execute": command, "arguments": arguments}))[1]
    return json.loads(out)


def has(s, name):
    """Is there a device of that name?"""
    rows = qmp(s, "qom-list", path="/machine/peripheral")["return"]
    return name in [row["name"] for row in rows]


def give(folder, xml):
    path = f"{folder}/device.xml"
    with open(path, "w", encoding="utf-8") as f:
        f.write(xml)
    return path


def interfaces(s, folder):
    s.ok("its interface has a name", "dumpxml", NAME, expect="<alias name='net0'/>")
    s.true("not in its definition",
           "<alias" not in s.ok("dumpxml", "dumpxml", "--inactive", NAME))
    path = give(folder, NIC.format("virtio"))
    s.ok("attach an interface", "attach-device", NAME, path)
    s.true("the machine has it", has(s, "net1"))
    s.ok("it is listed", "domiflist", NAME, expect=MAC)
    s.true("not for the next start", MAC not in
           s.ok("domiflist", "domiflist", NAME, "--inactive"))
    s.ok("domif-getlink", "domif-getlink", NAME, MAC, expect="up")
    s.ok("domif-setlink", "domif-setlink", NAME, MAC, "down")
    s.ok("is in the definition", "domif-getlink", NAME, MAC, expect="down")
    s.ok("domif-setlink up", "domif-setlink", NAME, MAC, "up")
    s.ok("is in the definition too", "domif-getlink", NAME, MAC, expect="up")
    s.ok("the first one's is down", "domif-getlink", NAME, "52:54:00:11:22:33", expect="down")
    s.ok("for the next start", "domif-setlink", NAME, "52:54:00:11:22:33", "up", "--config")
    s.ok("is in the next definition", "domif-getlink", NAME, "52:54:00:11:22:33", "--config",
         expect="up")
    s.fails("another model", "update-device", NAME, give(folder, NIC.format("e1000e")),
            expect="cannot modify network device model from virtio to e1000e")
    s.ok("detach-interface", "detach-interface", NAME, "user", "--mac", MAC)
    s.wait("the machine has it no longer", lambda: not has(s, "net1"))
    s.true("nor its definition", MAC not in s.ok("domiflist", "domiflist", NAME))
    s.wait("nor its back end", lambda: "hostnet1" not in
           s.vivd.virsh("qemu-monitor-command", NAME, "--hmp", "info network")[1])
    s.ok("an interface, now and later", "attach-device", NAME,
         give(folder, NIC.format("e1000e")), "--live", "--config")
    s.true("its name is used again", has(s, "net1"))
    s.ok("is in the definition", "domiflist", NAME, "--inactive", expect=MAC)
    s.fails("a kind of network that is not built", "attach-interface", NAME, "udp",
            "nonesuch", expect="error: ")
    s.fails("one that is not there", "detach-interface", NAME, "user", "--mac",
            "52:54:00:00:00:01", expect="52:54:00:00:00:01")


def others(s, folder):
    path = give(folder, RNG)
    s.ok("attach a random number generator", "attach-device", NAME, path, "--live", "--config")
    s.true("the machine has it", has(s, "rng0"))
    s.ok("and the definition", "dumpxml", "--inactive", NAME, expect="<rng model='virtio'>")
    s.ok("detach it", "detach-device", NAME, path, "--live", "--config")
    s.wait("the machine has it no longer", lambda: not has(s, "rng0"))
    s.true("nor the definition", "<rng" not in s.ok("dumpxml", "dumpxml", "--inactive", NAME))
    s.fails("detach it again", "detach-device", NAME, path, expect="matching rng device was not")
    path = give(folder, TABLET)
    s.ok("attach a tablet", "attach-device", NAME, path)
    s.true("the machine has that", has(s, "input0") or has(s, "input2"))
    s.ok("detach the tablet", "detach-device", NAME, path)
    s.wait("it is gone", lambda: not has(s, "input0") and not has(s, "input2"))
    path = give(folder, "<serial type='null'/>")
    s.fails("a serial port comes only later", "attach-device", NAME, path, expect="not built yet")


def cpus(s):
    def count():
        return len(qmp(s, "query-cpus-fast")["return"])

    s.ok("setvcpus", "setvcpus", NAME, "3", "--live")
    s.true("the machine has them", count() == 3, count())
    s.ok("vcpucount", "vcpucount", NAME, "--live", "--current", expect="3")
    s.ok("not for the next start", "vcpucount", NAME, "--config", "--current", expect="1")
    s.fails("more than the most", "setvcpus", NAME, "4", "--live",
            expect="4 > 3")
    s.fails("fewer than it started with", "setvcpus", NAME, "0", "--live", expect="error: ")
    s.ok("setvcpus for the next start", "setvcpus", NAME, "2", "--config")
    s.ok("is in the definition", "vcpucount", NAME, "--config", "--current", expect="2")
    s.ok("and the most", "setvcpus", NAME, "4", "--config", "--maximum")
    s.ok("is in the definition", "vcpucount", NAME, "--config", "--maximum", expect="4")
    s.fails("setmaxmem of the running one", "setmaxmem", NAME, "64M", "--live",
            expect="cannot resize the maximum memory on an active domain")
    s.ok("setmaxmem", "setmaxmem", NAME, "64M", "--config")
    s.ok("is in the definition", "dumpxml", "--inactive", NAME, expect="<memory unit='KiB'>65536<")


def kept(s, folder):
    s.vivd.__exit__()
    s.vivd = Session(folder).__enter__()
    s.until("a later daemon finds it", "domstate", NAME, expect="running")
    s.ok("with the interface that came", "domiflist", NAME, expect=MAC)
    s.ok("and the vCPUs", "vcpucount", NAME, "--live", "--current", expect="3")
    s.ok("detach-interface then", "detach-interface", NAME, "user", "--mac", MAC, "--live")
    s.wait("the machine has it no longer", lambda: not has(s, "net1"))


def main():
    tap = Tap()
    s = Steps(tap, "QEMU")
    folder = tempfile.mkdtemp(prefix="plug-")
    s.vivd = Session(folder).__enter__()
    path = f"{folder}/plug.xml"
    with open(path, "w", encoding="utf-8") as f:
        f.write(XML.format(name=NAME, uuid=UUID, emulator=shutil.which("qemu-system-x86_64")))
    try:
        s.ok("define", "define", path)
        s.ok("start", "start", NAME)
        interfaces(s, folder)
        others(s, folder)
        cpus(s)
        kept(s, folder)
        s.ok("destroy", "destroy", NAME)
        s.ok("it starts again", "start", NAME)
        s.ok("with two vCPUs", "vcpucount", NAME, "--live", "--current", expect="2")
        s.ok("destroy", "destroy", NAME)
    finally:
        s.vivd.__exit__()
        for pid in processes(UUID):
            os.kill(pid, signal.SIGKILL)
        shutil.rmtree(folder)
    tap.done()


main()
