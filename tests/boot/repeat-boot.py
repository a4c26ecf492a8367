#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A run with -icount repeats itself: the same boot twice gives the same bytes on the console and
the same count of instructions, and so does one that is stopped 20 times on its way, whenever the
host happens to do it. One vCPU, no network, the date fixed and the clock the guest's."""
import sys
import time

from harness import TOP, Tap, guest, machine_args, machine_program, scratch

sys.path.insert(0, str(TOP / "tests/monitor"))
from qmp import Qmp  # noqa: E402

HANG = 900
STOPS = 20


def interrupt(q, wanted):
    """Stops the machine whenever another part of the instructions is done; how often."""
    stops = 0
    while stops < STOPS and not any(e["event"] == "SHUTDOWN" for e in q.events):
        if q.ask("query-replay")["icount"] * (STOPS + 2) > wanted * (stops + 1):
            q.ask("stop")
            q.ask("query-status")
            q.ask("cont")
            stops += 1
        time.sleep(0.02)
    return stops


def run(kit, console, wanted=None):
    """One boot to its power-off, stopped on its way if `wanted` says how long that is:
    (console, instructions)."""
    line = 'console=ttyS0 panic=-1 viv.run="date; cat /proc/uptime /proc/interrupts"'
    with Qmp(machine_program(),
             [*machine_args(), "-icount", "shift=3", "-rtc", "base=2020-02-29T12:00:00,clock=vm",
              "-m", "128M", "-display", "none", "-nodefaults", "-no-reboot", "-no-shutdown",
              "-serial", f"file:{console}", "-kernel", kit / "vmlinuz", "-initrd",
              kit / "initrd.img", "-append", line]) as q:
        q.socket.settimeout(HANG)
        if wanted:
            stops = interrupt(q, wanted)
            assert stops > STOPS // 2, f"only {stops} stops"
        q.wait_event("SHUTDOWN")
        insns = q.ask("query-replay")["icount"]
        q.ask("quit")
        assert q.child.wait(HANG) == 0
    with open(console, "rb") as f:
        return f.read(), insns


def first_difference(a, b):
    at = next((i for i, (x, y) in enumerate(zip(a, b)) if x != y), min(len(a), len(b)))
    return f"at byte {at}: {a[at - 80:at + 40]!r} and {b[at - 80:at + 40]!r}"


def body(tap):
    kit = guest("busybox")
    with scratch() as folder:
        with tap.test("the guest runs to its power-off"):
            console, insns = run(kit, folder / "first")
            assert b"VIV-EXIT 0" in console, console[-1000:].decode("latin1")
            assert b"Sat Feb 29 12:00" in console, console[-1000:].decode("latin1")
            assert insns > 500_000_000, insns
        for name, wanted in (("a second run", None), (f"a run with {STOPS} stops", insns)):
            again, insns_again = run(kit, folder / "again", wanted)
            with tap.test(f"{name} gives the same console bytes"):
                assert console == again, first_difference(console, again)
            with tap.test(f"{name} gives the same count of instructions"):
                print(f"# {insns} instructions, {len(console)} bytes")
                assert insns == insns_again, f"{insns} and {insns_again}"


Tap().run(body)
