# SPDX-License-Identifier: LGPL-2.1-or-later
"""Pools and volumes of qemu:///session: what virsh says of them, in libvirtd's words, and what is
then on the disk, told by the files themselves and by qemu-img."""
import hashlib
import json
import os
import random
import re
import subprocess
import tempfile
from xml.etree import ElementTree

from vivd import LIMIT, Tap, Vivd, virsh

MIB = 1 << 20
tap = Tap()


class Host:
    """virsh on a vivd; each step says what it expects of status and output."""

    def __init__(self, vivd, folder):
        self.uri = f"qemu+unix:///session?socket={vivd.socket}"
        self.folder = folder
        self.problems = []

    def run(self, *words):
        return virsh(self.uri, *words, cwd=self.folder)

    def good(self, *words, says=""):
        status, out, err = self.run(*words)
        if status != 0 or says not in out:
            self.problems.append(f"{words}: {status} {out}{err}, wanted: {says}")
        return out

    def bad(self, *words, says):
        status, out, err = self.run(*words)
        if status != 1 or "error: " + says not in err:
            self.problems.append(f"{words}: {status} {out}{err}, wanted: {says}")

    def check(self, what, seen, wanted):
        if seen != wanted:
            self.problems.append(f"{what}: {seen}, wanted: {wanted}")

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def result(self, name):
        tap.result(name, self.problems)
        self.problems = []


def image_info(path):
    run = subprocess.run(["qemu-img", "info", "--output=json", path], capture_output=True,
                         text=True, timeout=LIMIT, check=False)
    return json.loads(run.stdout) if run.returncode == 0 else {}


