#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Errors of a disk under Linux: injected read, write and flush errors and a full tmpfs under the
image reach the guest, or pause it as werror= and rerror= say; after cont it goes on, undisturbed."""
import subprocess

from debian import ICOUNT
from harness import Tap, guest, scratch
from traffic import HANG, PIECE, random_file, shell

LENGTH = 8 << 20
FULL = 2 << 20          # of the tmpfs below a sparse image of LENGTH bytes
SECTOR = 2048           # of the injected read and write errors: 1 MiB into the disk


def injected(folder, name, iotype, once):
    """A disk whose next request of a kind fails once, or always, and the disk's file."""
    path = folder / name
    random_file(path, LENGTH)
    where = f"inject-error.0.sector={SECTOR}," if iotype != "flush" else ""
    return ["-blockdev", f"driver=file,filename={path},node-name=f-{name}",
            "-blockdev", f"driver=blkdebug,node-name={name},image=f-{name},"
            f"inject-error.0.event=none,inject-error.0.iotype={iotype},{where}"
            f"inject-error.0.errno=5,inject-error.0.once={'on' if once else 'off'}"]


# name, kind of error, once, policy, disk, command; in the guest /dev/vda is the first of them.
READ = "dd if=/dev/{disk} of=/dev/null bs=4096 skip=256 count=1 iflag=direct"
WRITE = "dd if=/dev/zero of=/dev/{disk} bs=4096 seek=256 count=1 oflag=direct"
FLUSH = "dd if=/dev/zero of=/dev/{disk} bs=4096 seek=8 count=1 conv=fsync"
REPORTED = [("r0", "read", False, "rerror=report", READ), ("w0", "write", False, "werror=report",
                                                          WRITE),
            ("l0", "flush", True, "werror=report", FLUSH)]
STOPPED = [("r1", "read", True, "rerror=stop", READ), ("w1", "write", True, "werror=stop", WRITE),
           ("l1", "flush", True, "werror=stop", FLUSH)]

def stop_and_go(m, monitor, command, operation):
    """The command pauses the machine; after cont it ends well."""
    monitor.ask("query-status")
    monitor.events.clear()
    m.send(f"{command} && echo went-\"\"well\n")
    event = monitor.wait_event("BLOCK_IO_ERROR")["data"]
    assert event["action"] == "stop" and event["operation"] == operation, event
    monitor.wait_event("STOP")
    status = monitor.ask("query-status")
    assert status["status"] == "io-error" and not status["running"], status
    return lambda: (monitor.ask("cont"), m.expect("went-well", HANG))


def errors(tap, m, monitor, names):
    for name, kind, _, policy, command in REPORTED:
        with tap.test(f"a {kind} error is the guest's with {policy}"):
            status, text = m.command(command.format(disk=names[name]), HANG)
            assert status != 0 and "rror" in text, f"{status}: {text}"
            assert monitor.ask("query-status")["running"]
    for name, kind, _, policy, command in STOPPED:
        with tap.test(f"a {kind} error pauses with {policy}, and cont goes on"):
            operation = "read" if kind == "read" else "write"
            stop_and_go(m, monitor, command.format(disk=names[name]), operation)()


def full(tap, m, monitor, names, mount):
    size = f"bs=64k count={LENGTH // 65536} oflag=direct"
    with tap.test("a full tmpfs pauses the machine, and with more room it goes on"):
        go = stop_and_go(m, monitor, f"dd if=/dev/vda of=/dev/{names['full']} {size}", "write")
        # Without room it stops again.
        monitor.ask("cont")
        monitor.wait_event("STOP")
        subprocess.run(["mount", "-o", f"remount,size={2 * LENGTH}", mount], check=True)
        go()
    with tap.test("a full tmpfs is the guest's error with werror=report"):
        status, text = m.command(f"dd if=/dev/vda of=/dev/{names['told']} {size}", HANG)
        assert status != 0, text


def with_tmpfs(folder, name):
    mount = folder / f"{name}.d"
    mount.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={FULL}", "tmpfs", mount], check=True)
    with open(mount / "disk", "wb") as f:
        f.truncate(LENGTH)
    return mount


def body(tap):
    if subprocess.run(["unshare", "-m", "mount", "-t", "tmpfs", "tmpfs", "/mnt"],
                      stderr=subprocess.DEVNULL, check=False).returncode:
        tap.skip("errors of a disk", "no right to mount a tmpfs")
        return
    with scratch() as folder:
        options, names, mounts = [], {}, []
        random_file(folder / "plain", LENGTH)
        options += ["-blockdev", f"driver=file,filename={folder / 'plain'},node-name=plain",
                    "-device", "virtio-blk-pci,drive=plain"]
        for name, kind, once, policy, _ in REPORTED + STOPPED:
            options += injected(folder, name, kind, once)
            options += ["-device", f"virtio-blk-pci,drive={name},{policy}"]
            names[name] = "vd" + "abcdefghijklmn"[len(names) + 1]
        try:
            for name, policy in (("full", "werror=enospc"), ("told", "werror=report")):
                mounts.append(with_tmpfs(folder, name))
                options += ["-blockdev",
                            f"driver=file,filename={mounts[-1] / 'disk'},node-name={name}",
                            "-device", f"virtio-blk-pci,drive={name},{policy}"]
                names[name] = "vd" + "abcdefghijklmn"[len(names) + 1]
            m, monitor = shell(guest("busybox"), folder, [*ICOUNT, *options])
            with m:
                monitor.connect()
                m.expect("BUSYBOX-UP", HANG)
                errors(tap, m, monitor, names)
                full(tap, m, monitor, names, mounts[0])
                with tap.test("what was written is in the images"):
                    monitor.ask("quit")
                    assert m.wait() == 0
                    plain = (folder / "plain").read_bytes()
                    assert (mounts[0] / "disk").read_bytes() == plain
                    w1 = (folder / "w1").read_bytes()
                    assert w1[PIECE:PIECE + 4096] == bytes(4096), "the write that was held"
        finally:
            for mount in mounts:
                subprocess.run(["umount", mount], check=False)


Tap().run(body)
