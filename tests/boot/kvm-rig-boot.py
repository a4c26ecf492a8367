#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""-accel kvm on a true KVM: Linux boots in the nested rig, with one vCPU (the
default accelerator there) and with two."""
import shutil

import kvm_rig
from harness import Machine, Tap, scratch

RUN = """
./viv-machine -accel kvm,probe
timeout 600 ./viv-machine %s -smp %d -m 256M -nographic -no-reboot -nic none \\
    -kernel vmlinuz -initrd initrd.img -append 'console=ttyS0 panic=-1 viv.run="\
dmesg | grep -i hypervisor; nproc; sleep 2; \
cat /sys/devices/system/clocksource/clocksource0/current_clocksource; \
echo sum $((6*7))"' </dev/null
"""


def one(tap, vcpus, accel):
    with scratch() as folder:
        kernel, initrd = kvm_rig.make(folder, RUN % (accel, vcpus))
        with Machine(kvm_rig.arguments(kernel, initrd), program=kvm_rig.QEMU) as m:
            with tap.test(f"{vcpus} vCPU {accel}: the rig has a KVM"):
                m.expect("RIG-READY")
            with tap.test(f"{vcpus} vCPU {accel}: KVM is what the machine takes by itself"):
                m.expect("CPU: SVM, under a hypervisor\n")
                m.expect("a guest of a few instructions: runs\nkvm is the default here\n")
            with tap.test(f"{vcpus} vCPU {accel}: Linux finds KVM"):
                m.expect("Hypervisor detected: KVM")
            with tap.test(f"{vcpus} vCPU {accel}: reaches user space"):
                m.expect("BUSYBOX-UP Linux 6[^ ]* x86_64")
            with tap.test(f"{vcpus} vCPU {accel}: has its vCPUs and KVM's clock"):
                m.expect(f"\n{vcpus}\nkvm-clock\nsum 42")
            with tap.test(f"{vcpus} vCPU {accel}: powers off"):
                m.expect("RIG-EXIT 0")
                print("# " + " ".join(m.expect(r"RIG-COUNT (\w+:\d+)\n").group(1).decode()
                                      for _ in range(6)), flush=True)


def body(tap):
    if not shutil.which(kvm_rig.QEMU):
        tap.skip("the nested rig", kvm_rig.QEMU)
        return
    one(tap, 1, "")
    one(tap, 2, "-accel kvm")
    one(tap, 2, "-accel kvm,kernel-irqchip=split")


Tap().run(body)
