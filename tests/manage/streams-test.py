# SPDX-License-Identifier: LGPL-2.1-or-later
"""viv's commands that need streams and events, on vivd with a machine of real QEMU and of viv-machine,
then on Debian's libvirtd: the same events as virsh is told, a console on a terminal, pictures, and
volumes that come back as they went."""
import json
import os
import pty
import select
import shutil
import signal
import subprocess
import tempfile
import time
import uuid as uuids

from machine import ECHO, XML, Session, processes
from vivd import ENV, LIMIT, Tap

NAME = "small"
VIV = os.environ["VIV"]
MIB = 1 << 20
POOL = "<pool type='dir'><name>box</name><target><path>{path}</path></target></pool>"
NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]


class Host:
    """A daemon that viv and virsh are asked on, as the user whom it serves."""

    def __init__(self, tap, what, uri, prefix=()):
        self.tap, self.what, self.uri, self.prefix = tap, what, uri, list(prefix)

    def run(self, *words, program=VIV, options=()):
        done = subprocess.run([*self.prefix, program, "-c", self.uri, *options, *words], text=True,
                              capture_output=True, env=ENV, timeout=LIMIT, check=False, input="",
                              cwd="/")
        return done.returncode, done.stdout, done.stderr

    def true(self, name, value, why=""):
        self.tap.result(f"{self.what}: {name}", [] if value else [why])

    def ok(self, name, *words, expect="", **how):
        status, out, err = self.run(*words, **how)
        self.true(name, status == 0 and expect in out, f"{words}: {status} {out}{err}")
        return out

    def fails(self, name, *words, expect):
        status, out, err = self.run(*words)
        self.true(name, status == 1 and expect in err, f"{words}: {status} {out}{err}")

    def popen(self, program, *words, **how):
        return subprocess.Popen([*self.prefix, program, "-c", self.uri, *words], env=ENV, cwd="/",
                                text=True, stderr=subprocess.STDOUT, **how)


class Watchers:
    """viv and virsh that wait for the same events, each into a file of its own."""

    def __init__(self, host, folder, *words):
        self.host = host
        self.paths = [os.path.join(folder, f"events-{uuids.uuid4()}") for _ in range(2)]
        self.children = []
        for program, path in zip((VIV, "virsh"), self.paths):
            with open(path, "w", encoding="utf-8") as f:
                self.children.append(host.popen(program, *words, "--loop", stdout=f,
                                                stdin=subprocess.DEVNULL))

    def said(self):
        texts = []
        for path in self.paths:
            with open(path, encoding="utf-8") as f:
                texts.append(f.read())
        return texts

    def poke(self, *words):
        """The same change over and over, until both have heard of it."""
        end = time.monotonic() + LIMIT
        while not all(self.said()) and time.monotonic() < end:
            self.host.run(*words, program="virsh")
            time.sleep(0.1)

    def end(self, last):
        """What each said, once both have said this."""
        end = time.monotonic() + LIMIT
        while not all(last in text for text in self.said()) and time.monotonic() < end:
            time.sleep(0.1)
        for child in self.children:
            child.send_signal(signal.SIGINT)
        for child in self.children:
            child.wait(LIMIT)
        return self.said()


def told(text, poked):
    """The events behind those of poking."""
    lines = [line for line in text.splitlines() if line.startswith("event '")]
    while lines and poked in lines[0]:
        lines.pop(0)
    return lines


def domain_events(h, folder, path):
    w = Watchers(h, folder, "event", "--all")
    w.poke("define", path)
    for words in (["start", NAME], ["suspend", NAME], ["resume", NAME], ["setmem", NAME, "60M"],
                  ["desc", NAME, "--title", "--new-desc", "a title"], ["destroy", NAME]):
        h.run(*words, program="virsh")
    h.run("desc", NAME, "--new-desc", "the last", "--config", program="virsh")
    texts = w.end("Stopped Destroyed")
    ours, theirs = ([line for line in told(text, "Defined") if "balloon" not in line
                     and "the last" not in line] for text in texts)
    steady = min(len(ours), len(theirs))
    h.true("viv is told what virsh is", ours[:steady] == theirs[:steady] and steady >= 5,
           f"viv   {ours}\nvirsh {theirs}")
    h.true("and says how many", "events received: " in texts[0] and "interrupted" in texts[0],
           texts[0])


