#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""GRUB's own shell on the serial console: it reads keys, memory and the disk."""
from debian import ICOUNT, virtio
from harness import Machine, Tap, guest


# With -nographic SeaBIOS too reads the serial port, into a keyboard buffer of 15 keys, and what is
# typed reaches GRUB by two ways at once: out of order, and cut off when GRUB is slow. Not so here.
CONSOLE = ["-display", "none", "-serial", "stdio", "-monitor", "none"]


def body(tap):
    disk = guest("debian") / "disk.img"
    with Machine([*ICOUNT, "-M", "q35", "-m", "512M", *CONSOLE, "-no-reboot", "-nic", "none",
                  "-snapshot", *virtio(disk)]) as m:
        with tap.test("the menu appears"):
            m.expect("Debian guest")
        m.send("c")
        with tap.test("the shell answers"):
            m.expect("grub> ")
            m.send("set a=ten; echo it-is-$a-now\r")
            m.expect("it-is-ten-now")
        with tap.test("reads the file system"):
            m.send("ls ($root)/boot/\r")
            m.expect("vmlinuz-6")
        with tap.test("halts the machine"):
            m.send("halt\r")
            status = m.wait()
            assert status == 0, f"exit status {status}"


Tap().run(body)
