#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Snapshots by Debian's virsh on real QEMU: inside images and in files of their own, of disks alone and
with memory, of running machines and of those that are off. The guest counts the bytes that its serial
port gets, and images are read by qemu-img: both tell whether what came back is what was."""
import json
import os
import shutil
import signal
import subprocess
import tempfile
import uuid

from machine import COUNTER, Session, Steps, answer, first_answer, processes
from vivd import Tap

NAME = "snap"
UUID = str(uuid.uuid4())  # its machines are ended by it, and no other run's
XML = """<domain type='qemu'>
  <name>{name}</name>
  <uuid>{uuid}</uuid>
  <memory unit='MiB'>32</memory>
  <vcpu>1</vcpu>
  <os><type arch='x86_64' machine='q35'>hvm</type></os>
  <features><acpi/></features>
  <cpu mode='custom' match='exact'><model>qemu64</model></cpu>
  <devices>
    <emulator>{emulator}</emulator>
    <disk type='file'>
      <driver name='qemu' type='qcow2'/>
      <source file='{folder}/disk.qcow2'/>
      <target dev='vda' bus='virtio'/>
    </disk>
    <disk type='file'>
      <driver name='qemu' type='qcow2'/>
      <source file='{folder}/data.qcow2'/>
      <target dev='vdb' bus='virtio'/>
    </disk>
    <controller type='usb' model='none'/>
    <serial type='unix'><source mode='bind' path='{folder}/serial'/></serial>
    <serial type='file'><source path='{folder}/ready'/></serial>
    <memballoon model='virtio'/>
  </devices>
