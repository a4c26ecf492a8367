#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian with its disk on AHCI (the cloud kernel has no such driver, so with the generic one)."""
from debian import boot
from harness import Tap, guest


def inside(tap, m):
    with tap.test("the root file system is on the AHCI disk"):
        status, text = m.command("findmnt -no SOURCE / && dmesg | grep -i 'ahci.*slots'")
        assert status == 0 and "/dev/sda" in text, text


Tap().run(lambda tap: boot(
    tap, attach=lambda disk: ["-drive", f"file={disk},format=raw,if=ide,index=0"],
    kit=guest("debian", "--kernel", "linux-image-amd64"), inside=inside))
