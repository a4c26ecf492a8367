# SPDX-License-Identifier: LGPL-2.1-or-later
"""viv rm on vivd with machines of real QEMU and of viv-machine: it shows what goes and what stays, asks,
and removes just that; virsh and the files tell what is left."""
import os
import pty
import shutil
import signal
import subprocess
import tempfile
import uuid as uuids

from machine import ECHO, VIV, XML, Host, Session, processes
from vivd import LIMIT, Tap

DISK = """<disk type='file'><driver name='qemu' type='qcow2'/><source file='{}'/>
<target dev='{}' bus='virtio'/>{}</disk>"""
VOLUME = "<disk type='volume'><source pool='p' volume='{}'/><target dev='{}' bus='virtio'/></disk>"


def define(h, folder, name, disk, more="", nvram=""):
    """A domain whose first disk is this raw one; its UUID."""
    uuid = str(uuids.uuid4())
    path = os.path.join(folder, name + ".xml")
    xml = XML.format(name=name, uuid=uuid, emulator=h.emulator, disk=disk, usb="none")
    xml = xml.replace("</os>", nvram + "</os>").replace("<interface", more + "<interface")
    with open(path, "w", encoding="utf-8") as f:
        f.write(xml)
    h.ok(f"define {name}", "define", path)
    return uuid


def domains(h):
    return h.ok("list", "list", "--all", "--name", program="virsh").split()


def one_that_runs(h, folder, disk):
    """Its processes are told apart by its UUID."""
    uuid = define(h, folder, "runner", disk)
    h.uuids.append(uuid)
    h.ok("start", "start", "runner")
    h.fails("one that runs stays", "rm", "runner", "--yes", expect="'runner' runs: stop it, or give")
    h.true("and runs", len(processes(uuid)) == 1)
    h.ok("managedsave", "managedsave", "runner")
    out = h.ok("saved, without its storage", "rm", "runner", "--yes", "--keep-storage",
               expect="Domain 'runner' has been removed\n")
    rows = [line.split() for line in out.splitlines()]
    h.true("that is told", ["goes", "managed", "save", "runner"] in rows and
           ["stays", "disk", disk, "--keep-storage"] in rows, out)
    h.true("it is gone, its disk is not", domains(h) == [] and os.path.exists(disk))
    saved = [f for _, _, files in os.walk(folder) for f in files if f.endswith(".save")]
    h.true("so is what was saved", saved == [], saved)
    uuid = define(h, folder, "runner", disk)
    h.uuids.append(uuid)
    h.ok("one of the name starts from its disk", "start", "runner")
    h.ok("by force", "rm", "runner", "--yes", "--force", expect="it runs")
    h.true("it ended", processes(uuid) == [] and domains(h) == [])


def asked(h, answer, *words):
    """Exit status and output of viv, asked on a terminal."""
    ours, theirs = pty.openpty()
    with subprocess.Popen([VIV, "-c", h.uri, *words], stdin=theirs, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, env=h.env) as child:
        os.close(theirs)
        os.write(ours, answer.encode() + b"\n")
        out = child.communicate(timeout=LIMIT)[0]
    os.close(ours)
    return child.returncode, out


def storage(h, folder):
    """A pool with volumes; a domain that has some of them; who else has them."""
    pool = os.path.join(folder, "pool")
    os.mkdir(pool)
    h.ok("pool", "pool-create-as", "p", "dir", "--target", pool)
    for name in ("own.qcow2", "by-name.qcow2", "base.qcow2", "shared.qcow2", "theirs.qcow2"):
        h.ok(f"volume {name}", "vol-create-as", "p", name, "1M", "--format", "qcow2")
    h.ok("a volume on another", "vol-create-as", "p", "over.qcow2", "1M", "--format", "qcow2",
         "--backing-vol", "base.qcow2", "--backing-vol-format", "qcow2")
    paths = {name: os.path.join(pool, name) for name in os.listdir(pool)}
    more = (DISK.format(paths["own.qcow2"], "vdb", "") + VOLUME.format("by-name.qcow2", "vdc") +
            DISK.format(paths["base.qcow2"], "vdd", "") +
            DISK.format(paths["shared.qcow2"], "vde", "<shareable/>") +
            DISK.format(paths["theirs.qcow2"], "vdf", ""))
    return pool, paths, more


def other_pool_off(h, folder, ours):
    """What a pool that is not active has based on a disk cannot be known, so the disk stays."""
    target = os.path.join(folder, "off")
    os.mkdir(target)
    h.ok("another pool, not started", "pool-define-as", "off", "dir", "--target", target)
    rows = h.json("rm", "goner", "--dry-run")
    why = "nobody knows what pool off has based on it"
    h.true("a disk of which nobody knows the users stays",
           {r["Which"] for r in rows if (r["Action"], r["Why"]) == ("stays", why)} == ours, rows)
    h.ok("without that pool", "pool-undefine", "off")


