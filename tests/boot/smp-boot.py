#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian with two vCPUs: each on its own thread, then taking turns under -icount."""
from debian import boot
from harness import Tap


def inside(tap, m):
    with tap.test("both CPUs work"):
        status, text = m.command("nproc && for c in 0 1; do taskset -c $c sh -c 'echo on $c'; done")
        assert status == 0 and text.splitlines()[0].strip() == "2", text


def body(tap):
    boot(tap, ["-smp", "2"], inside=inside, icount=False)
    boot(tap, ["-smp", "2"], inside=inside)


Tap().run(body)
