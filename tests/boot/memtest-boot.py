#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""memtest86+ through its first tests, on a small memory."""
import re

from harness import Machine, Tap


def body(tap):
    with Machine(["-M", "q35", "-m", "32M", "-nographic", "-no-reboot", "-nic", "none", "-kernel",
                  "/boot/memtest86+x64.bin", "-append", "console=ttyS0,115200"]) as m:
        with tap.test("starts"):
            m.expect(r"Memtest86\+")
        with tap.test("runs a test"):
            m.expect(r"#\d+\s+\[")
        # The screen is sent every second or so, and a short test passes between two of them.
        with tap.test("has passed tests 0 to 2"):
            m.expect(r"#([3-9]|1\d)\s+\[")
        with tap.test("has found no error"):
            m.expect(r"Pass:\s+\d+\s+Errors:\s+0\b")
            assert not re.search(r"FAIL|Errors:\s+[1-9]", m.text())


Tap().run(body)
