#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian writes, reboots in the same machine, finds what it wrote, and leaves a clean disk."""
from debian import ICOUNT, fsck, login, power_off, virtio
from harness import Machine, Tap, guest, own_copy, scratch


def write(tap, m):
    with tap.test("writes 32 MiB"):
        status, text = m.command("head -c 32M /dev/urandom > /var/tmp/data && sync && "
                                 "sha256sum /var/tmp/data > /var/tmp/sum")
        assert status == 0, text


def read(tap, m):
    with tap.test("finds what it wrote"):
        status, text = m.command("sha256sum -c /var/tmp/sum")
        assert status == 0 and "OK" in text, text


def body(tap):
    with scratch() as folder:
        disk = own_copy(guest("debian") / "disk.img", folder)
        with Machine([*ICOUNT, "-M", "q35", "-m", "1G", "-nographic", *virtio(disk)]) as m:
            login(tap, m)
            write(tap, m)
            with tap.test("reboots"):
                m.send("reboot\n")
                m.expect("Restarting system|reboot: machine restart")
                m.expect("Debian guest")
            login(tap, m, "root is logged in after the reboot")
            read(tap, m)
            power_off(tap, m)
        fsck(tap, disk)


Tap().run(body)