def digest(path):
    with open(path, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


def tag(xml, name):
    found = re.search(rf"<{name}(?: [^>]*)?>([^<]*)</{name}>", xml)
    return found.group(1) if found else None


def pools(h):
    h.good("pool-define-as", "p", "dir", "--target", h.path("", "p") + "//")
    h.check("path", tag(h.good("pool-dumpxml", "p"), "path"), h.path("p"))
    h.bad("pool-start", "p", says=f"cannot open directory '{h.path('p')}': No such file or directory")
    h.good("pool-build", "p", says="Pool p built")
    h.check("mode", os.stat(h.path("p")).st_mode & 0o7777, 0o711)
    for words in (("pool-build", "p", "--overwrite"), ("pool-build", "p", "--no-overwrite"),
                  ("pool-start", "p", "--build", "--overwrite"),
                  ("pool-start", "p", "--no-overwrite")):
        h.bad(*words, says="Requested operation is not valid: No source device specified when "
              "formatting pool 'p'")
    h.good("pool-start", "p", says="Pool p started")
    h.bad("pool-start", "p", says="Requested operation is not valid: storage pool 'p' is already active")
    h.bad("pool-delete", "p", says="Requested operation is not valid: storage pool 'p' is still active")
    h.bad("pool-undefine", "p",
          says="Requested operation is not valid: storage pool 'p' is still active")
    h.bad("pool-create-as", "other", "dir", "--target", h.path("p"),
          says="operation failed: Storage source conflict with pool: 'p'")
    fs = os.statvfs(h.path("p"))
    h.check("capacity", tag(h.good("pool-dumpxml", "p"), "capacity"),
            str(fs.f_frsize * fs.f_blocks))
    h.good("pool-autostart", "p", says="Pool p marked as autostarted")
    h.result("a pool is defined, built and started")


def kinds(h):
    xml = ElementTree.fromstring(h.good("pool-capabilities"))
    h.check("types that start", [p.get("type") for p in xml if p.get("supported") == "yes"], ["dir"])
    h.check("types", len(xml), 14)
    h.check("formats of volumes", [v.text for v in xml.findall("pool[@type='dir']/volOptions/enum/value")
                                   if v.text in ("raw", "qcow2")], ["raw", "qcow2"])
    usual = xml.find("pool[@type='logical']/poolOptions/defaultFormat")
    h.check("usual format of a logical one", usual.get("type"), "lvm2")
    h.bad("find-storage-pool-sources-as", "dir",
          says="Failed to find any dir pool sources\nerror: this function is not supported by the "
          "connection driver: pool type 'dir' does not support source discovery")
    h.bad("find-storage-pool-sources-as", "bogus",
          says="Failed to find any bogus pool sources\nerror: internal error: unknown storage pool "
          "type bogus")
    h.result("types of pools are told; sources are looked for in none")


def refusals(h):
    h.bad("pool-define-as", "a/b", "dir", "--target", "/x", says="XML error: name a/b cannot contain '/'")
    h.bad("pool-define-as", "a\nb", "dir", "--target", "/x", says="invalid char in name: ")
    h.bad("pool-define-as", "no", "nosuch", "--target", "/x",
          says="XML error: Invalid value for attribute 'type' in element 'pool': 'nosuch'.")
    for name in ("../x", "/etc/x"):
        h.bad("vol-create-as", "p", name, "1M",
              says=f"Requested operation is not valid: volume name '{name}' cannot contain '/'")
    h.bad("vol-create-as", "p", "..", "1M",
          says="Requested operation is not valid: volume target path "
          f"'{h.path('p', '..')}' already exists")
    h.bad("vol-create-as", "p", "a" * 300, "1M", says="Failed to create file '")
    h.bad("vol-create-as", "p", "big", "100P", says="cannot extend file '")
    h.bad("vol-create-as", "p", "bad", "1M", "--format", "nosuch",
          says="unsupported configuration: unknown volume format type nosuch")
    h.check("files", os.listdir(h.path("p")), [])
    h.result("names and sizes that no file can have are refused, and leave nothing")


def long_names(h):
    xml = h.path("long.xml")
    for length in (70000, 4 * MIB - 400):
        with open(xml, "w", encoding="utf-8") as f:
            f.write("<volume><name>" + "n" * length + "</name><capacity>1</capacity></volume>")
        status, _, err = h.run("vol-create", "p", xml)
        h.check(f"status of {length} bytes", (status, "error: " in err), (1, True))
    h.check("files", os.listdir(h.path("p")), [])
    h.good("pool-info", "p", says="running")
    h.result("a name of 4 MiB is refused")


def volumes(h):
    h.good("vol-create-as", "p", "a.raw", "4M", says="Vol a.raw created")
    h.bad("vol-create-as", "p", "a.raw", "4M", says="storage volume 'a.raw' exists already")
    h.check("size", os.stat(h.path("p", "a.raw")).st_size, 4 * MIB)
    h.check("mode", os.stat(h.path("p", "a.raw")).st_mode & 0o777, 0o600)
    h.good("vol-create-as", "p", "s.raw", "4M", "--allocation", "0")
    h.check("blocks", os.stat(h.path("p", "s.raw")).st_blocks, 0)
    for name in ("a,b%c", "n\nl", "%s%n"):
        h.good("vol-create-as", "p", name, "64K")
        h.check("file of " + name, os.path.exists(h.path("p", name)), True)
        h.good("vol-delete", name, "p")
        h.check("no file of " + name, os.path.exists(h.path("p", name)), False)
    h.good("vol-create-as", "p", "b.qcow2", "8M", "--format", "qcow2")
    h.good("vol-create-as", "p", "c.qcow2", "8M", "--format", "qcow2", "--backing-vol", "b.qcow2",
           "--backing-vol-format", "qcow2")
    info = image_info(h.path("p", "c.qcow2"))
    h.check("image", [info.get(k) for k in ("format", "virtual-size", "backing-filename",
                                            "backing-filename-format")],
            ["qcow2", 8 * MIB, h.path("p", "b.qcow2"), "qcow2"])
    xml = h.good("vol-dumpxml", "c.qcow2", "p")
    h.check("capacity", tag(xml, "capacity"), str(8 * MIB))
    h.check("backing", tag(xml[xml.index("<backingStore>"):], "path"), h.path("p", "b.qcow2"))
    h.check("path", h.good("vol-path", "a.raw", "p").strip(), h.path("p", "a.raw"))
    h.check("pool", h.good("vol-pool", h.path("p", "a.raw")).strip(), "p")
    h.check("key", h.good("vol-name", h.path("p", "a.raw")).strip(), "a.raw")
    h.bad("vol-info", "none", "p",
          says="Storage volume not found: no storage vol with matching path 'none'")
    h.result("volumes, raw and qcow2, are made, described and deleted")


def sizes(h):
    h.bad("vol-resize", "s.raw", "2M", "p", says="invalid argument: Can't shrink capacity below "
          "current capacity unless shrink flag explicitly specified")
    h.good("vol-resize", "s.raw", "2M", "p", "--shrink")
    h.check("size", os.stat(h.path("p", "s.raw")).st_size, 2 * MIB)
    h.good("vol-resize", "s.raw", "1M", "p", "--delta", "--allocate")
    st = os.stat(h.path("p", "s.raw"))
    h.check("size", (st.st_size, st.st_blocks * 512 >= 3 * MIB), (3 * MIB, True))
    h.bad("vol-resize", "a.raw", "1M", "p", "--shrink",
          says="invalid argument: can't shrink capacity below existing allocation")
    h.good("vol-resize", "b.qcow2", "16M", "p")
    h.check("image", image_info(h.path("p", "b.qcow2")).get("virtual-size"), 16 * MIB)
    h.good("vol-info", "b.qcow2", "p", "--bytes", says=f"Capacity:       {16 * MIB} bytes")
    h.result("volumes grow and shrink")


def streams(h):
    data = random.Random(7).randbytes(3 * MIB + 12345)
    with open(h.path("in"), "wb") as f:
        f.write(data)
        f.seek(9 * MIB)
        f.write(b"end")
        f.truncate(12 * MIB)
    for extra in ((), ("--sparse",)):
        h.good("vol-create-as", "p", "up", "1M", "--allocation", "0")
        h.good("vol-upload", "up", h.path("in"), "p", *extra)
        h.check("uploaded", digest(h.path("p", "up")), digest(h.path("in")))
        h.good("vol-download", "up", h.path("out"), "p", *extra)
        h.check("downloaded", digest(h.path("out")), digest(h.path("in")))
        if extra:
            for path in (h.path("p", "up"), h.path("out")):
                h.check(path + " is sparse", os.stat(path).st_blocks * 512 < 6 * MIB, True)
        h.good("vol-clone", "up", "copy", "p", says="Vol copy cloned from up")
        h.check("cloned", digest(h.path("p", "copy")), digest(h.path("in")))
        h.good("vol-wipe", "up", "p", says="Vol up wiped")
        with open(h.path("p", "up"), "rb") as f:
            h.check("wiped", f.read().count(0), 12 * MIB)
        h.good("vol-delete", "up", "p")
        h.good("vol-delete", "copy", "p")
    with open(h.path("in"), "wb") as f:
        f.write(data[:1000])
    h.good("vol-upload", "a.raw", h.path("in"), "p", "--offset", "100", "--length", "1000")
    h.good("vol-download", "a.raw", h.path("out"), "p", "--offset", "100", "--length", "900")
    with open(h.path("out"), "rb") as f:
        h.check("a part", f.read() == data[:900], True)
    h.result("uploads, downloads and clones are the same bytes, and sparse ones stay sparse")


def again(h):
    os.mkdir(h.path("p", "sub"))
    os.mkfifo(h.path("p", "fifo"))
    os.symlink("/nosuch", h.path("p", "dangling"))
    with open(h.path("p", "evil.qcow2"), "wb") as f:
        f.write(b"QFI\xfb\0\0\0\3" + b"\xff" * 4096)
    h.good("pool-refresh", "p", says="Pool p refreshed")
    names = [line.split()[0] for line in h.good("vol-list", "p").splitlines()[2:] if line.strip()]
    h.check("volumes", sorted(names), ["a.raw", "b.qcow2", "c.qcow2", "evil.qcow2", "s.raw", "sub"])
    h.good("vol-delete", "sub", "p")
    h.result("a pool looks at what is there, and shrugs at what no volume is")


def restarted(h):
    h.good("pool-info", "p", says="Autostart:      yes")
    h.good("pool-info", "p", says="running")
    h.good("vol-info", "b.qcow2", "p", "--bytes", says=f"Capacity:       {16 * MIB} bytes")
    h.good("pool-autostart", "p", "--disable")
    h.good("pool-destroy", "p", says="Pool p destroyed")
    h.bad("vol-list", "p", says="Requested operation is not valid: storage pool 'p' is not active")
    h.bad("pool-delete", "p", says=f"failed to remove pool '{h.path('p')}': Directory not empty")
    h.good("pool-undefine", "p", says="Pool p has been undefined")
    h.bad("pool-info", "p",
          says="Storage pool not found: no storage pool with matching name 'p'")
    h.good("pool-info", "default", says="running")
    h.result("another vivd has the pool, started; a fresh host has the pool default")


def main():
    with tempfile.TemporaryDirectory(prefix="vivd-storage-") as folder:
        state = os.path.join(folder, "state")
        with Vivd(state=state) as vivd:
            host = Host(vivd, folder)
            for step in (pools, kinds, refusals, long_names, volumes, sizes, streams, again):
                step(host)
        with Vivd(state=state) as vivd:
            restarted(Host(vivd, folder))
    tap.done()


main()
