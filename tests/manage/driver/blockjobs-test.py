# SPDX-License-Identifier: LGPL-2.1-or-later
"""Jobs of running machines' disks, as Debian's virsh asks for them: the same lines on vivd and on
Debian's libvirtd, each with a real QEMU and images of its own. Status, words, events and the disk in
both definitions are the same; what became of the images is read from QEMU's monitor and the files."""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# pylint: disable=wrong-import-position
from libvirtd import Libvirtd
from machine import Session
from vivd import ENV, LIMIT, Tap

MIB = 1 << 20
XML = """<domain type='qemu'>
  <name>t</name>
  <memory unit='MiB'>64</memory>
  <os><type arch='x86_64' machine='q35'>hvm</type></os>
  <devices>
    <emulator>{emulator}</emulator>
    <disk type='file' device='disk'>
      <driver name='qemu' type='qcow2'/>
      <source file='{folder}/top.qcow2'/>
      <target dev='vda' bus='virtio'/>
    </disk>
    <disk type='file' device='disk'>
      <driver name='qemu' type='qcow2'/>
      <source file='{folder}/one.qcow2'/>
      <target dev='vdb' bus='virtio'/>
    </disk>
    <disk type='file' device='cdrom'><target dev='sda' bus='sata'/></disk>
    <controller type='usb' model='none'/>
    <memballoon model='none'/>
  </devices>
</domain>
"""
# "DIR" is the folder of the images. "=" waits for an event, "+" looks at the images, "xml" at the
# disk in both definitions, "files" at the images that are there.
PULL = """
blockjob t vda --abort
blockjob t vda --abort --async
blockjob t vda --pivot
blockjob t vda --bandwidth 3
blockjob t vdz
blockpull t vdz
blockpull t sda
blockpull t vda --base /nope
blockpull t vda --base vda[77]
blockpull t vda --base DIR/top.qcow2
blockpull t vda[1]
blockpull t vda --keep-relative
blockpull t vda --bandwidth 8796093022208
blockjob t vda
blockjob t vda --raw
blockpull t vdb --wait --verbose
= Block Pull for vdb completed
blockpull t vda --bandwidth 1
blockjob t vda
blockjob t vda --raw
blockjob t vda --raw --bytes
xml
blockpull t vda
detach-disk t vda
snapshot-create-as t s --disk-only
save t DIR/saved
managedsave t
blockjob t vda --bandwidth 2
blockjob t vda --info
blockjob t vda --bandwidth 3000000 --bytes
blockjob t vda --info --bytes
blockjob t vda --bandwidth 8796093022208
blockjob t vda --pivot
blockjob t vda --abort
blockjob t vda
= Block Pull for vda canceled
+
xml
blockpull t vda --bandwidth 1
blockjob t vda --abort --async
= Block Pull for vda canceled
blockpull t DIR/top.qcow2 --base DIR/base.qcow2 --wait --verbose
= Block Pull for vda completed
+
xml
blockpull t vda --wait
= Block Pull for vda completed
+
xml
"""
COMMIT = """
blockcommit t vda
blockcommit t vda --top /nope
blockcommit t vda --base /nope
blockcommit t vda --top vda[77]
blockcommit t vda --top DIR/base.qcow2 --base DIR/mid.qcow2
blockcommit t vda --top DIR/base.qcow2
blockcommit t vda --top DIR/mid.qcow2 --active
blockcommit t vda --shallow
blockcommit t vda --shallow --active --base DIR/base.qcow2
blockcommit t vdb --active
blockcommit t sda
blockcommit t vdz
blockcommit t vda --active --bandwidth 1
blockjob t vda
blockjob t vda --raw
xml
blockjob t vda --pivot
blockcommit t vda --active
blockpull t vda
detach-disk t vda
snapshot-create-as t s --disk-only
save t DIR/saved
blockjob t vda --abort
= Active Block Commit for vda canceled
+
blockcommit t vda --active --wait --verbose
= Active Block Commit for vda ready
xml
blockjob t vda
blockjob t vda --abort
= Active Block Commit for vda canceled
xml
blockcommit t vda --active --keep-overlay
= Active Block Commit for vda canceled
blockcommit t vda --top DIR/mid.qcow2 --base DIR/base.qcow2 --wait --verbose
= Block Commit for vda completed
+
xml
blockcommit t vda --active --pivot --verbose
= Active Block Commit for vda completed
+
xml
blockcommit t vda --shallow --active
files
"""
DELETE = """
blockcommit t vda --top DIR/mid.qcow2 --wait --delete
= Block Commit for vda completed
+
files
blockcommit t vda --shallow --active --pivot --delete
= Active Block Commit for vda completed
+
xml
files
"""
COPY = """
blockcopy t vda DIR/copy.qcow2
blockcopy t vda copy.qcow2 --transient-job
blockcopy t vda DIR/copy.qcow2 --transient-job --granularity 1000
blockcopy t vda DIR/copy.qcow2 --transient-job --format nope
blockcopy t vda DIR/no/copy.qcow2 --transient-job
blockcopy t vda DIR/no --transient-job --reuse-external
blockcopy t vda DIR/no --transient-job --blockdev
blockcopy t vda DIR/mid.qcow2 --transient-job
blockcopy t sda DIR/copy.qcow2 --transient-job
blockcopy t vdz DIR/copy.qcow2 --transient-job
blockcopy t vda DIR/slow.qcow2 --transient-job --bandwidth 1
blockjob t vda
blockjob t vda --raw
xml
blockjob t vda --pivot
blockcopy t vda DIR/copy.qcow2 --transient-job
blockjob t vda --abort
= Block Copy for vda canceled
+
xml
blockcopy t vda DIR/shallow.qcow2 --shallow --wait --verbose --transient-job
= Block Copy for vda ready
xml
blockjob t vda
blockjob t vda --pivot
= Block Copy for vda completed
+
xml
blockcopy t vda DIR/end.qcow2 --finish --verbose --transient-job
= Block Copy for vda canceled
+
blockcopy t vda DIR/plain.raw --format raw --pivot --verbose --transient-job
= Block Copy for vda completed
+
xml
blockcopy t vda --xml DIR/copy.xml --pivot --transient-job --synchronous-writes --granularity 65536 --buf-size 1048576
= Block Copy for vda completed
+
xml
"""


