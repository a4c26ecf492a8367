# SPDX-License-Identifier: LGPL-2.1-or-later
"""viv run on vivd, with viv-machine and with real QEMU: from an image to a guest with its console, in one
command; what it makes, what it leaves, what it refuses."""
import os
import pty
import select
import shutil
import signal
import struct
import subprocess
import tempfile
import time
from xml.etree import ElementTree

from machine import VIV, Host, Session, processes
from vivd import LIMIT, Tap

# A boot sector that says '~', sends back what its serial port gets, and at 'q' powers off:
# mov dx,3f8h; mov al,'~'; out dx,al; 0: mov dx,3fdh; 3: in al,dx; test al,1; jz 3; mov dl,0f8h; in al,dx;
# cmp al,'q'; je 18; out dx,al; jmp 0; 18: mov dx,604h; mov ax,2000h; out dx,ax; jmp $
GUEST = bytes.fromhex("baf803 b07e ee bafd03 ec a801 74fb b2f8 ec 3c71 7403 ee ebee ba0406 b80020 ef ebfe")


class Terminal:
    """viv on a terminal of its own."""

    def __init__(self, h, *words, **env):
        self.fd, theirs = pty.openpty()
        self.child = subprocess.Popen([VIV, "-c", h.uri, *words], stdin=theirs, stdout=theirs,
                                      stderr=theirs, env=h.env | env, start_new_session=True)
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

    def until(self, text):
        end = time.monotonic() + LIMIT
        while text not in self.seen and time.monotonic() < end and self.child.poll() is None:
            self.read(0.5)
        return text in self.seen

    def say(self, text):
        os.write(self.fd, text)

    def end(self):
        while self.read(LIMIT):
            pass
        os.close(self.fd)
        return self.child.wait(LIMIT)


def content(path):
    with open(path, "rb") as f:
        return f.read()


def domains(h, *which):
    return h.ok("list", "list", "--name", *which, program="virsh").split()


def volumes(h):
    return {line.split()[0] for line in
            h.ok("vol-list", "vol-list", "default", program="virsh").splitlines()[2:] if line}


def definition(h, name):
    xml = h.ok(f"dumpxml {name}", "dumpxml", name, program="virsh")
    h.uuids.append(ElementTree.fromstring(xml).findtext("uuid"))
    return ElementTree.fromstring(xml)


def passing(h, image):
    """A guest that goes with its console."""
    before = content(image)
    t = Terminal(h, "run", image, "--rm", *h.emulator, "--memory", "64", **h.path)
    h.true("a guest's first word is seen", t.until(b"~"), t.seen)
    h.true("it is named after its image", domains(h) == ["my-guest"])
    xml = definition(h, "my-guest")
    h.true("with the memory it was given", xml.findtext("memory") == "65536")
    h.true("on the machine it was to have",
           os.path.basename(xml.findtext("devices/emulator")) == h.program)
    h.true("its disk is an overlay", volumes(h) == {"my-guest.qcow2"} and
           xml.find("devices/disk/source").get("file").endswith("/my-guest.qcow2"))
    t.say(b"ping!")
    h.true("the console carries both ways", t.until(b"ping!"), t.seen)
    t.say(b"\x1d")
    h.true("Ctrl-] ends it", t.end() == 0, t.seen)
    h.true("nothing is left", domains(h, "--all") == [] and volumes(h) == set() and
           not [p for u in h.uuids for p in processes(u)])
    t = Terminal(h, "run", image, "--rm", *h.emulator, "--memory", "64", "--name", "x y", **h.path)
    h.true("another one", t.until(b"~"), t.seen)
    definition(h, "x y")
    t.say(b"q")
    h.true("that powers off", t.end() == 0, t.seen)
    h.true("leaves nothing either", domains(h, "--all") == [] and volumes(h) == set())
    h.true("and the image is as it was", content(image) == before)


