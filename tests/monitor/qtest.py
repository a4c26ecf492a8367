# SPDX-License-Identifier: GPL-2.0-or-later
"""A client of the qtest protocol over a socket, and what a test needs of a PC through it:
PCI configuration space and the firmware's configuration device.

    with Qtest(program, ["-M", "q35"]) as t:
        t.outl(0xcf8, 0x80000000); print(hex(t.inl(0xcfc)))

Standard library only. QEMU's own packages may lack its qtest accelerator; there the machine is
stopped (-S) under another one, which is the same to a test that moves no clock."""
import socket
import subprocess
import tempfile

LIMIT = 60


class Qtest:
    def __init__(self, program, args):
        accel = ["-accel", "qtest"] if any(
            "viv-machine" in w for w in (program, *args[:8])) else ["-accel", "tcg", "-S"]
        with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as listener:
            listener.bind(f"{folder}/qtest")
            listener.listen(1)
            listener.settimeout(LIMIT)
            self.child = subprocess.Popen(
                [program, *args, *accel, "-display", "none", "-qtest", f"unix:{folder}/qtest",
                 "-qtest-log", "/dev/null"], stdin=subprocess.DEVNULL)
            self.socket = listener.accept()[0]
        self.socket.settimeout(LIMIT)
        self.file = self.socket.makefile("r", encoding="ascii")
        self.lines = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()
        self.child.kill()
        self.child.wait(LIMIT)

    def raw(self, command):
        """The reply's line; interrupt lines that changed before it are kept in self.lines."""
        self.socket.sendall(command.encode() + b"\n")
        while True:
            line = self.file.readline().strip()
            if not line:
                raise EOFError(f"the machine went away at '{command[:60]}'")
            if not line.startswith("IRQ "):
                return line
            self.lines.append(line)

    def ask(self, command):
        words = self.raw(command).split()
        if words[0] != "OK":
            raise ValueError(f"{command[:60]}: {' '.join(words)}")
        return words[1] if len(words) > 1 else ""

    def number(self, command):
        return int(self.ask(command), 0)

    def inb(self, port):
        return self.number(f"inb {port:#x}")

    def inw(self, port):
        return self.number(f"inw {port:#x}")

    def inl(self, port):
        return self.number(f"inl {port:#x}")

    def outb(self, port, value):
        self.ask(f"outb {port:#x} {value:#x}")

    def outw(self, port, value):
        self.ask(f"outw {port:#x} {value:#x}")

    def outl(self, port, value):
        self.ask(f"outl {port:#x} {value:#x}")

    def read(self, address, size):
        return bytes.fromhex(self.ask(f"read {address:#x} {size:#x}")[2:])

    def write(self, address, data):
        self.ask(f"write {address:#x} {len(data):#x} 0x{data.hex()}")

    # ---- PCI ----

    def config(self, bdf, offset, size=4):
        self.outl(0xCF8, 1 << 31 | bdf << 8 | offset & 0xFC)
        return self.number(f"in{'_bw_l'[size]} {0xcfc + (offset & 3):#x}")

    def set_config(self, bdf, offset, value, size=4):
        self.outl(0xCF8, 1 << 31 | bdf << 8 | offset & 0xFC)
        self.ask(f"out{'_bw_l'[size]} {0xcfc + (offset & 3):#x} {value:#x}")

    def functions(self, bus=0):
        """The functions of a bus."""
        for slot in range(32):
            first = bus << 8 | slot << 3
            if self.config(first, 0) & 0xFFFF == 0xFFFF:
                continue
            many = self.config(first, 0x0E, 1) & 0x80
            for bdf in range(first, first + (8 if many else 1)):
                if self.config(bdf, 0) & 0xFFFF != 0xFFFF:
                    yield bdf

    def number_buses(self, bus=0, used=None):
        """Gives every bridge its buses, as firmware does; returns the buses."""
        used = used if used is not None else [0]
        for bdf in self.functions(bus):
            if self.config(bdf, 0x0E, 1) & 0x7F == 1:
                used.append(used[-1] + 1)
                mine = used[-1]
                self.set_config(bdf, 0x18, bus | mine << 8 | 0xFF << 16)
                self.number_buses(mine, used)
                self.set_config(bdf, 0x18, bus | mine << 8 | used[-1] << 16)
        return used

    # ---- fw_cfg, by its DMA interface ----

    def fw_cfg(self, key, size):
        """`size` bytes of an item, through the scratch memory at 1 MiB."""
        control, data = 0x100000, 0x101000
        out = b""
        while len(out) < size:
            n = min(size - len(out), 0x8000)
            select = (key << 16 | 8) if not out else 0
            self.write(control, (select | 2).to_bytes(4, "big") + n.to_bytes(4, "big") +
                       data.to_bytes(8, "big"))
            self.outl(0x514, 0)
            self.outl(0x518, int.from_bytes(control.to_bytes(4, "big"), "little"))
            out += self.read(data, n)
        return out

    def files(self):
        """Name -> (key, size)."""
        count = int.from_bytes(self.fw_cfg(0x19, 4), "big")
        raw = self.fw_cfg(0x19, 4 + 64 * count)[4:]
        files = {}
        for i in range(count):
            e = raw[i * 64:(i + 1) * 64]
            files[e[8:].split(b"\0")[0].decode()] = (int.from_bytes(e[4:6], "big"),
                                                     int.from_bytes(e[:4], "big"))
        return files

    def file_bytes(self, name, files=None):
        key, size = (files or self.files())[name]
        return self.fw_cfg(key, size)
