#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's kernel sees a virtio disk come to a PCI Express port while it runs, reads it, writes
it, lets it go when it is asked to, and takes another."""
import json
import socket

from harness import Machine, Tap, guest, scratch

WAIT = "i=0; while [ {} -b /dev/vda ] && [ $i -lt 600 ]; do sleep 0.2; i=$((i+1)); done"
RUN = ("echo READY; " + WAIT.format("!") + "; cat /sys/block/vda/serial; echo; dd if=/dev/vda bs=512"
       " count=1 2>/dev/null; echo written | dd of=/dev/vda seek=1 conv=sync 2>/dev/null; sync; "
       "echo WROTE; " + WAIT.format("") + "; echo GONE; " + WAIT.format("!") + "; dd if=/dev/vda "
       "bs=512 skip=1 count=1 2>/dev/null; echo AGAIN")
SIZE = 1 << 20


class Qmp:
    """The machine's QMP."""
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(600)
        self.socket.connect(str(path))
        self.file = self.socket.makefile("rw", encoding="utf-8")
        self.file.readline()
        self.events = []
        self("qmp_capabilities")

    def __call__(self, command, **arguments):
        self.file.write(json.dumps({"execute": command, "arguments": arguments}))
        self.file.flush()
        while True:
            message = json.loads(self.file.readline())
            if "event" not in message:
                assert "return" in message, message
                return message["return"]
            self.events.append(message)

    def event(self, name):
        while not any(e["event"] == name for e in self.events):
            self.events.append(json.loads(self.file.readline()))
        found = next(e for e in self.events if e["event"] == name)
        self.events.remove(found)
        return found["data"]


def add(qmp):
    qmp("blockdev-add", **{"driver": "file", "node-name": "n", "filename": qmp.disk})
    qmp("device_add", driver="virtio-blk-pci", id="d", bus="rp", drive="n", serial="came-later")


def remove(qmp):
    qmp("device_del", id="d")
    assert qmp.event("DEVICE_DELETED") == {"device": "d", "path": "/machine/peripheral/d"}
    qmp("blockdev-del", **{"node-name": "n"})


def body(tap):
    kit = guest("busybox")
    with scratch() as folder:
        disk = folder / "disk"
        disk.write_bytes(b"from the host\n".ljust(SIZE, b"\0"))
        with Machine(["-m", "256M", "-nographic", "-no-reboot", "-nic", "none", "-smp", "2",
                      "-device", "pcie-root-port,id=rp,chassis=1,slot=5",
                      "-qmp", f"unix:{folder}/qmp,server=on,wait=off",
                      "-kernel", kit / "vmlinuz", "-initrd", kit / "initrd.img",
                      "-append", f'console=ttyS0 panic=-1 viv.run="{RUN}"']) as m:
            with tap.test("boots with an empty slot"):
                m.expect("READY")
            qmp = Qmp(folder / "qmp")
            qmp.disk = str(disk)
            with tap.test("a disk comes, is read and written"):
                add(qmp)
                m.expect("came-later")
                m.expect("from the host")
                m.expect("WROTE")
            with tap.test("it goes when the guest is asked"):
                remove(qmp)
                m.expect("GONE")
                assert disk.read_bytes()[512:520] == b"written\n"
            with tap.test("another comes to the same port"):
                add(qmp)
                m.expect("written")
                m.expect("AGAIN")
                m.expect("VIV-EXIT 0")
            with tap.test("powers off"):
                assert m.wait() == 0


Tap().run(body)