</domain>
"""


def make(folder):
    with open(f"{folder}/disk.raw", "wb") as f:
        f.write(COUNTER + bytes(510 - len(COUNTER)) + b"\x55\xaa")
        f.truncate(1 << 20)
    subprocess.run(["qemu-img", "convert", "-O", "qcow2", f"{folder}/disk.raw",
                    f"{folder}/disk.qcow2"], check=True)
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", f"{folder}/data.qcow2", "1M"],
                   check=True)
    path = f"{folder}/snap.xml"
    with open(path, "w", encoding="utf-8") as f:
        f.write(XML.format(name=NAME, uuid=UUID, folder=folder,
                           emulator=shutil.which("qemu-system-x86_64")))
    return path


def image(path):
    out = subprocess.run(["qemu-img", "info", "-U", "--output=json", path], check=True,
                         capture_output=True, text=True).stdout
    return json.loads(out)


def inside(folder, name="disk"):
    """Names of the snapshots inside an image."""
    return [s["name"] for s in image(f"{folder}/{name}.qcow2").get("snapshots", [])]


def write(folder, name, pattern):
    """Into an image that nobody has open."""
    subprocess.run(["qemu-io", "-f", "qcow2", "-c", f"write -q -P {pattern} 0 64k",
                    f"{folder}/{name}"], check=True, stdout=subprocess.DEVNULL)


def reads(path, pattern):
    run = subprocess.run(["qemu-io", "-r", "-U", "-f", "qcow2", "-c", f"read -q -P {pattern} 0 64k",
                          path], capture_output=True, text=True, check=False)
    return run.returncode == 0 and "verification failed" not in run.stdout + run.stderr


def running(s, folder):
    """Inside the images, with memory."""
    s.ok("start", "start", NAME)
    first_answer(s, folder)
    s.ok("snapshot", "snapshot-create-as", NAME, "one", "the first", expect="one created")
    s.true("is in both images", inside(folder) == inside(folder, "data") == ["one"], inside(folder))
    s.ok("it runs on", "domstate", NAME, expect="running")
    s.ok("the job is told of", "domjobinfo", NAME, "--completed", expect="Operation:        Snapshot")
    s.true("and counts on", answer(folder) == b"B")
    s.ok("another", "snapshot-create-as", NAME, "two")
    s.true("it counts on", answer(folder) == b"C")
    s.ok("a list", "snapshot-list", NAME, "--tree", expect="one\n  |\n  +- two")
    s.ok("the current one", "snapshot-current", NAME, "--name", expect="two")
    s.ok("its parent", "snapshot-parent", NAME, "two", expect="one")
    out = s.ok("snapshot-info", "snapshot-info", NAME, "one", expect="State:          running")
    s.true("says what it is", "Location:       internal" in out and "Current:        no" in out, out)
    s.ok("snapshot-dumpxml", "snapshot-dumpxml", NAME, "one", expect="<memory snapshot='internal'/>")
    s.fails("one of a name that is taken", "snapshot-create-as", NAME, "one",
            expect="domain moment one already exists")
    s.ok("back to the first", "snapshot-revert", NAME, "one")
    s.ok("it runs", "domstate", "--reason", NAME, expect="running (from snapshot)")
    s.true("it counts from there", answer(folder) == b"B")
    s.ok("that is current", "snapshot-current", NAME, "--name", expect="one")
    s.ok("back, paused", "snapshot-revert", NAME, "two", "--paused")
    s.ok("it is paused", "domstate", "--reason", NAME, expect="paused (from snapshot)")
    s.ok("resume", "resume", NAME)
    s.true("it counts from that one", answer(folder) == b"C")


def kept(s, folder):
    s.vivd.__exit__()
    s.vivd = Session(folder).__enter__()
    s.until("a later daemon finds it", "domstate", NAME, expect="running")
    s.ok("and its snapshots", "snapshot-list", NAME, "--tree", expect="one\n  |\n  +- two")
    s.ok("and the current one", "snapshot-current", NAME, "--name", expect="two")
    s.ok("delete one while it runs", "snapshot-delete", NAME, "one")
    s.true("the images have it no longer", inside(folder) == inside(folder, "data") == ["two"],
           inside(folder))
    s.ok("snapshot-list", "snapshot-list", NAME, "--name", expect="two")
    s.ok("one that stops it", "snapshot-create-as", NAME, "halted", "--halt")
    s.ok("it is off", "domstate", "--reason", NAME, expect="shut off (from snapshot)")
    s.true("no process is left", not processes(UUID))
    s.ok("back to it from there", "snapshot-revert", NAME, "halted")
    s.true("it counts on", answer(folder) == b"D")
    s.ok("destroy", "destroy", NAME)
    s.ok("delete it while it is off", "snapshot-delete", NAME, "halted")
    s.ok("only what is known of one", "snapshot-delete", NAME, "two", "--metadata")
    s.true("the image has it yet", inside(folder) == ["two"], inside(folder))
    for name in ("disk", "data"):
        subprocess.run(["qemu-img", "snapshot", "-d", "two", f"{folder}/{name}.qcow2"], check=True)


def off(s, folder):
    """Inside the images of a machine that is off."""
    write(folder, "data.qcow2", 17)
    s.ok("snapshot of what is off", "snapshot-create-as", NAME, "off")
    s.true("is in both images", inside(folder) == inside(folder, "data") == ["off"], inside(folder))
    s.ok("its state", "snapshot-info", NAME, "off", expect="State:          shutoff")
    write(folder, "data.qcow2", 34)
    s.ok("back", "snapshot-revert", NAME, "off")
    s.true("the image is what it was", reads(f"{folder}/data.qcow2", 17))
    s.ok("it is off", "domstate", "--reason", NAME, expect="shut off")
    s.ok("back, to run", "snapshot-revert", NAME, "off", "--running")
    s.ok("it runs", "domstate", "--reason", NAME, expect="running (from snapshot)")
    first_answer(s, folder)
    s.fails("and again needs force", "snapshot-revert", NAME, "off", "--running",
            expect="revert requires force")
    s.ok("which it gets", "snapshot-revert", NAME, "off", "--running", "--force")
    s.ok("destroy", "destroy", NAME)
    s.fails("undefine", "undefine", NAME, expect="cannot delete inactive domain with 1 snapshots")
    s.ok("delete", "snapshot-delete", NAME, "off")
    s.true("the image has none", inside(folder) == [], inside(folder))


def disks_alone(s, folder):
    """In files of their own, of a running machine."""
    s.ok("start", "start", NAME)
    first_answer(s, folder)
    s.fails("a file that is there", "snapshot-create-as", NAME, "outside", "--disk-only",
            "--diskspec", f"vda,file={folder}/disk.qcow2", expect="File exists")
    s.fails("one that is not there to be used", "snapshot-create-as", NAME, "outside", "--disk-only",
            "--reuse-external", expect="missing existing file for disk vda")
    s.ok("disk snapshot", "snapshot-create-as", NAME, "outside", "--disk-only", "--atomic")
    s.ok("its state", "snapshot-info", NAME, "outside", expect="State:          disk-snapshot")
    s.ok("the machine writes to the new file", "domblklist", NAME, expect=f"{folder}/data.outside")
    s.ok("and at its next start", "domblklist", NAME, "--inactive", expect=f"{folder}/disk.outside")
    blocks = s.vivd.virsh("qemu-monitor-command", NAME, '{"execute":"query-block"}')[1]
    s.true("QEMU says so", f"{folder}/disk.outside" in blocks, blocks)
    s.true("over the old one", image(f"{folder}/data.outside")["backing-filename"] ==
           f"{folder}/data.qcow2")
    s.true("it counts on", answer(folder) == b"B")
    s.fails("inside, of disks alone", "snapshot-create-as", NAME, "x", "--disk-only", "--diskspec",
            "vda,snapshot=internal", expect="error: ")
    s.ok("destroy", "destroy", NAME)
    write(folder, "data.outside", 51)
    s.ok("start from the new file", "start", NAME)
    first_answer(s, folder)
    s.ok("back", "snapshot-revert", NAME, "outside")
    s.ok("it is off", "domstate", "--reason", NAME, expect="shut off")
    s.ok("with another file over the old one", "domblklist", NAME, expect="data.outside-1")
    s.true("which reads as before", reads(f"{folder}/data.outside-1", 17))
    s.fails("delete", "snapshot-delete", NAME, "outside",
            expect="deletion of 1 external disk snapshots not supported yet")
    s.ok("what is known of it", "snapshot-delete", NAME, "outside", "--metadata")


def with_memory(s, folder):
    memory = f"{folder}/memory"
    spec = ["--diskspec", "vda,snapshot=external", "--diskspec", "vdb,snapshot=external"]
    s.ok("start", "start", NAME)
    first_answer(s, folder)
    s.ok("snapshot of all in files", "snapshot-create-as", NAME, "all", "--memspec",
         f"file={memory}", *spec)
    s.ok("it runs on", "domstate", "--reason", NAME, expect="running")
    s.ok("its memory", "snapshot-dumpxml", NAME, "all",
         expect=f"<memory snapshot='external' file='{memory}'/>")
    s.ok("with new disks", "domblklist", NAME, expect=f"{folder}/disk.all")
    s.true("it counts on", answer(folder) == b"B")
    s.true("and on", answer(folder) == b"C")
    s.ok("back", "snapshot-revert", NAME, "all")
    s.ok("it runs", "domstate", "--reason", NAME, expect="running (from snapshot)")
    s.true("it counts from there", answer(folder) == b"B")
    s.ok("with others", "domblklist", NAME, expect=f"{folder}/disk.all-1")
    s.ok("a live one", "snapshot-create-as", NAME, "live", "--live", "--memspec",
         f"file={folder}/live", *spec)
    s.ok("it runs on", "domstate", NAME, expect="running")
    s.true("it counts on", answer(folder) == b"C")
    s.ok("destroy", "destroy", NAME)
    s.ok("disks of what is off", "snapshot-create-as", NAME, "later", "--disk-only")
    s.ok("has them", "domblklist", NAME, expect=f"{folder}/disk.later")
    s.ok("undefine with all that is known", "undefine", NAME, "--snapshots-metadata")
    s.true("nothing is left of it",
           not os.path.exists(f"{folder}/config/vivarium/snapshots/{UUID}"))


def main():
    tap = Tap()
    s = Steps(tap, "QEMU")
    folder = tempfile.mkdtemp(prefix="snapshot-")
    s.vivd = Session(folder).__enter__()
    try:
        s.ok("define", "define", make(folder))
        running(s, folder)
        kept(s, folder)
        off(s, folder)
        disks_alone(s, folder)
        with_memory(s, folder)
    finally:
        s.vivd.__exit__()
        for pid in processes(UUID):
            os.kill(pid, signal.SIGKILL)
        shutil.rmtree(folder)
    tap.done()


main()
