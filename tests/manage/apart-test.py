#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Machines of the system's daemon, as root in a mount name space of its own: they run as an account
that may do nothing, and yet have a kernel, a disk with what that is based on, and a read-only one
that only root may open. Read back from /proc, from the images and from what the guest says."""
import os
import shutil
import signal
import subprocess
import sys
import time
import uuid as uuids

from machine import Steps, processes
from vivd import ENV, LIMIT, Tap, virsh

NAME = "apart"
UID = 64010
HANG = 300
SECRET = "/run/secret"
MK_GUEST = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tools", "mk-guest")
RUN = ("echo NEW-DATA | dd of=/dev/vda bs=1M seek=1 conv=fsync; while true; do "
       "echo FIRST $(head -c 9 /dev/vda) SECOND $(head -c 9 /dev/vdb); sleep 1; done")
XML = """<domain type='qemu'>
  <name>{name}</name>
  <uuid>{uuid}</uuid>
  <memory unit='MiB'>256</memory>
  <os>
    <type arch='x86_64' machine='q35'>hvm</type>
    <kernel>{secret}/vmlinuz</kernel>
    <initrd>{secret}/initrd.img</initrd>
    <cmdline>console=ttyS0 viv.run="{run}"</cmdline>
  </os>
  <features><acpi/></features>
  <devices>
    <emulator>{emulator}</emulator>
    <disk type='file'>
      <driver name='qemu' type='qcow2'/>
      <source file='{secret}/top.qcow2'/>
      <target dev='vda' bus='virtio'/>
    </disk>
    <disk type='file'>
      <driver name='qemu' type='raw'/>
      <source file='{secret}/read-only.img'/>
      <target dev='vdb' bus='virtio'/>
      <readonly/>
    </disk>
    <controller type='usb' model='none'/>
    <serial type='pty'/>
    <video><model type='vga'/></video>
    <memballoon model='none'/>
  </devices>
</domain>
"""


class System:
    """The system's daemon of this name space."""

    def __init__(self):
        self.child = subprocess.Popen([os.environ["VIVD"]], env=ENV, stdin=subprocess.DEVNULL)
        end = time.monotonic() + LIMIT
        while virsh(self.uri(), "uri")[0] != 0 and time.monotonic() < end:
            time.sleep(0.1)

    @staticmethod
    def uri():
        return "qemu+unix:///system?socket=/run/vivarium/vivd-sock"

    def virsh(self, *words):
        return virsh(self.uri(), *words)

    def end(self, number):
        self.child.send_signal(number)
        self.child.wait(LIMIT)


def prepare(kit):
    for where in ("/run", "/var/lib", "/var/log", "/var/cache"):
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", where], check=True)
    os.mkdir(SECRET, 0o700)
    for path in f"{kit}/vmlinuz", f"{kit}/initrd.img":
        shutil.copy(path, SECRET)
    for name, text in ("bottom.raw", b"ON-BOTTOM"), ("read-only.img", b"READ-ONLY"):
        with open(f"{SECRET}/{name}", "wb") as f:
            f.write(text)
            f.truncate(4 << 20)
    for top, below, form in ("middle", "bottom.raw", "raw"), ("top", "middle.qcow2", "qcow2"):
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", below, "-F", form,
                        f"{top}.qcow2"], cwd=SECRET, check=True, timeout=LIMIT)
    for name in os.listdir(SECRET):
        os.chmod(f"{SECRET}/{name}", 0o600)


def add_account():
    for path, line in (("/etc/passwd", f"vivarium:x:{UID}:{UID}::/:/usr/sbin/nologin\n"),
                       ("/etc/group", f"vivarium:x:{UID}:\n")):
        copy = "/run/" + os.path.basename(path)
        with open(path, encoding="utf-8") as f, open(copy, "w", encoding="utf-8") as g:
            g.write("".join(row for row in f if not row.startswith("vivarium:")) + line)
        subprocess.run(["mount", "--bind", copy, path], check=True)


def status_of(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)


def says(s, wanted):
    """What the guest says on its console until that comes."""
    path = s.vivd.virsh("ttyconsole", NAME)[1].strip()
    seen = b""
    end = time.monotonic() + HANG
    with open(path, "rb+", buffering=0) as f:
        os.set_blocking(f.fileno(), False)
        while wanted not in seen and time.monotonic() < end:
            seen += f.read(4096) or b""
            time.sleep(0.05)
    return seen


