#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A whole boot of Debian's kernel with each unit of translated code run by the interpreter, too: both
come to the same all the way. Time is the count of instructions, so that slow is not late."""
from harness import Machine, Tap, guest

LINE = ('console=ttyS0 panic=-1 viv.run="echo sum $((6*7)); sha256sum /bin/busybox; '
        'awk \'BEGIN{for(i=1;i<2000;i++)s+=i*1.5/7; print s}\'; echo info done"')


def body(tap):
    kit = guest("busybox")
    with Machine(["-accel", "jit,check=on", "-icount", "shift=1,sleep=off", "-m", "256M",
                  "-nographic", "-no-reboot", "-nic", "none", "-kernel", kit / "vmlinuz",
                  "-initrd", kit / "initrd.img", "-append", LINE]) as m:
        with tap.test("reaches user space"):
            m.expect("BUSYBOX-UP Linux 6[^ ]* x86_64", limit=1500)
        with tap.test("the monitor tells what was checked"):
            m.expect("sum 42", limit=600)
            m.send("\x01cinfo jit\n")
            told = m.expect("checked by the interpreter: ([0-9]+) instructions, ([0-9]+) units")
            assert int(told[1]) > 10 ** 8 and int(told[2]) > 10 ** 7, told[0]
            m.send("\x01c")
        with tap.test("its programs run"):
            m.expect("info done", limit=600)
            m.expect("VIV-EXIT 0")
        with tap.test("no difference was found, and it powers off"):
            status = m.wait()
            assert status == 0, f"exit status {status}"
            assert "differs from the interpreter" not in m.text()


Tap().run(body)
