#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Debian's virsh on vivd's qemu:///session: machines are real QEMU's, and then viv-machine's. Effects
are read back from processes, files and the emulator's own log."""
import os
import pty
import select
import shutil
import signal
import subprocess
import time
import uuid as uuids

from machine import ECHO, XML, Session, Steps, processes
from vivd import ENV, LIMIT, Tap

NAME = "small"


def life(s, folder, emulator, uuid, usb):
    disk = f"{folder}/disk.img"
    with open(disk, "wb") as f:
        f.write(ECHO + bytes(510 - len(ECHO)) + b"\x55\xaa")
        f.truncate(1 << 20)
    path = f"{folder}/small.xml"
    with open(path, "w", encoding="utf-8") as f:
        f.write(XML.format(name=NAME, uuid=uuid, emulator=emulator, disk=disk, usb=usb))
    stored = f"{folder}/config/vivarium/domains/{uuid}.xml"
    run = f"{folder}/run/vivarium/run/{uuid}"

    s.ok("define", "define", path, expect=f"Domain '{NAME}' defined")
    s.true("the definition is on disk", os.path.exists(stored), stored)
    s.ok("the machine type is the emulator's", "dumpxml", NAME, expect="machine='pc-q35-7.2'")
    s.ok("start", "start", NAME, expect="started")
    s.ok("it runs", "domstate", "--reason", NAME, expect="running (booted)")
    s.true("there is one process", len(processes(uuid)) == 1, processes(uuid))
    s.fails("a second start is refused", "start", NAME, expect="Domain is already active")
    out = s.ok("dumpxml names the terminal", "dumpxml", NAME, expect="<source path='/dev/pts/")
    s.ok("the inactive one does not", "dumpxml", "--inactive", NAME)
    s.true("the live definition has an id", " id='" in out, out)
    s.ok("CPU time is counted", "dominfo", NAME, expect="CPU time:")
    s.ok("suspend", "suspend", NAME)
    s.ok("it is paused", "domstate", "--reason", NAME, expect="paused (user)")
    s.ok("resume", "resume", NAME)
    s.ok("it runs again", "domstate", "--reason", NAME, expect="running (unpaused)")
    s.ok("reset", "reset", NAME)
    console(s)
    before = processes(uuid)
    return path, stored, run, before


class Terminal:
    """virsh console on a terminal of its own."""

    def __init__(self, s):
        self.fd, theirs = pty.openpty()
        self.child = subprocess.Popen(["virsh", "-c", s.vivd.uri(), "console", NAME], stdin=theirs,
                                      stdout=theirs, stderr=theirs, env=ENV,
                                      start_new_session=True)
        os.close(theirs)
        self.seen = b""

    def read(self, seconds):
        try:
            if select.select([self.fd], [], [], seconds)[0]:
                self.seen += os.read(self.fd, 4096)
                return True
        except OSError:
            pass
        return False

    def end(self):
        """What it exits with, once it has said all."""
        while self.read(LIMIT):
            pass
        os.close(self.fd)
        return self.child.wait(LIMIT)


def console(s):
    """What is typed comes back from the guest."""
    first = Terminal(s)
    end = time.monotonic() + LIMIT
    while b"ping!" not in first.seen and time.monotonic() < end:
        if b"Escape character" in first.seen:
            os.write(first.fd, b"ping!")
        first.read(0.5)
    s.true("the console carries both ways", b"ping!" in first.seen, first.seen)
    second = Terminal(s)
    status = second.end()
    s.true("a second console is refused",
           status == 1 and b"Active console session exists for this domain" in second.seen,
           (status, second.seen))
    os.write(first.fd, b"\x1d")
    s.true("Ctrl-] ends it", first.end() == 0, first.seen)


def outlives(s, folder, uuid, before):
    """vivd killed and started again finds the machine as it was."""
    s.vivd.child.send_signal(signal.SIGKILL)
    s.vivd.child.communicate(timeout=LIMIT)
    s.true("the machine outlives vivd", processes(uuid) == before, (processes(uuid), before))
    shutil.rmtree(s.vivd.folder)
    s.vivd = Session(folder).__enter__()
    s.until("vivd finds it again", "domstate", NAME, expect="running")
    hangs(s, folder, before)


def hangs(s, folder, before):
    """A machine that does not answer holds up nothing but itself."""
    s.vivd.child.send_signal(signal.SIGKILL)
    s.vivd.child.communicate(timeout=LIMIT)
    shutil.rmtree(s.vivd.folder)
    for pid in before:
        os.kill(pid, signal.SIGSTOP)
    s.vivd = Session(folder).__enter__()
    s.ok("vivd serves while a machine hangs", "list", "--all", expect=NAME)
    s.vivd.__exit__()
    s.vivd = Session(folder).__enter__()
    s.ok("and ends, and starts again", "list", "--all", expect=NAME)
    for pid in before:
        os.kill(pid, signal.SIGCONT)
    s.until("it finds the machine that goes on", "domstate", NAME, expect="running")


