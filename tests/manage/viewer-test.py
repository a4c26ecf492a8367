#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A client's own connection to a machine's screen: by descriptors both ways, with libvirt's binding,
and by Debian's virt-viewer on an X server of its own, whose picture has the guest's colours. On real
QEMU: our machine's monitor has no add_client."""
import os
import select
import shutil
import socket
import subprocess
import tempfile
import uuid as uuids

import libvirt

from machine import Session, Steps, processes
from screen import COLOURED_GUEST, Screen, bands
from vivd import ENV, LIMIT, Tap

NAME = "screen"
XML = """<domain type='qemu'>
  <name>{name}</name>
  <uuid>{uuid}</uuid>
  <memory unit='MiB'>64</memory>
  <os><type arch='x86_64' machine='q35'>hvm</type></os>
  <devices>
    <emulator>{emulator}</emulator>
    <disk type='file'>
      <driver name='qemu' type='raw'/>
      <source file='{disk}'/>
      <target dev='vda' bus='virtio'/>
    </disk>
    <controller type='usb' model='none'/>
    <graphics type='vnc' autoport='yes'/>
    <video><model type='vga'/></video>
    <memballoon model='none'/>
  </devices>
</domain>
"""


def receive(fd, size):
    """So many bytes, or what there is when the other side is silent for too long or closes."""
    data = b""
    while len(data) < size and select.select([fd], [], [], LIMIT)[0]:
        part = os.read(fd, size - len(data))
        if not part:
            break
        data += part
    return data


def greets(fd):
    """An RFB server speaks there, which takes us without a password."""
    if receive(fd, 12) != b"RFB 003.008\n":
        return False
    os.write(fd, b"RFB 003.008\n")
    kinds = receive(fd, receive(fd, 1)[0])
    os.write(fd, b"\x01")
    return 1 in kinds and receive(fd, 4) == bytes(4)


def refused(call, *words):
    """The code and the words of libvirt's error."""
    try:
        call(*words)
    except libvirt.libvirtError as e:
        return e.get_error_code(), e.get_error_message()
    return None


def descriptors(s):
    conn = libvirt.open(s.vivd.uri())
    domain = conn.lookupByName(NAME)
    fd = domain.openGraphicsFD(0)
    s.true("a descriptor comes, the machine's screen behind it", greets(fd))
    os.close(fd)
    ours, theirs = socket.socketpair()
    s.true("one of the client's own goes", domain.openGraphics(0, theirs.fileno()) == 0)
    theirs.close()
    s.true("and the machine serves it", greets(ours.fileno()))
    ours.close()
    s.true("a screen that is not there",
           refused(domain.openGraphicsFD, 1) ==
           (1, "internal error: No graphics backend with index 1"),
           refused(domain.openGraphicsFD, 1))
    s.true("flags that are none", (refused(domain.openGraphicsFD, 0, 2) or (0,))[0] == 8)
    reader = libvirt.openReadOnly(s.vivd.uri(True))
    s.true("not for one who only reads",
           (refused(reader.lookupByName(NAME).openGraphicsFD, 0) or (0,))[0] == 29)
    many(s, domain)
    reader.close()
    conn.close()


def many(s, domain):
    """None leaks, on neither side."""
    ids = [s.vivd.child.pid, *processes(domain.UUIDString())]
    fds = [domain.openGraphicsFD(0) for _ in range(20)]
    s.true("twenty at a time", all(map(greets, fds)))
    for fd in fds:
        os.close(fd)

    def count():
        return [len(os.listdir(f"/proc/{p}/fd")) for p in ids]

    before = count()
    for _ in range(20):
        os.close(domain.openGraphicsFD(0))
    s.wait("descriptors do not pile up", lambda: all(a <= b + 5 for a, b in zip(count(), before)))


def viewer(s, folder):
    screen = Screen(folder)
    env = ENV | {"DISPLAY": screen.name, "HOME": folder, "XDG_RUNTIME_DIR": folder,
                 "XDG_CACHE_HOME": folder, "XDG_CONFIG_HOME": folder, "GDK_BACKEND": "x11",
                 "GSETTINGS_BACKEND": "memory", "NO_AT_BRIDGE": "1", "GTK_USE_PORTAL": "0"}
    env.pop("WAYLAND_DISPLAY", None)
    env.pop("DBUS_SESSION_BUS_ADDRESS", None)
    try:
        s.true("the X server's screen is not the guest's before", not bands(screen))
        for how in ["--attach"], []:
            child = subprocess.Popen(["virt-viewer", "--connect", s.vivd.uri(), *how, NAME],
                                     env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                     stderr=subprocess.DEVNULL)
            s.wait(" ".join(["virt-viewer", *how, "shows the guest"]),
                   lambda: bands(screen))
            s.true("it runs until it is ended", child.poll() is None, child.returncode)
            child.terminate()
            child.wait(LIMIT)
            s.wait("its window went", lambda: not bands(screen))
    finally:
        screen.stop()


def main():
    tap = Tap()
    s = Steps(tap, "QEMU")
    folder = tempfile.mkdtemp(prefix="vivd-viewer-")
    uuid = str(uuids.uuid4())
    disk = f"{folder}/disk.img"
    libvirt.registerErrorHandler(lambda *_: None, None)
    with open(disk, "wb") as f:
        f.write(COLOURED_GUEST + bytes(510 - len(COLOURED_GUEST)) + b"\x55\xaa")
        f.truncate(1 << 20)
    with open(f"{folder}/domain.xml", "w", encoding="utf-8") as f:
        f.write(XML.format(name=NAME, uuid=uuid, disk=disk,
                           emulator=shutil.which("qemu-system-x86_64")))
    s.vivd = Session(folder).__enter__()
    try:
        s.ok("create", "create", f"{folder}/domain.xml")
        s.ok("its screen has a port", "dumpxml", NAME, expect="<graphics type='vnc' port='59")
        s.ok("on an address", "dumpxml", NAME, expect="<listen type='address' address='127.0.0.1'/>")
        descriptors(s)
        viewer(s, folder)
        s.ok("destroy", "destroy", NAME)
    finally:
        s.vivd.__exit__()
        for pid in processes(uuid):
            os.kill(pid, 9)
        shutil.rmtree(folder)
    tap.done()


main()
