#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A kernel and a busybox initrd, booted directly: no firmware disk, one vCPU."""
from debian import ICOUNT
from harness import Machine, Tap, guest


def body(tap):
    kit = guest("busybox")
    line = 'console=ttyS0 panic=-1 viv.run="echo sum $((6*7)); cat /proc/sys/kernel/ostype"'
    with Machine([*ICOUNT, "-m", "256M", "-nographic", "-no-reboot", "-nic", "none",
                  "-kernel", kit / "vmlinuz", "-initrd", kit / "initrd.img",
                  "-append", line]) as m:
        with tap.test("the kernel speaks"):
            m.expect("Linux version 6")
        with tap.test("reaches user space"):
            m.expect("BUSYBOX-UP Linux 6[^ ]* x86_64")
        with tap.test("runs a command"):
            m.expect("sum 42")
            m.expect("Linux\n")
            m.expect("VIV-EXIT 0")
        with tap.test("powers off"):
            status = m.wait()
            assert status == 0, f"exit status {status}"


Tap().run(body)