def ends(s, path, stored, run, uuid):
    s.ok("destroy", "destroy", NAME, expect="destroyed")
    s.ok("it is off", "domstate", "--reason", NAME, expect="shut off (destroyed)")
    s.true("no process is left", not processes(uuid), processes(uuid))
    s.true("no file of the run is left", not os.path.exists(run), run)
    s.ok("start paused", "start", "--paused", NAME)
    s.ok("it is paused from the start", "domstate", NAME, expect="paused")
    for pid in processes(uuid):
        os.kill(pid, signal.SIGKILL)
    s.until("a machine that dies is seen", "domstate", "--reason", NAME, expect="shut off (crashed)")
    s.ok("undefine", "undefine", NAME)
    s.true("its file is gone", not os.path.exists(stored), stored)
    s.ok("create", "create", path, expect="created")
    s.ok("it is transient", "dominfo", NAME, expect="Persistent:     no")
    s.ok("destroy the transient one", "destroy", NAME)
    s.fails("it is gone", "domstate", NAME, expect="failed to get domain")


def refusals(s, folder, emulator, uuid):
    path = f"{folder}/refused.xml"

    def refused(name, xml, expect, verb="create"):
        with open(path, "w", encoding="utf-8") as f:
            f.write(xml)
        s.fails(name, verb, path, expect=expect)

    good = XML.format(name="refused", uuid=uuid, emulator=emulator, disk=f"{folder}/disk.img",
                      usb="none")
    refused("a machine type that it lacks", good.replace("q35", "nonesuch"),
            "Emulator does not support machine type 'nonesuch'", "define")
    refused("what is not built stops the start",
            good.replace("<memballoon", "<filesystem><source dir='/'/><target dir='x'/>"
                         "</filesystem><memballoon"), "<filesystem> is not built yet")
    refused("a disk that is not there, in the emulator's words",
            good.replace("disk.img", "nonesuch.img"), "No such file or directory")
    s.true("nothing is left behind", not processes(uuid), processes(uuid))
    s.ok("nothing is listed", "list", "--all", "--name")


def firmware(s, folder, uuid):
    """UEFI by itself: the firmware is chosen at the start, its variables stay."""
    path = f"{folder}/uefi.xml"
    nvram = f"{folder}/config/vivarium/nvram/{uuid}_VARS.fd"
    xml = XML.format(name=NAME, uuid=uuid, emulator=shutil.which("qemu-system-x86_64"),
                     disk=f"{folder}/disk.img", usb="none").replace("<os>", "<os firmware='efi'>")
    with open(path, "w", encoding="utf-8") as f:
        f.write(xml)
    s.ok("define with UEFI", "define", path)
    s.ok("start with UEFI", "start", NAME)
    out = s.ok("the live one names its loader", "dumpxml", NAME, expect="type='pflash'>/usr/share")
    s.true("and its variables", f">{nvram}</nvram>" in out, out)
    s.ok("the inactive one still asks", "dumpxml", "--inactive", NAME, expect="firmware='efi'")
    template = out.split("template='")[1].split("'")[0]
    s.true("they are made from the template",
           os.path.getsize(nvram) == os.path.getsize(template), nvram)
    s.true("for nobody else's eyes", os.stat(nvram).st_mode & 0o777 == 0o600, nvram)
    inode = os.stat(nvram).st_ino
    s.ok("destroy it", "destroy", NAME)
    s.ok("start it again", "start", NAME)
    s.true("its variables are the same file", os.stat(nvram).st_ino == inode, nvram)
    s.ok("destroy it again", "destroy", NAME)
    s.fails("undefine names what would stay", "undefine", NAME,
            expect="cannot undefine domain with nvram")
    s.ok("undefine --nvram", "undefine", "--nvram", NAME)
    s.true("they are gone", not os.path.exists(nvram), nvram)


def machine(tap, what, emulator, usb):
    s = Steps(tap, what)
    folder = subprocess.run(["mktemp", "-d"], capture_output=True, text=True,
                            check=True).stdout.strip()
    uuid = str(uuids.uuid4())
    s.vivd = Session(folder).__enter__()
    try:
        path, stored, run, before = life(s, folder, emulator, uuid, usb)
        outlives(s, folder, uuid, before)
        ends(s, path, stored, run, uuid)
        if emulator == shutil.which("qemu-system-x86_64"):
            firmware(s, folder, uuid)
        refusals(s, folder, emulator, uuid)
    finally:
        s.vivd.__exit__()
        for pid in processes(uuid):
            os.kill(pid, signal.SIGKILL)
        shutil.rmtree(folder)


def main():
    tap = Tap()
    machine(tap, "QEMU", shutil.which("qemu-system-x86_64"), "qemu-xhci")
    if os.environ.get("VIV_MACHINE"):
        machine(tap, "viv-machine", os.environ["VIV_MACHINE"], "qemu-xhci")
    tap.done()


main()