def staying(h, image):
    more = [*h.emulator, "--memory", "64MiB", "--vcpus", "2", "--network", "none"]
    h.ok("one without console", "run", image, "--detach", *more,
         expect="Domain 'my-guest' started\n", **h.path)
    xml = definition(h, "my-guest")
    h.true("has two vCPUs, and no network", xml.findtext("vcpu") == "2" and
           xml.find("devices/interface") is None)
    t = Terminal(h, "run", image, *h.emulator, "--memory", "64", **h.path)
    h.true("a second of the image", t.until(b"~"), t.seen)
    definition(h, "my-guest-2")
    t.say(b"\x1d")
    h.true("runs on without its console", t.end() == 0 and b"'my-guest-2' runs on" in t.seen and
           domains(h) == ["my-guest", "my-guest-2"], t.seen)
    h.fails("a name that is taken", "run", image, "--detach", "--name", "my-guest", *h.emulator,
            expect="the name 'my-guest' is taken", **h.path)
    for name in "my-guest", "my-guest-2":
        h.ok("rm takes it away", "rm", name, "--yes", "--force")
    h.true("with its overlay", domains(h, "--all") == [] and volumes(h) == set())


def refused(h, folder, image):
    header = b"QFI\xfb" + struct.pack(">IQIIQ", 2, 104, 4, 16, 1 << 20)
    for name, data, why in (("small", b"x", "it is too small"),
                            ("vm.vmdk", b"KDMV" + bytes(600), "VMDK"),
                            ("cd.iso", bytes(0x8001) + b"CD001" + bytes(600), "ISO 9660"),
                            ("packed.gz", b"\x1f\x8b" + bytes(600), "gzip"),
                            ("based", header + bytes(600), "names other files"),
                            ("folder", None, "neither a file nor a block device")):
        path = os.path.join(folder, name)
        if data is None:
            os.mkdir(path)
        else:
            with open(path, "wb") as f:
                f.write(data)
        h.fails(name, "run", path, "--detach", *h.emulator, expect=why, **h.path)
    more = ["run", image, *h.emulator]
    h.fails("no image", "run", "/nonesuch", "--detach", expect="No such file or directory")
    h.fails("no terminal", *more, expect="no terminal for the console: give --detach", **h.path)
    h.fails("no pool", *more, "--detach", "--pool", "x", expect="failed to get pool 'x'", **h.path)
    h.fails("both", *more, "--detach", "--rm", expect="mutually exclusive", **h.path)
    h.fails("no machine", "run", image, "--detach", expect="there is no viv-machine in PATH",
            PATH="/nonesuch")
    h.fails("no memory", *more, "--detach", "--memory", "0", expect="needs memory", **h.path)
    h.fails("no such emulator", "run", image, "--detach", "--emulator", "/nonesuch",
            expect="Failed to ")
    h.true("nothing was made", domains(h, "--all") == [] and volumes(h) == set())


def on_vivd(tap, what, program, emulator=(), path=None):
    """On the program of that name; `emulator` is how viv is told, `path` where it looks."""
    with tempfile.TemporaryDirectory(prefix="run-test-") as folder:
        image = os.path.join(folder, "my guest.img")
        with open(image, "wb") as f:
            f.write(GUEST + bytes(510 - len(GUEST)) + b"\x55\xaa")
            f.truncate(1 << 20)
        with Session(folder) as vivd:
            h = Host(tap, what, vivd, folder)
            h.program, h.emulator, h.uuids = program, list(emulator), []
            h.path = {"PATH": path + ":" + os.environ["PATH"]} if path else {}
            try:
                passing(h, image)
                staying(h, image)
                refused(h, folder, image)
            finally:
                for pid in (p for uuid in h.uuids for p in processes(uuid)):
                    os.kill(pid, signal.SIGKILL)


results = Tap()
on_vivd(results, "QEMU", "qemu-system-x86_64",
        emulator=["--emulator", shutil.which("qemu-system-x86_64")])
if os.environ.get("VIV_MACHINE"):
    on_vivd(results, "viv-machine", os.path.basename(os.environ["VIV_MACHINE"]),
            path=os.path.dirname(os.environ["VIV_MACHINE"]))
results.done()