def filtered_events(h, folder, path):
    """As JSON, of one domain, until the first one."""
    with open(os.path.join(folder, "one"), "w+", encoding="utf-8") as f:
        child = h.popen(VIV, "--format=json", "event", NAME, "lifecycle", "--timestamp",
                        stdout=f, stdin=subprocess.DEVNULL)
        end = time.monotonic() + LIMIT
        while child.poll() is None and time.monotonic() < end:
            h.run("define", path, program="virsh")
            time.sleep(0.1)
        f.seek(0)
        text = f.read()
    event = json.loads(text or "{}")
    h.true("one event as JSON", child.wait(LIMIT) == 0 and event.get("name") == NAME and
           event.get("change") == "Defined" and event.get("detail") == "Updated" and
           event.get("time", "").endswith("+0000"), text)
    h.fails("an event that is not known", "event", "--event", "nonesuch",
            expect="unknown event type nonesuch")
    status, out, _ = h.run("event --all --timeout 1")
    h.true("none in time", status == 1 and "event loop timed out\nevents received: 0" in out, out)
    for command in ("event", "net-event", "pool-event", "nodedev-event", "secret-event"):
        lists = [h.run(command, "--list", program=p)[1] for p in (VIV, "virsh")]
        h.true(f"{command} --list", lists[0] == lists[1] and lists[0], lists)


def pool_events(h, folder, path):
    w = Watchers(h, folder, "pool-event", "--event", "lifecycle")
    w.poke(f"pool-define {path}; pool-undefine box")
    for words in (["pool-create", path], ["pool-destroy", "box"]):
        h.run(*words, program="virsh")
    ours, theirs = (told(text, "efined") for text in w.end("Stopped"))
    h.true("events of pools", ours == theirs and len(ours) == 2, f"{ours}\n{theirs}")


def read_file(path):
    with open(path, "rb") as f:
        return f.read()


def volumes(h, folder):
    """What goes up comes down, whole or in part, holes as holes."""
    data = os.urandom(MIB) + bytes(2 * MIB) + os.urandom(MIB) + bytes(MIB)
    source, back = os.path.join(folder, "source"), os.path.join(folder, "back")
    with open(source, "wb") as f:
        f.write(data[:MIB])
        f.seek(3 * MIB)
        f.write(data[3 * MIB:4 * MIB])
        f.truncate(5 * MIB)
    os.chmod(source, 0o644)
    h.ok("a volume", "vol-create-as", "box", "v", "5M")
    h.ok("goes up", "vol-upload", "v", source, "box")
    h.true("its file has the bytes", read_file(os.path.join(folder, "box", "v")) == data)
    h.ok("comes down", "vol-download", "v", back, "box")
    h.true("as it was", read_file(back) == data)
    h.ok("a part of it", "vol-download", "v", back, "box", "--offset", "1048000", "--length", "1000")
    h.true("is that part", read_file(back) == data[1048000:1049000])
    h.ok("another volume", "vol-create-as", "box", "s", "5M")
    h.ok("goes up sparse", "vol-upload", "s", source, "box", "--sparse")
    stored = os.path.join(folder, "box", "s")
    h.true("its file has the bytes and the holes", read_file(stored) == data and
           os.stat(stored).st_blocks * 512 < 4 * MIB, os.stat(stored))
    h.ok("comes down sparse", "vol-download", "s", back, "box", "--sparse")
    h.true("as it was, with holes", read_file(back) == data and
           os.stat(back).st_blocks * 512 < 4 * MIB, os.stat(back))
    h.fails("a file that is not there", "vol-upload", "s", "/nonesuch", "box",
            expect="cannot read /nonesuch")
    h.fails("a folder that is not there", "vol-download", "s", "/nonesuch/x", "box",
            expect="cannot create /nonesuch/x")


