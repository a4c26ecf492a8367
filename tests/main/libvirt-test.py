# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's libvirtd, in session mode with folders of its own, given our machine as the emulator:
probes it, defines a domain, starts, pauses, resumes, reads its console's name, stops it."""
import os
import shutil
import subprocess
import sys
import tempfile
import time

DOMAIN = """<domain type='qemu'>
  <name>small</name>
  <memory unit='MiB'>128</memory>
  <vcpu>1</vcpu>
  <os><type arch='x86_64' machine='q35'>hvm</type></os>
  <cpu mode='custom'><model>qemu64</model></cpu>
  <devices>
    <emulator>{emulator}</emulator>
    <controller type='usb' model='none'/>
    <disk type='file' device='disk'>
      <driver name='qemu' type='qcow2'/><source file='{disk}'/><target dev='vda' bus='virtio'/>
    </disk>
    <interface type='user'><model type='virtio'/></interface>
    <serial type='pty'><target port='0'/></serial>
    <console type='pty'/>
    <rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>
    <memballoon model='virtio'/>
    <video><model type='none'/></video>
  </devices>
</domain>
"""

count = 0
failed = 0


def result(name, ok, why=""):
    global count, failed
    count += 1
    failed += not ok
    print(f"{'ok' if ok else 'not ok'} {count} - {name}", flush=True)
    if not ok:
        for line in str(why).strip().splitlines()[-12:]:
            print(f"# {line}")


class Libvirt:
    """A session daemon of our own. libvirtd run by root is the system's, so root becomes nobody."""

    def __init__(self, folder):
        self.folder = folder
        self.daemons = []
        self.env = dict(os.environ, HOME=folder, XDG_RUNTIME_DIR=f"{folder}/run",
                        XDG_CONFIG_HOME=f"{folder}/config", XDG_CACHE_HOME=f"{folder}/cache",
                        LC_ALL="C", PATH=os.environ["PATH"] + ":/usr/sbin")
        os.mkdir(f"{folder}/run", 0o700)
        self.prefix = []
        if os.geteuid() == 0:
            self.prefix = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
            subprocess.run(["chown", "-R", "65534:65534", folder], check=True)

    def start(self):
        for daemon in ("virtlogd", "libvirtd"):
            self.daemons.append(subprocess.Popen([*self.prefix, daemon], env=self.env,
                                                 cwd=self.folder, stdin=subprocess.DEVNULL,
                                                 stdout=subprocess.DEVNULL,
                                                 stderr=subprocess.DEVNULL))
            time.sleep(1)
        for _ in range(50):
            if self.virsh("uri").returncode == 0:
                return
            time.sleep(0.2)

    def virsh(self, *words):
        return subprocess.run([*self.prefix, "virsh", "-c", "qemu:///session", *words],
                              env=self.env, cwd=self.folder, capture_output=True, text=True,
                              timeout=120, stdin=subprocess.DEVNULL, check=False)

    def stop(self):
        for daemon in reversed(self.daemons):
            daemon.terminate()
            daemon.wait(30)


def run(lv, folder, emulator):
    def step(name, *words, expect=""):
        r = lv.virsh(*words)
        result(name, r.returncode == 0 and expect in r.stdout, r.stderr + r.stdout)
        return r.stdout

    step("probes it", "domcapabilities", "--emulatorbin", emulator, "--virttype", "qemu",
         "--machine", "q35", expect="<domain>qemu</domain>")
    step("defines a domain", "define", f"{folder}/small.xml")
    step("starts it", "start", "small")
    step("it runs", "domstate", "small", expect="running")
    step("suspends it", "suspend", "small")
    step("it is paused", "domstate", "small", expect="paused")
    step("resumes it", "resume", "small")
    step("it runs again", "domstate", "small", expect="running")
    console = step("names its console", "ttyconsole", "small", expect="/dev/pts/").strip()
    try:
        os.close(os.open(console, os.O_RDWR | os.O_NOCTTY))
        result("the console opens", True)
    except OSError as e:
        result("the console opens", False, e)
    step("counts", "domstats", "small", expect="block.count=1")
    step("destroys it", "destroy", "small")
    step("it is off", "domstate", "small", expect="shut off")
    step("forgets it", "undefine", "small")


def main():
    folder = tempfile.mkdtemp(prefix="viv-libvirt-", dir="/var/tmp")
    os.chmod(folder, 0o755)
    emulator = f"{folder}/viv-machine"
    shutil.copy(os.environ["VIV_MACHINE"], emulator)
    subprocess.run([os.environ["VIV_IMG"], "create", "-q", "-f", "qcow2", f"{folder}/disk.qcow2",
                    "16M"], check=True, timeout=60)
    with open(f"{folder}/small.xml", "w", encoding="utf-8") as f:
        f.write(DOMAIN.format(emulator=emulator, disk=f"{folder}/disk.qcow2"))
    lv = Libvirt(folder)
    try:
        lv.start()
        run(lv, folder, emulator)
    finally:
        lv.virsh("destroy", "small")
        lv.stop()
        shutil.rmtree(folder, ignore_errors=True)
    print(f"1..{count}")
    return 1 if failed else 0


sys.exit(main())
