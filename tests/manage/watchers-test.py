#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who watches machines of real QEMU: libvirt's Python binding receives what happens to them, what
their guest does and who looks at their screen; Debian's prometheus-libvirt-exporter, whom nobody
prepared for, reads their figures."""
import os
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
import uuid as uuids

import libvirt

from machine import Session, Steps, processes
from vivd import ENV, LIMIT, Tap

NAME = "watched"
HANG = 300  # of a guest that boots
MK_GUEST = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tools", "mk-guest")
# Waits for the channel's port, opens and closes it, sets the clock.
RUN = ("until ls /dev/vport*; do sleep 0.2; done; sleep 5 &lt;$(ls /dev/vport*); "
       "date -s 2030-01-02; hwclock -uw; sleep 9999")
XML = """<domain type='qemu'>
  <name>{name}</name>
  <uuid>{uuid}</uuid>
  <memory unit='MiB'>256</memory>
  <os>
    <type arch='x86_64' machine='q35'>hvm</type>
    <kernel>{kit}/vmlinuz</kernel>
    <initrd>{kit}/initrd.img</initrd>
    <cmdline>console=ttyS0 viv.run="{run}"</cmdline>
  </os>
  <features><acpi/></features>
  <devices>
    <emulator>{emulator}</emulator>
    <disk type='file'>
      <driver name='qemu' type='raw'/>
      <source file='{disk}'/>
      <target dev='vda' bus='virtio'/>
    </disk>
    <controller type='usb' model='none'/>
    <controller type='virtio-serial' index='0'/>
    <serial type='file'><source path='{log}'/></serial>
    <channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>
    <graphics type='vnc' autoport='yes'/>
    <video><model type='vga'/></video>
    <memballoon model='none'/>
  </devices>
</domain>
"""
DISK = """<disk type='file'><driver name='qemu' type='raw'/><source file='{disk}'/>
  <target dev='vdb' bus='virtio'/></disk>"""


class Watcher:
    """All that a connection hears of its domains, in order."""

    def __init__(self, uri):
        self.seen = []
        self.conn = libvirt.open(uri)
        for event, kind in ((libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE, "life"),
                            (libvirt.VIR_DOMAIN_EVENT_ID_REBOOT, "reboot"),
                            (libvirt.VIR_DOMAIN_EVENT_ID_RTC_CHANGE, "clock"),
                            (libvirt.VIR_DOMAIN_EVENT_ID_GRAPHICS, "viewer"),
                            (libvirt.VIR_DOMAIN_EVENT_ID_DEVICE_ADDED, "added"),
                            (libvirt.VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED, "removed"),
                            (libvirt.VIR_DOMAIN_EVENT_ID_AGENT_LIFECYCLE, "agent")):
            self.conn.domainEventRegisterAny(None, event, self.take, kind)

    def take(self, *words):
        _conn, domain, *rest, kind = words
        self.seen.append((kind, domain.name(), *rest))

    def until(self, done, limit=LIMIT):
        end = time.monotonic() + limit
        while not done(self.seen) and time.monotonic() < end:
            libvirt.virEventRunDefaultImpl()
        return done(self.seen)

    def of(self, kind):
        return [row[2:] for row in self.seen if row[0] == kind]


def life(s, watcher, xml, disk):
    domain = watcher.conn.defineXML(xml)
    domain.create()
    domain.suspend()
    domain.resume()
    wanted = [(0, 0), (2, 0), (4, 0), (3, 0), (4, 0)]
    s.true("it is defined, started, paused and resumed",
           watcher.until(lambda _: len(watcher.of("life")) >= len(wanted)) and
           [row for row in watcher.of("life") if row != (4, 0)] ==
           [row for row in wanted if row != (4, 0)], watcher.seen)
    domain.attachDevice(DISK.format(disk=disk))
    s.true("a disk came", watcher.until(lambda _: watcher.of("added") == [("virtio-disk1",)]),
           watcher.seen)
    os.close(domain.openGraphicsFD(0))
    s.true("a viewer came and went",
           watcher.until(lambda _: [row[0] for row in watcher.of("viewer")] == [0, 2]),
           watcher.seen)
    return domain


def guest(s, watcher, domain, disk):
    s.true("the guest's agent came and went",
           watcher.until(lambda _: watcher.of("agent") == [(1, 2), (2, 2)], HANG), watcher.seen)
    s.true("the live definition knows", "state='disconnected'" in domain.XMLDesc())
    s.true("the guest set its clock",
           watcher.until(lambda _: watcher.of("clock"), HANG) and
           watcher.of("clock")[-1][0] > 86400 * 365, watcher.seen)
    domain.detachDevice(DISK.format(disk=disk))
    s.true("it let go of the disk",
           watcher.until(lambda _: watcher.of("removed") == [("virtio-disk1",)], HANG),
           watcher.seen)


def ends(s, watcher, domain):
    domain.reset()
    s.true("a reset", watcher.until(lambda _: watcher.of("reboot") == [()]), watcher.seen)
    domain.destroy()
    domain.undefine()
    s.true("it is stopped and undefined",
           watcher.until(lambda _: watcher.of("life")[-2:] == [(5, 1), (1, 0)]), watcher.seen)


def scrape(port):
    """What it shows; None while it does not listen."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=LIMIT) as r:
            return r.read().decode()
    except (urllib.error.URLError, ConnectionError):
        return None


