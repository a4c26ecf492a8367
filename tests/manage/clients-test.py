#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Debian's virt-install and virt-xml, unmodified, on vivd's qemu:///session: a guest is made, says a
known line on its console, is changed and goes away. On real QEMU; with VIV_MACHINE on that alone."""
import os
import pty
import select
import shutil
import subprocess
import tempfile
import time
import xml.etree.ElementTree as ET

from vivd import ENV, LIMIT, Tap, Vivd

NAME = "made"
# Its own quotes end the shell's there: the line cannot come from an echo of the command line.
READY = b"READY-42"
RUN = 'viv.run="while true; do echo READY-$((6*7)); sleep 1; done"'
HANG = 300
MK_GUEST = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tools", "mk-guest")


class Session(Vivd):
    def uri(self, read_only=False):
        return f"qemu+unix:///session?socket={self.reader if read_only else self.socket}"

    def client(self, program, *words):
        """(exit status, what it said) of a client of the virt-install family."""
        env = ENV | {"HOME": self.folder, "XDG_CACHE_HOME": os.path.join(self.folder, "clients"),
                     "XDG_CONFIG_HOME": os.path.join(self.folder, "clients")}
        r = subprocess.run([shutil.which(program), "--connect", self.uri(), *words], env=env,
                           text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, timeout=HANG, check=False)
        return r.returncode, r.stdout


def console(vivd, wanted):
    """What virsh console shows until it is what is wanted."""
    fd, theirs = pty.openpty()
    child = subprocess.Popen(["virsh", "-c", vivd.uri(), "console", NAME], stdin=theirs,
                             stdout=theirs, stderr=theirs, env=ENV, start_new_session=True)
    os.close(theirs)
    seen = b""
    end = time.monotonic() + HANG
    try:
        while wanted not in seen and time.monotonic() < end:
            if select.select([fd], [], [], 1)[0]:
                seen += os.read(fd, 4096)
        os.write(fd, b"\x1d")
        while child.poll() is None and time.monotonic() < end:
            if select.select([fd], [], [], 0.1)[0]:
                os.read(fd, 4096)
    except OSError:
        pass
    child.kill()
    child.wait(LIMIT)
    os.close(fd)
    return seen


class Steps:
    def __init__(self, tap, vivd, what):
        self.tap, self.vivd, self.what = tap, vivd, what

    def check(self, name, good, why=""):
        self.tap.result(f"{self.what}: {name}", [] if good else [why])
        return good

    def client(self, name, program, *words):
        status, said = self.vivd.client(program, *words)
        self.check(name, status == 0, said)
        return said

    def xml(self, *words):
        return ET.fromstring(self.vivd.virsh("dumpxml", NAME, *words)[1])


def install(kit, emulator):
    boot = f"kernel={kit}/vmlinuz,initrd={kit}/initrd.img,kernel_args='console=ttyS0 {RUN}'"
    return ["--name", NAME, "--memory", "256", "--vcpus", "1", "--osinfo", "debian11", "--import",
            "--disk", "none", "--network", "user", "--virt-type", "qemu",
            "--boot", boot + (f",emulator={emulator}" if emulator else "")]


def life(s, kit, emulator):
    if not s.check("virt-install makes it", *made(s, kit, emulator)):
        return
    now = s.xml()
    s.check("its emulator is the one asked for",
            now.find("devices/emulator").text == (emulator or shutil.which("qemu-system-x86_64")))
    s.check("it runs", "running" in s.vivd.virsh("domstate", NAME)[1])
    seen = console(s.vivd, READY)
    s.check("the guest says its line on the console", READY in seen, seen)
    s.client("virt-xml edits it", "virt-xml", NAME, "--edit", "--memory", "300")
    s.check("the next start has it", s.xml("--inactive").find("memory").text == "307200")
    s.check("this run has not", s.xml().find("memory").text == "262144")
    s.client("virt-xml adds a device", "virt-xml", NAME, "--add-device", "--watchdog", "i6300esb")
    s.check("it is defined", s.xml("--inactive").find("devices/watchdog") is not None)
    s.client("virt-xml removes it", "virt-xml", NAME, "--remove-device", "--watchdog", "1")
    s.check("it is gone", s.xml("--inactive").find("devices/watchdog") is None)
    s.check("destroy", s.vivd.virsh("destroy", NAME)[0] == 0)
    s.check("undefine", s.vivd.virsh("undefine", NAME)[0] == 0)
    s.check("nothing is left", not s.vivd.virsh("list", "--all", "--name")[1].strip())


def made(s, kit, emulator):
    status, said = s.vivd.client("virt-install", *install(kit, emulator), "--graphics", "none",
                                 "--noautoconsole")
    return status == 0 and "Domain creation completed." in said, said


def asks_for(s, kit, emulator):
    """What virt-install adds by itself is what the emulator has."""
    said = s.client("virt-install plans one", "virt-install", *install(kit, emulator),
                    "--print-xml", "--dry-run")
    root = ET.fromstring(said[said.index("<domain"):said.rindex("</domain>") + len("</domain>")])
    kinds = {e.tag for e in root.find("devices")}
    s.check("it adds no spice, sound or redirection of USB",
            not kinds & {"sound", "redirdev"} and "spice" not in said, said)


def main():
    tap = Tap()
    kit = subprocess.run([MK_GUEST, "busybox"], stdout=subprocess.PIPE, text=True,
                         check=True).stdout.strip()
    emulator = os.environ.get("VIV_MACHINE")
    folder = tempfile.mkdtemp(prefix="clients-")
    try:
        with Session(state=folder) as vivd:
            s = Steps(tap, vivd, "viv-machine" if emulator else "QEMU")
            try:
                life(s, kit, emulator)
                if emulator:
                    asks_for(s, kit, emulator)
            finally:
                vivd.virsh("destroy", NAME)
    finally:
        shutil.rmtree(folder)
    tap.done()


main()