def one_that_is_off(h, folder, disk):
    pool, paths, more = storage(h, folder)
    nvram = os.path.join(folder, "variables.fd")
    with open(nvram, "wb") as f:
        f.write(bytes(4096))
    define(h, folder, "goner", disk, more,
           f"<loader readonly='yes' type='pflash'>{disk}</loader><nvram>{nvram}</nvram>")
    define(h, folder, "keeper", disk, VOLUME.format("theirs.qcow2", "vdb"))
    expected = {("goes", "domain", "goner", ""), ("goes", "firmware's variables", nvram, ""),
                ("stays", "disk", disk, "it is in no pool"),
                ("goes", "disk", paths["own.qcow2"], ""), ("goes", "disk", "by-name.qcow2", ""),
                ("stays", "disk", paths["base.qcow2"], "volume over.qcow2 is based on it"),
                ("stays", "disk", paths["shared.qcow2"], "it is only read, or shared"),
                ("stays", "disk", paths["theirs.qcow2"], "domain keeper has it too")}
    rows = h.json("rm", "goner", "--dry-run")
    h.true("what would go and what would stay",
           {(r["Action"], r["What"], r["Which"], r["Why"]) for r in rows} == expected, rows)
    other_pool_off(h, folder, {paths["own.qcow2"], "by-name.qcow2"})
    h.fails("nobody can be asked", "rm", "goner", expect="nothing was removed: give --yes")
    status, out = asked(h, "n", "rm", "goner")
    h.true("no is no", status == 1 and "[y/N]" in out and "nothing was removed" in out, out)
    h.true("nothing is gone", set(domains(h)) == {"goner", "keeper"} and
           os.path.exists(nvram) and set(os.listdir(pool)) == set(paths))
    status, out = asked(h, "y", "rm", "goner")
    h.true("yes is yes", status == 0 and "Domain 'goner' has been removed" in out, out)
    h.true("it is gone", domains(h) == ["keeper"] and not os.path.exists(nvram))
    h.true("with its own volumes",
           set(paths) - set(os.listdir(pool)) == {"own.qcow2", "by-name.qcow2"} and
           os.path.exists(disk), os.listdir(pool))
    h.ok("of one disk, now its alone", "rm", "keeper", "--yes")
    h.true("it is gone too", not os.path.exists(paths["theirs.qcow2"]))
    h.fails("nobody", "rm", "goner", "--yes", expect="failed to get domain 'goner'")


def snapshots(h, folder):
    """They live in its disk."""
    disk = os.path.join(folder, "pool", "snapped.qcow2")
    h.ok("volume", "vol-create-as", "p", "snapped.qcow2", "1M", "--format", "qcow2")
    path = os.path.join(folder, "snapped.xml")
    xml = XML.format(name="snapped", uuid=uuids.uuid4(), emulator=h.emulator, disk=disk, usb="none")
    with open(path, "w", encoding="utf-8") as f:
        f.write(xml.replace("type='raw'", "type='qcow2'"))
    h.ok("define", "define", path)
    h.ok("snapshot", "snapshot-create-as", "snapped", "first", program="virsh")
    out = h.ok("with its snapshot", "rm", "snapped", "--yes")
    h.true("that is told", ["goes", "snapshot", "first"] in [x.split() for x in out.splitlines()],
           out)
    h.true("all is gone", domains(h) == [] and not os.path.exists(disk))


def on_vivd(tap, what, emulator):
    with tempfile.TemporaryDirectory(prefix="rm-test-") as folder:
        disk = os.path.join(folder, "disk")
        with open(disk, "wb") as f:
            f.write(ECHO + bytes(510 - len(ECHO)) + b"\x55\xaa")
            f.truncate(1 << 20)
        with Session(folder) as vivd:
            h = Host(tap, what, vivd, folder)
            h.emulator, h.uuids = emulator, []
            try:
                one_that_runs(h, folder, disk)
                one_that_is_off(h, folder, disk)
                snapshots(h, folder)
            finally:
                for pid in (p for uuid in h.uuids for p in processes(uuid)):
                    os.kill(pid, signal.SIGKILL)


results = Tap()
on_vivd(results, "QEMU", shutil.which("qemu-system-x86_64"))
if os.environ.get("VIV_MACHINE"):
    on_vivd(results, "viv-machine", os.environ["VIV_MACHINE"])
results.done()