def figures(s, disk):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    child = subprocess.Popen(["prometheus-libvirt-exporter", "--libvirt.uri", s.vivd.uri(),
                              "--web.listen-address", f"127.0.0.1:{port}"], env=ENV,
                             stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        s.wait("the exporter answers", lambda: scrape(port) is not None)
        text = scrape(port) or ""
    finally:
        child.terminate()
        child.wait(LIMIT)
    values = {}
    for line in text.splitlines():
        if line.startswith("libvirt"):
            values[line.split("{")[0].split(" ")[0]] = float(line.rsplit(" ", 1)[1])
    s.true("it sees one domain", values.get("libvirt_up") == 1 and
           values.get("libvirt_domains_number") == 1, text)
    s.true("its memory, its vCPU and its state",
           (values.get("libvirt_domain_info_maximum_memory_bytes"),
            values.get("libvirt_domain_info_virtual_cpus"),
            values.get("libvirt_domain_state_code")) == (256 << 20, 1, 1), text)
    s.true("its disk and what was read of it", disk in text and
           values.get("libvirt_domain_block_stats_read_bytes_total", 0) > 0, text)
    s.true("its CPU time", values.get("libvirt_domain_info_cpu_time_seconds_total", 0) > 0, text)


def main():
    tap = Tap()
    s = Steps(tap, "QEMU")
    kit = subprocess.run([MK_GUEST, "busybox"], stdout=subprocess.PIPE, text=True, timeout=1200,
                         check=True).stdout.strip()
    folder = tempfile.mkdtemp(prefix="vivd-watchers-")
    uuid = str(uuids.uuid4())
    disks = f"{folder}/a.img", f"{folder}/b.img"
    for disk in disks:
        with open(disk, "wb") as f:
            f.truncate(1 << 20)
    libvirt.registerErrorHandler(lambda *_: None, None)
    libvirt.virEventRegisterDefaultImpl()
    libvirt.virEventAddTimeout(200, lambda *_: None, None)  # a turn of the loop ends
    s.vivd = Session(folder).__enter__()
    try:
        watcher = Watcher(s.vivd.uri())
        domain = life(s, watcher, XML.format(
            name=NAME, uuid=uuid, kit=kit, run=RUN, disk=disks[0], log=f"{folder}/serial.log",
            emulator=shutil.which("qemu-system-x86_64")), disks[1])
        guest(s, watcher, domain, disks[1])
        figures(s, disks[0])
        ends(s, watcher, domain)
        watcher.conn.close()
    finally:
        s.vivd.__exit__()
        for pid in processes(uuid):
            os.kill(pid, 9)
        shutil.rmtree(folder)
    tap.done()


main()
