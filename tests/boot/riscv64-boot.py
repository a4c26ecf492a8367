#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""RISC-V 64: OpenSBI, Debian's kernel and a busybox initrd, with one, two and four vCPUs."""
from harness import Machine, Tap, guest


def boot(tap, kit, cpus):
    with Machine(["-arch", "riscv64", "-machine", "virt", "-smp", str(cpus), "-m", "512M", "-nographic", "-no-reboot",
                  "-nic", "none", "-kernel", kit / "vmlinuz", "-initrd", kit / "initrd.img",
                  "-append", 'console=ttyS0 panic=-1 viv.run="nproc; cat /proc/cpuinfo"']) as m:
        with tap.test(f"{cpus}: the firmware speaks"):
            m.expect("OpenSBI v")
        with tap.test(f"{cpus}: reaches user space"):
            m.expect("BUSYBOX-UP Linux 6[^ ]* riscv64")
        with tap.test(f"{cpus}: has its CPUs"):
            m.expect(f"\n{cpus}\r?\n")
            m.expect("isa\t*: rv64imafdc")
            m.expect("VIV-EXIT 0")
        with tap.test(f"{cpus}: powers off"):
            status = m.wait()
            assert status == 0, f"exit status {status}"


def body(tap):
    kit = guest("busybox", "--arch", "riscv64")
    for cpus in 1, 2, 4:
        boot(tap, kit, cpus)


Tap().run(body)