def tool(*words):
    done = subprocess.run(words, capture_output=True, text=True, env=ENV, timeout=LIMIT, check=True)
    return done.stdout


class Host:
    """A daemon, and a folder with the images of its domain "t"."""

    def __init__(self, daemon, folder):
        self.daemon, self.folder, self.heard = daemon, folder, 0
        os.chmod(folder, 0o777)
        self.xml = self.path("t.xml")
        with open(self.xml, "w", encoding="utf-8") as f:
            f.write(XML.format(emulator=shutil.which("qemu-system-x86_64"), folder=folder))
        self.events = None

    def path(self, name):
        return os.path.join(self.folder, name)

    def images(self):
        """base <- mid <- top, each with bytes of its own; "flat" is what a guest sees."""
        below = []
        for n, name in enumerate(("base", "mid", "top"), 1):
            path = self.path(name + ".qcow2")
            tool("qemu-img", "create", "-q", "-f", "qcow2", *below, path, "64M")
            tool("qemu-io", "-c", f"write -P {n} {16 * n - 16}M 17M", path)
            below = ["-b", path, "-F", "qcow2"]
        tool("qemu-img", "convert", path, "-O", "raw", self.path("flat.raw"))
        tool("qemu-img", "create", "-q", "-f", "qcow2", self.path("one.qcow2"), "4M")
        with open(self.path("copy.xml"), "w", encoding="utf-8") as f:
            f.write(f"<disk type='file'><source file='{self.folder}/x.qcow2'/>"
                    "<driver type='qcow2'/></disk>")
        for name in os.listdir(self.folder):
            os.chmod(self.path(name), 0o666)

    def start(self):
        self.images()
        for words in (("define", self.xml), ("start", "--paused", "t")):
            status, out, err = self.daemon.virsh(*words)
            if status != 0:
                raise RuntimeError(out + err)

    def end(self):
        self.daemon.virsh("destroy", "t")
        self.daemon.virsh("undefine", "t")

    def listen(self):
        """All that is told from now on, line by line."""
        # pylint: disable=consider-using-with
        log = open(self.path("events"), "w", encoding="utf-8")
        uri = self.daemon.uri() if isinstance(self.daemon, Session) else (
            f"qemu+unix:///session?socket={self.daemon.folder}/run/libvirt/libvirt-sock")
        prefix, env = getattr(self.daemon, "prefix", []), getattr(self.daemon, "env", ENV)
        self.events = subprocess.Popen(
            ["stdbuf", "-oL", *prefix, "virsh", "-c", uri, "event", "--all", "--loop"], env=env,
            stdout=log, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, cwd="/")
        log.close()

    def stop_listening(self):
        self.events.terminate()
        self.events.wait(LIMIT)

    def told(self):
        with open(self.path("events"), encoding="utf-8") as f:
            lines = [line.strip() for line in f.read().splitlines() if "'block-job" in line]
        return lines

    def wait_for(self, text):
        """The events up to one that has not been waited for yet."""
        end = time.monotonic() + LIMIT
        while time.monotonic() < end:
            lines = self.told()
            for n, line in enumerate(lines[self.heard:], self.heard + 1):
                if "block-job-2" in line and line.endswith(text):
                    said, self.heard = lines[self.heard:n], n
                    return said
            time.sleep(0.05)
        raise RuntimeError(f"no event {text}: {self.told()}")

    def disks(self):
        """The disk in the definition in force and in the other."""
        found = []
        for words in ([], ["--inactive"]):
            xml = self.daemon.virsh("dumpxml", "t", *words)[1]
            disk = next((d for d in re.findall(r"<disk .*?</disk>", xml, re.S) if "'vda'" in d), "")
            disk = re.sub(r" *<(alias|address) .*/>\n", "", disk)
            found.append(re.sub(r"index='\d+'", "index='N'", disk))
        return found

    def query(self, command):
        out = self.daemon.virsh("qemu-monitor-command", "t", json.dumps({"execute": command}))[1]
        return json.loads(out)["return"]

    def chain(self, dev="virtio-disk0"):
        """Names of the images that QEMU has open for a disk, and of those that the files name."""
        block = next(b for b in self.query("query-block") if dev in b.get("qdev", ""))
        image, opened = block["inserted"]["image"], []
        while image is not None:
            opened.append(os.path.basename(image["filename"]))
            image = image.get("backing-image")
        info = tool("qemu-img", "info", "-U", "--backing-chain", "--output=json",
                    block["inserted"]["image"]["filename"])
        return opened, [os.path.basename(i["filename"]) for i in json.loads(info)]

    def masked(self, text):
        text = text.replace("\x00", "").replace(self.folder, "DIR")
        text = re.sub(r"\r?\n?[A-Z][a-z ]+[a-z]: \[ *\d+ %\]", "\nPROGRESS", text, flags=re.I)
        text = re.sub(r"(\s*PROGRESS)+", "\nPROGRESS", text)
        text = re.sub(r"cur=\d+", "cur=N", text)
        return re.sub(r"libvirt-\d+-format", "libvirt-N-format", text)

    def run(self, line):
        """What came of a line of the scripts above."""
        if line == "xml":
            return [self.masked(disk) for disk in self.disks()]
        if line == "+":
            return self.chain()
        if line == "files":
            return sorted(name for name in os.listdir(self.folder) if name.endswith("qcow2"))
        if line.startswith("= "):
            return [self.masked(event) for event in self.wait_for(line[2:])]
        status, out, err = self.daemon.virsh(*line.replace("DIR", self.folder).split())
        return status, self.masked(out).strip(), self.masked(err).strip()

    def play(self, script):
        self.start()
        return [(line, self.run(line)) for line in script.strip().splitlines()]


