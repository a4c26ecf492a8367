# SPDX-License-Identifier: GPL-2.0-or-later
"""A machine that a test pokes through qtest and asks through QMP: a virtio device in its legacy
window at BDF, or the AHCI controller's first port."""
import json
import os
import socket
import tempfile

from qtest import LIMIT, Qtest

MACHINE = os.environ["VIV_MACHINE"]
BASE = ["-M", "q35", "-m", "64", "-nodefaults"]
BDF, PORT = 4 << 3, 0xC000
MMIO = 0xC0000000


class Rig(Qtest):
    """A machine with qtest and QMP."""
    def __init__(self, *args, within=()):
        self.folder = tempfile.TemporaryDirectory()
        path = f"{self.folder.name}/qmp"
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen(1)
        self.listener.settimeout(LIMIT)
        words = [*within, MACHINE, *BASE, *args, "-qmp", f"unix:{path}"]
        super().__init__(words[0], words[1:])
        self.peer = self.listener.accept()[0]
        self.peer.settimeout(LIMIT)
        self.json = self.peer.makefile("r", encoding="utf-8")
        self.json.readline()
        self.events = []
        self.qmp("qmp_capabilities")

    def __exit__(self, *a):
        super().__exit__(*a)
        self.peer.close()
        self.listener.close()
        self.folder.cleanup()

    def qmp(self, command, **arguments):
        request = {"execute": command, "arguments": {k.replace("__", "-"): v
                                                     for k, v in arguments.items()}}
        self.peer.sendall(json.dumps(request).encode())
        while True:
            message = json.loads(self.json.readline())
            if "event" not in message:
                return message.get("return", message.get("error"))
            self.events.append(message)

    def event(self, name, whole=False):
        """Waits for an event; its data, or all of it."""
        while True:
            for e in self.events:
                if e["event"] == name:
                    self.events.remove(e)
                    return e if whole else e.get("data")
            message = json.loads(self.json.readline())
            if "event" in message:
                self.events.append(message)

    def human(self, line):
        return self.qmp("human-monitor-command", command__line=line)

    def firmware(self, name):
        files = self.files()
        return self.file_bytes(name, files) if name in files else b""

    # ---- virtio, through the legacy window ----

    def legacy(self):
        self.set_config(BDF, 0x10, PORT)
        self.set_config(BDF, 4, 7, 2)
        self.outb(PORT + 0x12, 0)
        self.outb(PORT + 0x12, 3)
        return self

    def feature(self, bit):
        return self.inl(PORT) >> bit & 1

    def queue(self, n):
        self.outw(PORT + 0x0E, n)
        return self.inw(PORT + 0x0C)

    def start_queue(self, n, at=0x10000):
        size = self.queue(n)
        self.ring = (n, at, size)
        self.used = 0
        self.outl(PORT + 8, at >> 12)
        self.outb(PORT + 0x12, 7)

    def request(self, buffers, step=1000):
        """One chain of (address, length, writable); its used length, or None while it waits."""
        n, at, size = self.ring
        table = b""
        for i, (address, length, writable) in enumerate(buffers):
            more = i + 1 < len(buffers)
            table += (address.to_bytes(8, "little") + length.to_bytes(4, "little") +
                      (more | writable << 1).to_bytes(2, "little") + (i + 1).to_bytes(2, "little"))
        self.write(at, table)
        avail = at + 16 * size
        self.write(avail + 4 + 2 * (self.used % size), b"\0\0")
        self.used += 1
        self.write(avail + 2, self.used.to_bytes(2, "little"))
        self.outw(PORT + 0x10, n)
        return self.answer(step)

    def answer(self, step, tries=300):
        n, at, size = self.ring
        used = (at + 16 * size + 6 + 2 * size + 4095) & ~4095
        for _ in range(tries):
            if int.from_bytes(self.read(used + 2, 2), "little") == self.used:
                entry = used + 4 + 8 * ((self.used - 1) % size)
                return int.from_bytes(self.read(entry + 4, 4), "little")
            self.ask(f"clock_step {step}")
        return None

    def blk(self, kind, sector, length):
        """Status byte of a block request at 0x40000."""
        self.write(0x20000, kind.to_bytes(4, "little") + bytes(4) + sector.to_bytes(8, "little"))
        self.write(0x30000, b"\xee")
        self.request([(0x20000, 16, 0), (0x40000, length, kind != 1), (0x30000, 1, 1)])
        return self.read(0x30000, 1)[0]

    def ports(self):
        """The controller's AHCI registers at MMIO, port 0 started with its lists at 0x50000."""
        for bdf in self.functions():
            if self.config(bdf, 8) >> 8 == 0x010601:
                self.set_config(bdf, 0x24, MMIO)
                self.set_config(bdf, 4, 7, 2)
        self.ask(f"writel {MMIO + 4:#x} 0x80000000")
        for offset, value in ((0x100, 0x50000), (0x104, 0), (0x108, 0x51000), (0x10C, 0),
                              (0x118, 0x11)):
            self.ask(f"writel {MMIO + offset:#x} {value:#x}")
        return self

    def identify(self, packet=False):
        """IDENTIFY's 256 words, from the drive of port 0."""
        fis = bytes([0x27, 0x80, 0xA1 if packet else 0xEC]) + bytes(17)
        self.write(0x52000, fis + bytes(0x80 - 20) + (0x53000).to_bytes(4, "little") + bytes(8) +
                   (511).to_bytes(4, "little"))
        self.write(0x50000, (5 | 1 << 16).to_bytes(4, "little") + bytes(4) +
                   (0x52000).to_bytes(4, "little") + bytes(20))
        self.ask(f"writel {MMIO + 0x138:#x} 1")
        for _ in range(300):
            if not self.number(f"readl {MMIO + 0x138:#x}") & 1:
                break
            self.ask("clock_step 1000")
        raw = self.read(0x53000, 512)
        return [raw[i] | raw[i + 1] << 8 for i in range(0, 512, 2)]
