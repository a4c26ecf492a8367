#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Verbs of Debian's virsh on a machine of real QEMU that runs, and on it when it is off. Effects are
read back by other verbs, from files, and from /proc."""
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile

from machine import Session, Steps, processes
from vivd import Tap

NAME = "verbs"
UUID = "6f2c3e0e-3c8c-4c11-9a40-3c1d55f5c9b1"
# Reads the second sector of its disk by BIOS, tells "ok" on its serial port, then every key:
# 0: mov ax,0201h; 3: mov cx,2; 6: mov dx,80h; 9: mov bx,8000h; c: int 13h;
# e: mov dx,3f8h; 11: mov al,'o'; 13: out dx,al; 14: mov al,'k'; 16: out dx,al;
# 17: mov ah,0; int 16h; mov dx,3f8h; out dx,al; jmp 17h
READER = bytes.fromhex("b80102 b90200 ba8000 bb0080 cd13 baf803 b06f ee b06b ee"
                       "b400 cd16 baf803 ee ebf6")
XML = """<domain type='qemu'>
  <name>{name}</name>
  <uuid>{uuid}</uuid>
  <memory unit='MiB'>64</memory>
  <vcpu current='1'>2</vcpu>
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
    <disk type='file' device='cdrom'><target dev='sda' bus='sata'/></disk>
    <interface type='user'>
      <mac address='52:54:00:11:22:33'/>
      <model type='virtio'/>
    </interface>
    <controller type='usb' model='qemu-xhci'/>
    <serial type='file'><source path='{folder}/serial'/></serial>
    <video><model type='vga'/></video>
    <memballoon model='virtio'/>
  </devices>
