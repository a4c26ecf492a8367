# SPDX-License-Identifier: LGPL-2.1-or-later
"""Small machines of qemu:///session, and steps that are taken with one."""
import json
import os
import socket
import subprocess
import time

from vivd import ENV, LIMIT, Vivd

VIV = os.environ.get("VIV")

# A boot sector that sends back what its serial port gets:
# 0: mov dx,3fdh; 3: in al,dx; test al,1; jz 3; mov dl,0f8h; in al,dx; out dx,al; jmp 0
ECHO = bytes.fromhex("bafd03 ec a801 74fb b2f8 ec ee ebf2")
# A boot sector that says 'R' on its second serial port, then answers each byte of its first with '@'
# and how many there were: mov dx,2f8h; mov al,'R'; out dx,al;
# 0: xor bl,bl; 2: mov dx,3fdh; 5: in al,dx; test al,1; jz 5; mov dl,0f8h; in al,dx; inc bl;
# mov al,bl; add al,'@'; out dx,al; jmp 2
COUNTER = bytes.fromhex("baf802 b052 ee 30db bafd03 ec a801 74fb b2f8 ec fec3 88d8 0440 ee ebec")
XML = """<domain type='qemu'>
  <name>{name}</name>
  <uuid>{uuid}</uuid>
  <memory unit='MiB'>64</memory>
  <os><type arch='x86_64' machine='q35'>hvm</type></os>
  <features><acpi/></features>
  <cpu mode='custom' match='exact'><model>qemu64</model></cpu>
  <devices>
    <emulator>{emulator}</emulator>
    <disk type='file'>
      <driver name='qemu' type='raw'/>
      <source file='{disk}'/>
      <target dev='vda' bus='virtio'/>
    </disk>
    <interface type='user'><model type='virtio'/></interface>
    <controller type='usb' model='{usb}'/>
    <serial type='pty'/>
    <memballoon model='virtio'/>
  </devices>
</domain>
"""


class Session(Vivd):
    """A daemon whose state outlives it, in this folder."""

    def __init__(self, folder):
        super().__init__(state=folder)

    def uri(self, read_only=False):
        return f"qemu+unix:///session?socket={self.reader if read_only else self.socket}"


class Host:
    """A vivd that viv and virsh are asked on."""

    def __init__(self, tap, what, vivd, folder):
        self.tap, self.what, self.uri = tap, what, vivd.uri()
        self.env = ENV | {"XDG_CACHE_HOME": os.path.join(folder, "cache"),
                          "XDG_RUNTIME_DIR": os.path.join(folder, "runtime")}

    def run(self, *words, program=VIV, options=(), uri=None, said=None, **env):
        done = subprocess.run([program, "-c", uri or self.uri, *options, *words], text=True,
                              capture_output=True, env=self.env | env, timeout=LIMIT, check=False,
                              input=said or "", cwd="/")
        return done.returncode, done.stdout, done.stderr

    def json(self, *words, **how):
        out = self.run(*words, options=["--format=json"], **how)[1]
        return json.loads(out) if out else None

    def true(self, name, value, why=""):
        self.tap.result(f"{self.what}: {name}", [] if value else [why])

    def ok(self, name, *words, expect="", **how):
        status, out, err = self.run(*words, **how)
        self.true(name, status == 0 and expect in out, f"{words}: {status} {out}{err}")
        return out

    def fails(self, name, *words, expect, **how):
        status, out, err = self.run(*words, **how)
        self.true(name, status == 1 and expect in err, f"{words}: {status} {out}{err}")


class Steps:
    def __init__(self, tap, what):
        self.tap, self.what, self.vivd = tap, what, None

    def ok(self, name, *words, expect="", **how):
        status, out, err = self.vivd.virsh(*words, **how)
        good = status == 0 and expect in out
        self.tap.result(f"{self.what}: {name}", [] if good else [f"{words}: {out}{err}"])
        return out

    def fails(self, name, *words, expect="", **how):
        status, out, err = self.vivd.virsh(*words, **how)
        good = status == 1 and expect in err
        self.tap.result(f"{self.what}: {name}", [] if good else [f"{words}: {out}{err}"])

    def true(self, name, value, why=""):
        self.tap.result(f"{self.what}: {name}", [] if value else [why])

    def wait(self, name, done):
        end = time.monotonic() + LIMIT
        while not done() and time.monotonic() < end:
            time.sleep(0.1)
        self.true(name, done(), "it never came")

    def until(self, name, *words, expect):
        end = time.monotonic() + LIMIT
        out = ""
        while time.monotonic() < end:
            out = self.vivd.virsh(*words)[1]
            if expect in out:
                break
            time.sleep(0.1)
        self.true(name, expect in out, out)


def processes(uuid):
    """Ids of the processes that run this machine."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                words = f.read().split(b"\0")
            with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
                zombie = f.read().rsplit(")", 1)[1].split()[0] == "Z"
        except OSError:
            continue
        if not zombie and uuid.encode() in words:
            found.append(int(pid))
    return found


def answer(folder):
    """What the guest says to one more byte."""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(LIMIT)
        s.connect(f"{folder}/serial")
        s.sendall(b"x")
        return s.recv(1)


def first_answer(s, folder, boots=1):
    """Of a guest that boots, as it did so many times since its machine started."""
    def booted():
        with open(f"{folder}/ready", "rb") as f:
            return len(f.read()) == boots

    s.wait("the guest boots", booted)
    s.true("it counts from the start", answer(folder) == b"A")
