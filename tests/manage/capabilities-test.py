#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What clients read of the host and its emulators, by Debian's virsh on vivd's qemu:///session. It is
read back from Linux and from the emulators themselves."""
import glob
import json
import os
import shutil
import subprocess
import tempfile
import xml.etree.ElementTree as ET

from vivd import Tap, Vivd

QEMU = shutil.which("qemu-system-x86_64")


class Session(Vivd):
    def uri(self, read_only=False):
        return f"qemu+unix:///session?socket={self.reader if read_only else self.socket}"

    def xml(self, *words):
        status, out, err = self.virsh(*words)
        if status != 0:
            raise RuntimeError(f"{words}: {err}")
        return ET.fromstring(out)


def check(tap, name, value, why=""):
    tap.result(name, [] if value else [why])


def values(root, path):
    return [v.text for v in root.findall(path)]


def host(tap, vivd):
    rows = dict(line.split(":") for line in vivd.virsh("nodeinfo")[1].strip().splitlines())
    cpus = os.sysconf("SC_NPROCESSORS_ONLN")
    check(tap, "nodeinfo counts the CPUs", int(rows["CPU(s)"]) == cpus, rows)
    caps = vivd.xml("capabilities")
    check(tap, "so do the cells", len(caps.findall("host/topology/cells/cell/cpus/cpu")) == cpus,
          ET.tostring(caps))
    check(tap, "no security model", caps.find("host/secmodel/model").text == "none")
    again = vivd.xml("capabilities")
    check(tap, "the host's UUID stays", caps.find("host/uuid").text == again.find("host/uuid").text)
    status, out, err = vivd.virsh("nodecpustats", "0")
    check(tap, "nodecpustats", status == 0 and "iowait:" in out, err)
    check(tap, "nodecpustats of no CPU", vivd.virsh("nodecpustats", "5000")[0] == 1)
    with open("/proc/meminfo", encoding="utf-8") as f:
        total = f.readline().split()[1]
    status, out, err = vivd.virsh("nodememstats")
    check(tap, "nodememstats", status == 0 and total in out, out + err)
    check(tap, "freecell", "KiB" in vivd.virsh("freecell", "--all")[1])
    check(tap, "freepages", "4KiB:" in vivd.virsh("freepages", "--all")[1])
    status, out, err = vivd.virsh("nodecpumap")
    check(tap, "nodecpumap", status == 0 and out.count("y") == cpus, out + err)
    status, out, err = vivd.virsh("nodedev-list")
    check(tap, "no node devices", status == 0 and not out.strip(), out + err)
    return caps


def guests(tap, vivd, caps):
    said = subprocess.run([QEMU, "-machine", "help"], capture_output=True, text=True, check=True)
    machines = {line.split()[0] for line in said.stdout.splitlines()[1:]} - {"none"}
    guest = caps.find("guest/arch[@name='x86_64']")
    check(tap, "QEMU is the usual emulator", guest.find("emulator").text == QEMU)
    check(tap, "its machines are those it names", set(values(guest, "machine")) == machines,
          machines ^ set(values(guest, "machine")))
    check(tap, "q35 has its canonical name",
          guest.find("machine[.='q35']").get("canonical") == "pc-q35-7.2")
    version = subprocess.run([QEMU, "--version"], capture_output=True, text=True, check=True).stdout
    running = vivd.virsh("version")[1].strip().splitlines()[-1].split()[-1]
    check(tap, "version is QEMU's own", running in version, (running, version))


def domain(tap, vivd):
    caps = vivd.xml("domcapabilities", "--machine", "q35")
    check(tap, "q35 of QEMU has no IDE", "ide" not in values(caps, "devices/disk/enum/value"))
    check(tap, "it has VNC and spice",
          {"vnc", "spice"} <= set(values(caps, "devices/graphics/enum/value")))
    usable = {m.text: m.get("usable") for m in caps.findall("cpu/mode/model")}
    check(tap, "models and whether they run",
          usable.get("qemu64") == "yes" and usable.get("EPYC") == "no", usable)
    pc = vivd.xml("domcapabilities", "--machine", "pc")
    check(tap, "pc of QEMU has IDE", "ide" in values(pc, "devices/disk/enum/value"))
    for name, words, expect in (
            ("an unknown machine", ("--machine", "nonesuch"),
             f"the machine 'nonesuch' is not supported by emulator '{QEMU}'"),
            ("an unknown architecture", ("--arch", "nonesuch"), "unknown architecture: nonesuch"),
            ("an unknown type", ("--virttype", "foo"), "unknown virttype: foo"),
            ("KVM that is not there", ("--virttype", "kvm"), "the accel 'kvm' is not supported by"),
            ("no emulator", ("--emulatorbin", "/bin/true"), "error:")):
        status, out, err = vivd.virsh("domcapabilities", *words)
        check(tap, f"{name} is refused", status == 1 and expect in err, out + err)


def ours(tap, vivd, machine):
    caps = vivd.xml("domcapabilities", "--emulatorbin", machine)
    check(tap, "viv-machine has no graphics", not values(caps, "devices/graphics/enum/value"))
    for what in ("redirdev", "filesystem", "tpm", "hostdev"):
        check(tap, f"viv-machine has no {what}",
              caps.find(f"devices/{what}").get("supported") == "no")
    check(tap, "nor spice's channels", "spicevmc" not in values(caps, "devices/channel/enum/value"))
    check(tap, "it has virtio and SATA disks",
          values(caps, "devices/disk/enum[@name='bus']/value") == ["virtio", "sata"])
    check(tap, "its default machine", caps.find("machine").text == "pc-q35-7.2")


def remembers(tap, folder):
    """Answers are kept for the very file that gave them; another file is asked."""
    emulator = f"{folder}/emulator"
    marks = f"{folder}/asked"
    with open(emulator, "w", encoding="utf-8") as f:
        f.write(f"#!/bin/sh\necho x >> {marks}\nexec {QEMU} \"$@\"\n")
    os.chmod(emulator, 0o755)

    def asked():
        with Session(state=folder) as vivd:
            vivd.xml("domcapabilities", "--emulatorbin", emulator)
            vivd.xml("domcapabilities", "--emulatorbin", emulator)
        with open(marks, encoding="utf-8") as f:
            return len(f.read().split())

    check(tap, "an emulator is asked once", asked() == 1)
    check(tap, "a new daemon remembers", asked() == 1)
    os.utime(emulator, ns=(1, 1))
    check(tap, "a changed file is asked again", asked() == 2)
    for path in glob.glob(f"{folder}/cache/vivarium/emulators/*.json"):
        with open(path, encoding="utf-8") as f:
            kept = json.load(f)
        kept["answers"] = {"query-target": {"arch": 7}}
        with open(path, "w", encoding="utf-8") as f:
            json.dump(kept, f)
    check(tap, "answers that are none are asked anew", asked() == 3)


def main():
    tap = Tap()
    folder = tempfile.mkdtemp(prefix="capabilities-")
    try:
        with Session(state=folder) as vivd:
            guests(tap, vivd, host(tap, vivd))
            domain(tap, vivd)
            if os.environ.get("VIV_MACHINE"):
                ours(tap, vivd, os.environ["VIV_MACHINE"])
        remembers(tap, folder)
    finally:
        shutil.rmtree(folder)
    tap.done()


main()