class Terminal:
    """viv console on a terminal of its own."""

    def __init__(self, h, *words):
        self.fd, theirs = pty.openpty()
        self.child = subprocess.Popen([*h.prefix, VIV, "-c", h.uri, *words], stdin=theirs,
                                      stdout=theirs, stderr=theirs, env=ENV, start_new_session=True)
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

    def until(self, text, say=b""):
        end = time.monotonic() + LIMIT
        while text not in self.seen and time.monotonic() < end and self.child.poll() is None:
            if say and b"Escape character" in self.seen:
                os.write(self.fd, say)
            self.read(0.5)
        return text in self.seen

    def end(self):
        while self.read(LIMIT):
            pass
        os.close(self.fd)
        return self.child.wait(LIMIT)


def console(h):
    first = Terminal(h, "console", NAME)
    h.true("the console carries both ways", first.until(b"ping!", say=b"ping!"), first.seen)
    second = Terminal(h, "console", NAME)
    status = second.end()
    h.true("a second one is refused",
           status == 1 and b"Active console session exists for this domain" in second.seen,
           second.seen)
    third = Terminal(h, "console", NAME, "--force")
    h.true("unless by force", third.until(b"pong!", say=b"pong!"), third.seen)
    os.write(first.fd, b"x")
    first.end()
    h.true("which ends the first, at the latest when it speaks", first.child.returncode in (0, 1),
           first.seen)
    os.write(third.fd, b"\x1d")
    h.true("Ctrl-] ends it", third.end() == 0, third.seen)
    h.fails("not without a terminal", "console", NAME,
            expect="Cannot run interactive console without a controlling TTY")


def picture(h, folder):
    path = os.path.join(folder, "screen")
    out = h.ok("a picture of the screen", "screenshot", NAME, path,
               expect=f"Screenshot saved to {path}, with type of image/")
    h.true("is one", read_file(path)[:4] in (b"\x89PNG", b"P6\n7"), out)
    h.fails("of a screen that is not there", "screenshot", NAME, path, "--screen", "3",
            expect=f"could not take a screenshot of {NAME}")


def prepare(folder, emulator, uuid, screen):
    os.mkdir(os.path.join(folder, "box"))
    disk, path, pool = (os.path.join(folder, name) for name in ("disk", "small.xml", "box.xml"))
    with open(disk, "wb") as f:
        f.write(ECHO + bytes(510 - len(ECHO)) + b"\x55\xaa")
        f.truncate(MIB)
    xml = XML.format(name=NAME, uuid=uuid, emulator=emulator, disk=disk, usb="none")
    with open(path, "w", encoding="utf-8") as f:
        f.write(xml.replace("<serial", "<video><model type='vga'/></video><serial")
                if screen else xml)
    with open(pool, "w", encoding="utf-8") as f:
        f.write(POOL.format(path=os.path.join(folder, "box")))
    return path, pool


def all_of(h, folder, path, pool, screen):
    domain_events(h, folder, path)
    filtered_events(h, folder, path)
    pool_events(h, folder, pool)
    h.ok("a pool", "pool-create", pool)
    volumes(h, folder)
    h.ok("start", "start", NAME)
    console(h)
    if screen:
        picture(h, folder)
    h.ok("destroy", "destroy", NAME)


def on_vivd(tap, what, emulator, screen):
    uuid = str(uuids.uuid4())
    with tempfile.TemporaryDirectory(prefix="streams-test-") as folder:
        path, pool = prepare(folder, emulator, uuid, screen)
        with Session(folder) as vivd:
            try:
                all_of(Host(tap, what, vivd.uri()), folder, path, pool, screen)
            finally:
                for pid in processes(uuid):
                    os.kill(pid, signal.SIGKILL)


tap = Tap()
on_vivd(tap, "QEMU", shutil.which("qemu-system-x86_64"), True)
if os.environ.get("VIV_MACHINE"):
    on_vivd(tap, "viv-machine", os.environ["VIV_MACHINE"], False)
tap.done()
