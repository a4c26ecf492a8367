#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's disk through OVMF: its EFI loader, EFI run-time services, variables that persist."""
from debian import OVMF, boot
from harness import Tap


def inside(tap, m):
    with tap.test("the kernel was started by EFI"):
        status, text = m.command("ls /sys/firmware/efi/config_table && dmesg | grep -c 'efi: EFI'")
        assert status == 0, text


Tap().run(lambda tap: boot(
    tap, ["-drive", f"if=pflash,format=raw,readonly=on,file={OVMF}"], inside=inside))