def life(s, uuid):
    s.ok("start", "start", NAME)
    (pid,) = processes(uuid)
    status = status_of(pid)
    s.true("it runs as the account", status["Uid"].split() == status["Gid"].split() == [str(UID)] * 4,
           status)
    s.true("in no other group", status["Groups"].split() == [str(UID)], status)
    s.true("with no capability, and none to be had",
           int(status["CapEff"], 16) == 0 and status["NoNewPrivs"] == "1", status)
    wanted = b"FIRST ON-BOTTOM SECOND READ-ONLY"
    said = says(s, wanted)
    s.true("its guest reads through the chain, and the read-only disk", wanted in said, said)
    s.vivd.end(signal.SIGKILL)
    s.vivd = System()
    s.until("a new daemon finds it", "domstate", NAME, expect="running")
    out = s.ok("screenshot", "screenshot", NAME, "/run/screen.png", expect="Screenshot saved")
    s.true("which is a picture", os.path.exists("/run/screen.png") and
           os.path.getsize("/run/screen.png") > 100, out)
    s.ok("destroy", "destroy", NAME)
    s.true("nothing of the run is left", os.listdir("/run/vivarium/run") == [],
           os.listdir("/run/vivarium/run"))
    subprocess.run(["qemu-img", "convert", "-O", "raw", "top.qcow2", "all.raw"], cwd=SECRET,
                   check=True, timeout=LIMIT)
    with open(f"{SECRET}/all.raw", "rb") as f:
        data = f.read()
    s.true("what the guest wrote is on its disk", data[1 << 20:][:8] == b"NEW-DATA")
    with open(f"{SECRET}/bottom.raw", "rb") as f:
        s.true("and not on what that is based on", b"NEW-DATA" not in f.read())
    s.true("images have their owner and mode", all(
        (st.st_uid, st.st_mode & 0o777) == (0, 0o600) for st in
        (os.stat(f"{SECRET}/{n}") for n in ("top.qcow2", "bottom.raw", "read-only.img", "vmlinuz"))))


def apart(kit):
    """Run by `unshare -m` as root: what it mounts nobody else sees."""
    tap = Tap()
    s = Steps(tap, "QEMU")
    uuid = str(uuids.uuid4())
    prepare(kit)
    with open("/run/apart.xml", "w", encoding="utf-8") as f:
        f.write(XML.format(name=NAME, uuid=uuid, secret=SECRET, run=RUN,
                           emulator=shutil.which("qemu-system-x86_64")))
    s.vivd = System()
    try:
        s.ok("define", "define", "/run/apart.xml")
        if subprocess.run(["getent", "passwd", "vivarium"], stdout=subprocess.DEVNULL,
                          check=False).returncode:
            s.fails("without the account it is refused", "start", NAME,
                    expect="there is no account 'vivarium' for machines to run as: 'vivd --setup'")
        add_account()
        life(s, uuid)
        os.rename(f"{SECRET}/bottom.raw", f"{SECRET}/elsewhere.raw")
        s.fails("what is missing below is named", "start", NAME,
                expect="cannot open file '/run/secret/bottom.raw': No such file or directory")
        s.true("and nothing runs", not processes(uuid), processes(uuid))
    finally:
        s.vivd.end(signal.SIGTERM)
        for pid in processes(uuid):
            os.kill(pid, signal.SIGKILL)
    tap.done()


def main():
    if sys.argv[1:2] == ["apart"]:
        apart(sys.argv[2])
    if os.geteuid() != 0 or subprocess.run(["unshare", "-m", "true"], check=False).returncode:
        print("ok 1 - machines of the system's daemon # SKIP needs root and name spaces\n1..1")
        return 0
    kit = subprocess.run([MK_GUEST, "busybox"], stdout=subprocess.PIPE, text=True, timeout=1200,
                         check=True).stdout.strip()
    return subprocess.run(["unshare", "-m", "--propagation", "private", sys.executable, __file__,
                           "apart", kit], check=False).returncode


sys.exit(main())
