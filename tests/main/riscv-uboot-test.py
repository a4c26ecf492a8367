#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's U-Boot for the virt board, as OpenSBI's payload and as the firmware itself: it reaches its
prompt, and finds the disk on PCI or in memory by drivers that are not Linux's."""
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import threading

MACHINE = os.environ["VIV_MACHINE"]
FILES = pathlib.Path("/usr/lib/u-boot")
PROMPT = "=> "
HANG = 200


class Console:
    """The serial port on the process's standard input and output."""

    def __init__(self, options):
        self.child = subprocess.Popen(
            [MACHINE, "-arch", "riscv64", "-m", "256M", "-display", "none", "-monitor", "none",
             "-serial", "stdio", *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.hang = threading.Timer(HANG, self.child.kill)
        self.hang.start()
        self.text = ""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.hang.cancel()
        self.child.kill()
        self.child.wait()

    def until(self, words):
        """What comes up to and with these words."""
        while words not in self.text:
            more = os.read(self.child.stdout.fileno(), 4096).decode(errors="replace")
            assert more, f"ended before '{words}': {self.text[-400:]}"
            self.text += more
        before, self.text = self.text.split(words, 1)
        return before

    def send(self, text):
        self.child.stdin.write(text.encode())
        self.child.stdin.flush()

    def command(self, line):
        """Its output. What is typed comes back first."""
        self.send(line + "\n")
        self.until(line)
        return self.until("\n" + PROMPT)


def run(options, disk, device):
    drive = ["-drive", f"file={disk},format=raw,if=none,id=d", "-device", f"{device},drive=d", "-nic", "none"]
    with Console([*options, *drive]) as c:
        c.until("U-Boot 20")
        c.until("Hit any key")
        c.send("\n")
        c.until(PROMPT)
        assert "U-Boot" in c.command("version")
        found = c.command("pci") if "pci" in device else ""
        assert ("0x1af4" in found) == ("pci" in device), found
        assert "1 blocks read: OK" in re.sub(r"\s+", " ", c.command("virtio scan; virtio read 0x84000000 0 1"))
        assert "76 69 76 61 72 69 75 6d" in c.command("md.b 0x84000000 8")
        c.send("poweroff\n")
        assert c.child.wait(HANG) == 0


CASES = {
    "by -kernel, a disk on PCI": (["-kernel", str(FILES / "qemu-riscv64_smode/u-boot.bin")], "virtio-blk-pci"),
    "by -bios, a disk in memory": (["-bios", str(FILES / "qemu-riscv64/u-boot.bin")], "virtio-blk-device"),
}


def main():
    print(f"1..{len(CASES)}")
    failed = 0
    with tempfile.NamedTemporaryFile(prefix="viv-uboot-") as disk:
        disk.write(b"vivarium".ljust(1 << 20, b"\0"))
        disk.flush()
        for n, (name, (options, device)) in enumerate(CASES.items(), 1):
            try:
                run(options, disk.name, device)
                ok = True
            except (AssertionError, OSError, subprocess.TimeoutExpired) as e:
                ok = False
                print("# " + str(e).replace("\n", "\n# "))
            print(f"{'ok' if ok else 'not ok'} {n} - U-Boot {name}", flush=True)
            failed += not ok
    return failed != 0


sys.exit(main())
