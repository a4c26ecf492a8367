# SPDX-License-Identifier: GPL-2.0-or-later
"""Two vCPUs change the memory map under each other (storm/storm.c) while monitors ask, stop, go
on and reset: built with ThreadSanitizer, which ends the machine with status 66 if it saw a race.

usage: storm-test.py SECONDS KERNEL"""
import os
import random
import struct
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "monitor"))
from qmp import Qmp  # noqa: E402

MACHINE = os.environ["VIV_MACHINE"]
SECONDS = float(sys.argv[1])
KERNEL = sys.argv[2]
BLOCKS, BLOCK = 16, 4096
QUERIES = ["query-status", "query-cpus-fast", "query-block", "query-blockstats", "query-chardev",
           "query-replay"]
HUMAN = ["info mtree", "info registers", "info qtree", "info network"]


def options(folder):
    disk, flash, log = (os.path.join(folder, n) for n in ("disk", "flash", "log"))
    with open(disk, "wb") as f:
        for n in range(BLOCKS):
            f.write(struct.pack("<I", n) * (BLOCK // 4))
    with open(flash, "wb") as f:
        f.truncate(65536)
    drives = []
    for n in range(2):
        drives += ["-blockdev", f"driver=file,filename={disk},node-name=d{n},read-only=on",
                   "-device", f"virtio-blk-pci,drive=d{n},disable-legacy=on"]
    return log, ["-M", "q35,pflash1=f", "-accel", "interp", "-smp", "2", "-m", "32M",
                 "-display", "none", "-nodefaults", "-serial", "null", "-kernel", KERNEL,
                 "-blockdev", f"driver=file,filename={flash},node-name=f",
                 "-chardev", f"file,id=c,path={log}",
                 "-device", "isa-debugcon,iobase=0xe9,chardev=c", *drives]


def disturb(q, chance, what):
    """One thing that a monitor does beside the running vCPUs."""
    if what == "ask":
        q.ask(chance.choice(QUERIES))
    elif what == "tell":
        q.ask("human-monitor-command", command__line=chance.choice(HUMAN))
    elif what == "pause":
        q.ask("stop")
        q.ask(chance.choice(QUERIES))
        q.ask("cont")
    else:
        q.ask("system_reset")


def storm(q, chance, seconds):
    """Disturbs for so many seconds; how often."""
    end = time.monotonic() + seconds
    times = 0
    while time.monotonic() < end:
        time.sleep(chance.uniform(0.01, 0.2))
        disturb(q, chance, chance.choices(["ask", "tell", "pause", "reset"], [8, 4, 4, 1])[0])
        times += 1
    return times


def run(folder, chance, seconds, more):
    """One machine: (what it told, exit status)."""
    log, words = options(folder)
    with Qmp(MACHINE, words + more) as q:
        q.socket.settimeout(600)
        times = storm(q, chance, seconds)
        q.ask("quit")
        status = q.child.wait(600)
    with open(log, encoding="ascii") as f:
        told = f.read()
    print(f"# {told.count('0')} and {told.count('1')} times 32 rounds, {times} disturbances")
    return told, status


def main():
    seed = int(os.environ.get("VIV_SEED", random.randrange(1 << 30)))
    chance = random.Random(seed)
    print(f"# VIV_SEED={seed}")
    os.environ["TSAN_OPTIONS"] = "exitcode=66:" + os.environ.get("TSAN_OPTIONS", "")
    checks = []
    for name, seconds, more in [("a thread each", SECONDS, []),
                                ("in turns", SECONDS / 3, ["-icount", "shift=3"])]:
        with tempfile.TemporaryDirectory(prefix="viv-storm-") as folder:
            told, status = run(folder, chance, seconds, more)
        checks += [(f"{name}: both processors went round", "0" in told and "1" in told, told[-80:]),
                   (f"{name}: each found its own disk where it put it", "E" not in told,
                    told[-80:]),
                   (f"{name}: no race was seen", status == 0, f"exit status {status}")]
    for n, (name, ok, why) in enumerate(checks, 1):
        print(f"{'ok' if ok else 'not ok'} {n} - {name}" + ("" if ok else f"\n# {why}"))
    print(f"1..{len(checks)}")
    return 0 if all(ok for _, ok, _ in checks) else 1


sys.exit(main())