def same_data(host, name):
    return subprocess.run(["qemu-img", "compare", "-q", host.path(name), host.path("flat.raw")],
                          env=ENV, timeout=LIMIT, check=False).returncode == 0


def compare(tap, what, script, ours, theirs, expect, image):
    """Both play a script; `expect` is what they have to have for each "+", `image` the disk's data at
    the end."""
    wanted = theirs.play(script)
    theirs.end()
    had = ours.play(script)
    for (line, mine), (_, other) in zip(had, wanted):
        tap.result(f"{what}: {line}", [] if mine == other else [f"vivd: {mine}\nlibvirtd: {other}"])
    chains = [said for line, said in had if line == "+"]
    tap.result(f"{what}: the images are what they should be",
               [] if chains == [(c, c) for c in expect] else [f"{chains}, not {expect}"])
    ours.end()
    tap.result(f"{what}: no byte changed", [] if same_data(ours, image) else [image])


def survives(tap, state, folder):
    """vivd goes and comes again while a job runs, and when one ended meanwhile."""
    with Session(state) as vivd:
        host = Host(vivd, folder)
        host.start()
        status = vivd.virsh("blockpull", "t", "vda", "--bandwidth", "1")[0]
        tap.result("restart: a job begins", [] if status == 0 else [status])
    with Session(state) as vivd:
        host.daemon = vivd
        out = vivd.virsh("blockjob", "t", "vda", "--raw")[1]
        tap.result("restart: it is found again", [] if "type=Block Pull" in out else [out])
        err = vivd.virsh("blockpull", "t", "vda")[2]
        tap.result("restart: and in the way", [] if "already in active block job" in err else [err])
        # Without a limit it ends while nobody looks.
        vivd.virsh("blockjob", "t", "vda", "--bandwidth", "0")
    with Session(state) as vivd:
        host.daemon = vivd
        end = time.monotonic() + LIMIT
        while host.query("query-jobs") and time.monotonic() < end:
            time.sleep(0.1)
        tap.result("restart: one that ended is let go",
                   [] if not host.query("query-jobs") else [host.query("query-jobs")])
        disk = host.disks()[0]
        tap.result("restart: and the definition says so",
                   [] if "<backingStore/>" in disk and "mid" not in disk else [disk])
        tap.result("restart: the image stands alone",
                   [] if host.chain() == (["top.qcow2"], ["top.qcow2"]) else [host.chain()])
        status, out, err = vivd.virsh("blockcopy", "t", "vda", host.path("new.qcow2"), "--wait",
                                      "--transient-job")
        tap.result("restart: a copy is ready", [] if status == 0 else [out + err])
    with Session(state) as vivd:
        host.daemon = vivd
        disk = host.disks()[0]
        tap.result("restart: and still so", [] if "job='copy' ready='yes'" in disk else [disk])
        status, out, err = vivd.virsh("blockjob", "t", "vda", "--pivot")
        tap.result("restart: its image becomes the disk", [] if status == 0 else [out + err])
        wrong = [disk for disk in host.disks() if "new.qcow2" not in disk or "mirror" in disk]
        tap.result("restart: in both definitions", wrong)
        tap.result("restart: and in the machine",
                   [] if host.chain() == (["new.qcow2"], ["new.qcow2"]) else [host.chain()])
        host.end()
    tap.result("restart: no byte changed", [] if same_data(host, "new.qcow2") else ["new"])