</domain>
"""


def figures(text):
    """Lines "name=number" and "name number" as a dictionary."""
    return {m[1]: int(m[2]) for m in re.finditer(r"^\s*([\w.]+)[ =](-?\d+)$", text, re.M)}


def has(s, name, text, **wanted):
    """The figures say so; a callable is asked."""
    seen = figures(text)
    wrong = [f"{k}: {seen.get(k)}" for k, v in wanted.items()
             if k not in seen or not (v(seen[k]) if callable(v) else seen[k] == v)]
    s.true(name, not wrong, "\n".join(wrong + [text]))


def block_statistics(s, folder):
    out = s.ok("domblkstat", "domblkstat", NAME, "vda")
    counted = {k.removeprefix("vda "): v for k, v in
               (line.rsplit(" ", 1) for line in out.split("\n") if " " in line)}
    s.true("the guest's two sectors are counted",
           int(counted.get("rd_req", 0)) >= 2 and int(counted.get("rd_bytes", 0)) >= 1024, out)
    s.true("by source too", "rd_req" in s.ok("domblkstat", "domblkstat", NAME,
                                              f"{folder}/disk.qcow2"))
    s.ok("for people", "domblkstat", "--human", NAME, "vda", expect="number of bytes read:")
    s.fails("of a disk that is not there", "domblkstat", NAME, "vdz",
            expect="invalid argument: invalid path: vdz")
    s.ok("domblkinfo", "domblkinfo", NAME, "vda", expect="Capacity:       16777216")
    s.ok("of all", "domblkinfo", NAME, "--all", expect=" sda      -")
    s.fails("of an empty drive", "domblkinfo", NAME, "sda",
            expect="disk 'sda' does not currently have a source assigned")
    s.ok("no disk failed", "domblkerror", NAME, expect="No errors found")


def statistics(s, folder):
    out = s.ok("domstats", "domstats", NAME)
    has(s, "they are this machine's", out, **{
        "state.state": 1, "cpu.time": lambda v: v > 0, "balloon.current": 65536,
        "balloon.rss": lambda v: v > 1000, "vcpu.current": 1, "vcpu.maximum": 2,
        "vcpu.0.state": 1, "net.count": 1, "block.count": 2,
        "block.0.rd.reqs": lambda v: v >= 2, "block.0.capacity": 16777216})
    out = s.ok("one group of them", "domstats", "--vcpu", NAME)
    s.true("is alone", "vcpu.current" in out and "cpu.time" not in out, out)
    s.ok("of running ones", "domstats", "--list-running", "--state", expect=f"'{NAME}'")
    out = s.ok("of those that are off", "domstats", "--list-shutoff", "--state")
    s.true("it is none", NAME not in out, out)
    s.fails("a group nobody has", "domstats", "--enforce", "--perf", "nonesuch",
            expect="failed to get domain 'nonesuch'")
    block_statistics(s, folder)
    has(s, "dommemstat", s.ok("dommemstat", "dommemstat", NAME), actual=65536,
        rss=lambda v: v > 1000)
    s.fails("domifstat of a network in user space", "domifstat", NAME, "52:54:00:11:22:33",
            expect="'52:54:00:11:22:33' is not a known interface")
    s.ok("domiflist", "domiflist", NAME, expect="52:54:00:11:22:33")
    s.ok("domblklist", "domblklist", NAME, expect=f"{folder}/disk.qcow2")
    s.ok("vcpuinfo", "vcpuinfo", NAME, expect="State:          running")
    s.ok("vcpucount", "vcpucount", NAME, "--live", "--maximum", expect="2")
    s.ok("vcpupin", "vcpupin", NAME, expect="CPU Affinity")
    s.ok("emulatorpin", "emulatorpin", NAME, expect="CPU Affinity")
    s.ok("domcontrol", "domcontrol", NAME, expect="ok")
    s.fails("cpu-stats", "cpu-stats", NAME, expect="cgroup CPUACCT controller is not mounted")
    s.fails("domtime", "domtime", NAME, expect="QEMU guest agent is not configured")


def said(folder):
    try:
        with open(f"{folder}/serial", "rb") as f:
            return f.read()
    except OSError:
        return b""


def control(s, folder):
    s.ok("send-key", "send-key", NAME, "KEY_Q")
    s.wait("the guest reads the key", lambda: b"q" in said(folder))
    s.ok("by scan code", "send-key", NAME, "--codeset", "xt", "--holdtime", "20", "45")
    s.wait("the guest reads that too", lambda: b"x" in said(folder))
    s.fails("a key nobody has", "send-key", NAME, "--codeset", "xt", "999",
            expect="cannot translate keycode 999 of xt codeset to qnum keycode")
    s.fails("a codeset that is not built", "send-key", NAME, "--codeset", "usb", "4",
            expect="the codeset 'usb' is not built yet")
    s.ok("inject-nmi", "inject-nmi", NAME)
    picture = f"{folder}/screen.png"
    s.ok("screenshot", "screenshot", NAME, picture, expect="with type of image/png")
    with open(picture, "rb") as f:
        head = f.read(8)
    s.true("it is a PNG", head == b"\x89PNG\r\n\x1a\n", head)
    s.fails("of a screen that is not there", "screenshot", NAME, picture, "--screen", "3",
            expect="no such screen ID")
    s.ok("qemu-monitor-command", "qemu-monitor-command", NAME, '{"execute":"query-status"}',
         expect='"running":true')
    s.ok("its errors are answers", "qemu-monitor-command", NAME, '{"execute":"nope"}',
         expect="CommandNotFound")
    s.ok("for people", "qemu-monitor-command", NAME, "--hmp", "info status", expect="running")


def settings(s):
    s.ok("blockresize", "blockresize", NAME, "vda", "32M", expect="Block device 'vda' is resized")
    s.ok("the guest sees it", "domblkinfo", NAME, "vda", expect="Capacity:       33554432")
    s.fails("of no disk", "blockresize", NAME, "vdz", "32M",
            expect="disk 'vdz' was not found in the domain config")
    s.ok("setmem", "setmem", NAME, "32M")
    s.ok("without a guest that gives it", "dominfo", NAME, expect="Used memory:    65536 KiB")
    s.fails("more than there is", "setmem", NAME, "128M",
            expect="cannot set memory higher than max memory")
    s.ok("setmem for the next start", "setmem", NAME, "32M", "--config")
    s.ok("is in the definition", "dumpxml", "--inactive", NAME,
         expect="<currentMemory unit='KiB'>32768<")
    s.ok("setvcpus for the next start", "setvcpus", NAME, "2", "--config")
    s.ok("is in the definition", "vcpucount", NAME, "--config", "--current", expect="2")
    s.fails("setvcpus beyond the most", "setvcpus", NAME, "3", "--live", expect="3 > 2")
    s.ok("a title", "desc", NAME, "--title", "--live", "--config", "a title")
    s.ok("is read", "desc", NAME, "--title", "--config", expect="a title")
    s.ok("metadata", "metadata", NAME, "http://example.org/a", "--key", "k", "--set", "<x>1</x>",
         "--live")
    s.ok("is read", "metadata", NAME, "http://example.org/a", "--live", expect="<x>1</x>")


def blocks(s):
    """Which file each device of the machine has, as the machine says."""
    out = s.vivd.virsh("qemu-monitor-command", NAME, '{"execute":"query-block"}')[1]
    rows = json.loads(out)["return"] if out else []
    return {row["qdev"].removeprefix("/machine/peripheral/").split("/")[0]:
            row.get("inserted", {}).get("file") for row in rows if row.get("qdev")}


def disks(s, folder):
    paths = [f"{folder}/more-{n}.qcow2" for n in range(2)]
    for path in paths:
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", path, "1M"], check=True)
    s.ok("attach-disk", "attach-disk", NAME, paths[0], "vdb", "--subdriver", "qcow2")
    s.true("the machine has it", blocks(s).get("virtio-disk1") == paths[0], blocks(s))
    s.ok("it is listed", "domblklist", NAME, expect=paths[0])
    s.true("not for the next start", paths[0] not in
           s.ok("domblklist", "domblklist", NAME, "--inactive"))
    s.fails("its target is taken", "attach-disk", NAME, paths[1], "vdb", "--subdriver", "qcow2",
            expect="XML error: target 'vdb' duplicated for disk sources")
    s.ok("attach-disk, now and later", "attach-disk", NAME, paths[1], "sdb", "--targetbus", "usb",
         "--subdriver", "qcow2", "--live", "--config")
    s.true("the machine has that too", blocks(s).get("usb-disk1") == paths[1], blocks(s))
    s.ok("and the definition", "domblklist", NAME, "--inactive", expect=paths[1])
    s.ok("detach-disk", "detach-disk", NAME, "sdb", "--live", "--config")
    s.true("the machine has it no longer", "usb-disk1" not in blocks(s), blocks(s))
    s.true("nor either definition", paths[1] not in
           s.ok("domblklist", "domblklist", NAME) +
           s.ok("domblklist", "domblklist", NAME, "--inactive"))
    s.fails("a disk whose file is missing", "attach-disk", NAME, "/nonesuch", "sdc", "--targetbus",
            "usb", expect="No such file or directory")
    media(s, folder)
    devices(s, folder)


def media(s, folder):
    paths = [f"{folder}/{n}.iso" for n in range(2)]
    for path in paths:
        with open(path, "wb") as f:
            f.truncate(1 << 20)
    s.ok("insert a medium", "change-media", NAME, "sda", paths[0], "--insert")
    s.true("the drive has it", blocks(s).get("sata0-0-0") == paths[0], blocks(s))
    s.ok("change it", "change-media", NAME, "sda", paths[1], "--update")
    s.true("the drive has the other", blocks(s).get("sata0-0-0") == paths[1], blocks(s))
    s.fails("another medium that is missing", "change-media", NAME, "sda", "/nonesuch", "--update",
            expect="No such file or directory")
    s.ok("the drive is empty then", "domblklist", NAME, expect=" sda      -")
    s.ok("insert one again", "change-media", NAME, "sda", paths[1], "--insert")
    s.ok("eject it", "change-media", NAME, "sda", "--eject")
    s.true("the drive is empty", blocks(s).get("sata0-0-0", "gone") is None, blocks(s))
    s.ok("it is listed as empty", "domblklist", NAME, expect=" sda      -")


def devices(s, folder):
    path = f"{folder}/device.xml"
    for name, xml, where, expect in (
            ("a serial port is not built", "<serial type='null'/>", "--live", "not built yet"),
            ("what is no device", "<nonesuch/>", "--live", "unknown device type 'nonesuch'"),
            ("what is no device, later", "<nonesuch/>", "--config",
             "unknown device type 'nonesuch'"),
            ("a disk without a target", "<disk/>", "--live", "missing target information"),
            ("what is no XML", "<disk", "--live", "Start Tag disk")):
        with open(path, "w", encoding="utf-8") as f:
            f.write(xml)
        s.fails(name, "attach-device", NAME, path, where, expect=expect)
    with open(path, "w", encoding="utf-8") as f:
        f.write("<interface type='user'><mac address='52:54:00:44:55:66'/>"
                "<model type='virtio'/></interface>")
    s.ok("an interface for the next start", "attach-device", NAME, path, "--config")
    s.ok("is in the definition", "domiflist", NAME, "--inactive", expect="52:54:00:44:55:66")
    s.ok("detach-device", "detach-device", NAME, path, "--config")
    out = s.ok("it is gone", "domiflist", NAME, "--inactive")
    s.true("it alone", "52:54:00:44:55:66" not in out and "52:54:00:11:22:33" in out, out)
    s.fails("detach what is not there", "detach-device", NAME, path, "--config",
            expect="no device matching MAC address 52:54:00:44:55:66 found")


def kept(s, folder):
    """A daemon that starts later knows the settings, of the definition and of the run."""
    s.vivd.__exit__()
    s.vivd = Session(folder).__enter__()
    s.until("it is found", "domstate", NAME, expect="running")
    s.ok("a disk that came is kept", "domblklist", NAME, expect=f"{folder}/more-0.qcow2")
    s.ok("the title is kept", "desc", NAME, "--title", "--config", expect="a title")
    s.ok("memory is kept", "dumpxml", "--inactive", NAME, expect="<currentMemory unit='KiB'>32768<")
    s.ok("metadata of the run is kept", "metadata", NAME, "http://example.org/a", "--live",
         expect="<x>1</x>")


def off(s):
    out = s.ok("domstats when it is off", "domstats", NAME)
    has(s, "has what is left", out, **{"state.state": 5, "vcpu.maximum": 2,
                                       "block.0.capacity": 33554432})
    s.true("and no times", "rd.reqs" not in out, out)
    s.ok("domblkinfo when it is off", "domblkinfo", NAME, "vda", expect="Capacity:       33554432")
    s.fails("domblkstat when it is off", "domblkstat", NAME, "vda", expect="domain is not running")
    s.fails("dommemstat when it is off", "dommemstat", NAME, expect="domain is not running")
    s.ok("vcpuinfo when it is off", "vcpuinfo", NAME, expect="State:          N/A")


def make(folder):
    """A guest that has read its disk, once its serial port says so."""
    with open(f"{folder}/disk.raw", "wb") as f:
        f.write(READER + bytes(510 - len(READER)) + b"\x55\xaa")
        f.truncate(16 << 20)
    subprocess.run(["qemu-img", "convert", "-O", "qcow2", f"{folder}/disk.raw",
                    f"{folder}/disk.qcow2"], check=True)
    path = f"{folder}/verbs.xml"
    with open(path, "w", encoding="utf-8") as f:
        f.write(XML.format(name=NAME, uuid=UUID, folder=folder,
                           emulator=shutil.which("qemu-system-x86_64")))
    return path


def main():
    tap = Tap()
    s = Steps(tap, "QEMU")
    folder = tempfile.mkdtemp(prefix="verbs-")
    s.vivd = Session(folder).__enter__()
    try:
        s.ok("define", "define", make(folder))
        s.ok("start", "start", NAME)
        s.wait("the guest runs", lambda: b"ok" in said(folder))
        statistics(s, folder)
        control(s, folder)
        settings(s)
        disks(s, folder)
        kept(s, folder)
        s.ok("destroy", "destroy", NAME)
        off(s)
    finally:
        s.vivd.__exit__()
        for pid in processes(UUID):
            os.kill(pid, signal.SIGKILL)
        shutil.rmtree(folder)
    tap.done()


main()
