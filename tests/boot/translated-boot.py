#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's kernel on translated code in hard conditions: memory for code that is far too small, one
instruction a unit, two and four vCPUs on threads of their own."""
import hashlib

from harness import Machine, Tap, guest

SIZE = 400000
LINE = ('console=ttyS0 panic=-1 viv.run="for i in 1 2 3 4; do (head -c %d /dev/zero | sha256sum) & '
        'done; wait; echo cpus $(grep -c ^processor /proc/cpuinfo)"' % SIZE)
WAYS = [
    ("1 MiB for code", "jit,tb-size=1", 1),
    ("one instruction a unit", "jit,one-insn-per-tb=on", 1),
    ("two vCPUs", "jit", 2),
    ("four vCPUs", "jit", 4),
]


def boot(kit, accel, cpus):
    """How often all of the code was thrown away until the user space was there."""
    with Machine(["-accel", accel, "-smp", str(cpus), "-m", "256M", "-nographic", "-no-reboot",
                  "-nic", "none", "-kernel", kit / "vmlinuz", "-initrd", kit / "initrd.img",
                  "-append", LINE]) as m:
        m.expect("BUSYBOX-UP Linux 6[^ ]* x86_64")
        m.send("\x01cinfo jit\n")
        evictions = int(m.expect("evictions: ([0-9]+) of everything")[1])
        m.send("\x01c")
        m.expect(f"cpus {cpus}\n")
        m.expect("VIV-EXIT 0")
        status = m.wait()
        assert status == 0, f"exit status {status}"
        sums = m.text().count(hashlib.sha256(bytes(SIZE)).hexdigest())
        assert sums == 4, f"{sums} sums of 4 are right"
        return evictions


def body(tap):
    kit = guest("busybox")
    for name, accel, cpus in WAYS:
        with tap.test(name):
            evictions = boot(kit, accel, cpus)
            assert (evictions > 0) == ("tb-size=1" in accel), f"{evictions} evictions"


Tap().run(body)
