#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Linux that moves from process to process, idle and in the midst of reading a disk: it goes on
where it was, with its memory, its disk, its network card and its clock."""
import hashlib

from debian import ICOUNT
from harness import Machine, Tap, guest, scratch
from traffic import HANG, Monitor, random_file, shell

LENGTH = 8 << 20


def options(folder):
    return [*ICOUNT, "-smp", "2", "-blockdev",
            f"driver=file,filename={folder / 'disk'},node-name=d", "-device",
            "virtio-blk-pci,drive=d", "-netdev", "user,id=n,restrict=on", "-device",
            "virtio-net-pci,netdev=n", "-device", "virtio-rng-pci"]


def leave(m, monitor, state):
    """Its state is written to a file, and its process ends."""
    monitor.ask("migrate-set-capabilities",
                capabilities=[{"capability": "events", "state": True}])
    monitor.ask("migrate-set-parameters", **{"max-bandwidth": 0})
    monitor.ask("migrate", uri=f"file:{state}")
    while (status := monitor.wait_event("MIGRATION")["data"]["status"]) != "completed":
        assert status in ("setup", "active"), status
    assert monitor.ask("query-status")["status"] == "postmigrate"
    monitor.ask("quit")
    assert m.wait() == 0


def arrive(kit, folder, name, state):
    """The next process; its monitor."""
    (folder / name).mkdir()
    monitor = Monitor(folder / name)
    return Machine(["-m", "256M", "-nographic", "-nic", "none", *monitor.options,
                    *options(folder), "-kernel", kit / "vmlinuz", "-initrd", kit / "initrd.img",
                    "-incoming", f"file:{state}"]), monitor


def output(m, command):
    """The last line of what it prints; before it may be what the shell makes of the typing."""
    status, text = m.command(command, HANG)
    assert status == 0, f"{command}: {status}: {text}"
    return text.strip().splitlines()[-1] if text.strip() else ""


def idle(tap, m, before):
    with tap.test("its memory came along"):
        assert output(m, "cat /tmp/kept") == "kept"
    with tap.test("what ran in the background runs on"):
        now = int(output(m, "cat /tmp/n"))
        assert now >= before, f"{now} after {before}"
        m.send(f"until [ $(cat /tmp/n) -gt {now} ]; do sleep 0.1; done; echo counts-\"\"on\n")
        m.expect("counts-on", HANG)


def moving(tap, m, text):
    with tap.test("a disk read on the way is read whole"):
        m.expect(hashlib.sha256(text).hexdigest(), HANG)
    with tap.test("the disk and the card still work"):
        output(m, "dd if=/dev/zero of=/dev/vda bs=64k count=4 conv=fsync 2>/dev/null")
        output(m, "ifconfig eth0 10.0.2.15 up && ping -c 2 10.0.2.2 >/dev/null")
    with tap.test("the kernel has noticed nothing"):
        text = output(m, "dmesg | grep -iE 'BUG:|stall|hung|lockup|i/o error|oops|segfault' || echo nothing")
        assert text == "nothing", text


def body(tap):
    kit = guest("busybox")
    with scratch() as folder:
        random_file(folder / "disk", LENGTH)
        text = (folder / "disk").read_bytes()
        m, monitor = shell(kit, folder, options(folder))
        with m:
            monitor.connect()
            with tap.test("it boots"):
                m.expect("BUSYBOX-UP", HANG)
                m.expect("/ # ", HANG)
            output(m, "echo kept >/tmp/kept; echo 0 >/tmp/n; "
                   "(while :; do echo $(($(cat /tmp/n)+1)) >/tmp/m; mv /tmp/m /tmp/n; sleep 0.1; "
                   "done) & true")
            before = int(output(m, "cat /tmp/n"))
            with tap.test("its state is written"):
                leave(m, monitor, folder / "one")
        m, monitor = arrive(kit, folder, "second", folder / "one")
        with m:
            monitor.connect()
            idle(tap, m, before)
            m.send("echo begins-\"\"now; dd if=/dev/vda bs=64k iflag=direct | sha256sum\n")
            m.expect("begins-now", HANG)
            with tap.test("its state is written again, in the midst of it"):
                leave(m, monitor, folder / "two")
        m, monitor = arrive(kit, folder, "third", folder / "two")
        with m:
            monitor.connect()
            moving(tap, m, text)
            monitor.ask("quit")
            assert m.wait() == 0


Tap().run(body)
