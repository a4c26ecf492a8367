#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Where threads of a machine may run, by Debian's virsh, read back from Linux; what needs a control
group is refused as libvirtd's session does; lists of what there is none of are empty."""
import os
import re
import shutil
import signal
import tempfile
import uuid

from machine import Session, Steps, processes
from vivd import Tap

NAME = "tune"
UUID = str(uuid.uuid4())
XML = """<domain type='qemu'>
  <name>{name}</name>
  <uuid>{uuid}</uuid>
  <memory unit='MiB'>32</memory>
  <vcpu current='1'>2</vcpu>
  <os><type arch='x86_64' machine='q35'>hvm</type></os>
  <cpu mode='custom' match='exact'><model>qemu64</model></cpu>
  <devices>
    <emulator>{emulator}</emulator>
    <controller type='usb' model='none'/>
    <memballoon model='none'/>
  </devices>
</domain>
"""
EVERY = sorted(os.sched_getaffinity(0))
FIRST, LAST = EVERY[0], EVERY[-1]  # one and the same where there is but one


def vcpus(s):
    """Threads of the vCPUs, in their order."""
    return [int(n) for n in re.findall(r"thread_id=(\d+)", s.vivd.virsh(
        "qemu-monitor-command", NAME, "--hmp", "info cpus")[1])]


def runs_on(s, name, tid, cpus):
    seen = os.sched_getaffinity(tid)
    s.true(name, seen == set(cpus), seen)


def pins(s):
    pid = processes(UUID)[0]
    s.ok("vcpupin", "vcpupin", NAME, "0", str(FIRST))
    runs_on(s, "Linux knows", vcpus(s)[0], [FIRST])
    runs_on(s, "it is the vCPU alone", pid, EVERY)
    s.ok("it is told", "vcpupin", NAME, "--vcpu", "0", expect=f" 0      {FIRST}\n")
    s.ok("it is in the definition", "dumpxml", NAME, expect=f"<vcpupin vcpu='0' cpuset='{FIRST}'/>")
    out = s.ok("not in the next", "dumpxml", NAME, "--inactive")
    s.true("which says nothing", "cputune" not in out, out)
    s.fails("a vCPU that is not there", "vcpupin", NAME, "7", "0",
            expect="vcpu 7 is out of range of live cpu count 1")
    s.ok("emulatorpin", "emulatorpin", NAME, str(LAST))
    runs_on(s, "Linux knows that", pid, [LAST])
    runs_on(s, "the vCPU stays", vcpus(s)[0], [FIRST])
    s.ok("it is told", "emulatorpin", NAME, expect=f"*: {LAST}\n")
    s.ok("for the next start", "vcpupin", NAME, "1", str(LAST), "--config")
    s.ok("and the emulator", "emulatorpin", NAME, str(FIRST), "--config")
    s.ok("it is told of the next", "emulatorpin", NAME, "--config", expect=f"*: {FIRST}\n")
    runs_on(s, "this run is as before", pid, [LAST])


def next_run(s):
    s.ok("destroy", "destroy", NAME)
    s.fails("pin what is off", "vcpupin", NAME, "0", str(FIRST), "--live",
            expect="domain is not running")
    s.ok("start", "start", NAME)
    runs_on(s, "the emulator starts pinned", processes(UUID)[0], [FIRST])
    s.ok("a second vCPU comes", "setvcpus", NAME, "2", "--live")
    runs_on(s, "it is pinned", vcpus(s)[1], [LAST])
    s.ok("destroy", "destroy", NAME)


def refused(s, folder):
    path = f"{folder}/shares.xml"
    text = s.vivd.virsh("dumpxml", NAME)[1]
    with open(path, "w", encoding="utf-8") as f:
        f.write(text.replace("<cputune>", "<cputune><shares>100</shares>"))
    s.ok("shares of the processor", "define", path)
    s.fails("are not carried out", "start", NAME, expect="<cputune> with <shares> is not built yet")
    for words, expect in ((("schedinfo", NAME), "CPU tuning is not available in session mode"),
                          (("memtune", NAME), "Memory tuning is not available in session mode"),
                          (("memtune", NAME, "--hard-limit", "100000", "--config"),
                           "Memory tuning is not available in session mode"),
                          (("blkiotune", NAME), "unsupported configuration: "
                           "Block I/O tuning is not available in session mode")):
        s.fails(" ".join(words), *words, expect=expect)
    s.ok("numatune", "numatune", NAME, expect="numa_mode      : strict")


def lists(s):
    for words in (("iface-list", "--all"), ("nwfilter-list",), ("nwfilter-binding-list",)):
        out = s.ok(words[0], *words)
        s.true("it is empty", len(out.strip().splitlines()) == 2, out)


def main():
    tap = Tap()
    s = Steps(tap, "QEMU")
    folder = tempfile.mkdtemp(prefix="tune-")
    s.vivd = Session(folder).__enter__()
    path = f"{folder}/tune.xml"
    with open(path, "w", encoding="utf-8") as f:
        f.write(XML.format(name=NAME, uuid=UUID, emulator=shutil.which("qemu-system-x86_64")))
    try:
        s.ok("define", "define", path)
        s.ok("start", "start", NAME)
        pins(s)
        next_run(s)
        refused(s, folder)
        lists(s)
    finally:
        s.vivd.__exit__()
        for pid in processes(UUID):
            os.kill(pid, signal.SIGKILL)
        shutil.rmtree(folder)
    tap.done()


main()