def main():
    tap = Tap()
    with tempfile.TemporaryDirectory(prefix="blockjobs-", dir="/var/tmp") as folder:
        os.chmod(folder, 0o755)
        names = [os.path.join(folder, name) for name in ("ours", "theirs", "state", "again")]
        for name in names:
            os.mkdir(name)
        with Session(names[2]) as vivd, Libvirtd() as libvirtd:
            ours, theirs = Host(vivd, names[0]), Host(libvirtd, names[1])
            for host in (ours, theirs):
                host.listen()
            try:
                compare(tap, "pull", PULL, ours, theirs,
                        [["top.qcow2", "mid.qcow2", "base.qcow2"], ["top.qcow2", "base.qcow2"],
                         ["top.qcow2"]], "top.qcow2")
                whole = ["top.qcow2", "mid.qcow2", "base.qcow2"]
                compare(tap, "commit", COMMIT, ours, theirs,
                        [whole, ["top.qcow2", "base.qcow2"], ["base.qcow2"]], "base.qcow2")
                compare(tap, "delete", DELETE, ours, theirs,
                        [["top.qcow2", "base.qcow2"], ["base.qcow2"]], "base.qcow2")
                shallow = ["shallow.qcow2", "mid.qcow2", "base.qcow2"]
                compare(tap, "copy", COPY, ours, theirs,
                        [whole, shallow, shallow, ["plain.raw"], ["x.qcow2"]], "x.qcow2")
            finally:
                for host in (ours, theirs):
                    host.end()
                    host.stop_listening()
        try:
            survives(tap, names[2], names[3])
        finally:
            with Session(names[2]) as vivd:
                vivd.virsh("destroy", "t")  # of a run that an exception ended
    tap.done()


main()
