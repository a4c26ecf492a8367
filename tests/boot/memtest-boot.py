#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""memtest86+ through its first tests, on a small memory."""
from harness import Machine, Tap


def body(tap):
    with Machine(["-M", "q35", "-m", "32M", "-nographic", "-no-reboot", "-nic", "none", "-kernel",
                  "/boot/memtest86+x64.bin", "-append", "console=ttyS0,115200"]) as m:
        with tap.test("starts"):
            m.expect(r"Memtest86\+")
        for number in range(2):
            with tap.test(f"reaches test {number + 1}"):
                m.expect(rf"#\s*{number + 1}\b")
        with tap.test("has found no error"):
            assert "FAIL" not in m.text()


Tap().run(body)
