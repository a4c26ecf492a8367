#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Debian's virt-manager on vivd, its windows read and worked as a screen reader does (AT-SPI), on an X
server and message bus of its own: the list of machines, start, pause, resume, the console with the
guest's picture, the hardware, forced off. What it did is read back with virsh, and what libvirt's
binding told it must hold no error. On real QEMU."""
import os
import re
import select
import shutil
import subprocess
import sys
import tempfile
import time
import uuid as uuids

import gi

gi.require_version("Atspi", "2.0")
from gi.repository import Atspi, GLib  # pylint: disable=wrong-import-position

from machine import Session, Steps, processes  # pylint: disable=wrong-import-position
from screen import COLOURED_GUEST, Screen, bands  # pylint: disable=wrong-import-position
from vivd import ENV, LIMIT, Tap  # pylint: disable=wrong-import-position

HANG = 180
NAME = "managed"
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
MAIN = ("frame", "^Virtual Machine Manager$")
BAD = re.compile("libvirtError|Traceback|not supported by the connection driver|not built")


def walk(node):
    """A widget and all below it; what goes away meanwhile is left out."""
    try:
        yield node
        for i in range(node.get_child_count()):
            child = node.get_child_at_index(i)
            if child is not None:
                yield from walk(child)
    except GLib.Error:
        pass


def showing(node):
    return node.get_state_set().contains(Atspi.StateType.SHOWING)


class Desktop:
    """An X server, a message bus, and virt-manager on it."""

    def __init__(self, folder, socket):
        self.screen = Screen(folder)
        # A URI that named a transport would be another host's, whose local screens it does not open.
        uri = f"qemu:///session?socket={socket}"
        env = ENV | {"DISPLAY": self.screen.name, "HOME": folder,
                     "XDG_RUNTIME_DIR": f"{folder}/runtime",
                     "XDG_CACHE_HOME": folder, "XDG_CONFIG_HOME": folder, "GDK_BACKEND": "x11",
                     "XDG_DATA_HOME": folder, "GSETTINGS_BACKEND": "memory", "GTK_USE_PORTAL": "0"}
        env.pop("WAYLAND_DISPLAY", None)
        ours, theirs = os.pipe()
        self.bus = subprocess.Popen(["dbus-daemon", "--session", "--nofork", "--nosyslog",
                                     f"--print-address={theirs}"], pass_fds=[theirs], env=env,
                                    stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(theirs)
        ready = select.select([ours], [], [], LIMIT)[0]
        env["DBUS_SESSION_BUS_ADDRESS"] = os.read(ours, 1000).decode().strip() if ready else ""
        os.close(ours)
        os.environ.update({key: env[key] for key in
                           ("DISPLAY", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS")})
        self.log = f"{folder}/manager.log"
        with open(self.log, "wb") as log:
            self.child = subprocess.Popen(["virt-manager", "--debug", "--no-fork", "--connect", uri],
                                          env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def find(self, role, name, within=None):
        """The showing widget of that role whose name matches, or None."""
        try:
            desktop = Atspi.get_desktop(0)
            for i in range(desktop.get_child_count()):
                top = desktop.get_child_at_index(i)
                if top is None or top.get_process_id() != self.child.pid:
                    continue
                top.clear_cache()
                for window in walk(top) if within is None else walk(self.find(*within) or top):
                    if (window.get_role_name() == role and re.search(name, window.get_name()) and
                            showing(window)):
                        return window
        except GLib.Error:
            pass
        return None

    def await_one(self, *what):
        end = time.monotonic() + HANG
        while time.monotonic() < end:
            found = self.find(*what)
            if found is not None:
                return found
            time.sleep(0.2)
        raise RuntimeError(f"virt-manager: no {what}\n{self.said()[-3000:]}")

    def press(self, *what):
        """Waits until it is there and can be used, then uses it."""
        end = time.monotonic() + HANG
        while time.monotonic() < end:
            found = self.await_one(*what)
            if found.get_state_set().contains(Atspi.StateType.SENSITIVE):
                return found.do_action(0)
            time.sleep(0.2)
        raise RuntimeError(f"virt-manager: {what} cannot be used")

    def click(self, *what):
        """By the mouse: what asks a question answers no other action until that is answered."""
        where = self.await_one(*what).get_extents(Atspi.CoordType.SCREEN)
        Atspi.generate_mouse_event(where.x + where.width // 2, where.y + where.height // 2, "b1c")

    def select(self, name):
        """Selects the row of the list of machines with that cell."""
        cell = self.await_one("table cell", name)
        cell.grab_focus()
        table = self.await_one("tree table", "^vm-list$")
        table.select_child(cell.get_parent().get_index_in_parent())

    def said(self):
        with open(self.log, encoding="utf-8", errors="replace") as f:
            return f.read()

    def stop(self):
        for child in self.child, self.bus:
            child.terminate()
            try:
                child.wait(LIMIT)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        self.screen.stop()


def state(s, wanted):
    s.wait(f"it is {wanted}", lambda: s.vivd.virsh("domstate", NAME)[1].strip() == wanted)


def steps(s, d):
    s.true("the machine is listed", d.await_one("table cell", f"^{NAME}\nShutoff"))
    d.select(f"^{NAME}")
    d.press("push button", "^Run$", MAIN)
    state(s, "running")
    s.true("the list follows", d.await_one("table cell", f"^{NAME}\nRunning"))
    d.press("toggle button", "^Pause$", MAIN)
    state(s, "paused")
    s.true("the list follows", d.await_one("table cell", f"^{NAME}\nPaused"))
    d.press("toggle button", "^Pause$", MAIN)
    state(s, "running")
    d.press("push button", "^Open$", MAIN)
    window = ("frame", f"^{NAME} on ")
    s.true("its window opens", d.await_one(*window))
    s.wait("with the guest's picture", lambda: bands(d.screen, [400]))
    d.press("radio button", "^Details$", window)
    for item in "Overview", "CPUs", "VirtIO Disk 1", "Display VNC", "Video VGA":
        s.true(f"its hardware: {item}", d.await_one("table cell", f"^{item}$", window))
    d.click("toggle button", "^Menu$", window)
    d.click("menu item", "^Force Off$", window)
    d.press("push button", "^Yes$")
    state(s, "shut off")
    s.true("the list follows", d.await_one("table cell", f"^{NAME}\nShutoff"))


def storage(s, d):
    """The window of the connection: its pool is there, with its size."""
    d.press("menu", "^Edit$", MAIN)
    d.press("menu item", "^Connection Details$", MAIN)
    window = ("frame", "Connection Details$")
    tab = d.await_one("page tab", "^Storage$", window)
    tab.get_parent().select_child(tab.get_index_in_parent())
    s.true("its storage pools", d.await_one("table cell", "^default\n.*Filesystem Directory", window))


def main():
    tap = Tap()
    s = Steps(tap, "virt-manager")
    folder = tempfile.mkdtemp(prefix="vivd-manager-")
    uuid = str(uuids.uuid4())
    disk = f"{folder}/disk.img"
    with open(disk, "wb") as f:
        f.write(COLOURED_GUEST + bytes(510 - len(COLOURED_GUEST)) + b"\x55\xaa")
        f.truncate(1 << 20)
    with open(f"{folder}/domain.xml", "w", encoding="utf-8") as f:
        f.write(XML.format(name=NAME, uuid=uuid, disk=disk,
                           emulator=shutil.which("qemu-system-x86_64")))
    s.vivd = Session(folder).__enter__()
    desktop = None
    try:
        s.ok("define", "define", f"{folder}/domain.xml")
        desktop = Desktop(folder, s.vivd.socket)
        steps(s, desktop)
        storage(s, desktop)
        s.ok("start", "start", NAME)
        s.true("the list follows another client", desktop.await_one("table cell", f"^{NAME}\nRunning"))
        s.ok("destroy", "destroy", NAME)
        s.true("and again", desktop.await_one("table cell", f"^{NAME}\nShutoff"))
        complaints = [line for line in desktop.said().splitlines() if BAD.search(line)]
        s.true("libvirt's binding told it no error", not complaints, "\n".join(complaints))
        s.true("it runs until it is ended", desktop.child.poll() is None)
    finally:
        if desktop is not None:
            desktop.stop()
        s.vivd.__exit__()
        for pid in processes(uuid):
            os.kill(pid, 9)
        shutil.rmtree(folder)
    tap.done()


if __name__ == "__main__":
    sys.exit(main())
